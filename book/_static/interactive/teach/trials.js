// Trials: strokes before the camera, from the pad or the webcam, that are kept to learn from, or
// are asked about, forwards and backwards. The camera's window follows a stroke of the pad, so that
// neither where it is drawn nor how large matters; what is kept and asked about is the stroke as it
// is written.
(({ counted, mulberry32, motion, motionData, shared, teach }) => {
  teach.MIN_EVENTS = 25; // of a stroke
  // How far a stroke's box may change until the window follows it.
  const FOLLOWS = { pixels: 1, size: 0.05 };
  const AT_ONCE = 20; // places that are filmed in one go, so that no hand has to wait
  const PATIENCE = 10; // ms of work in one go when a stroke is over
  const { timeWindow, settle } = teach.NETWORK;
  const SETTINGS = {
    camera: motionData.settings.camera,
    radius: teach.RADIUS,
    frame_interval: teach.INTERVAL,
    time_window: timeWindow,
    settle_steps: settle / timeWindow,
    answerOf: teach.answerOf,
  };
  const UNTRAINED = { reset() {}, step: () => [], values: () => [], z: [] };

  // The step from which on the voltage of an output has been the highest so far, until the end; null
  // where it isn't in the end.
  teach.leadsFrom = (steps, output) => {
    const highest = steps[0].voltages.map(() => -Infinity);
    let since = null;
    for (const [step, { voltages }] of steps.entries()) {
      for (const [other, voltage] of voltages.entries())
        highest[other] = Math.max(highest[other], voltage);
      if (shared.leading(highest) !== output) since = null;
      else since ??= step;
    }
    return since;
  };

  // A stroke with the events that the page shows of it.
  teach.seen = (record) => {
    const stroke = teach.toStroke(record);
    return { ...stroke, events: teach.eventsOf(stroke, SETTINGS) };
  };

  teach.Trials = class {
    visible = true;
    way = "forwards"; // or "backwards", or "shown": by the page itself
    work = null; // what is left to do for a stroke that is over
    waiting = []; // strokes that nobody has said yet whose they are
    rest = 0; // from 0 to 1, as the sum of the events appears

    // figure: its lesson answers, its gestures are shown, say(text, aloud) writes what goes on, and
    // shown() is called when the page has drawn a stroke itself.
    constructor(figure) {
      this.figure = figure;
      this.clear();
    }

    clear() {
      this.last = null; // what a path or a webcam has shown last, to play it backwards
      this.score = { right: 0, asked: 0 };
      this.clearPad();
    }

    // As if nothing had been drawn yet.
    clearPad() {
      this.trial = null; // the stroke before the camera, or the last one
      this.path = null; // where the pad has had it
      this.events = [];
      this.glow = new shared.Glow();
      this.forget();
    }

    // The answers were of another network.
    forget() {
      this.answers = {}; // { network, sum } by "forwards" and "backwards"
      this.asked = null; // the stroke whose answer hasn't been judged
      this.correcting = false; // whether it is asked what that stroke was
    }

    // The models that see a stroke, which haven't learnt anything before a lesson.
    models() {
      const { trained, without } = this.figure.lesson;
      if (!trained) return { network: UNTRAINED, blind: UNTRAINED };
      // What is shuffled waits for all events.
      const network = without.has("time") ? UNTRAINED : trained.spiking;
      return { network, blind: trained.sum };
    }

    begin(from) {
      this.complete();
      if (this.way !== "backwards") this.forget();
      this.path = from.length === 2 ? [from] : null;
      this.box = { middle: from, factor: 1 };
      this.restart(this.path ? [0, 0] : from);
      if (this.way !== "shown") this.figure.say("", false);
    }

    restart(from) {
      this.filmed = 1; // places of the path that the camera has seen in this box
      this.rest = 0;
      Object.assign(this, this.beginning(from));
    }

    // The models, and what they have seen of a stroke, which begins.
    beginning(from) {
      const settings = from.length === 2 ? SETTINGS : { ...SETTINGS, camera: teach.WEBCAM };
      this.walk = new teach.Walk(from);
      const random = mulberry32(1);
      const trial = new motion.Stroke({ settings, ...this.models(), random, from });
      trial.by = this.figure.lesson.trained;
      return { trial, events: [], glow: new shared.Glow() };
    }

    see(events, interval, seen = this) {
      for (const event of events) seen.events.push(event);
      seen.glow.add(events, interval);
    }

    advance(place) {
      this.path.push(place);
      const { middle, factor } = teach.boxOf(this.path);
      const box = { middle, factor: Math.min(factor, 1) }; // enlarged at the end only
      const [x, y] = this.box.middle;
      const moved = Math.hypot(middle[0] - x, middle[1] - y) > FOLLOWS.pixels;
      if (moved || box.factor < (1 - FOLLOWS.size) * this.box.factor) {
        this.box = box;
        this.restart(teach.framed(this.path.slice(0, 1), box)[0]);
      }
      const next = this.path.slice(this.filmed, this.filmed + AT_ONCE);
      // The disc goes after the hand at one speed, and rests while nothing moves.
      for (const goal of teach.framed(next, this.box))
        for (const place of this.walk.to(goal)) this.see(this.trial.advance(place), teach.INTERVAL);
      this.filmed += next.length;
    }

    // Let the models see a stroke from its beginning, a part after the other.
    *replay({ path, pictures, intervals }) {
      const [first, ...others] = path ?? pictures;
      const seen = this.beginning(first);
      for (const [number, next] of others.entries()) {
        const interval = path ? teach.INTERVAL : intervals[number + 1];
        const events = path ? seen.trial.advance(next) : seen.trial.film(next, interval);
        this.see(events, interval, seen);
        yield;
      }
      Object.assign(this, seen);
    }

    draw() {
      this.figure.draw();
    }

    // stroke: { path } or what the webcam saw; null for one that is too short.
    end(stroke = { path: this.path, cut: this.wasCut }) {
      this.complete();
      this.work = this.over(stroke, this.way);
      this.way = "forwards";
      this.goOn();
    }

    // Go on with what is left to do, and let the page do something else in between.
    goOn(patience = PATIENCE) {
      const until = performance.now() + patience;
      while (this.work && performance.now() < until) if (this.work.next().done) this.work = null;
      if (this.work) setTimeout(() => this.goOn());
    }

    complete() {
      this.goOn(Infinity);
    }

    *over(stroke, way) {
      const { figure } = this;
      const enough = way === "backwards" || this.events.length >= teach.MIN_EVENTS;
      if (stroke && enough) yield* this.take(stroke, way);
      else if (!figure.gestures.current?.nothing) figure.say(figure.recorder.tooLittle);
      this.trial.finish();
      this.rest = 1;
      if (way === "shown") figure.shown();
      figure.redraw();
    }

    *take(seen, way) {
      const { figure } = this;
      const { gestures, lesson } = figure;
      const stroke = teach.toStroke(teach.toKeep(seen));
      do yield* this.replay(stroke);
      while (this.trial.by !== lesson.trained); // it was trained meanwhile
      this.trial.finish();
      stroke.events = this.events;
      if (way === "forwards") this.last = stroke;
      if (way === "forwards" && gestures.chosen !== null) this.keep([...this.waiting, stroke]);
      else if (lesson.trained) this.answer(stroke, way);
      else if (way === "backwards") figure.say("Nothing is trained yet: press “train” first.");
      else if (way === "forwards") this.ask(stroke);
      if (seen.cut) figure.say(`${figure.said} A stroke lasts 15 s: what came later is cut.`);
    }

    ask(stroke) {
      this.waiting.push(stroke);
      const { length } = this.waiting;
      const which = length > 1 ? `Whose are these ${length} strokes?` : "Whose stroke is this?";
      this.figure.say(`${which} Choose a gesture in the list.`);
    }

    // Give strokes to the gesture that is chosen.
    keep(strokes) {
      const { gestures } = this.figure;
      if (!gestures.put(gestures.current, strokes)) return;
      this.waiting = [];
      gestures.show();
      gestures.tell(gestures.current);
    }

    answer(stroke, way) {
      const { trained, without } = this.figure.lesson;
      if (without.has("time")) this.shuffle(stroke);
      const course = teach.courseOf(stroke);
      const { answer, blindAnswer } = this.trial;
      const network = trained.judge(answer, course);
      const { known, almost } = network;
      const { path } = this;
      const moment = this.momentOf(network);
      const found = { network, sum: blindAnswer, stroke, path, moment };
      this.answers[way === "shown" ? "forwards" : way] = found;
      if (way === "shown" || this.figure.challenge?.judge(known ? network.output : null)) return;
      this.asked = way === "forwards" ? stroke : null;
      this.correcting = Boolean(this.asked) && !known && !almost;
      const back = known && trained.others([...course].reverse(), network.output);
      this.figure.say(this.verdict(back ? " Now play it backwards." : ""));
    }

    // When an answer became the one that it is in the end: after how many ms, and where the disc was
    // on the pad. null if that can't be told.
    momentOf({ output, known, almost }) {
      const { trial, path } = this;
      if (!path || !(known || almost) || this.figure.lesson.without.has("time")) return null;
      const step = teach.leadsFrom(trial.steps.slice(0, trial.ends), output);
      if (step === null) return null;
      const time = trial.began + timeWindow * (step + 1);
      const at = Math.min(Math.round(time / teach.INTERVAL), trial.path.length - 1);
      const { middle, factor } = teach.boxOf(path);
      const place = trial.path[at].map((value, axis) => value / factor + middle[axis]);
      return { ms: (timeWindow / 1000) * (step + 1), place };
    }

    // The gesture whose name was shown, where that was wrong.
    get rejected() {
      const { output, known, almost } = this.answers.forwards.network;
      return known || almost ? this.figure.lesson.trained.gestures[output] : null;
    }

    // A button may be pressed that goes with the next image: then no answer is asked about.

    // The last answer was wrong: ask what it was.
    doubtIt() {
      if (!this.asked) return;
      this.correcting = true;
      this.figure.say("What was it?");
    }

    // The last answer was right.
    confirm() {
      if (!this.asked) return;
      const { output, almost } = this.answers.forwards.network;
      const gesture = this.figure.lesson.trained.gestures[output];
      // Unless it was deleted since.
      if (almost && this.figure.gestures.all.includes(gesture)) return this.correct(gesture);
      this.count(true);
      const { right, asked } = this.score;
      this.figure.say(`${right} of ${counted(asked, "answer")} right. Draw the next one.`);
    }

    count(right) {
      this.score.right += right;
      this.score.asked += 1;
      this.asked = null;
      this.correcting = false;
    }

    // The last stroke was of this gesture: it is kept, and learnt.
    correct(gesture) {
      const { gestures, lesson } = this.figure;
      const stroke = this.asked;
      if (!stroke) return;
      const { output, known } = this.answers.forwards.network;
      this.count(known && lesson.trained.gestures[output] === gesture);
      this.answers = {}; // the network will be another one
      const partner = gestures.partnerOf(gesture);
      const pairs = [[gesture, stroke]];
      if (partner && lesson.trained.gestures.includes(partner)) {
        const reverse = teach.seen(teach.toKeep(teach.reversed(stroke)));
        if (!gestures.noRoom(partner, [reverse])) pairs.push([partner, reverse]);
      }
      if (!pairs.every(([one, each]) => gestures.put(one, [each]))) return;
      gestures.show();
      if (lesson.trained.gestures.includes(gesture)) lesson.learnOn(pairs);
      else this.figure.say(`${gesture.name} has it. Press “train”, so that the network knows it.`);
    }

    // Let the network see the stroke's time bins in another order.
    shuffle({ events }) {
      const { lesson, random } = this.figure;
      const { spiking } = lesson.trained;
      const { time_window, settle_steps } = SETTINGS;
      const shuffled = teach.toRecording(events, time_window, settle_steps, random);
      Object.assign(this.trial, teach.stepsOf(spiking, shuffled));
    }

    nameOf(output) {
      return this.figure.lesson.trained.gestures[output].name;
    }

    // An answer in words. While a stroke is being drawn, nobody knows yet whether it is known.
    named(answer) {
      if (answer?.output === undefined) return "nothing";
      const { output, shares, known, almost } = answer;
      if (almost) return `“${this.nameOf(output)}?”`;
      if (known === false) return "“I don’t know”";
      return `${this.nameOf(output)} (${shared.percent(shares[output])})`;
    }

    // What is said of an answer that isn't known.
    doubt({ output, nearest, almost }) {
      if (almost || output === undefined) return "";
      const { name, nothing } = this.figure.lesson.trained.gestures[output];
      if (nothing || output !== nearest) return ` The network took it for ${name}.`;
      return ` It is too far from every ${name} that was shown.`;
    }

    verdict(more) {
      const { forwards, backwards } = this.answers;
      const { network, sum } = backwards ?? forwards;
      const rival = `the nearest example ${this.nameOf(network.nearest)}, the sum ${this.named(sum)}`;
      const says = `network says ${this.named(network)}`;
      const why = network.known ? more : this.doubt(network);
      if (!backwards) return `The ${says}, ${rival}.${why}`;
      const before = forwards ? ` Forwards: ${this.named(forwards.network)}.` : "";
      return `Backwards, the ${says}, ${rival}.${before}`;
    }

    // The pad plays a path; pictures of a webcam are seen at once.
    playBackwards(pad) {
      if (!this.last || pad.busy) return;
      this.way = "backwards";
      const stroke = teach.reversed(this.last);
      if (stroke.path) return pad.play(stroke.path);
      this.begin(stroke.pictures[0]);
      this.end(stroke);
    }
  };
})(interactiveFigures);
