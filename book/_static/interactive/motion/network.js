// The two models that answer: LayerThenSNN with delays and MLP, of pokersnn_helpers/study/models.py.
(() => {
  const { shared } = window.interactiveFigures;
  const motion = (window.interactiveFigures.motion ??= {});

  // A matrix product with int8 weights.
  function multiply({ weights, scale, inputs }, values) {
    return scale.map((size, output) => {
      let sum = 0;
      for (let input = 0; input < inputs; input++) sum += weights[output * inputs + input] * values[input];
      return size * sum;
    });
  }

  const relu = (values, bias) => values.map((value, number) => Math.max(value + bias[number], 0));

  // A linear layer and ReLU; delayed copies of what it finds, side by side; spiking neurons.
  motion.Network = class extends shared.SpikingLayers {
    constructor({ layers, features_bias, delays, constants }) {
      super(layers, constants);
      this.features = new shared.LayerOfEvents(layers.features);
      this.input = shared.unpack(layers.input);
      Object.assign(this, { bias: features_bias, delays });
    }

    reset() {
      super.reset();
      this.past = []; // features of the last time steps, the newest first
    }

    // counts: events by pixel, y × 35 + x, as a Map.
    step(counts) {
      this.past.unshift(relu(this.features.sum(counts), this.bias));
      this.past.length = Math.min(this.past.length, Math.max(...this.delays) + 1);
      const none = new Float64Array(this.bias.length);
      const copies = this.delays.flatMap((delay) => Array.from(this.past[delay] ?? none));
      return super.step(multiply(this.input, copies));
    }
  };

  // It looks at the sum of all events so far, so the order in which they came makes no difference.
  motion.TimeBlind = class {
    constructor({ blind }) {
      this.hidden = new shared.LayerOfEvents(blind.hidden);
      this.readout = shared.unpack(blind.readout);
      Object.assign(this, { hiddenBias: blind.hidden_bias, readoutBias: blind.readout_bias });
    }

    // sums: events by pixel so far, as a Map. Returns a value per class.
    values(sums) {
      const light = new Map([...sums].map(([place, count]) => [place, Math.log1p(count)]));
      return multiply(this.readout, relu(this.hidden.sum(light), this.hiddenBias)).map((value, output) => value + this.readoutBias[output]);
    }
  };
})();
