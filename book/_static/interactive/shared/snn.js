// Spiking neurons and a readout, one time step after the other, as class SNN of
// pokersnn_helpers/networks/snn.py steps them: Norse's lif_step and li_feed_forward_step.
interactiveFigures.part(({ shared, bytesOf }) => {
  // Which of the values is the largest, and -1 where several are.
  shared.leading = (values) => {
    const largest = Math.max(...values);
    const place = values.indexOf(largest);
    return place === values.lastIndexOf(largest) ? place : -1;
  };

  // A matrix has a row per input: { rows, outputs }. This one comes as int8 weights, row by
  // row of the outputs, with a scale per output.
  shared.unpack = ({ weights, scale }) => {
    const bytes = new Int8Array(bytesOf(weights).buffer);
    const outputs = scale.length;
    const inputs = bytes.length / outputs;
    const rows = Float64Array.from(
      bytes,
      (_, place) =>
        scale[place % outputs] * bytes[(place % outputs) * inputs + Math.floor(place / outputs)],
    );
    return { rows, outputs };
  };

  shared.addCount = (counts, place, more) => counts.set(place, (counts.get(place) ?? 0) + more);

  // total += factor × a row
  shared.addRow = (total, rows, row, factor) => {
    const size = total.length;
    for (let column = 0, place = row * size; column < size; column++)
      total[column] += factor * rows[place + column];
  };

  // total += what inputs send. values: pairs of an input and its value.
  shared.addRows = (total, rows, values) => {
    for (const [row, value] of values) shared.addRow(total, rows, row, value);
    return total;
  };

  shared.multiply = ({ rows, outputs }, values) =>
    shared.addRows(new Float64Array(outputs), rows, values);

  // A recurrent layer of LIF neurons and the readout behind it.
  shared.SpikingLayers = class {
    recurrence = true;

    constructor(recurrent, readout, constants) {
      Object.assign(this, { recurrent, readout, constants });
      this.hidden = recurrent.outputs;
      this.outputs = readout.outputs;
      this.reset();
    }

    reset() {
      // U: v before the reset.
      [this.z, this.v, this.u, this.i] = [0, 1, 2, 3].map(() => new Float64Array(this.hidden));
      this.voltages = new Float64Array(this.outputs);
      this.currents = new Float64Array(this.outputs);
    }

    // into: what the synapses of each hidden neuron receive from elsewhere. Returns the readout's
    // voltages; the spikes are in z.
    step(into) {
      const { hidden, outputs, recurrent, readout, z, v, u, i, voltages, currents } = this;
      const {
        dt_over_tau_mem: a,
        dt_over_tau_syn: s,
        v_th,
        readout_dt_over_tau_mem: aOut,
        readout_dt_over_tau_syn: sOut,
      } = this.constants;
      for (let other = 0; other < hidden; other++)
        if (z[other] && this.recurrence) shared.addRow(into, recurrent.rows, other, 1);
      for (let neuron = 0; neuron < hidden; neuron++) {
        i[neuron] += into[neuron];
        u[neuron] = v[neuron] + a * (i[neuron] - v[neuron]);
        i[neuron] -= s * i[neuron];
        z[neuron] = u[neuron] > v_th ? 1 : 0;
        v[neuron] = z[neuron] ? 0 : u[neuron];
        if (z[neuron]) shared.addRow(currents, readout.rows, neuron, 1);
      }
      for (let output = 0; output < outputs; output++) {
        voltages[output] += aOut * (currents[output] - voltages[output]);
        currents[output] -= sOut * currents[output];
      }
      return voltages;
    }

    // The class with the largest weight from each hidden neuron, or -1, and that weight.
    votes() {
      return Array.from({ length: this.hidden }, (_, neuron) => {
        const weights = this.readout.rows.subarray(
          neuron * this.outputs,
          (neuron + 1) * this.outputs,
        );
        return { output: shared.leading(weights), strength: Math.max(...weights) };
      });
    }
  };

  // A network that gets events in bins of so many µs from the first one on. Each full bin is a
  // step, and so many silent ones after the last event still belong to a recording.
  shared.Steps = class {
    began = null; // time of the first event
    counts = new Map();
    eventCount = 0;
    steps = [];
    ends = 0;

    constructor(network, bin, settle) {
      Object.assign(this, { network, bin, settle });
      network.reset();
    }

    count(time, place) {
      this.began ??= time;
      this.stepUntil(time);
      this.ends = this.steps.length + 1 + this.settle;
      shared.addCount(this.counts, place, 1);
      this.eventCount += 1;
    }

    stepUntil(time, most = Infinity) {
      while (
        this.began !== null &&
        time >= this.began + this.bin * (this.steps.length + 1) &&
        this.steps.length < most
      )
        this.step();
    }

    // Keep which neurons spiked, and the voltages.
    step() {
      const { network, counts, steps } = this;
      const voltages = Array.from(network.step(counts));
      counts.clear();
      steps.push({ spikes: [...network.z.keys()].filter((neuron) => network.z[neuron]), voltages });
    }
  };

  // votes: of SpikingLayers.votes. Returns the neurons in the order of the outputs that they vote
  // for, strongest first within one; those that vote for none come first.
  shared.sortByVote = (votes) =>
    votes
      .map((vote, neuron) => ({ ...vote, neuron }))
      .sort((one, other) => one.output - other.output || other.strength - one.strength);
});
