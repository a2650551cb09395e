// Trials: strokes before the camera, from the pad or the webcam, that are kept to learn from, or
// are asked about, forwards and backwards. The camera's window follows a stroke of the pad, so that
// where it is drawn doesn't matter; what is kept and asked about is the stroke as it is written.
(({ counted, mulberry32, motion, shared, teach }) => {
  const { percent } = shared;
  teach.MIN_EVENTS = 25; // of a stroke
  const FOLLOWS = 1; // pixels that a stroke's middle may move until the window follows
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
      this.path = null; // where the pad has had it
      this.last = null; // what a path or a webcam has shown last, to play it backwards
      this.waiting = []; // strokes that nobody has said yet whose they are
      this.forget();
    }

    // The answers were of another network.
    forget() {
      this.answers = {}; // { network, sum } by "forwards" and "backwards"
      this.score = { right: 0, asked: 0, open: false }; // open: the last answer hasn't been judged
    }

    // The models that see a stroke, which haven't learnt anything before a lesson.
    models() {
      const { trained, without } = this.figure.lesson;
      if (!trained) return { network: UNTRAINED, blind: UNTRAINED };
      const { spiking, sum } = trained;
      const step = (counts) =>
        spiking.step({ pixels: [...counts.keys()], counts: [...counts.values()] }, 0, counts.size);
      const network = {
        reset: () => spiking.reset(),
        step,
        get z() {
          return spiking.z;
        },
      };
      // What is shuffled waits for all events.
      return { network: without.has("time") ? UNTRAINED : network, blind: sum };
    }

    begin(from) {
      if (this.way === "forwards") this.answers = {};
      this.path = from.length === 2 ? [from] : null;
      this.middle = from;
      this.restart(this.path ? [0, 0] : from);
      if (this.way !== "shown") this.figure.say("", false);
    }

    restart(from) {
      const { settings } = this.figure;
      const camera = this.path ? settings.camera : teach.WEBCAM;
      this.trial = new motion.Stroke({
        settings: { ...settings, camera },
        ...this.models(),
        random: mulberry32(1),
        from,
      });
      this.trial.by = this.figure.lesson.trained;
      [this.events, this.glow, this.rest] = [[], new shared.Glow(), 0];
    }

    see(events, interval) {
      for (const event of events) this.events.push(event);
      this.glow.add(events, interval);
    }

    advance(place) {
      const { frame_interval: interval } = this.figure.settings;
      this.path.push(place);
      const middle = teach.middleOf(this.path);
      if (Math.hypot(middle[0] - this.middle[0], middle[1] - this.middle[1]) > FOLLOWS) {
        this.middle = middle;
        this.replay({ path: teach.centred(this.path, middle) });
      } else this.see(this.trial.advance(teach.centred([place], this.middle)[0]), interval);
    }

    // Let the models see a stroke at once, from its beginning.
    replay({ path, pictures, intervals }) {
      const { frame_interval: interval } = this.figure.settings;
      const [first, ...others] = path ?? pictures;
      this.restart(first);
      others.forEach((next, number) => {
        if (path) this.see(this.trial.advance(next), interval);
        else this.see(this.trial.film(next, intervals[number + 1]), intervals[number + 1]);
      });
    }

    draw() {
      this.figure.draw();
    }

    // stroke: { path } or what the webcam saw; null for one that is too short.
    end(stroke = { path: this.path }) {
      const { way } = this;
      this.way = "forwards";
      if (way !== "shown" && stroke && this.events.length >= teach.MIN_EVENTS)
        this.take(teach.toStroke(teach.toKeep(stroke)), way);
      else if (way !== "shown" && !this.figure.gestures.recordsNothing)
        this.figure.say(
          "That was too short to be seen: draw it across the pad, in about a second.",
        );
      this.trial.finish();
      this.rest = 1;
      this.figure.redraw();
    }

    take(stroke, way) {
      const { gestures, lesson } = this.figure;
      this.replay(stroke);
      this.trial.finish();
      stroke.events = this.events;
      if (way === "forwards") this.last = stroke;
      if (way === "forwards" && gestures.chosen !== null) this.keep([...this.waiting, stroke]);
      else if (lesson.trained) this.answer(stroke, way);
      else if (way === "backwards") this.figure.say("Nothing is trained yet: press “train” first.");
      else this.ask(stroke);
    }

    ask(stroke) {
      this.waiting.push(stroke);
      const which =
        this.waiting.length > 1
          ? `Whose are these ${this.waiting.length} strokes?`
          : "Whose stroke is this?";
      this.figure.say(
        `${which} Choose a gesture in the list, or press “my own gestures” to begin with it.`,
      );
    }

    // Give strokes to the gesture that is chosen.
    keep(strokes) {
      const gesture = this.figure.gestures.all[this.figure.gestures.chosen];
      gesture.strokes.push(...strokes);
      [this.waiting, this.figure.mine] = [[], true];
      this.figure.gestures.show();
      this.figure.gestures.tell(gesture);
    }

    answer(stroke, way) {
      const { trained, without } = this.figure.lesson;
      if (without.has("time")) this.shuffle(stroke);
      const course = teach.courseOf(stroke.events);
      const known = this.trial.answer && trained.knows(course, this.trial.answer.output);
      this.answers[way] = {
        network: this.trial.answer && { ...this.trial.answer, known },
        sum: this.trial.blindAnswer,
      };
      this.score.open = true;
      const hasPartner = known && trained.others([...course].reverse(), this.trial.answer.output);
      this.figure.say(this.verdict(hasPartner ? " Now play it backwards." : ""));
    }

    // Count the last answer as right or wrong.
    judge(right) {
      const { score } = this;
      [score.right, score.asked, score.open] = [score.right + right, score.asked + 1, false];
      this.figure.say(
        `${score.right} of ${counted(score.asked, "answer")} right. Draw the next one.`,
      );
    }

    // Let the network see the stroke's time bins in another order.
    shuffle({ events }) {
      const { spiking } = this.figure.lesson.trained;
      const { time_window, settle_steps } = this.figure.settings;
      const { u, voltages, values } = spiking.run(
        teach.toRecording(events, time_window, settle_steps, this.figure.random),
      );
      const spiked = (voltage) =>
        [...voltage.keys()].filter((neuron) => voltage[neuron] > spiking.constants.v_th);
      this.trial.steps = u.map((voltage, step) => ({
        voltages: voltages[step],
        spikes: spiked(voltage),
      }));
      this.trial.answer = teach.answerOf(values);
    }

    // known: whether the stroke is like those that were shown; not asked while it is being drawn.
    named(answer) {
      if (!answer) return "nothing";
      return answer.known === false
        ? "“I don’t know”"
        : `${this.figure.lesson.trained.classes[answer.output]} (${percent(answer.share)})`;
    }

    verdict(more) {
      const { forwards, backwards } = this.answers;
      const unknown = !(backwards ?? forwards).network?.known;
      const why = unknown ? " It is like none of the strokes that were shown." : more;
      if (!backwards)
        return (
          `The network says ${this.named(forwards.network)}, the sum ` +
          `${this.named(forwards.sum)}.${why}`
        );
      const before = forwards
        ? ` Forwards: ${this.named(forwards.network)} and ${this.named(forwards.sum)}.`
        : "";
      return (
        `Backwards, the network says ${this.named(backwards.network)}, the sum ` +
        `${this.named(backwards.sum)}.${before}`
      );
    }

    // The pad plays a path; pictures of a webcam are seen at once.
    playBackwards(pad) {
      if (!this.last || pad.busy) return;
      this.way = "backwards";
      const stroke = teach.reversed(this.last);
      if (stroke.path) return pad.play(stroke.path);
      this.begin(stroke.pictures[0]);
      this.replay(stroke);
      this.end(stroke);
    }
  };
})(window.interactiveFigures);
