// The figure: what it shows, what it keeps, and what is sent and opened.
(({
  counted,
  element,
  fromHTML,
  oncePerImage,
  mulberry32,
  motion,
  motionData,
  shared,
  teach,
  teachData,
}) => {
  const PANELS = {
    pad: "draw here",
    window: "its events, in the middle",
    raster: "spiking neurons",
    voltages: "a voltage for each gesture",
  };
  const SLOW = 5000; // ms after which it is said that the browser hasn't kept anything yet
  const SHOWN = 1500; // ms that an example stays on the pad
  const ABOUT = "Gestures that you draw, and a network in this page that names them";
  const { timeWindow } = teach.NETWORK;
  const KEEPS = "Strokes and network are kept in this browser until you start over or open others.";
  const KEEPS_LATE = "This browser hasn’t kept the last changes yet.";
  const AGAIN = "Your gestures are here again, as you left them.";
  const NAMES = `
    <output class="teach-name" aria-hidden="true" data-part="name"></output>
    <output class="teach-sum" aria-hidden="true" data-part="sum"></output>`;
  const FIRST =
    "Press and draw a tick, a zed or a circle on the pad, in either direction: the network names " +
    "it while you draw.";
  const OWN = "Draw gesture 1 on the pad, three to five times. Then choose gesture 2.";
  const THROWS =
    "This throws your strokes and the network away. You can download them first. Go on?";
  const OTHER_TAB =
    "Another tab has changed these gestures. OK keeps what you see here, Cancel takes what the " +
    "other tab has. What isn’t kept is set aside for a download.";
  const FILMS = " What the webcam saw isn’t in it: send the zip file.";
  const ON_DISK = "Is the file on your disk? OK forgets what was set aside, Cancel keeps it here.";

  teach.Figure = class {
    // A figure is opening, then ready, and working while it opens something else. Only while it is
    // ready can anything be clicked, is anything kept, and does it follow another tab.
    phase = "opening";
    said = ""; // what the summary says
    invitation = ""; // of a link, until its ten strokes are drawn
    challenge = null; // while ten strokes are asked for
    score = null; // of ten, to be sent
    aside = 0; // how many things were set aside
    edits = 0; // changes so far
    kept = 0; // those that are kept, in this browser's turn
    keeping = false;
    behind = false; // whether another tab was seen to keep something
    random = mulberry32(Date.now());
    redraw = oncePerImage(() => this.draw());

    constructor(drawing, controls) {
      this.parts = [drawing, controls];
      this.drawing = drawing;
      this.canvases = shared.panels(drawing, ABOUT, PANELS, "teach");
      this.lesson = new teach.Lesson(this);
      this.watching = new teach.Watching(this);
      this.recorder = new teach.Recorder(this);
      this.gestures = new teach.Gestures(this);
      this.trials = new teach.Trials(this);
      this.pad = new teach.Pad(this.canvases.pad, this.trials, {
        about: "The pad: press and draw a gesture, or hold arrow keys",
        perFrame: (teach.INTERVAL / 1000) * motionData.settings.slow_motion, // ms of the hand
      });
      this.controls = new teach.Controls(this, controls);
      this.ghost = new teach.Ghost(this);
      this.arrange();
      this.teach(false);
      this.enter("opening");
      this.say("Looking for what you left here …", false);
    }

    // ---- What it does now ----

    enter(phase) {
      this.phase = phase;
      for (const part of this.parts) part.inert = phase !== "ready";
    }

    // Open something else, which nobody may disturb. isChange: whether it is kept.
    async work(act, isChange) {
      const { activeElement } = document;
      this.enter("working");
      try {
        await act();
        this.edits += isChange;
      } finally {
        this.enter("ready");
        activeElement?.focus({ preventScroll: true });
        this.redraw();
      }
      this.keep();
    }

    // Whether nothing goes on that another tab would disturb.
    get isIdle() {
      const isOpen = this.phase === "ready" && !this.keeping && !this.challenge;
      return isOpen && !this.isDrawing && !this.lesson.goesOn && !this.mayLose;
    }

    // Whether a change isn't kept, or a stroke waits.
    get mayLose() {
      return this.edits !== this.kept || this.trials.waiting.length > 0;
    }

    get isDrawing() {
      return Boolean(this.pad.busy || this.trials.work || this.recorder.watch?.gesture);
    }

    // Whether the strokes are other ones than the page, or a link, has brought.
    get mine() {
      return this.strokesNow() !== this.arrived;
    }

    // Whether there is something of the visitor's own in it.
    get isShareable() {
      return this.arrived === null || this.edits > 0 || this.score !== null;
    }

    strokesNow() {
      return JSON.stringify(this.content().packed.gestures);
    }

    // The name of the answer lies over the pad; the rest has a place in the grid.
    arrange() {
      const { content, name, sum } = fromHTML(NAMES);
      this.name = name;
      this.sum = sum;
      this.canvases.pad.parentElement.append(content);
      const side = element("div", { className: "teach-side" });
      side.append(this.gestures.list, this.controls.answer);
      this.drawing.append(side, this.watching.row);
      const skip = (event) => {
        event.preventDefault();
        this.pad.grip.focus();
      };
      document
        .querySelector(".skip-link")
        ?.append(" ", element("a", { href: "#", textContent: "Skip to the pad", onclick: skip }));
    }

    watchPage() {
      let look = "";
      shared.keepDrawn(this.drawing, () => {
        const now = `${this.drawing.clientWidth} ${shared.isDark()}`;
        if (now !== look) this.gestures.drawPictures(); // which takes long
        look = now;
        this.redraw();
      });
      // By itself, once, where things may move: the first example.
      const first = () => {
        const isFree = !shared.isCalm() && !this.trials.trial && !this.invitation;
        if (isFree) this.showExample(this.gestures.all[0]);
      };
      shared.whileSeen(this.drawing, first, (isSeen) => {
        this.ghost.isSeen = isSeen;
        this.redraw();
      });
      teach.whenOtherTabKeeps(this.hash, () => this.follow());
      addEventListener("beforeunload", (event) => {
        if (this.mayLose && !this.closed) event.preventDefault(); // the browser asks
      });
    }

    say(text, aloud = true) {
      this.said = text;
      if (aloud) this.controls.said.textContent = text;
      this.redraw();
    }

    // Let the page draw the first path of a gesture, and clear the pad again.
    showExample(gesture) {
      const path = gesture?.strokes.find((stroke) => stroke.path)?.path;
      if (!path || this.pad.busy) return;
      this.trials.way = "shown";
      this.pad.play(path);
    }

    // The page has drawn one itself.
    shown() {
      const { trials } = this;
      const { trial } = trials;
      setTimeout(() => {
        if (trials.trial !== trial || this.pad.busy) return;
        trials.clearPad();
        this.redraw();
      }, SHOWN);
    }

    // ---- What it begins with ----

    // Show what was kept or linked, or the examples, which the network knows already. beginning: of
    // teach.opening.
    async begin(beginning) {
      const { gestures, message, challenge, hash, turn, closed } = beginning;
      Object.assign(this, { hash, turn, closed });
      await (gestures ? this.open(beginning) : this.showExamples());
      await this.countAside().catch(() => {});
      this.enter("ready");
      this.watchPage();
      if (message) this.say(message);
      else if (challenge) this.invite();
      this.redraw();
    }

    start(gestures, text, chosen = null) {
      this.lesson.forget();
      this.watching.forget();
      this.complete();
      this.trials.clear(); // but for strokes that wait for a gesture that is chosen
      this.challenge = this.score = null;
      this.invitation = "";
      this.gestures.start(gestures, chosen);
      this.say(text);
    }

    // Let what is drawn come to its end at once.
    complete() {
      this.pad.complete();
      this.trials.complete();
    }

    // Gestures of records with all their strokes, but for those that cause hardly an event, or more
    // than there is room for.
    async filmed(gestures) {
      let room = teach.MOST.events;
      const all = [];
      for (const { strokes, ...gesture } of gestures) {
        const clear = [];
        for (const record of strokes) {
          await shared.pause();
          const stroke = teach.seen(record);
          if (!teach.isClear(stroke.events, room)) continue;
          clear.push(stroke);
          room -= stroke.events.length;
        }
        all.push({ ...gesture, strokes: clear });
      }
      return all;
    }

    showExamples() {
      const { gestures, lesson: weights } = teachData;
      return this.open({ gestures, seed: 0, without: [], weights }, FIRST, false);
    }

    beginOwn() {
      if (!this.mayThrowAway()) return;
      const gestures = [1, 2].map((number) => ({ name: `gesture ${number}`, strokes: [] }));
      this.teach();
      this.arrived = null;
      this.start(gestures, OWN, 0);
    }

    // Show the list, and what else one needs to teach; or only the pad and the network.
    teach(whether = true) {
      for (const { classList } of this.parts) classList.toggle("is-trying", !whether);
      this.gestures.drawPictures();
      this.redraw();
    }

    invite() {
      this.teach(false);
      this.invitation = teach.invitation(this.gestures.all, this.sent);
      this.say(this.invitation);
      if (this.lesson.trained) this.challenge = new teach.Challenge(this);
      else this.lesson.train();
    }

    // Whoever has shown something is asked before it goes.
    mayThrowAway() {
      const { all } = this.gestures;
      return !this.mine || !all.some(({ strokes }) => strokes.length) || confirm(THROWS);
    }

    startOver() {
      if (!this.mayThrowAway()) return;
      const linked = teach.fromHash(this.hash);
      const again = "These are the strokes of the link again.";
      this.work(() => (linked ? this.open(linked, again) : this.showExamples()), true);
    }

    // ---- Kept, opened and sent ----

    content() {
      const { lesson, score } = this;
      const settings = { seed: lesson.seed, without: [...lesson.without], score };
      const packed = teach.packed(this.gestures.all, settings);
      return { packed, lesson: lesson.content(), older: lesson.isOlder };
    }

    // The visitor has changed something.
    changed() {
      this.redraw();
      if (this.phase !== "ready") return;
      this.edits += 1;
      this.keep();
    }

    // Keep everything in this browser, one change after the other.
    async keep() {
      if (this.phase !== "ready" || this.keeping || this.edits === this.kept) return;
      const note = (text) => {
        this.controls.note.textContent = text;
      };
      this.keeping = true;
      const slow = setTimeout(note, SLOW, KEEPS_LATE);
      try {
        if (this.closed) throw new DOMException("closed", this.closed);
        while (this.edits !== this.kept) await this.keepOnce();
        note(KEEPS);
      } catch (error) {
        const why = `This browser keeps nothing of this page (${error?.name ?? "refused"})`;
        note(`${why}: download what you want to have again.`);
      }
      clearTimeout(slow);
      this.keeping = false;
      this.redraw();
    }

    async keepOnce() {
      const { edits } = this;
      const content = { ...this.content(), mine: this.mine };
      const other = await teach.keep(content, this.hash, this.turn);
      if (other) await this.work(() => this.settle(other), false);
      else {
        this.turn += 1;
        this.kept = edits;
      }
    }

    // Another tab has kept something since this one has seen what is kept.
    async settle(other) {
      const keepsOwn = confirm(OTHER_TAB);
      this.complete();
      await teach.setAside(keepsOwn ? other : this.content());
      if (!keepsOwn) {
        await this.take(other); // before its turn is passed, so that what can't be read stays
        this.kept = this.edits;
      }
      this.turn = other.turn ?? 0;
      await this.countAside();
    }

    async countAside() {
      this.aside = (await teach.allAside()).length;
      this.redraw();
    }

    // Show what another tab has kept, as soon as nothing goes on here.
    async follow() {
      this.behind = !this.isIdle;
      if (this.behind) return;
      const stored = await teach.kept(this.hash).catch(() => null);
      if (!stored || stored.turn <= this.turn) return;
      this.behind = !this.isIdle;
      if (this.behind) return;
      await this.work(async () => {
        await this.take(stored);
        this.turn = stored.turn;
      }, false);
      this.say("Another tab has changed these gestures: here they are.");
    }

    take({ packed, ...more }) {
      return this.open({ ...teach.unpacked(packed), ...more });
    }

    // content: of teach.unpacked, perhaps with the lesson that was learnt, or its weights, as the
    // examples have them. Nothing changes before all of it has been read.
    async open(content, text = AGAIN, isList = true) {
      const { gestures, seed, without, score, lesson, weights, mine, older } = content;
      const all = await this.filmed(gestures);
      this.start(all, text);
      this.lesson.seed = seed;
      this.lesson.without = new Set(without);
      this.sent = score;
      this.arrived = mine ? null : this.strokesNow();
      const count = (some) => some.flatMap(({ strokes }) => strokes).length;
      const left = count(gestures) - count(all);
      const stay = `${counted(left, "stroke")} caused hardly an event, or too many, and stayed away.`;
      if (left) this.say(`${text} ${stay}`);
      try {
        await shared.pause();
        const learnt = weights ? teach.lessonOf(weights, all) : lesson;
        await shared.pause();
        if (learnt) this.lesson.resume(learnt, older);
      } catch {
        this.say(`${text} The network can’t be read by this version of the page: press “train”.`);
      }
      if (this.lesson.trained) await this.learnt();
      this.teach(isList);
      this.controls.show();
    }

    async openFile(file) {
      try {
        const text = teach.unzip(await file.arrayBuffer(), teach.KEPT);
        const content = teach.unpacked(JSON.parse(text));
        if (!this.mayThrowAway()) return;
        const opened = `${file.name} is open: press “train” for its network.`;
        await this.work(() => this.open({ ...content, mine: true }, opened), true);
      } catch {
        this.say(
          `${file.name} is no whole zip file that “download strokes” of this page has made.`,
        );
      }
    }

    async copyLink() {
      const { packed } = this.content();
      const isCopy = location.protocol === "file:"; // of the book, on a disk
      const page = (isCopy && document.querySelector("link[rel=canonical]")?.href) || location.href;
      const hash = teach.toHash(packed);
      if (!hash)
        return this.say("Too much for a link: throw some strokes away, or send the zip file.");
      const but = teach.picturesOf(packed.gestures) ? FILMS : "";
      const { address } = this.controls;
      address.value = page.split("#")[0] + hash;
      try {
        await navigator.clipboard.writeText(address.value);
        this.say(`A link is copied. Whoever opens it is asked to draw what you have taught.${but}`);
      } catch {
        address.hidden = false;
        address.select();
        this.say(`The link stands below the buttons: copy it there.${but}`);
      }
    }

    saveStrokes() {
      const { packed } = this.content();
      teach.save(teach.strokeFiles(this.gestures.all, packed), "gestures.zip");
    }

    saveNetwork() {
      const { spiking, gestures } = this.lesson.trained;
      // A gesture that was deleted may have left its name to another.
      teach.save(teach.checkpoint(spiking, teach.ownNames(gestures)), "gestures.pt");
    }

    // Save what was set aside first, as a zip that can be opened here, if it can be read at all.
    async saveAside() {
      const [[place, content]] = await teach.allAside();
      const text = JSON.stringify({ ...content, ...content.packed });
      teach.save(teach.zip({ [teach.KEPT]: text }), "set-aside.zip");
      if (confirm(ON_DISK)) await teach.forget(place);
      await this.countAside();
    }

    // There is another network: strokes are asked about from now on. The list is drawn later, as the
    // network has taken long already.
    async learnt() {
      this.trials.complete();
      this.trials.forget();
      this.gestures.chosen = null;
      if (this.invitation) this.challenge = new teach.Challenge(this);
      await shared.pause();
      this.gestures.show();
    }

    // Strokes that wait are of the gesture that is chosen.
    chose() {
      const { trials, gestures } = this;
      if (!trials.waiting.length || gestures.chosen === null) return;
      trials.keep(trials.waiting);
      if (trials.waiting.length) return; // there was no room
      const { name } = gestures.current;
      this.say(`${name} has what you drew before. Click a picture to move it or throw it away.`);
    }

    // ---- What is seen ----

    draw() {
      const { canvases, recorder, trials } = this;
      const { classList } = this.drawing;
      if (this.behind && this.isIdle) this.follow();
      this.drawPad();
      this.ghost.loop.start();
      const rest = recorder.webcam ? 0 : trials.rest;
      shared.drawWindow(canvases.window, trials.glow, rest, ["accent", "accent"]);
      this.drawNearest();
      const { trained, goesOn, isOlder } = this.lesson;
      classList.toggle("is-untrained", !trained);
      classList.toggle("is-learning", this.phase !== "opening" && (!trained || goesOn || isOlder));
      classList.toggle("is-training", goesOn);
      classList.toggle("is-watching", this.watching.isOpen);
      this.watching.drawRow(goesOn);
      this.drawAnswers();
      this.controls.draw();
    }

    drawPad() {
      const { canvases, recorder, trials, ghost } = this;
      const { picture } = recorder.webcam ?? {};
      if (picture) return teach.drawWebcam(canvases.pad, picture);
      const { forwards, backwards } = this.isDrawing ? {} : trials.answers;
      if (this.showsBothWays)
        return teach.drawBothWays(canvases.pad, [
          this.wayOf("forwards", forwards),
          this.wayOf("backwards", backwards),
        ]);
      const hint = trials.path ? "" : "press and draw";
      const radius = ghost.isThere ? 0 : teach.RADIUS;
      motion.drawPad(canvases.pad, trials.path ?? [[0, 0]], radius, hint);
      if (ghost.isThere) return ghost.draw(canvases.pad);
      const { moment, network } = backwards ?? forwards ?? {};
      if (moment) teach.drawMoment(canvases.pad, moment, this.inkOf(network));
    }

    // Whether the pad shows a stroke and its reverse.
    get showsBothWays() {
      const { forwards, backwards } = this.trials.answers;
      return Boolean(!this.isDrawing && forwards?.path && backwards?.path);
    }

    // What the pad shows of an answer.
    wayOf(title, { path, moment, network, sum }) {
      const named = (answer) => {
        if (!answer) return { name: "nothing", share: "" };
        const { output, shares } = answer;
        const { name } = this.lesson.trained.gestures[output];
        return { name, share: `: ${shared.percent(shares[output])}` };
      };
      const known = network.known || network.almost;
      const answer = known ? named(network) : { name: "I don’t know", share: "" };
      const ink = known ? this.inkOf(network) : "grey";
      return { title, path, moment, ink, network: answer, sum: named(sum) };
    }

    // The colour of the gesture that an answer names.
    inkOf({ output }) {
      return this.gestures.inkOf(this.lesson.trained.gestures[output]);
    }

    // Over the events of a stroke that isn't known, the nearest example.
    drawNearest() {
      const { trials, gestures, lesson, canvases } = this;
      const { network, stroke } = trials.answers.forwards ?? {};
      if (!network?.example || network.known || trials.answers.backwards || this.pad.busy) return;
      const ink = gestures.inkOf(lesson.trained.gestures[network.nearest]);
      teach.drawCourse(canvases.window, network.example.course, stroke, ink);
    }

    drawAnswers() {
      const { canvases, trials, isDrawing } = this;
      const { trained } = this.lesson;
      const { gestures = [], order = [] } = trained ?? {};
      const inks = gestures.map((gesture) => this.gestures.inkOf(gesture));
      const names = gestures.map(({ name }) => name);
      // Of the network that is here now.
      const trial = trained && trials.trial?.by === trained ? trials.trial : null;
      const steps = trial?.steps ?? [];
      const span = shared.spanOf(steps, timeWindow);
      if (this.watching.isSeen && !isDrawing) this.watching.draw(canvases);
      else {
        shared.drawRaster(canvases.raster, order, inks, steps, span);
        teach.drawVoltages(canvases.voltages, names, inks, steps, trial?.answer?.output, span);
      }
      const shows = isDrawing && trials.way === "shown";
      const { forwards, backwards = forwards } = trials.answers;
      const { network, sum } = (isDrawing && !shows ? this.soFar(trial) : backwards) ?? {};
      const known = network?.output !== undefined && (network.known !== false || network.almost);
      const name = known ? `${names[network.output]}${network.almost ? "?" : ""}` : "I don’t know";
      const isWritten = network && !this.showsBothWays;
      this.name.textContent = isWritten ? name : "";
      this.name.classList.toggle("is-guess", isDrawing);
      const ink = known ? inks[network.output] : "grey";
      this.name.style.setProperty("--ink", `var(--interactive-${ink})`);
      const rivals = { "the sum": sum?.output, "the nearest example": network?.nearest };
      const said = Object.entries(rivals)
        .filter(([, output]) => isWritten && names[output])
        .map(([who, output]) => `${who}: ${names[output]}`);
      this.sum.textContent = shows ? "an example, drawn by the page" : said.join("\n");
    }

    // What a stroke is named while it is drawn.
    soFar(trial) {
      const enough = trial?.eventCount >= teach.MIN_EVENTS;
      return enough ? { network: trial.answer, sum: trial.blindAnswer } : null;
    }
  };
})(interactiveFigures);
