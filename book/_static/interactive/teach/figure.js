// The figure: its panels, its controls, and the webcam, which takes the pad's place.
(({ element, oncePerImage, addRow, button, mulberry32, motion, motionData, shared, teach }) => {
  const PANELS = {
    pad: "draw here (1 s is 33 ms)", window: "the camera’s events", loss: "loss, and left-out strokes that are right",
    raster: "32 spiking neurons", voltages: "a voltage for each gesture",
  };
  const EXAMPLES = 5; // strokes of each example
  const { camera, radius, frame_interval, slow_motion } = motionData.settings;
  const { timeWindow, settle } = teach.NETWORK;

  teach.Figure = class {
    constructor(controls, drawing) {
      this.drawing = drawing;
      this.random = mulberry32(Date.now());
      this.webcam = null; // { stop, picture } while it is on
      this.said = ""; // what the summary says
      this.redraw = oncePerImage(() => this.draw());
      this.canvases = shared.panels(drawing, "Gestures that you show, and a network that learns them in this page", PANELS, "teach", "motion");
      this.webcamButton = button("webcam", () => this.useWebcam());
      this.gestures = new teach.Gestures(this.redraw, button("my own gestures", () => this.beginOwn()), this.webcamButton);
      this.lesson = new teach.Lesson(this);
      this.settings = { camera, radius, frame_interval, time_window: timeWindow, settle_steps: settle / timeWindow, answerOf: teach.answerOf };
      this.trials = new teach.Trials(this);
      const perFrame = (frame_interval / 1000) * slow_motion; // ms of the hand
      this.pad = new teach.Pad(this.canvases.pad, this.trials, { about: "The pad: press and draw a gesture, or hold arrow keys", perFrame });
      this.addControls(controls);
      this.keepDrawn();
      this.showExamples();
    }

    state() {
      const { gestures: { all: gestures, chosen }, lesson: { trained, training }, trials: { trial, answers }, pad: { busy }, webcam } = this;
      return { gestures, trained, training, trial, answers, busy, chosen, webcam };
    }

    keepDrawn() {
      shared.keepDrawn(this.drawing, () => this.gestures.drawPictures());
      shared.whileSeen(this.drawing, () => {}, () => { // by itself, once: the first example
        const [stroke] = this.gestures.all[0].strokes;
        if (this.pad.busy || this.trials.trial || !stroke) return;
        this.trials.way = "shown";
        this.pad.play(stroke.path);
      });
    }

    say(text, aloud = true) {
      this.said = text;
      if (aloud) this.spoken.textContent = text;
      this.redraw();
    }

    // ---- Gestures to begin with ----

    start(names, strokesOf, text) {
      this.lesson.forget();
      this.pad.complete();
      this.trials.clear();
      this.gestures.start(names, strokesOf);
      this.say(text);
    }

    showExamples() {
      const example = (name) => Array.from({ length: EXAMPLES }, () => {
        const path = teach.exampleOf(name, this.random);
        return { path, events: teach.film({ path }, this.settings, this.random) };
      });
      this.start(teach.EXAMPLES, example, "Six example gestures are here, in pairs that differ in direction only. Press “train”, or begin your own.");
    }

    beginOwn() {
      this.start(["gesture 1", "gesture 2"], () => [], "Draw gesture 1 on the pad, three to five times. Then choose gesture 2.");
    }

    learnt() {
      this.trials.answers = {}; // they were of another network
      this.gestures.choose(null);
    }

    // ---- What is seen ----

    draw() {
      const { canvases, drawing, pad, webcam, lesson: { trained, training, goesOn }, trials: { trial, glow, rest, last } } = this;
      if (webcam?.picture) teach.drawWebcam(canvases.pad, webcam.picture);
      else motion.drawPad(canvases.pad, trial?.path?.[0].length === 2 ? trial.path : [[0, 0]], radius, trial ? "" : "press and draw");
      shared.drawWindow(canvases.window, glow, webcam ? 0 : rest, ["accent", "accent"]);
      teach.drawLoss(canvases.loss, training?.progress ?? []);
      this.drawAnswers();
      this.summary.textContent = this.said;
      this.trainer.textContent = goesOn ? "stop" : "train";
      this.again.disabled = this.networkOut.disabled = !trained;
      this.backwards.disabled = !trained || !last;
      this.strokesOut.disabled = !this.gestures.all.some((gesture) => teach.used(gesture).length);
      drawing.classList.toggle("is-untrained", !trained);
      this.progressBar.value = training?.progress.at(-1)?.share ?? 0;
    }

    drawAnswers() {
      const { canvases, lesson: { trained }, trials } = this;
      const { classes = [], order = [], inks = [] } = trained ?? {};
      const trial = trained && trials.trial?.by === trained ? trials.trial : null; // of the network that is here now
      const steps = trial?.steps ?? [];
      const live = { network: trial?.answer, sum: trial?.blindAnswer };
      shared.drawRaster(canvases.raster, order, inks, steps, shared.spanOf(steps, timeWindow));
      teach.drawVoltages(canvases.voltages, classes, inks, steps, live.network?.output, timeWindow);
      for (const [way, models] of Object.entries(this.cells)) {
        const answers = trials.answers[way] ?? (way === trials.way && trained && this.pad.busy ? live : null);
        for (const [model, cell] of Object.entries(models)) cell.textContent = answers?.[model] ? trials.named(answers[model]) : "";
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
      this.trainer = Object.assign(button("train", () => lesson.train()), { className: "teach-train" });
      this.again = button("another seed", () => lesson.withAnotherSeed());
      const side = element("div", { className: "interactive-controls teach-side" });
      this.drawing.append(gestures.list, side);
      addRow(side, this.trainer, this.progressBar, this.again);
      side.append(this.summary, this.spoken, this.canvases.loss.parentElement, score);
      const playBackwards = () => this.trials.playBackwards(this.pad);
      this.backwards = button("play it backwards (B)", playBackwards);
      const switches = Object.entries(teach.WITHOUT).map(([name, label]) => {
        const input = element("input", { type: "checkbox", name, onchange: () => lesson.doWithout(name, input.checked) });
        return element("label", {}, input, label);
      });
      addRow(controls, this.backwards, ...switches);
      const withUsed = () => gestures.all.map((gesture) => ({ ...gesture, strokes: teach.used(gesture) }));
      this.strokesOut = button("download strokes", () => teach.save(teach.strokeFiles(withUsed()), "gestures.zip"));
      this.networkOut = button("download network", () => teach.save(teach.checkpoint(lesson.trained.spiking, lesson.trained.classes), "gestures.pt"));
      addRow(controls, this.strokesOut, this.networkOut, button("examples", () => this.showExamples()));
      shared.onKey("b", playBackwards, () => [document.body, this.pad.grip].includes(document.activeElement));
    }

    // ---- The webcam ----

    async useWebcam() {
      if (this.webcam) return this.closeWebcam("The webcam is off.");
      const watch = this.watch();
      try {
        const stop = await teach.openWebcam((picture, now) => {
          watch.watch(picture, now);
          this.webcam = { stop, picture };
          this.redraw();
        }, () => this.closeWebcam(teach.whyNoCamera()));
        this.webcam = { stop, picture: null };
        this.webcamButton.textContent = "webcam off";
        this.say("Hold still for a second, then move a hand. A gesture is what happens from rest to rest.");
      } catch (error) { this.say(teach.whyNoCamera(error)); }
    }

    // Gestures before the webcam are trials, unless there is a stroke on the pad.
    watch() {
      const { trials, pad } = this;
      let free = true;
      const watch = new teach.MotionWatch({
        slow: slow_motion,
        began: (gesture) => { if ((free = !pad.busy)) trials.begin(gesture.pictures[0], gesture.camera); },
        moved: (picture, interval) => { if (free && trials.trial) trials.see(trials.trial.film(picture, interval), interval); },
        ended: (gesture) => { if (free && trials.trial) trials.end(gesture); },
        seen: (events, interval) => { if (!watch.gesture) trials.glow.add(events, interval); },
      });
      return watch;
    }

    closeWebcam(text) {
      this.webcam?.stop();
      this.webcam = null;
      this.webcamButton.textContent = "webcam";
      this.say(text);
    }
  };
})(window.interactiveFigures);
