// One stroke before the camera: from where the disc is to events, to frames, to two answers.
(({ shared, motion, SIDE }) => {
  motion.Stroke = class extends shared.Steps {
    // from: where the disc has been for long, or a picture of log intensities. random: of the
    // camera, or null for one without chance.
    constructor({ settings, network, blind, random, from }) {
      super(network, settings.time_window, settings.settle_steps);
      Object.assign(this, { settings, blind, path: [from] });
      this.time = 0; // µs
      this.camera = new shared.EventCamera(
        settings.camera,
        SIDE,
        SIDE,
        random,
        random && shared.normalFrom(random),
      );
      this.frame = new Float32Array(SIDE ** 2);
      this.camera.start(
        from.length > 2 ? from : motion.filmInto(this.frame, from, settings.radius),
        0,
      );
      this.sums = new Map(); // of all bins
      [this.answer, this.blindAnswer] = [null, null]; // as motion.answerOf returns them
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
        this.count(event[0], event[2] * SIDE + event[1]);
      }
      this.stepUntil(this.time);
      return events;
    }

    // The film is over. What is left of its own time is silent.
    finish() {
      if (this.counts.size) this.step();
      while (this.steps.length < this.ends) this.step();
    }

    step() {
      const answerOf =
        this.settings.answerOf ?? ((values) => motion.answerOf(values, this.settings));
      const seen = [...this.counts];
      for (const [pixel, count] of seen) this.sums.set(pixel, (this.sums.get(pixel) ?? 0) + count);
      if (seen.length) this.blindAnswer = answerOf(this.blind.values(this.sums));
      super.step();
      const own = this.steps.slice(0, this.ends);
      this.answer = answerOf(
        this.steps[0].voltages.map((_, output) =>
          Math.max(...own.map(({ voltages }) => voltages[output])),
        ),
      );
    }
  };
})(window.interactiveFigures);
