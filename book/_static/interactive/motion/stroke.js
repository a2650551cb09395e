// One stroke before the camera: from where the disc is to events, to frames, to two answers.
(({ shared, motion, SIDE }) => {
  motion.Stroke = class extends shared.Steps {
    time = 0; // µs
    frame = new Float32Array(SIDE ** 2);
    sums = new Map(); // of all bins
    answer = null; // as motion.answerOf returns it
    blindAnswer = null;

    // from: where the disc has been for long, or a picture of log intensities. random: of the
    // camera, or null for one without chance.
    constructor({ settings, network, blind, random, from }) {
      super(network, settings.time_window, settings.settle_steps);
      Object.assign(this, { settings, blind, path: [from] });
      this.camera = new shared.EventCamera(settings.camera, SIDE, SIDE, random);
      const { frame } = this;
      this.camera.start(from.length > 2 ? from : motion.filmInto(frame, from, settings.radius), 0);
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
      for (const [pixel, count] of seen) shared.addCount(this.sums, pixel, count);
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
})(interactiveFigures);
