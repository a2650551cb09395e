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
  const { camera, slow_motion } = motionData.settings;
  const { timeWindow, settle } = teach.NETWORK;
  const KEEPS = "Strokes and network are kept in this browser until you start over or open others.";
  const KEEPS_LATE = "This browser hasn’t kept the last changes yet.";
  const AGAIN = "Your gestures are here again, as you left them.";
  const NAMES = `
    <output class="teach-name" aria-hidden="true" data-part="name"></output>
    <output class="teach-sum" aria-hidden="true" data-part="sum"></output>`;
  const FIRST =
    "Press and draw a tick, a zed or a circle on the pad, in either direction: the network names " +
    "it while you draw.";
  const OTHER_TAB =
    "Another tab has changed these gestures. OK keeps what you see here, Cancel takes what the " +
    "other tab has. What isn’t kept is set aside for a download.";
  const ON_DISK = "Is the file on your disk? OK forgets what was set aside, Cancel keeps it here.";

  teach.Figure = class {
    // A figure is opening, then ready, and working while it opens something else. Only while it is
    // ready can anything be clicked, is anything kept, and does it follow another tab.
    constructor(drawing, controls) {
      const random = mulberry32(Date.now());
      Object.assign(this, { drawing, below: controls, phase: "opening", random });
      this.said = ""; // what the summary says
      this.invitation = ""; // of a link, until its ten strokes are drawn
      this.challenge = null; // while ten strokes are asked for
      this.score = null; // of ten, to be sent
      this.aside = 0; // how many things were set aside
      // Changes so far; those that are kept, in this browser's turn; whether another tab was seen to
      // keep something.
      Object.assign(this, { edits: 0, kept: 0, keeping: false, behind: false });
      this.redraw = oncePerImage(() => this.draw());
      const about = "Gestures that you draw, and a network in this page that names them";
      this.canvases = shared.panels(drawing, about, PANELS, "teach", "motion");
      this.settings = {
        camera,
        radius: teach.RADIUS,
        frame_interval: teach.INTERVAL,
        time_window: timeWindow,
        settle_steps: settle / timeWindow,
        answerOf: teach.answerOf,
      };
      this.lesson = new teach.Lesson(this);
      this.recorder = new teach.Recorder(this, slow_motion);
      const { onOff, nothing } = this.recorder;
      this.gestures = new teach.Gestures(this, [onOff, nothing]);
      this.trials = new teach.Trials(this);
      this.pad = new teach.Pad(this.canvases.pad, this.trials, {
        about: "The pad: press and draw a gesture, or hold arrow keys",
        perFrame: (teach.INTERVAL / 1000) * slow_motion, // ms of the hand
      });
      this.controls = new teach.Controls(this, controls);
      this.arrange();
      this.teach(false);
      this.enter("opening");
      this.say("Looking for what you left here …", false);
    }

    // ---- What it does now ----

    enter(phase) {
      this.phase = phase;
      for (const part of [this.drawing, this.below]) part.inert = phase !== "ready";
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
      const { phase, keeping, edits, kept, lesson, trials, challenge } = this;
      const isKept = phase === "ready" && !keeping && edits === kept;
      return isKept && !this.isDrawing && !trials.waiting.length && !lesson.goesOn && !challenge;
    }

    get isDrawing() {
      return Boolean(this.pad.busy || this.trials.work || this.recorder.isRecording);
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
      Object.assign(this, { name, sum });
      this.canvases.pad.parentElement.append(content);
      this.drawing.append(this.controls.answer, this.gestures.list);
      const skip = (event) => {
        event.preventDefault();
        this.pad.grip.focus();
      };
      document
        .querySelector(".skip-link")
        ?.append(" ", element("a", { href: "#", textContent: "Skip to the pad", onclick: skip }));
    }

    watchPage() {
      const { drawing } = this;
      shared.keepDrawn(drawing, () => {
        this.gestures.drawPictures();
        this.redraw();
      });
      // By itself, once, where things may move: the first example.
      const first = () => {
        const [gesture] = this.gestures.all;
        const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
        if (!still && !this.trials.trial && !this.invitation) this.showExample(gesture);
      };
      shared.whileSeen(drawing, () => {}, first);
      teach.whenOtherTabKeeps(this.hash, () => this.follow());
      window.addEventListener("beforeunload", (event) => {
        const kept = this.edits === this.kept && !this.trials.waiting.length;
        if (!kept && !this.closed) event.preventDefault(); // the browser asks
      });
    }

    say(text, aloud = true) {
      this.said = text;
      if (aloud) this.controls.said.textContent = text;
      this.redraw();
    }

    // Let the page draw the first path of a gesture, and clear the pad again.
    showExample(gesture) {
      const { path } = gesture?.strokes.find((stroke) => stroke.path) ?? {};
      if (!path || this.pad.busy) return;
      this.trials.way = "shown";
      this.pad.play(path);
      const { trials } = this;
      trials.whenShown = (trial) =>
        setTimeout(() => {
          if (trials.trial !== trial || this.pad.busy) return;
          trials.clearPad();
          this.redraw();
        }, SHOWN);
    }

    // ---- What it begins with ----

    // Show what was kept or linked, or the examples, which the network knows already. beginning: of
    // teach.opening.
    async begin({ gestures, message, challenge, hash, turn, closed, ...more }) {
      Object.assign(this, { hash, turn, closed });
      if (!gestures) await this.showExamples();
      else await this.open({ gestures, ...more }, AGAIN);
      this.aside = (await teach.allAside().catch(() => [])).length;
      this.enter("ready");
      this.watchPage();
      if (message) this.say(message);
      else if (challenge) this.invite();
      this.redraw();
    }

    start(gestures, text, chosen = null) {
      const { pad, trials } = this;
      this.lesson.forget();
      pad.complete();
      trials.complete();
      const { waiting } = trials;
      trials.clear();
      trials.waiting = waiting; // for a gesture that is chosen
      Object.assign(this, { challenge: null, score: null, invitation: "" });
      this.gestures.start(gestures, chosen);
      this.say(text);
    }

    // A stroke with the events that the page shows of it.
    seen(record) {
      const stroke = teach.toStroke(record);
      return { ...stroke, events: teach.eventsOf(stroke, this.settings) };
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
          const stroke = this.seen(record);
          if (!teach.isClear(stroke.events, room)) continue;
          clear.push(stroke);
          room -= stroke.events.length;
        }
        all.push({ ...gesture, strokes: clear });
      }
      return all;
    }

    async showExamples() {
      const { gestures, lesson } = teachData;
      this.start(await this.filmed(gestures), FIRST);
      await shared.pause();
      Object.assign(this.lesson, { seed: 0, without: new Set() });
      const learnt = teach.lessonOf(lesson, this.gestures.all);
      await shared.pause();
      this.lesson.resume(learnt);
      this.arrived = this.strokesNow();
      this.learnt();
      this.teach(false);
      this.controls.show();
    }

    beginOwn() {
      if (!this.mayThrowAway()) return;
      const names = [1, 2].map((number) => ({ name: `gesture ${number}`, strokes: [] }));
      this.teach();
      this.arrived = null;
      this.start(
        names,
        "Draw gesture 1 on the pad, three to five times. Then choose gesture 2.",
        0,
      );
    }

    // Show the list, and what else one needs to teach; or only the pad and the network.
    teach(whether = true) {
      for (const { classList } of [this.drawing, this.below]) {
        classList.toggle("is-trying", !whether);
      }
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
      const question =
        "This throws your strokes and the network away. You can download them first. Go on?";
      const any = this.gestures.all.some(({ strokes }) => strokes.length);
      return !any || !this.mine || confirm(question);
    }

    startOver() {
      if (!this.mayThrowAway()) return;
      const linked = teach.fromHash(this.hash);
      const again = "These are the strokes of the link again.";
      this.work(() => (linked ? this.open(linked, again) : this.showExamples()), true);
    }

    // ---- Kept, opened and sent ----

    content() {
      const { seed, without } = this.lesson;
      const settings = { seed, without: [...without], score: this.score };
      return {
        packed: teach.packed(this.gestures.all, settings),
        lesson: this.lesson.content(),
        older: this.lesson.isOlder,
      };
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
      const { note } = this.controls;
      const refused = (name) => {
        note.textContent =
          `This browser keeps nothing of this page (${name}): ` +
          "download what you want to have again.";
      };
      if (this.phase !== "ready" || this.keeping || this.edits === this.kept) return;
      if (this.closed) return refused(this.closed);
      this.keeping = true;
      const slow = setTimeout(() => {
        note.textContent = KEEPS_LATE;
      }, SLOW);
      try {
        while (this.edits !== this.kept) await this.keepOnce();
        note.textContent = KEEPS;
      } catch (error) {
        refused(error?.name ?? "refused");
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
      else Object.assign(this, { turn: this.turn + 1, kept: edits });
    }

    // Another tab has kept something since this one has seen what is kept.
    async settle(other) {
      const keepsOwn = confirm(OTHER_TAB);
      this.pad.complete();
      this.trials.complete();
      await teach.setAside(keepsOwn ? other : this.content());
      if (!keepsOwn) {
        await this.take(other); // before its turn is passed, so that what can't be read stays
        this.kept = this.edits;
      }
      this.turn = other.turn ?? 0;
      this.aside = (await teach.allAside()).length;
    }

    // Show what another tab has kept, as soon as nothing goes on here.
    async follow() {
      this.behind = true;
      if (!this.isIdle) return;
      this.behind = false;
      const stored = await teach.kept(this.hash).catch(() => null);
      if (!stored || stored.turn <= this.turn) return;
      if (!this.isIdle) {
        this.behind = true;
        return;
      }
      await this.work(async () => {
        await this.take(stored);
        this.turn = stored.turn;
      }, false);
      this.say("Another tab has changed these gestures: here they are.");
    }

    take({ packed, ...more }) {
      return this.open({ ...teach.unpacked(packed), ...more }, AGAIN);
    }

    // content: of teach.unpacked, perhaps with the lesson that was learnt. Nothing changes before
    // all of it has been read.
    async open(content, text) {
      const { gestures, seed, without, score, lesson, mine, older = false } = content;
      const all = await this.filmed(gestures);
      this.teach();
      this.start(all, text);
      Object.assign(this.lesson, { seed, without: new Set(without) });
      this.sent = score;
      this.arrived = mine ? null : this.strokesNow();
      const count = (some) => some.flatMap(({ strokes }) => strokes).length;
      const left = count(gestures) - count(all);
      const stay = `${counted(left, "stroke")} caused hardly an event, or too many, and stayed away.`;
      if (left) this.say(`${text} ${stay}`);
      try {
        if (lesson) this.lesson.resume(lesson, older);
      } catch {
        this.say(`${text} The network can’t be read by this version of the page: press “train”.`);
      }
      if (this.lesson.trained) this.learnt();
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
      const films = teach.picturesOf(packed.gestures) > 0;
      const own = document.querySelector("link[rel=canonical]")?.href;
      const page = (location.protocol === "file:" && own) || location.href;
      const hash = teach.toHash(packed);
      if (!hash) {
        return this.say("Too much for a link: throw some strokes away, or send the zip file.");
      }
      const but = films ? " What the webcam saw isn’t in it: send the zip file." : "";
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
      const names = [];
      // A gesture that was deleted may have left its name to another.
      for (const { name } of gestures) names.push(teach.ownName(name, names));
      teach.save(teach.checkpoint(spiking, names), "gestures.pt");
    }

    // Save what was set aside first, as a zip that can be opened here, if it can be read at all.
    async saveAside() {
      const [[place, content]] = await teach.allAside();
      const text = JSON.stringify({ ...content, ...content.packed });
      teach.save(teach.zip({ [teach.KEPT]: text }), "set-aside.zip");
      if (confirm(ON_DISK)) await teach.forget(place);
      this.aside = (await teach.allAside()).length;
      this.redraw();
    }

    // There is another network.
    learnt() {
      this.trials.forget();
      this.gestures.choose(null);
      if (this.invitation) this.challenge = new teach.Challenge(this);
    }

    // Strokes that wait are of the gesture that is chosen.
    chose() {
      const { trials, gestures } = this;
      if (!trials.waiting.length || gestures.chosen === null) return;
      trials.keep(trials.waiting);
      if (trials.waiting.length) return; // there was no room
      const { name } = gestures.all[gestures.chosen];
      this.say(`${name} has what you drew before. Click a picture to move it or throw it away.`);
    }

    // ---- What is seen ----

    draw() {
      const { canvases, recorder, trials } = this;
      if (this.behind && this.isIdle) this.follow();
      if (recorder.picture) teach.drawWebcam(canvases.pad, recorder.picture);
      else {
        const hint = trials.path ? "" : "press and draw";
        motion.drawPad(canvases.pad, trials.path ?? [[0, 0]], teach.RADIUS, hint);
      }
      const rest = recorder.webcam ? 0 : trials.rest;
      shared.drawWindow(canvases.window, trials.glow, rest, ["accent", "accent"]);
      this.drawNearest();
      const { classList } = this.drawing;
      const { trained, goesOn, isOlder } = this.lesson;
      classList.toggle("is-untrained", !trained);
      classList.toggle("is-learning", this.phase !== "opening" && (!trained || goesOn || isOlder));
      this.drawAnswers();
      this.controls.draw();
    }

    // Over the events of a stroke that isn't known, the nearest example.
    drawNearest() {
      const { trials, gestures, lesson, canvases } = this;
      const { network, stroke } = trials.answers.forwards ?? {};
      if (!network?.example || network.known || trials.answers.backwards || this.pad.busy) return;
      const ink = teach.inkOf(lesson.trained.gestures[network.nearest], gestures.all);
      teach.drawCourse(canvases.window, network.example.course, stroke, ink);
    }

    drawAnswers() {
      const { canvases, trials } = this;
      const { trained } = this.lesson;
      const { gestures = [], order = [] } = trained ?? {};
      const inks = gestures.map((gesture) => teach.inkOf(gesture, this.gestures.all));
      // Of the network that is here now.
      const trial = trained && trials.trial?.by === trained ? trials.trial : null;
      const steps = trial?.steps ?? [];
      shared.drawRaster(canvases.raster, order, inks, steps, shared.spanOf(steps, timeWindow));
      const names = gestures.map(({ name }) => name);
      const leader = trial?.answer?.output;
      teach.drawVoltages(canvases.voltages, names, inks, steps, leader, timeWindow);
      const shows = this.isDrawing && trials.way === "shown";
      const live = this.isDrawing && !shows;
      const answers = live
        ? { network: trial?.answer, sum: trial?.blindAnswer }
        : (trials.answers.backwards ?? trials.answers.forwards);
      // What was answered stays, even when the network has learnt on meanwhile.
      const isEarly = live && !(trial?.eventCount >= teach.MIN_EVENTS);
      const named = isEarly ? null : answers?.network;
      const known = named?.output !== undefined && (named.known !== false || named.almost);
      const name = known ? `${names[named.output]}${named.almost ? "?" : ""}` : "I don’t know";
      this.name.textContent = named ? name : "";
      this.name.classList.toggle("is-guess", this.isDrawing);
      const ink = known ? inks[named.output] : "grey";
      this.name.style.setProperty("--ink", `var(--interactive-${ink})`);
      const rivals = { "the sum": answers?.sum?.output, "the nearest example": named?.nearest };
      const said = Object.entries(rivals)
        .filter(([, output]) => named && names[output])
        .map(([who, output]) => `${who}: ${names[output]}`);
      this.sum.textContent = shows ? "an example, drawn by the page" : said.join("\n");
    }
  };
})(window.interactiveFigures);
