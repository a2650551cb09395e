// LayerThenSNN of eventdesk/models/layered.py with its backward pass, and Adam: an ordinary
// layer looks at each frame, in coarse cells, and delayed copies of what it finds drive recurrent
// LIF neurons with a readout. The names of Making training fast stand for the same quantities. An
// ordinary model on the sum of the events is beside it.
interactiveFigures.part(({ mulberry32, shared, teach, SIDE }) => {
  const { addRow, addRows } = shared;

  // The largest of values, and their shares as softmax has them; null where several are largest.
  teach.answerOf = (values) => {
    const largest = Math.max(...values);
    const output = shared.leading(values);
    if (output < 0) return null;
    const odds = Array.from(values, (value) => Math.exp(value - largest));
    const sum = odds.reduce((total, odd) => total + odd);
    return { output, shares: odds.map((odd) => odd / sum) };
  };

  // Cells along each side of the picture. Each pixel's events are shared among the four cells whose
  // middles are around it, so that what is learnt at one pixel holds for its neighbours, too.
  const CELLS = 12;
  // The share of a label that is spread evenly over all outputs (label smoothing): examples that
  // are right already count less than those that could be two gestures.
  const SPREAD = 0.1;
  // Below 0, so that each unit of the layer answers to few frames at first, and to silence with 0.
  const FIRST_BIAS = -0.1;

  // Along one side, the cells that share a pixel: [cell, share].
  function cellsBeside(place) {
    const at = (place * (CELLS - 1)) / (SIDE - 1);
    const before = Math.min(Math.floor(at), CELLS - 2);
    return [
      [before, 1 - (at - before)],
      [before + 1, at - before],
    ];
  }

  // For each pixel a list of a cell, its share, the next cell, and so on.
  const SHARES = Array.from({ length: SIDE ** 2 }, (_, pixel) =>
    cellsBeside(Math.floor(pixel / SIDE)).flatMap(([row, high]) =>
      cellsBeside(pixel % SIDE).flatMap(([column, wide]) => [CELLS * row + column, high * wide]),
    ),
  );

  // A frame by cells, from one by pixels.
  function toCells(frame) {
    const sums = new Float64Array(CELLS ** 2);
    for (let at = 0; at < frame.length; at += 2) {
      const shares = SHARES[frame[at]];
      if (!frame[at + 1]) continue; // it has left the picture
      for (let each = 0; each < shares.length; each += 2)
        sums[shares[each]] += frame[at + 1] * shares[each + 1];
    }
    const cells = [];
    for (let cell = 0; cell < sums.length; cell++) if (sums[cell]) cells.push(cell, sums[cell]);
    return cells;
  }

  // The loss, and its gradient with respect to values.
  function crossEntropy(values, target) {
    const largest = Math.max(...values);
    // The same in every browser.
    const odds = Array.from(values, (value) => Math.fround(Math.exp(value - largest)));
    const sum = odds.reduce((total, odd) => total + odd);
    const even = SPREAD / values.length;
    const label = values.map((_, output) => even + (output === target ? 1 - SPREAD : 0));
    const meant = label.reduce((total, share, output) => total + share * values[output], 0);
    return {
      loss: largest - meant + Math.log(sum),
      grad: odds.map((odd, output) => odd / sum - label[output]),
    };
  }

  // Weights that lie one after the other in one array, by name; each row is what one input sends.
  class Weights {
    constructor(shapes) {
      this.shapes = shapes;
      this.all = new Float64Array(
        Object.values(shapes).reduce((sum, [rows, columns]) => sum + rows * columns, 0),
      );
      let place = 0;
      for (const [name, [rows, columns]] of Object.entries(shapes))
        this[name] = this.all.subarray(place, (place += rows * columns));
    }

    draw(name, number) {
      this[name].set(Array.from(this[name], number));
    }
  }

  const uniform = (random, inputs) => () => (2 * random() - 1) / Math.sqrt(inputs);

  // A row of a matrix += factor × added
  function addToRow(matrix, row, added, factor) {
    const size = added.length;
    for (let column = 0, place = row * size; column < size; column++)
      matrix[place + column] += factor * added[column];
  }

  // What comes back through a row of weights. Four sums at once, as none has to wait for another:
  // that takes half the time.
  function backThroughRow(weights, row, grad) {
    const size = grad.length;
    const first = row * size;
    let one = 0;
    let two = 0;
    let three = 0;
    let four = 0;
    let column = 0;
    for (; column + 3 < size; column += 4) {
      const place = first + column;
      one += weights[place] * grad[column];
      two += weights[place + 1] * grad[column + 1];
      three += weights[place + 2] * grad[column + 2];
      four += weights[place + 3] * grad[column + 3];
    }
    for (; column < size; column++) one += weights[first + column] * grad[column];
    return one + two + three + four;
  }

  // The same, and the gradient of the row, whose input had a value.
  function throughRow(weights, gradients, row, grad, value) {
    if (value) addToRow(gradients, row, grad, value);
    return backThroughRow(weights, row, grad);
  }

  // A step back through the hidden neurons (Making training fast): gU and gI are the gradients with
  // respect to the voltages u and to the currents before they decay, of the step after, and then of
  // this one.
  function stepBack(gZ, gU, gI, u, constants) {
    const { dt_over_tau_mem: a, dt_over_tau_syn: s, v_th } = constants;
    for (let neuron = 0; neuron < u.length; neuron++) {
      const above = u[neuron] - v_th;
      const width = 1 + Math.abs(above);
      const surrogate = 1 / (width * width);
      const carried = above > 0 ? 0 : (1 - a) * gU[neuron];
      gU[neuron] = surrogate * gZ[neuron] + carried;
      gI[neuron] = a * gU[neuron] + (1 - s) * gI[neuron];
    }
  }

  // A recording has a frame for each time step, which lists a pixel, how many events it has sent,
  // the next pixel, and so on: as pairs, they took a fifth longer to learn.
  teach.SpikingNetwork = class extends shared.SpikingLayers {
    // delays: in time steps. constants: those of Constants in pokersnn_helpers/fast/loops.py.
    // seed: of the weights; null leaves them 0.
    constructor({ features, hidden, outputs, delays, constants }, seed) {
      const copies = delays.length * features;
      const weights = new Weights({
        layer: [CELLS ** 2, features],
        bias: [1, features],
        input: [copies, hidden],
        recurrent: [hidden, hidden],
        readout: [hidden, outputs],
      });
      super(
        { rows: weights.recurrent, outputs: hidden },
        { rows: weights.readout, outputs },
        constants,
      );
      Object.assign(this, { weights, features, delays });
      if (seed === null) return;
      const random = mulberry32(seed);
      const normal = shared.normalFrom(random);
      weights.draw("layer", uniform(random, SIDE ** 2));
      weights.draw("bias", () => FIRST_BIAS);
      weights.draw("input", () => normal() * Math.sqrt(2 / copies));
      weights.draw("recurrent", () => normal() * Math.sqrt(2 / hidden));
      // Not around 0: the maximum of a voltage that never rises is that of rest, which has no
      // gradient.
      weights.draw("readout", () => (2 * random()) / Math.sqrt(hidden));
      for (let neuron = 0; neuron < hidden; neuron++) weights.recurrent[neuron * (hidden + 1)] = 0;
    }

    reset() {
      super.reset();
      this.past = []; // what the layer found, the newest first
    }

    // One time step while events arrive. counts: events by pixel, as a Map.
    step(counts) {
      return this.see(toCells([...counts].flat()));
    }

    // The same weights with a row of the layer for each pixel, as LayerThenSNN has them.
    byPixel() {
      const { layer, ...others } = this.weights.shapes;
      const weights = new Weights({ layer: [SIDE ** 2, layer[1]], ...others });
      for (const name of Object.keys(others)) weights[name].set(this.weights[name]);
      for (const [pixel, shares] of SHARES.entries()) {
        const row = weights.layer.subarray(pixel * this.features, (pixel + 1) * this.features);
        for (let each = 0; each < shares.length; each += 2)
          addRow(row, this.weights.layer, shares[each], shares[each + 1]);
      }
      return weights;
    }

    // One time step of a frame by cells. Returns the readout's voltages.
    see(cells) {
      const { weights, features, delays } = this;
      const found = weights.bias.slice();
      for (let at = 0; at < cells.length; at += 2)
        addRow(found, weights.layer, cells[at], cells[at + 1]);
      for (let feature = 0; feature < features; feature++)
        if (found[feature] < 0) found[feature] = 0;
      this.past.unshift(found);
      this.past.length = Math.min(this.past.length, Math.max(...delays) + 1);
      const into = new Float64Array(this.hidden);
      delays.forEach((delay, copy) => {
        const values = this.past[delay] ?? []; // nothing before the first step
        for (let feature = 0; feature < features; feature++)
          if (values[feature])
            addRow(into, weights.input, copy * features + feature, values[feature]);
      });
      return super.step(into);
    }

    // All steps of a recording. Returns the highest voltages, when they were reached, and, for the
    // way back, each step's cells, what the layer found in them and the voltages u.
    run(recording) {
      const values = new Array(this.outputs).fill(-Infinity);
      const when = new Array(this.outputs).fill(0);
      const trace = { values, when, cells: recording.map(toCells), found: [], u: [], voltages: [] };
      this.reset();
      for (const [step, cells] of trace.cells.entries()) {
        const voltages = this.see(cells);
        voltages.forEach((value, output) => {
          if (value > values[output]) {
            values[output] = value;
            when[output] = step;
          }
        });
        trace.found.push(this.past[0]);
        trace.u.push(this.u.slice());
        trace.voltages.push(Array.from(voltages));
      }
      return trace;
    }

    // Add the gradient of a recording's loss to gradients. Returns the loss.
    learn(recording, target, gradients) {
      const trace = this.run(recording);
      const { loss, grad } = crossEntropy(trace.values, target);
      this.goBack(trace, grad, gradients);
      return loss;
    }

    // Backpropagation through time: add to the gradients of the weights.
    goBack({ when, cells, found, u }, gradValues, gradients) {
      const { weights, features, hidden, outputs, delays, recurrence, constants } = this;
      const { v_th, readout_dt_over_tau_mem: aOut, readout_dt_over_tau_syn: sOut } = constants;
      const [gZ, gU, gI, gOut, gIOut] = [hidden, hidden, hidden, outputs, outputs].map(
        (size) => new Float64Array(size),
      );
      const gFound = found.map(() => new Float64Array(features));
      for (let step = u.length - 1; step >= 0; step--) {
        for (let output = 0; output < outputs; output++) {
          gOut[output] =
            (1 - aOut) * gOut[output] + (when[output] === step ? gradValues[output] : 0);
          gIOut[output] = aOut * gOut[output] + (1 - sOut) * gIOut[output];
        }
        for (let neuron = 0; neuron < hidden; neuron++) {
          const spike = u[step][neuron] > v_th ? 1 : 0;
          gZ[neuron] = throughRow(weights.readout, gradients.readout, neuron, gIOut, spike);
          if (recurrence)
            // Of the step after, still.
            gZ[neuron] += throughRow(weights.recurrent, gradients.recurrent, neuron, gI, spike);
        }
        stepBack(gZ, gU, gI, u[step], constants);
        delays.forEach((delay, copy) => {
          if (step < delay) return;
          const values = found[step - delay];
          const gValues = gFound[step - delay];
          for (let feature = 0; feature < features; feature++) {
            const value = values[feature];
            if (!value) continue; // it was below 0: no gradient there, either
            const row = copy * features + feature;
            gValues[feature] += throughRow(weights.input, gradients.input, row, gI, value);
          }
        });
        // No later step adds to what the layer found now.
        addToRow(gradients.bias, 0, gFound[step], 1);
        const now = cells[step];
        for (let at = 0; at < now.length; at += 2)
          addToRow(gradients.layer, now[at], gFound[step], now[at + 1]);
      }
      for (let neuron = 0; neuron < hidden; neuron++)
        gradients.recurrent[neuron * (hidden + 1)] = 0; // no neuron drives itself
    }
  };

  // A network with one hidden layer that sees the sum of all events, so that their order makes no
  // difference.
  teach.SumNetwork = class {
    constructor({ pixels, features, outputs }, seed) {
      this.weights = new Weights({
        layer: [pixels, features],
        bias: [1, features],
        readout: [features, outputs],
        readoutBias: [1, outputs],
      });
      if (seed === null) return;
      const random = mulberry32(seed);
      this.weights.draw("layer", uniform(random, pixels / 30)); // a sum holds few pixels
      this.weights.draw("readout", uniform(random, features));
    }

    // sums: events by pixel, as a Map.
    forward(sums) {
      const { layer, bias, readout, readoutBias } = this.weights;
      const light = [...sums].map(([pixel, count]) => [pixel, Math.fround(Math.log1p(count))]);
      const found = addRows(bias.slice(), layer, light).map((value) => Math.max(value, 0));
      return { light, found, values: addRows(readoutBias.slice(), readout, found.entries()) };
    }

    values(sums) {
      return this.forward(sums).values;
    }

    run(recording) {
      const sums = new Map();
      for (const frame of recording)
        for (let at = 0; at < frame.length; at += 2)
          shared.addCount(sums, frame[at], frame[at + 1]);
      return this.forward(sums);
    }

    learn(recording, target, gradients) {
      const { light, found, values } = this.run(recording);
      const { loss, grad } = crossEntropy(values, target);
      addToRow(gradients.readoutBias, 0, grad, 1);
      const gFound = found.map((value, feature) =>
        value ? throughRow(this.weights.readout, gradients.readout, feature, grad, value) : 0,
      );
      addToRow(gradients.bias, 0, gFound, 1);
      for (const [pixel, value] of light) addToRow(gradients.layer, pixel, gFound, value);
      return loss;
    }
  };

  // Adam (Kingma and Ba 2015) on gradients whose norm is at most clipNorm.
  teach.Adam = class {
    meanLeft = 1;
    squareLeft = 1;

    constructor(weights, { learningRate, clipNorm }) {
      Object.assign(this, { weights, learningRate, clipNorm });
      this.gradients = new Weights(weights.shapes);
      this.mean = new Float64Array(weights.all.length);
      this.square = new Float64Array(weights.all.length);
    }

    // Divide the gradients by how many recordings they were summed over, step, and set them to 0.
    step(recordings, rate = 1) {
      const { mean, square } = this;
      const gradients = this.gradients.all;
      const weights = this.weights.all;
      this.meanLeft *= 0.9;
      this.squareLeft *= 0.999;
      let norm = 0;
      // No power: browsers differ.
      for (const gradient of gradients) norm += (gradient / recordings) * (gradient / recordings);
      const factor = Math.min(1, this.clipNorm / (Math.sqrt(norm) + 1e-6)) / recordings;
      const size = (rate * this.learningRate) / (1 - this.meanLeft);
      const scale = 1 / (1 - this.squareLeft);
      for (let place = 0; place < weights.length; place++) {
        const gradient = factor * gradients[place];
        mean[place] += 0.1 * (gradient - mean[place]);
        square[place] += 0.001 * (gradient * gradient - square[place]);
        weights[place] -= (size * mean[place]) / (Math.sqrt(scale * square[place]) + 1e-8);
      }
      gradients.fill(0);
    }
  };
});
