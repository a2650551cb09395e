// One stroke before the camera: from where the disc is to events, to frames, to two answers.
(() => {
  const { shared } = window.interactiveFigures;
  const motion = (window.interactiveFigures.motion ??= {});
  const SIDE = 35;

  motion.Stroke = class {
    // from: where the disc has been for long, or a picture of log intensities. random: of the camera,
    // or null for one without chance.
    constructor({ settings, network, blind, random, from }) {
      Object.assign(this, { settings, network, blind, path: [from] });
      this.time = 0; // µs
      this.camera = new shared.EventCamera(settings.camera, SIDE, SIDE, random, random && shared.normalFrom(random));
      this.frame = new Float32Array(SIDE ** 2);
      this.camera.start(from.length > 2 ? from : motion.filmInto(this.frame, from, settings.radius), 0);
      this.began = null; // time of the first event
      this.counts = new Map(); // of the bin that isn't full yet
      this.sums = new Map(); // of all bins
      this.eventCount = 0;
      this.steps = []; // of each bin: neurons that spiked, and the voltages
      this.end = 0; // of its own time, in bins: a fixed silence after the last event
      [this.answer, this.blindAnswer] = [null, null]; // as motion.answerOf returns them
      network.reset();
    }

    get place() {
      return this.path.at(-1);
    }

    // Film the disc at its next place. Returns the events, whose polarities are merged.
    advance(place) {
      const { frame_interval: interval, radius } = this.settings;
      this.path.push(place);
      return this.film(motion.filmInto(this.frame, place, radius), interval);
    }

    // Film the next picture, after so many µs.
    film(picture, interval) {
      this.time += interval;
      const events = this.camera.film(picture, interval);
      for (const event of events) {
        event[3] = 1;
        this.began ??= event[0];
        this.stepUntil(event[0]);
        const pixel = event[2] * SIDE + event[1];
        this.counts.set(pixel, (this.counts.get(pixel) ?? 0) + 1);
        this.eventCount += 1;
      }
      if (this.began !== null) this.stepUntil(this.time);
      return events;
    }

    stepUntil(time) {
      while (time >= this.began + this.settings.time_window * (this.steps.length + 1)) this.step();
    }

    // The film is over. What is left of its own time is silent.
    finish() {
      if (this.counts.size) this.step();
      while (this.steps.length < this.end) this.step();
    }

    step() {
      const { settings, network, blind, steps } = this;
      const answerOf = settings.answerOf ?? ((values) => motion.answerOf(values, settings));
      const voltages = Array.from(network.step(this.counts));
      if (this.counts.size) {
        for (const [pixel, count] of this.counts) this.sums.set(pixel, (this.sums.get(pixel) ?? 0) + count);
        this.counts.clear();
        this.end = steps.length + 1 + settings.settle_steps;
        this.blindAnswer = answerOf(blind.values(this.sums));
      }
      const spikes = [];
      network.z.forEach((spike, neuron) => { if (spike) spikes.push(neuron); });
      steps.push({ spikes, voltages });
      const own = steps.slice(0, this.end);
      this.answer = answerOf(voltages.map((_, output) => Math.max(...own.map((each) => each.voltages[output]))));
    }
  };
})();
