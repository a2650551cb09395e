// The figure: its panels, its controls, and the webcam, which takes the pad's place.
(({
  counted,
  element,
  oncePerImage,
  addRow,
  addSliders,
  button,
  mulberry32,
  motion,
  motionData,
  shared,
  teach,
}) => {
  const PANELS = {
    pad: "draw here (1 s is 33 ms)",
    window: "its events, in the middle",
    loss: "loss, and left-out strokes that are right",
    raster: "32 spiking neurons",
    voltages: "a voltage for each gesture",
  };
  const EXAMPLES = 5; // strokes of each example
  const NOTHING = 10_000; // ms in which strokes are recorded that aren't gestures
  const { camera, frame_interval, slow_motion } = motionData.settings;
  const { timeWindow, settle } = teach.NETWORK;

  teach.Figure = class {
    // beginning: what to go on with, of teach.opening.
    constructor(controls, drawing, beginning) {
      this.drawing = drawing;
      this.random = mulberry32(Date.now());
      this.hash = beginning.hash; // of the link that the page was opened by
      this.webcam = null; // { stop, picture } while it is on
      this.said = ""; // what the summary says
      this.redraw = oncePerImage(() => this.draw());
      this.canvases = shared.panels(
        drawing,
        "Gestures that you show, and a network that learns them in this page",
        PANELS,
        "teach",
        "motion",
      );
      this.webcamButton = button("webcam", () => this.useWebcam());
      this.lesson = new teach.Lesson(this);
      this.settings = {
        camera,
        radius: teach.RADIUS,
        frame_interval,
        time_window: timeWindow,
        settle_steps: settle / timeWindow,
        answerOf: teach.answerOf,
      };
      this.gestures = new teach.Gestures(this, [
        button("my own gestures", () => this.beginOwn()),
        this.webcamButton,
        button("teach it nothing", () => this.teachNothing()),
      ]);
      this.trials = new teach.Trials(this);
      const perFrame = (frame_interval / 1000) * slow_motion; // ms of the hand
      this.pad = new teach.Pad(this.canvases.pad, this.trials, {
        about: "The pad: press and draw a gesture, or hold arrow keys",
        perFrame,
      });
      this.addControls(controls);
      this.keepDrawn();
      if (beginning.gestures) this.open(beginning);
      else this.showExamples();
      if (beginning.message) this.say(beginning.message);
    }

    state() {
      const {
        gestures: { all: gestures, chosen },
        lesson: { trained, training },
        trials: { trial, answers },
        pad: { busy },
        webcam,
      } = this;
      return { gestures, trained, training, trial, answers, busy, chosen, webcam };
    }

    keepDrawn() {
      shared.keepDrawn(this.drawing, () => {
        this.gestures.drawPictures();
        this.redraw();
      });
      shared.whileSeen(
        this.drawing,
        () => {},
        () => {
          // by itself, once: the first example
          const stroke = this.gestures.all[0].strokes.find(({ path }) => path);
          if (this.pad.busy || this.trials.trial || !stroke) return;
          this.trials.way = "shown";
          this.pad.play(stroke.path);
        },
      );
    }

    say(text, aloud = true) {
      this.said = text;
      if (aloud) this.spoken.textContent = text;
      this.redraw();
    }

    // ---- Gestures to begin with ----

    start(gestures, text, chosen = null) {
      const { waiting } = this.trials;
      this.lesson.forget();
      this.pad.complete();
      this.trials.clear();
      this.gestures.start(gestures, chosen);
      this.say(text);
      if (waiting.length && chosen !== null) this.trials.keep(waiting);
    }

    // A stroke with the events that the page shows of it.
    seen(record) {
      const stroke = teach.toStroke(record);
      return { ...stroke, events: teach.eventsOf(stroke, this.settings) };
    }

    showExamples() {
      const example = (name) => ({
        name,
        strokes: Array.from({ length: EXAMPLES }, () =>
          this.seen(teach.toKeep({ path: teach.exampleOf(name, this.random) })),
        ),
      });
      this.start(
        teach.EXAMPLES.map(example),
        "Six example gestures are here, in pairs that differ in direction only. Press " +
          "“train”, or begin your own.",
      );
    }

    beginOwn() {
      if (!this.mayThrowAway()) return;
      this.start(
        [1, 2].map((number) => ({ name: `gesture ${number}`, strokes: [] })),
        "Draw gesture 1 on the pad, three to five times. Then choose gesture 2.",
        0,
      );
    }

    // Whoever has shown something is asked before it goes.
    mayThrowAway() {
      return (
        !this.mine ||
        confirm(
          "This throws your strokes and the network away. You can download them first. Go on?",
        )
      );
    }

    startOver() {
      if (!this.mayThrowAway()) return;
      Object.assign(this.lesson, { seed: 0 });
      this.mine = false;
      this.showExamples();
    }

    // ---- Kept, opened and sent ----

    content() {
      const { all } = this.gestures;
      const { seed, without, knobs, trained } = this.lesson;
      return {
        packed: teach.packed(all, { seed, without: [...without], knobs }),
        lesson: trained?.lesson ?? null,
        mine: Boolean(this.mine),
      };
    }

    // Keep everything in this browser, one change after the other.
    async changed() {
      this.redraw();
      this.unkept = true;
      if (this.keeping) return;
      this.keeping = true;
      try {
        for (; this.unkept; await teach.keep(this.content(), this.hash)) this.unkept = false;
        this.note.textContent =
          "Strokes and network are kept in this browser until you start over.";
      } catch (error) {
        this.note.textContent =
          `This browser keeps nothing of this page (${error?.name ?? "refused"}): ` +
          "download what you want to have again.";
      }
      this.keeping = false;
    }

    // content: of teach.unpacked, perhaps with the lesson that was learnt.
    open(
      { gestures, seed, without, knobs, lesson, mine },
      text = "Your gestures are here again, as you left them.",
    ) {
      const strokesOf = ({ strokes }) =>
        strokes
          .map((stroke) => ({ ...stroke, events: teach.eventsOf(stroke, this.settings) }))
          .filter(({ events }) => events.length >= teach.MIN_EVENTS);
      this.start(
        gestures.map((gesture) => ({ ...gesture, strokes: strokesOf(gesture) })),
        text,
      );
      Object.assign(this.lesson, { seed, without: new Set(without), knobs });
      this.mine = mine;
      if (lesson) {
        this.lesson.resume(lesson);
        this.learnt();
      }
      this.showKnobs();
    }

    async openFile(file) {
      try {
        const content = teach.unpacked(
          JSON.parse(await teach.unzip(await file.arrayBuffer(), teach.KEPT)),
        );
        if (!this.mayThrowAway()) return;
        this.open(
          { ...content, mine: true },
          `${file.name} is open: press “train” for its network.`,
        );
      } catch {
        this.say(`${file.name} is no zip file that “download strokes” of this page has made.`);
      }
    }

    async copyLink() {
      const { packed } = this.content();
      const films = packed.gestures.some(({ strokes }) => strokes.some(({ light }) => light));
      const page =
        location.protocol === "file:"
          ? document.querySelector("link[rel=canonical]")?.href
          : location.href;
      const hash = teach.toHash(packed);
      if (!hash)
        return this.say("Too much for a link: throw some strokes away, or send the zip file.");
      const but = films ? " What the webcam saw isn’t in it: send the zip file." : "";
      try {
        await navigator.clipboard.writeText((page ?? location.href).split("#")[0] + hash);
        this.say(
          `A link is copied, of ${hash.length.toLocaleString("en")} characters: who ` +
            `opens it has these strokes and this seed.${but}`,
        );
      } catch {
        history.replaceState(null, "", hash);
        this.say(`The link stands in the address bar now: copy it there.${but}`);
      }
    }

    save(make, name) {
      try {
        teach.save(make(), name);
      } catch (error) {
        this.say(`This browser lets the page save no file (${error.name}).`);
      }
    }

    // For some seconds, strokes are of what isn't a gesture.
    teachNothing() {
      this.gestures.chooseNothing();
      const { strokes } = this.gestures.all[this.gestures.chosen];
      const before = strokes.length;
      const what = this.webcam
        ? "move as you do between gestures, or let somebody pass"
        : "scribble what isn’t a gesture";
      this.say(`For ten seconds, ${what}.`);
      if (this.watch) this.watch.all = true;
      clearTimeout(this.nothingEnds);
      this.nothingEnds = setTimeout(() => {
        this.pad.complete();
        this.watch?.cut();
        if (this.watch) this.watch.all = false;
        this.gestures.choose(null);
        this.say(
          `The ten seconds are over: ${counted(strokes.length - before, "piece")} of ` +
            "nothing. Press “train”, so that the network knows.",
        );
      }, NOTHING);
    }

    learnt() {
      this.trials.forget();
      this.gestures.choose(null);
    }

    // Strokes that wait are of the gesture that is chosen.
    chose() {
      const { trials, gestures } = this;
      if (trials.waiting.length && gestures.chosen !== null) trials.keep(trials.waiting);
    }

    // ---- What is seen ----

    draw() {
      const {
        canvases,
        drawing,
        pad,
        webcam,
        trials,
        lesson: { trained, training, goesOn },
      } = this;
      if (webcam?.picture) teach.drawWebcam(canvases.pad, webcam.picture);
      else
        motion.drawPad(
          canvases.pad,
          trials.path ?? [[0, 0]],
          teach.RADIUS,
          trials.path ? "" : "press and draw",
        );
      shared.drawWindow(canvases.window, trials.glow, webcam ? 0 : trials.rest, [
        "accent",
        "accent",
      ]);
      teach.drawLoss(canvases.loss, training?.progress ?? []);
      this.drawAnswers();
      this.summary.textContent = this.said;
      this.trainer.textContent = goesOn ? "stop" : "train";
      this.again.disabled = this.networkOut.disabled = !trained;
      this.backwards.disabled = !trained || !trials.last;
      this.strokesOut.disabled = this.linkOut.disabled = !this.gestures.all.some(
        (gesture) => teach.used(gesture).length,
      );
      drawing.classList.toggle("is-untrained", !trained);
      this.progressBar.value = training?.progress.at(-1)?.share ?? 0;
      const { right, asked, open } = trials.score;
      for (const judge of this.judges) judge.disabled = !open;
      this.scored.textContent = asked ? `${right} of ${asked} right` : "";
    }

    drawAnswers() {
      const {
        canvases,
        lesson: { trained },
        trials,
      } = this;
      const { classes = [], order = [], inks = [] } = trained ?? {};
      // Of the network that is here now.
      const trial = trained && trials.trial?.by === trained ? trials.trial : null;
      const steps = trial?.steps ?? [];
      const live = { network: trial?.answer, sum: trial?.blindAnswer };
      shared.drawRaster(canvases.raster, order, inks, steps, shared.spanOf(steps, timeWindow));
      const { silent, saturated, text } = teach.describeNeurons(steps, order.length);
      canvases.raster.previousSibling.textContent = steps.length
        ? `${order.length} neurons: ${silent} silent, ${saturated} saturated`
        : PANELS.raster;
      this.neurons.textContent = text;
      teach.drawVoltages(canvases.voltages, classes, inks, steps, live.network?.output, timeWindow);
      for (const [way, models] of Object.entries(this.cells)) {
        const answers =
          trials.answers[way] ?? (way === trials.way && trained && this.pad.busy ? live : null);
        for (const [model, cell] of Object.entries(models))
          cell.textContent = answers?.[model] ? trials.named(answers[model]) : "";
      }
    }

    // ---- Controls ----

    addControls(controls) {
      const { lesson, gestures } = this;
      [this.summary, this.spoken] = shared.texts("teach", "motion");
      const { score, cells } = motion.score();
      score.classList.add("teach-score");
      this.cells = cells;
      this.progressBar = element("progress", { max: 1, value: 0, ariaLabel: "Training" });
      this.trainer = Object.assign(
        button("train", () => lesson.train()),
        { className: "teach-train" },
      );
      this.again = button("another seed", () => lesson.withAnotherSeed());
      const [answer, side] = ["answer", "side"].map((name) =>
        element("div", { className: `interactive-controls teach-${name}` }),
      );
      this.drawing.append(answer, gestures.list, side);
      this.judges = [
        button("right", () => this.trials.judge(true)),
        button("wrong", () => this.trials.judge(false)),
      ];
      this.scored = element("span", { className: "teach-scored" });
      answer.append(this.summary, this.spoken);
      addRow(answer, "The answer is", ...this.judges, this.scored);
      addRow(side, this.trainer, this.progressBar, this.again);
      side.append(score, this.canvases.loss.parentElement);
      const playBackwards = () => this.trials.playBackwards(this.pad);
      this.backwards = button("play it backwards (B)", playBackwards);
      this.switches = Object.entries(teach.WITHOUT).map(([name, label]) => {
        const input = element("input", {
          type: "checkbox",
          name,
          onchange: () => lesson.doWithout(name, input.checked),
        });
        return element("label", {}, input, label);
      });
      addRow(controls, this.backwards, ...this.switches);
      this.addKnobs(controls);
      this.addFiles(controls);
      const skip = (event) => {
        event.preventDefault();
        this.pad.grip.focus();
      };
      document
        .querySelector(".skip-link")
        ?.append(" ", element("a", { href: "#", textContent: "Skip to the pad", onclick: skip }));
      shared.onKey("b", playBackwards, () =>
        [document.body, this.pad.grip].includes(document.activeElement),
      );
    }

    addKnobs(controls) {
      const folded = element(
        "details",
        { className: "teach-knobs" },
        element("summary", { textContent: "turn the knobs" }),
      );
      const sliders = element("div", { className: "interactive-controls" });
      this.sliders = addSliders(sliders, teach.KNOBS, () => {
        this.lesson.knobs = this.sliders.values();
        this.changed();
      });
      const reset = button("as it was", () => {
        this.lesson.knobs = teach.AS_IT_IS;
        this.showKnobs();
      });
      this.neurons = element("p", { className: "teach-neurons" });
      folded.append(sliders, this.neurons, reset, " Knobs hold from the next training on.");
      controls.append(folded);
    }

    // The controls as a lesson has them.
    showKnobs() {
      for (const [name, value] of Object.entries(this.lesson.knobs)) this.sliders.set(name, value);
      for (const label of this.switches)
        label.firstChild.checked = this.lesson.without.has(label.firstChild.name);
      this.changed();
    }

    addFiles(controls) {
      const { lesson, gestures } = this;
      const withUsed = () =>
        gestures.all.map((gesture) => ({ ...gesture, strokes: teach.used(gesture) }));
      const chooser = element("input", {
        type: "file",
        accept: ".zip",
        hidden: true,
        ariaLabel: "A zip file of strokes",
      });
      chooser.onchange = () => {
        if (chooser.files[0]) this.openFile(chooser.files[0]);
        chooser.value = "";
      };
      this.strokesOut = button("download strokes", () =>
        this.save(() => teach.strokeFiles(withUsed(), this.content().packed), "gestures.zip"),
      );
      this.networkOut = button("download network", () =>
        this.save(
          () => teach.checkpoint(lesson.trained.spiking, lesson.trained.classes),
          "gestures.pt",
        ),
      );
      this.linkOut = button("copy link", () => this.copyLink());
      addRow(
        controls,
        this.strokesOut,
        button("open strokes", () => chooser.click()),
        chooser,
        this.linkOut,
        this.networkOut,
        button("start over", () => this.startOver()),
      );
      this.note = element("p", { className: "teach-note" });
      controls.append(this.note);
      this.drawing.ondragover = (event) => event.preventDefault();
      this.drawing.ondrop = (event) => {
        event.preventDefault();
        if (event.dataTransfer.files[0]) this.openFile(event.dataTransfer.files[0]);
      };
    }

    // ---- The webcam ----

    async useWebcam() {
      if (this.webcam) return this.closeWebcam("The webcam is off.");
      const watch = (this.watch = this.watchGestures());
      try {
        const stop = await teach.openWebcam(
          (picture, now) => {
            watch.watch(picture, now);
            this.webcam = { stop, picture };
            this.redraw();
          },
          () => this.closeWebcam(teach.whyNoCamera()),
        );
        this.webcam = { stop, picture: null };
        this.webcamButton.textContent = "webcam off";
        this.say(
          "Hold still for a second, then move a hand. A gesture is what happens from rest to rest.",
        );
      } catch (error) {
        this.say(teach.whyNoCamera(error));
      }
    }

    // Gestures before the webcam are trials, unless there is a stroke on the pad.
    watchGestures() {
      const { trials, pad } = this;
      let free = true;
      const watch = new teach.MotionWatch({
        slow: slow_motion,
        began: (gesture) => {
          if ((free = !pad.busy)) trials.begin(gesture.pictures[0]);
        },
        moved: (picture, interval) => {
          if (free) trials.see(trials.trial.film(picture, interval), interval);
        },
        ended: (gesture) => {
          if (free) trials.end(gesture);
        },
        seen: (events, interval) => {
          if (!watch.gesture) trials.glow.add(events, interval);
        },
      });
      return watch;
    }

    closeWebcam(text) {
      this.webcam?.stop();
      this.webcam = this.watch = null;
      this.webcamButton.textContent = "webcam";
      this.say(text);
    }
  };
})(window.interactiveFigures);
