// The two models that answer: MotionDetector and CNN, of eventdesk/models/ordinary.py.
(({ shared, motion, SIDE }) => {
  // A convolution with stride 2, and ReLU; it reads only what isn't 0.
  class Convolution {
    constructor({ bias, ...layer }, size, side, padding = 0) {
      Object.assign(this, shared.unpack(layer), { bias, size, side, padding });
      this.found = Math.floor((side + 2 * padding - size) / 2) + 1;
    }

    // values: pairs of a place, channel × side² + y × side + x, and what is there. Returns the maps
    // of the filters one after the other.
    maps(values) {
      const { rows, bias, outputs, size, side, padding, found } = this;
      const sums = new Float64Array(outputs * found ** 2);
      for (const [place, value] of values) {
        if (!value) continue;
        const channel = Math.floor(place / side ** 2);
        const x = (place % side) + padding;
        const y = (Math.floor(place / side) % side) + padding;
        const first = (place) => Math.max(0, (place - size + 2) >> 1);
        const last = (place) => Math.min(found - 1, place >> 1);
        for (let row = first(y); row <= last(y); row++) {
          for (let column = first(x); column <= last(x); column++) {
            const weight = ((channel * size + y - 2 * row) * size + x - 2 * column) * outputs;
            const at = (row * found + column) * outputs;
            for (let filter = 0; filter < outputs; filter++)
              sums[at + filter] += value * rows[weight + filter];
          }
        }
      }
      const maps = new Float64Array(sums.length);
      for (let filter = 0, place = 0; filter < outputs; filter++)
        for (let at = filter; at < sums.length; at += outputs)
          maps[place++] = Math.max(sums[at] + (bias?.[filter] ?? 0), 0);
      return maps;
    }
  }

  // Averages of maps of 15 × 15 over 3 × 3 regions.
  function regions(maps) {
    const found = new Float64Array(maps.length / 25);
    for (let place = 0; place < maps.length; place++) {
      const line = Math.floor(place / 15); // of all maps: three times five make one
      found[3 * Math.floor(line / 5) + Math.floor((place % 15) / 5)] += maps[place] / 25;
    }
    return found;
  }

  // Filters over space and over the last frames; what they find, by region; spiking neurons.
  motion.Network = class extends shared.SpikingLayers {
    constructor({ layers: { filters, input, recurrent, readout }, late, constants }) {
      super(shared.unpack(recurrent), shared.unpack(readout), constants);
      this.filters = new Convolution(filters, 7, SIDE);
      this.input = shared.unpack(input);
      this.late = late; // time steps, by copy
    }

    reset() {
      super.reset();
      this.past = []; // events of the last time steps, the newest first
    }

    // counts: events by pixel, y × 35 + x, as a Map.
    step(counts) {
      this.past.unshift([...counts]);
      this.past.length = Math.min(this.past.length, Math.max(...this.late) + 1);
      const copies = this.late.flatMap((steps, copy) =>
        (this.past[steps] ?? []).map(([place, count]) => [copy * SIDE ** 2 + place, count]),
      );
      return super.step(shared.multiply(this.input, regions(this.filters.maps(copies)).entries()));
    }
  };

  // It looks at the sum of all events so far, so the order in which they came makes no difference.
  motion.TimeBlind = class {
    constructor({ blind }) {
      this.first = new Convolution(blind.first, 5, SIDE, 2);
      this.second = new Convolution(blind.second, 3, this.first.found, 1);
      this.readout = shared.unpack(blind.readout);
      this.bias = blind.readout.bias;
    }

    // sums: events by pixel so far, as a Map. Returns a value per class.
    values(sums) {
      const light = [...sums].map(([place, count]) => [place, Math.log1p(count)]);
      const maps = this.second.maps(this.first.maps(light).entries());
      return shared.addRows(Float64Array.from(this.bias), this.readout.rows, maps.entries());
    }
  };

  // What values by class answer: the class that leads and, of two lines or two circles, also a
  // second one that is about equal, with their shares as softmax has them. Null where more are.
  motion.answerOf = (values, { classes, equal }) => {
    const odds = Array.from(values, (value) => Math.exp(value - Math.max(...values)));
    const sum = odds.reduce((one, other) => one + other);
    const circular = odds.indexOf(1) >= 4;
    const leading = classes.flatMap((name, output) =>
      odds[output] >= equal && output >= 4 === circular
        ? [{ name, share: odds[output] / sum }]
        : [],
    );
    return leading.length > 2 ? null : leading;
  };
})(interactiveFigures);
