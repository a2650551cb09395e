// The book's network, one time step after the other: class SNN of pokersnn_helpers/snn.py, whose
// layers are Norse's lif_step and li_feed_forward_step.
(() => {
  const card = (window.interactiveFigures.card ??= {});

  // snn.leading: which of the values is the largest, and -1 where several are.
  card.leading = (values) => {
    const largest = Math.max(...values);
    const place = values.indexOf(largest);
    return place === values.lastIndexOf(largest) ? place : -1;
  };

  // int8 weights, row by row, and a scale per neuron.
  function unpack({ weights, scale }) {
    const bytes = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0));
    return { weights: new Int8Array(bytes.buffer), scale: Float64Array.from(scale) };
  }

  card.Network = class {
    constructor({ layers, constants }) {
      const { input, recurrent, readout } = Object.fromEntries(Object.entries(layers).map(([name, layer]) => [name, unpack(layer)]));
      const hidden = input.scale.length;
      const inputs = input.weights.length / hidden;
      if (!(hidden > 0 && inputs > 0) || recurrent.weights.length !== hidden ** 2) throw new Error("odd weights");
      // By input, since a step reads the weights of those that have events.
      const byInput = new Int8Array(input.weights.length);
      for (let neuron = 0; neuron < hidden; neuron++) {
        for (let place = 0; place < inputs; place++) byInput[place * hidden + neuron] = input.weights[neuron * inputs + place];
      }
      Object.assign(this, { constants, hidden, input, byInput, recurrent, readout, outputs: readout.scale.length });
      [this.recurrence, this.silenced] = [true, false];
      this.reset();
    }

    reset() {
      this.z = new Uint8Array(this.hidden); // spikes
      this.v = new Float64Array(this.hidden);
      this.i = new Float64Array(this.hidden);
      this.voltages = new Float64Array(this.outputs);
      this.currents = new Float64Array(this.outputs);
    }

    // counts: events by input, polarity × 35 × 35 + y × 35 + x, as a Map. Returns the readout's
    // voltages; the spikes are in z.
    step(counts) {
      const { hidden, byInput, input, recurrent, readout, z, v, i, constants } = this;
      const received = new Int32Array(hidden);
      for (const [place, count] of counts) {
        const start = place * hidden;
        for (let neuron = 0; neuron < hidden; neuron++) received[neuron] += count * byInput[start + neuron];
      }
      const before = z.slice();
      for (let neuron = 0; neuron < hidden; neuron++) {
        let fromOthers = 0;
        if (this.recurrence) {
          for (let other = 0; other < hidden; other++) if (before[other]) fromOthers += recurrent.weights[neuron * hidden + other];
        }
        i[neuron] += input.scale[neuron] * received[neuron] + recurrent.scale[neuron] * fromOthers;
        v[neuron] += constants.dt_over_tau_mem * (i[neuron] - v[neuron]);
        i[neuron] -= constants.dt_over_tau_syn * i[neuron];
        z[neuron] = v[neuron] > constants.v_th && !(this.silenced && neuron % 2) ? 1 : 0;
        if (z[neuron]) v[neuron] = 0;
      }
      for (let output = 0; output < this.outputs; output++) {
        let sum = 0;
        for (let neuron = 0; neuron < hidden; neuron++) if (z[neuron]) sum += readout.weights[output * hidden + neuron];
        this.currents[output] += readout.scale[output] * sum;
        this.voltages[output] += constants.readout_dt_over_tau_mem * (this.currents[output] - this.voltages[output]);
        this.currents[output] -= constants.readout_dt_over_tau_syn * this.currents[output];
      }
      return this.voltages;
    }

    // The class with the largest weight from each hidden neuron, or -1, and that weight.
    votes() {
      return Array.from({ length: this.hidden }, (_, neuron) => {
        const weights = Array.from({ length: this.outputs }, (_, output) => this.readout.scale[output] * this.readout.weights[output * this.hidden + neuron]);
        return { suit: card.leading(weights), strength: Math.max(...weights) };
      });
    }
  };
})();
