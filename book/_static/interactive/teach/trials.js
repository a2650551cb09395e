// Trials: strokes before the camera, from the pad or the webcam, that are kept to learn from, or are
// asked about, forwards and backwards.
(({ counted, mulberry32, motion, shared, teach }) => {
  const { percent } = shared;
  const MIN_EVENTS = 25; // of a stroke
  const UNTRAINED = { reset() {}, step: () => [], values: () => [], z: [] };

  teach.Trials = class {
    // figure: its lesson answers, its gestures are shown, and say(text, aloud) writes what goes on.
    constructor(figure) {
      Object.assign(this, { figure, visible: true, glow: new shared.Glow(), rest: 0, events: [] });
      this.way = "forwards"; // or "backwards", or "shown": by the page itself
      this.clear();
    }

    clear() {
      this.trial = null; // the stroke before the camera, or the last one
      this.last = null; // what a path or a webcam has shown last, to play it backwards
      this.answers = {}; // { network, sum } by "forwards" and "backwards"
    }

    // The models that see a stroke, which haven't learnt anything before a lesson.
    models() {
      const { trained, without } = this.figure.lesson;
      if (!trained) return { network: UNTRAINED, blind: UNTRAINED };
      const { spiking, sum } = trained;
      const step = (counts) => spiking.step({ pixels: [...counts.keys()], counts: [...counts.values()] }, 0, counts.size);
      const network = { reset: () => spiking.reset(), step, get z() { return spiking.z; } };
      return { network: without.has("time") ? UNTRAINED : network, blind: sum }; // what is shuffled waits for all events
    }

    begin(from, camera = this.figure.settings.camera) {
      if (this.way === "forwards") this.answers = {};
      this.trial = new motion.Stroke({ settings: { ...this.figure.settings, camera }, ...this.models(), random: mulberry32(1), from });
      this.trial.by = this.figure.lesson.trained;
      [this.events, this.glow, this.rest] = [[], new shared.Glow(), 0];
      if (this.way !== "shown") this.figure.say("", false);
    }

    see(events, interval) {
      this.events.push(...events);
      this.glow.add(events, interval);
    }

    advance(place) { this.see(this.trial.advance(place), this.figure.settings.frame_interval); }

    draw() { this.figure.draw(); }

    // stroke: { path } or what the webcam saw; null for one that is too short.
    end(stroke = { path: this.trial.path }) {
      const { way } = this;
      this.way = "forwards";
      this.trial.finish();
      this.rest = 1;
      if (way === "shown") return this.figure.redraw();
      const whole = stroke && this.events.length >= MIN_EVENTS ? { ...stroke, events: this.events } : null;
      if (!whole) this.figure.say("That was too short to be seen: draw it across the pad, in about a second.");
      else if (this.figure.gestures.chosen !== null && way === "forwards") this.keep(whole);
      else if (!this.figure.lesson.trained) this.figure.say("Nothing is trained yet: press “train” first.");
      else if (this.trial.by !== this.figure.lesson.trained) this.figure.say("That began before this network was trained: draw another one.");
      else this.answer(whole, way);
      if (whole && way === "forwards") this.last = whole;
      this.figure.redraw();
    }

    keep(stroke) {
      const gesture = this.figure.gestures.all[this.figure.gestures.chosen];
      gesture.strokes.push(stroke);
      this.figure.gestures.show();
      const { length } = teach.used(gesture);
      this.figure.say(`${gesture.name}: ${counted(length, "stroke")}. ${length < 3 ? "Show it a few times." : "Show the next gesture, or train."}`);
    }

    answer(stroke, way) {
      if (this.figure.lesson.without.has("time")) this.shuffle(stroke);
      this.answers[way] = { network: this.trial.answer, sum: this.trial.blindAnswer };
      this.figure.say(this.verdict());
    }

    // Let the network see the stroke's time bins in another order.
    shuffle({ events }) {
      const { spiking } = this.figure.lesson.trained;
      const { time_window, settle_steps } = this.figure.settings;
      const { u, voltages, values } = spiking.run(teach.toRecording(events, time_window, settle_steps, this.figure.random));
      const spiked = (voltage) => [...voltage.keys()].filter((neuron) => voltage[neuron] > spiking.constants.v_th);
      this.trial.steps = u.map((voltage, step) => ({ voltages: voltages[step], spikes: spiked(voltage) }));
      this.trial.answer = teach.answerOf(values);
    }

    named(answer) {
      return answer ? `${this.figure.lesson.trained.classes[answer.output]} (${percent(answer.share)})` : "nothing";
    }

    verdict() {
      const { forwards, backwards } = this.answers;
      if (!backwards) return `The network says ${this.named(forwards.network)}, the sum ${this.named(forwards.sum)}. Now play it backwards.`;
      const before = forwards ? ` Forwards: ${this.named(forwards.network)} and ${this.named(forwards.sum)}.` : "";
      return `Backwards, the network says ${this.named(backwards.network)}, the sum ${this.named(backwards.sum)}.${before}`;
    }

    // The pad plays a path; pictures of a webcam are seen at once.
    playBackwards(pad) {
      if (!this.last || pad.busy) return;
      this.way = "backwards";
      if (this.last.path) return pad.play([...this.last.path].reverse());
      const [from, ...pictures] = [...this.last.pictures].reverse();
      const intervals = [...this.last.intervals].reverse();
      this.begin(from, this.last.camera);
      pictures.forEach((picture, number) => this.see(this.trial.film(picture, intervals[number]), intervals[number]));
      this.end(this.last);
    }
  };
})(window.interactiveFigures);
