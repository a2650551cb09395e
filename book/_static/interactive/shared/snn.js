// Spiking neurons and a readout, one time step after the other, as class SNN of
// pokersnn_helpers/snn.py steps them: Norse's lif_step and li_feed_forward_step.
(() => {
  const shared = (window.interactiveFigures.shared ??= {});

  // snn.leading: which of the values is the largest, and -1 where several are.
  shared.leading = (values) => {
    const largest = Math.max(...values);
    const place = values.indexOf(largest);
    return place === values.lastIndexOf(largest) ? place : -1;
  };

  // int8 weights, row by row, and a scale per neuron.
  shared.unpack = ({ weights, scale }) => {
    const bytes = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0));
    const [outputs, inputs] = [scale.length, bytes.length / scale.length];
    if (!(outputs > 0 && inputs > 0 && Number.isInteger(inputs))) throw new Error("odd weights");
    return { weights: new Int8Array(bytes.buffer), scale: Float64Array.from(scale), outputs, inputs };
  };

  // A layer without memory that reads only the inputs that have events.
  shared.LayerOfEvents = class {
    constructor(layer) {
      const { weights, scale, outputs, inputs } = shared.unpack(layer);
      this.byInput = new Int8Array(weights.length);
      for (let output = 0; output < outputs; output++) {
        for (let place = 0; place < inputs; place++) this.byInput[place * outputs + output] = weights[output * inputs + place];
      }
      Object.assign(this, { scale, outputs });
    }

    // values: by input, as a Map. Returns one sum per output.
    sum(values) {
      const { byInput, scale, outputs } = this;
      const sums = new Float64Array(outputs);
      for (const [place, value] of values) {
        const start = place * outputs;
        for (let output = 0; output < outputs; output++) sums[output] += value * byInput[start + output];
      }
      return sums.map((sum, output) => scale[output] * sum);
    }
  };

  // A recurrent layer of LIF neurons and the readout behind it.
  shared.SpikingLayers = class {
    constructor({ recurrent, readout }, constants) {
      Object.assign(this, { recurrent: shared.unpack(recurrent), readout: shared.unpack(readout), constants });
      this.hidden = this.recurrent.outputs;
      this.outputs = this.readout.outputs;
      if (this.recurrent.inputs !== this.hidden || this.readout.inputs !== this.hidden) throw new Error("odd weights");
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

    // input: what the synapses of each hidden neuron receive. Returns the readout's voltages; the
    // spikes are in z.
    step(input) {
      const { hidden, recurrent, readout, z, v, i, constants } = this;
      const before = z.slice();
      for (let neuron = 0; neuron < hidden; neuron++) {
        let fromOthers = 0;
        if (this.recurrence) {
          for (let other = 0; other < hidden; other++) if (before[other]) fromOthers += recurrent.weights[neuron * hidden + other];
        }
        i[neuron] += input[neuron] + recurrent.scale[neuron] * fromOthers;
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
        return { output: shared.leading(weights), strength: Math.max(...weights) };
      });
    }
  };

  // votes: of SpikingLayers.votes. Returns the neurons in the order of the outputs that they vote
  // for, strongest first within one; those that vote for none come first.
  shared.sortByVote = (votes) =>
    votes.map((vote, neuron) => ({ ...vote, neuron })).sort((one, other) => one.output - other.output || other.strength - one.strength);
})();
