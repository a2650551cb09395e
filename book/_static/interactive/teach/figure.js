// The figure: what it shows, what it keeps, and what is sent and opened.
(({ counted, element, oncePerImage, mulberry32, motion, motionData, shared, teach, teachData }) => {
  const PANELS = {
    pad: "draw here (1 s is 33 ms)",
    window: "its events, in the middle",
    raster: "spiking neurons",
    voltages: "a voltage for each gesture",
    loss: "loss, and left-out strokes that are right",
  };
  const PATIENCE = 20; // ms of work at a time, so that the page doesn't wait
  const { camera, slow_motion } = motionData.settings;
  const { timeWindow, settle } = teach.NETWORK;
  const KEEPS = "Strokes and network are kept in this browser until you start over or open others.";
  const AGAIN = "Your gestures are here again, as you left them.";
  const OTHER_TAB =
    "Another tab has changed these gestures. OK keeps what you see here, Cancel takes what the " +
    "other tab has. What isn’t kept is set aside for a download.";

  teach.Figure = class {
    // beginning: what to go on with, of teach.opening.
    constructor(controls, drawing, beginning) {
      this.drawing = drawing;
      this.random = mulberry32(Date.now());
      this.said = ""; // what the summary says
      this.older = false; // whether the network is older than the strokes
      this.challenge = null; // while ten strokes are asked for
      this.score = null; // of ten, to be sent
      this.aside = null; // what was set aside, as a text
      Object.assign(this, { hash: beginning.hash, turn: beginning.turn, mine: false });
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
      this.watchPage();
    }

    state() {
      const { gestures, lesson, trials, pad, recorder, challenge, score } = this;
      const { trained, training } = lesson;
      const { trial, answers } = trials;
      const [{ all, chosen }, { busy }, { webcam }] = [gestures, pad, recorder];
      return {
        ...{ gestures: all, chosen, trained, training, trial, answers, busy, webcam },
        ...{ challenge, score },
      };
    }

    // The name of the answer lies over the pad; the rest has a place in the grid.
    arrange() {
      this.name = element("output", { className: "teach-name", ariaHidden: "true" });
      this.sum = element("output", { className: "teach-sum", ariaHidden: "true" });
      const { countdown, holder } = this.recorder;
      this.canvases.pad.parentElement.append(this.name, this.sum, countdown, holder);
      const side = element("div", { className: "teach-side" }, this.canvases.loss.parentElement);
      this.drawing.append(this.controls.answer, this.gestures.list, side);
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
      // By itself, once: the first example.
      shared.whileSeen(
        drawing,
        () => {},
        () => {
          const { path } = this.gestures.all[0]?.strokes.find((stroke) => stroke.path) ?? {};
          if (path && !this.trials.trial && !this.challenge) this.show(path);
        },
      );
      drawing.ondragover = (event) => event.preventDefault();
      drawing.ondrop = (event) => {
        event.preventDefault();
        if (event.dataTransfer.files[0]) this.openFile(event.dataTransfer.files[0]);
      };
      teach.whenOtherTabKeeps(this.hash, () => this.follow());
    }

    say(text, aloud = true) {
      this.said = text;
      if (aloud) this.controls.spoken.textContent = text;
      this.redraw();
    }

    // Let the page draw a path.
    show(path) {
      if (this.pad.busy) return;
      this.trials.way = "shown";
      this.pad.play(path);
    }

    // ---- What it begins with ----

    // Show what was opened, or the examples, which the network knows already.
    async begin({ gestures, message, challenge, ...more }) {
      if (!gestures) await this.showExamples(false);
      else await this.open({ gestures, ...more }, AGAIN, false);
      if (message) this.say(message);
      else if (challenge) this.invite();
      this.aside = await teach.allAside().catch(() => null);
      this.redraw();
    }

    start(gestures, text, chosen = null) {
      const { waiting } = this.trials;
      this.lesson.forget();
      this.pad.complete();
      this.trials.complete();
      this.trials.clear();
      this.challenge = this.score = null;
      this.older = false;
      this.gestures.start(gestures, chosen);
      this.say(text);
      if (waiting.length && chosen !== null) this.trials.keep(waiting);
    }

    // A stroke with the events that the page shows of it.
    seen(record) {
      const stroke = teach.toStroke(record);
      return { ...stroke, events: teach.eventsOf(stroke, this.settings) };
    }

    // Gestures of records with all their strokes, but for those that cause hardly an event.
    async filmed(gestures) {
      let since = performance.now();
      const all = [];
      for (const { strokes, ...gesture } of gestures) {
        const seen = [];
        for (const record of strokes) {
          seen.push(this.seen(record));
          if (performance.now() - since < PATIENCE) continue;
          await new Promise((goOn) => {
            setTimeout(goOn);
          });
          since = performance.now();
        }
        const clear = seen.filter(({ events }) => events.length >= teach.MIN_EVENTS);
        all.push({ ...gesture, strokes: clear });
      }
      return all;
    }

    // keeps: whether that is a change, which is kept.
    async showExamples(keeps) {
      const { gestures, lesson } = teachData;
      const all = await this.filmed(gestures);
      this.quiet = !keeps;
      this.start(
        all,
        "This network knows six gestures: a tick, a zed and a circle, and each of them " +
          "backwards. Draw one, and watch it being named.",
      );
      Object.assign(this.lesson, { seed: 0, without: new Set(), knobs: teach.AS_IT_IS });
      this.lesson.resume(teach.lessonOf(lesson, this.gestures.all));
      this.learnt();
      this.teach(false);
      this.controls.show();
      this.quiet = false;
    }

    beginOwn() {
      if (!this.mayThrowAway()) return;
      const names = [1, 2].map((number) => ({ name: `gesture ${number}`, strokes: [] }));
      this.teach();
      this.start(
        names,
        "Draw gesture 1 on the pad, three to five times. Then choose gesture 2.",
        0,
      );
    }

    // Show the list, and what else one needs to teach; or only the pad and the network.
    teach(whether = true) {
      for (const { classList } of [this.drawing, this.controls.below]) {
        classList.toggle("is-trying", !whether);
      }
      this.gestures.drawPictures();
      this.redraw();
    }

    invite() {
      const { all } = this.gestures;
      this.teach(false);
      const words = teach.invitation(all, this.sent);
      if (this.lesson.trained) {
        this.challenge = new teach.Challenge(this, `${words} `);
        return;
      }
      this.challenged = true;
      this.lesson.train();
      this.say(words);
    }

    // Whoever has shown something is asked before it goes.
    mayThrowAway() {
      const question =
        "This throws your strokes and the network away. You can download them first. Go on?";
      return !this.mine || confirm(question);
    }

    async startOver() {
      if (!this.mayThrowAway()) return;
      this.mine = false;
      const linked = teach.fromHash(this.hash);
      if (linked) await this.open(linked, "These are the strokes of the link again.");
      else await this.showExamples(true);
    }

    // ---- Kept, opened and sent ----

    content() {
      const { seed, without, knobs } = this.lesson;
      const settings = { seed, without: [...without], knobs, score: this.score };
      return {
        packed: teach.packed(this.gestures.all, settings),
        lesson: this.lesson.content(),
        older: this.older,
        mine: this.mine,
      };
    }

    // The visitor has changed something of the strokes.
    touch() {
      this.mine = true;
      this.older = true;
    }

    // Keep everything in this browser, one change after the other.
    async changed() {
      this.redraw();
      if (this.quiet) return;
      this.unkept = true;
      if (this.keeping) return;
      this.keeping = true;
      try {
        while (this.unkept) {
          this.unkept = false;
          const other = await teach.keep(this.content(), this.hash, this.turn);
          if (other) await this.settle(other);
          else this.turn += 1;
        }
        this.controls.note.textContent = KEEPS;
      } catch (error) {
        this.controls.note.textContent =
          `This browser keeps nothing of this page (${error?.name ?? "refused"}): ` +
          "download what you want to have again.";
      }
      this.keeping = false;
    }

    // Another tab has kept something since this one has seen what is kept.
    async settle(other) {
      this.turn = other.turn ?? 0;
      this.unkept = confirm(OTHER_TAB);
      await teach.setAside(this.unkept ? other : this.content());
      if (!this.unkept) await this.take(other);
      this.aside = await teach.allAside();
      this.redraw();
    }

    // Show what another tab has kept, if nothing is being kept here.
    async follow() {
      const stored = await teach.kept(this.hash).catch(() => null);
      if (!stored || this.keeping || stored.turn <= this.turn) return;
      this.turn = stored.turn;
      await this.take(stored);
      this.say("Another tab has changed these gestures: here they are.");
    }

    take({ packed, ...more }) {
      return this.open({ ...teach.unpacked(packed), ...more }, AGAIN, false);
    }

    // content: of teach.unpacked, perhaps with the lesson that was learnt. Nothing changes before
    // all of it has been read.
    async open(content, text, keeps = true) {
      const {
        gestures,
        seed,
        without,
        knobs,
        score,
        lesson,
        mine = false,
        older = false,
      } = content;
      const all = await this.filmed(gestures);
      this.quiet = !keeps;
      this.teach();
      this.start(all, text);
      Object.assign(this.lesson, { seed, without: new Set(without), knobs });
      this.sent = score;
      const count = (some) => some.flatMap(({ strokes }) => strokes).length;
      const left = count(gestures) - count(all);
      if (left)
        this.say(`${text} ${counted(left, "stroke")} caused hardly an event and stayed away.`);
      try {
        if (lesson) this.lesson.resume(lesson);
      } catch {
        this.say(`${text} The network can’t be read by this version of the page: press “train”.`);
      }
      if (this.lesson.trained) this.learnt();
      Object.assign(this, { mine, older });
      this.controls.show();
      this.quiet = false;
    }

    async openFile(file) {
      try {
        const text = teach.unzip(await file.arrayBuffer(), teach.KEPT);
        const content = teach.unpacked(JSON.parse(text));
        if (!this.mayThrowAway()) return;
        const opened = `${file.name} is open: press “train” for its network.`;
        await this.open({ ...content, mine: true }, opened);
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
        this.say(
          `A link is copied, of ${hash.length.toLocaleString("en")} characters. Whoever opens it ` +
            `is asked to draw what you have taught.${but}`,
        );
      } catch {
        address.hidden = false;
        address.select();
        this.say(`The link stands below the buttons: copy it there.${but}`);
      }
    }

    saveStrokes() {
      const used = this.gestures.all.map((gesture) => ({
        ...gesture,
        strokes: teach.used(gesture),
      }));
      teach.save(teach.strokeFiles(used, this.content().packed), "gestures.zip");
    }

    saveNetwork() {
      const { spiking, gestures } = this.lesson.trained;
      const names = gestures.map(({ name }) => name);
      teach.save(teach.checkpoint(spiking, names), "gestures.pt");
    }

    saveAside() {
      teach.save(new Blob([this.aside], { type: "application/json" }), "set-aside.json");
    }

    // There is another network.
    learnt() {
      this.trials.forget();
      this.gestures.choose(null);
      if (this.challenged) this.challenge = new teach.Challenge(this, "");
      this.challenged = false;
    }

    // Strokes that wait are of the gesture that is chosen.
    chose() {
      const { trials, gestures } = this;
      if (trials.waiting.length && gestures.chosen !== null) trials.keep(trials.waiting);
    }

    // ---- What is seen ----

    draw() {
      const { canvases, recorder, trials } = this;
      if (recorder.picture) teach.drawWebcam(canvases.pad, recorder.picture);
      else {
        const hint = trials.path ? "" : "press and draw";
        motion.drawPad(canvases.pad, trials.path ?? [[0, 0]], teach.RADIUS, hint);
      }
      const rest = recorder.webcam ? 0 : trials.rest;
      shared.drawWindow(canvases.window, trials.glow, rest, ["accent", "accent"]);
      this.drawNearest();
      teach.drawLoss(canvases.loss, this.lesson.training?.progress ?? []);
      this.drawing.classList.toggle("is-untrained", !this.lesson.trained);
      this.drawAnswers();
      this.controls.draw();
    }

    // Over the events of a stroke that isn't known, the nearest example.
    drawNearest() {
      const { trials, gestures, lesson, canvases } = this;
      const { network } = trials.answers.forwards ?? {};
      if (!network?.example || network.known || trials.answers.backwards || this.pad.busy) return;
      const gesture = lesson.trained.gestures[network.nearest];
      const ink = teach.inkOf(gesture, gestures.all);
      teach.drawCourse(canvases.window, network.example.course, trials.last, ink);
    }

    drawAnswers() {
      const { canvases, trials, pad } = this;
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
      const live = { network: trial?.answer, sum: trial?.blindAnswer };
      const judged = trials.answers.backwards ?? trials.answers.forwards;
      const goesOn = pad.busy || trials.work || this.recorder.watch?.gesture;
      const answers = goesOn ? live : judged;
      const named = trial && trial.eventCount >= teach.MIN_EVENTS ? answers?.network : null;
      const known = named?.output !== undefined && (named.known !== false || named.almost);
      const name = known ? `${names[named.output]}${named.almost ? "?" : ""}` : "I don’t know";
      this.name.textContent = named ? name : "";
      const ink = known ? inks[named.output] : "grey";
      this.name.style.setProperty("--ink", `var(--interactive-${ink})`);
      this.sum.textContent = named && answers.sum ? `the sum: ${names[answers.sum.output]}` : "";
    }
  };
})(window.interactiveFigures);
