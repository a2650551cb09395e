// Teach it yours: strokes or a webcam's gestures become events, a network learns them in this page,
// and answers while you move. The folder teach holds the parts.
(() => {
  const { kinds, load, mulberry32, element, oncePerImage, whenThemeChanges, addRow, button } = window.interactiveFigures;
  const PARTS = [
    "shared/camera", "shared/snn", "shared/drawing", "motion/data", "motion/scene", "motion/stroke", "motion/drawing", "motion/pad", "teach/network",
    "teach/strokes", "teach/training", "teach/pad", "teach/webcam", "teach/files", "teach/drawing",
  ];
  const PANELS = { pad: "draw here (1 s is 33 ms)", window: "the camera’s events", loss: "loss, and left-out strokes that are right", raster: "32 spiking neurons", voltages: "a voltage for each gesture" };
  const WITHOUT = { delays: "no delays", recurrence: "no recurrence", time: "shuffle time" };
  const MOST = 6; // gestures
  const EXAMPLES = 5; // strokes of each
  const FEWEST = 25; // events of a stroke
  const UNTRAINED = { reset() {}, step: () => [], values: () => [], z: [] };

  kinds.teach = async (content, controls, drawing) => {
    for (const part of PARTS) await load(`interactive/${part}.js`);
    const { shared, motion, motionData, teach } = window.interactiveFigures;
    const { percent, counted } = shared;
    const { camera, radius, frame_interval, slow_motion } = motionData.settings;
    const { timeWindow, settle } = teach.NETWORK;
    const settings = { camera, radius, frame_interval, time_window: timeWindow, settle_steps: settle / timeWindow, answerOf: teach.answerOf };
    const random = mulberry32(content.seed ?? Date.now());

    // ---- What is going on ----

    let gestures = []; // { name, strokes: { path or pictures, events, dropped } }
    let chosen = 0; // which gesture strokes are for; null: they are asked about
    let trained = null; // { spiking, sum, classes, inks, order, delays, without }
    let training = null; // { stop, progress, began, classes, inks, request, weights } of the last run
    let seed = 0;
    const without = new Set();
    let trial = null; // the stroke before the camera, or the last one
    let kept = null; // the last stroke that a path or a webcam has, to play it backwards
    let answers = {}; // { network, sum } by "forwards" and "backwards"
    let way = "forwards"; // or "backwards", or "shown": by the page itself
    let events = [];
    let [glow, rest] = [new shared.Glow(), 0];
    let webcam = null; // { stop, picture } while it is on
    let said = ""; // what the summary says

    const used = (gesture) => gesture.strokes.filter((stroke) => !stroke.dropped);

    function say(text, aloud = true) {
      said = text;
      if (aloud) spoken.textContent = text;
      redraw();
    }

    // ---- Strokes: shown to the network, or asked about ----

    function asked() {
      if (!trained) return { network: UNTRAINED, blind: UNTRAINED };
      const { spiking, sum } = trained;
      const step = (counts) => spiking.step({ pixels: [...counts.keys()], counts: [...counts.values()] }, 0, counts.size);
      const waits = without.has("time"); // for all events, to shuffle them
      return { network: waits ? UNTRAINED : { reset: () => spiking.reset(), step, get z() { return spiking.z; } }, blind: sum };
    }

    function begin(from, cameraSettings = camera) {
      if (way === "forwards") answers = {};
      trial = new motion.Stroke({ settings: { ...settings, camera: cameraSettings }, ...asked(), random: mulberry32(1), from });
      trial.by = trained;
      [events, glow, rest] = [[], new shared.Glow(), 0];
      if (way !== "shown") said = "";
    }

    function see(found, interval, kept = true) {
      if (kept) events.push(...found);
      glow.add(found, interval);
    }

    // stroke: { path } or what the webcam saw; null for one that is too short.
    function end(stroke) {
      trial.finish();
      rest = 1;
      if (way === "shown") {
        way = "forwards";
        return redraw();
      }
      const whole = stroke && events.length >= FEWEST ? { ...stroke, events } : null;
      if (!whole) say("That was too short to be seen: draw it across the pad, in about a second.");
      else if (chosen !== null && way === "forwards") keep(whole);
      else if (!trained) say("Nothing is trained yet: press “train” first.");
      else if (trial.by !== trained) say("That began before this network was trained: draw another one.");
      else answer(whole);
      if (whole && way === "forwards") kept = whole;
      way = "forwards";
      redraw();
    }

    function keep(stroke) {
      const gesture = gestures[chosen];
      gesture.strokes.push(stroke);
      showGestures();
      say(`${gesture.name}: ${counted(used(gesture).length, "stroke")}. ${used(gesture).length < 3 ? "Show it a few times." : "Show the next gesture, or train."}`);
    }

    function answer(stroke) {
      if (without.has("time")) shuffled(stroke);
      answers[way] = { network: trial.answer, sum: trial.blindAnswer };
      say(verdict());
    }

    function shuffled({ events: found }) {
      const { spiking } = trained;
      const { u, voltages, values } = spiking.run(teach.toRecording(found, timeWindow, settings.settle_steps, random));
      trial.steps = u.map((each, step) => ({ voltages: voltages[step], spikes: [...each.keys()].filter((neuron) => each[neuron] > spiking.constants.v_th) }));
      trial.answer = teach.answerOf(values);
    }

    const named = (found) => (found ? `${trained.classes[found.output]} (${percent(found.share)})` : "nothing");

    function verdict() {
      const { forwards, backwards: back } = answers;
      if (!back) return `The network says ${named(forwards.network)}, the sum ${named(forwards.sum)}. Now play it backwards.`;
      const before = forwards ? ` Forwards: ${named(forwards.network)} and ${named(forwards.sum)}.` : "";
      return `Backwards, the network says ${named(back.network)}, the sum ${named(back.sum)}.${before}`;
    }

    function playBackwards() {
      if (!kept || pad.busy) return;
      way = "backwards";
      if (kept.path) return pad.play([...kept.path].reverse());
      const [pictures, intervals] = [[...kept.pictures].reverse(), [...kept.intervals].reverse()];
      begin(pictures[0], kept.camera);
      pictures.slice(1).forEach((picture, number) => see(trial.film(picture, intervals[number]), intervals[number]));
      end(kept);
    }

    // ---- Training ----

    function train() {
      if (training?.stop) return stopTraining("Stopped.");
      const ready = gestures.filter((gesture) => used(gesture).length);
      const names = ready.map(({ name }) => name.trim());
      const twice = names.find((name, number) => !name || names.indexOf(name) !== number);
      if (ready.length < 2) return say(`${ready.length ? `Only ${names[0]} has strokes` : "No gesture has strokes"}: show at least two, a few times each.`);
      if (twice !== undefined) return say(twice ? `Two gestures are called ${twice}: give one another name.` : "A gesture has no name: give it one.");
      const strokes = ready.flatMap((gesture, target) => used(gesture).map(({ path, pictures, intervals, camera: own }) => ({ target, path, pictures, intervals, camera: own })));
      const request = { strokes, outputs: ready.length, seed, settings: { camera, radius }, without: [...without] };
      training = { progress: [], began: performance.now(), classes: names, inks: ready.map((gesture) => teach.COLOURS[gestures.indexOf(gesture)]), request };
      training.stop = teach.trainInWorker(request, { progress: learnt, done: trainedWhole, failed: (reason) => stopTraining(`Training failed: ${reason}. Your strokes are still here.`) });
      say("Filming copies of your strokes …");
    }

    const trainedWhole = () => stopTraining(`Trained in ${((performance.now() - training.began) / 1000).toFixed(1)} s.`);

    function learnt(news) {
      training.progress.push(news);
      if (news.weights) training.weights = news.weights;
      say(soFar(news), false);
    }

    const soFar = ({ share, loss, left, right }) =>
      `Learning, ${percent(share)}${loss === undefined ? "" : `: loss ${loss.toFixed(2)}`}${left ? `, ${right} of ${counted(left, "left-out stroke")} right` : ""}`;

    function stopTraining(text) {
      const { stop, weights, classes, inks, request, progress } = training;
      stop();
      training.stop = null;
      if (weights) {
        const networks = teach.networks(classes.length, request.seed, request.without);
        [networks.spiking, networks.sum].forEach((network, which) => network.weights.all.set(weights[which]));
        const { spiking } = networks;
        trained = { ...networks, classes, inks, order: shared.sortByVote(spiking.votes()), delays: spiking.delays, without: request.without };
        answers = {}; // they were of another network
        choose(null);
      }
      const { left, right, sumRight } = progress.at(-1) ?? {};
      say(`${text}${left ? ` Of ${counted(left, "left-out stroke")}, the network has ${right} right, the sum ${sumRight}.` : ""}${weights ? " Now draw one." : ""}`);
    }

    function doWithout(name, off) {
      if (off) without.add(name);
      else without.delete(name);
      if (!trained) return;
      const { spiking, delays } = trained;
      const lacks = new Set([...without, ...trained.without]); // what it hasn't learnt with stays off
      spiking.recurrence = !lacks.has("recurrence");
      spiking.delays = lacks.has("delays") ? delays.map(() => 0) : delays;
      const now = off ? `goes on with ${WITHOUT[name].replace("shuffle time", "shuffled time bins")}` : "is as it was trained";
      say(`The trained network ${now}. Draw one, or train anew.`);
    }

    // ---- Panels ----

    const canvases = shared.panels(drawing, "Gestures that you show, and a network that learns them in this page", PANELS, "teach", "motion");
    const [summary, spoken] = shared.texts("teach", "motion");
    const list = element("div", { className: "teach-gestures" });
    const progressBar = element("progress", { max: 1, value: 0, ariaLabel: "Training" });

    // One row per gesture: what strokes are for, its name, its strokes.
    function showGestures() {
      const rows = gestures.map((gesture, number) => {
        const input = element("input", { type: "radio", name: "teach-for", ariaLabel: `Show ${gesture.name}`, checked: chosen === number, onchange: () => choose(number) });
        const name = element("input", { type: "text", value: gesture.name, maxLength: 24, ariaLabel: `Name of gesture ${number + 1}` });
        name.oninput = () => { gesture.name = name.value; };
        name.onfocus = () => { [chosen, input.checked] = [number, true]; };
        const pictures = gesture.strokes.map((stroke, nth) => picture(gesture, stroke, nth));
        const row = element("div", { className: "teach-gesture" }, input, name, element("span", { className: "teach-strokes" }, ...pictures));
        row.style.setProperty("--ink", `var(--interactive-${teach.COLOURS[number]})`);
        return row;
      });
      list.replaceChildren(...rows, tryRow, ownRow);
      tryIt.checked = chosen === null;
      more.disabled = gestures.length >= MOST;
      drawPictures();
    }

    function drawPictures() {
      gestures.forEach((gesture, number) => gesture.strokes.forEach((stroke) => teach.drawPicture(stroke.canvas, stroke.events, teach.COLOURS[number])));
      redraw();
    }

    function picture(gesture, stroke, nth) {
      stroke.canvas = element("canvas");
      const thrown = button("", () => {
        stroke.dropped = !stroke.dropped;
        showGestures();
        list.querySelectorAll(".teach-strokes button")[gestures.slice(0, gestures.indexOf(gesture)).reduce((sum, { strokes }) => sum + strokes.length, nth)].focus();
      });
      thrown.append(stroke.canvas);
      thrown.classList.toggle("is-dropped", Boolean(stroke.dropped));
      const title = `${stroke.dropped ? "take back" : "throw away"} stroke ${nth + 1} of ${gesture.name}`;
      return Object.assign(thrown, { title, ariaLabel: title });
    }

    function choose(number) {
      chosen = number;
      showGestures();
    }

    function start(names, strokesOf) {
      if (training?.stop) stopTraining("Stopped.");
      pad.complete();
      [trained, trial, kept, answers] = [null, null, null, {}];
      gestures = names.map((name) => ({ name, strokes: strokesOf(name) }));
      choose(0);
    }

    const example = (name) => Array.from({ length: EXAMPLES }, () => {
      const path = teach.exampleOf(name, random);
      return { path, events: teach.film({ path }, settings, random) };
    });
    const showExamples = () => {
      start(teach.EXAMPLES, example);
      say("Six example gestures are here, in pairs that differ in direction only. Press “train”, or begin your own.");
    };
    const beginOwn = () => {
      start(["gesture 1", "gesture 2"], () => []);
      say("Draw gesture 1 on the pad, three to five times. Then choose gesture 2.");
    };

    const { score, cells } = motion.score();
    score.classList.add("teach-score");
    const side = element("div", { className: "interactive-controls teach-side" });
    drawing.append(list, side);

    function draw() {
      const current = trained && trial?.by === trained ? trial : null; // by the network that is here now
      const steps = current?.steps ?? [];
      if (webcam?.picture) teach.drawWebcam(canvases.pad, webcam.picture);
      else motion.drawPad(canvases.pad, trial?.path?.[0].length === 2 ? trial.path : [[0, 0]], radius, trial ? "" : "press and draw");
      shared.drawWindow(canvases.window, glow, webcam ? 0 : rest, ["accent", "accent"]);
      teach.drawLoss(canvases.loss, training?.progress ?? []);
      const { classes = [], order = [], inks = [] } = trained ?? {};
      shared.drawRaster(canvases.raster, order, inks, steps, shared.spanOf(steps, timeWindow));
      const live = { network: current?.answer, sum: current?.blindAnswer };
      teach.drawVoltages(canvases.voltages, classes, inks, steps, live.network?.output, timeWindow);
      for (const [each, own] of Object.entries(cells)) {
        const found = answers[each] ?? (each === way && trained && pad.busy ? live : null);
        for (const [model, cell] of Object.entries(own)) cell.textContent = found?.[model] ? named(found[model]) : "";
      }
      summary.textContent = said;
      [trainer.textContent, again.disabled, backwards.disabled] = [training?.stop ? "stop" : "train", !trained, !trained || !kept];
      [strokesOut.disabled, networkOut.disabled] = [!gestures.some((gesture) => used(gesture).length), !trained];
      drawing.classList.toggle("is-untrained", !trained);
      progressBar.value = training?.progress.at(-1)?.share ?? 0;
    }
    const redraw = oncePerImage(draw);

    // ---- Controls ----

    const perFrame = (frame_interval / 1000) * slow_motion; // ms of the hand
    const pad = new teach.Pad(canvases.pad, {
      about: "The pad: press and draw a gesture, or hold arrow keys", perFrame, begin, advance: (place) => see(trial.advance(place), frame_interval), end: () => end({ path: trial.path }), drawn: draw,
    });
    const tryIt = element("input", { type: "radio", name: "teach-for", onchange: () => choose(null) });
    const more = button("one more", () => {
      gestures.push({ name: `gesture ${gestures.length + 1}`, strokes: [] });
      choose(gestures.length - 1);
    });
    const trainer = button("train", train);
    trainer.className = "teach-train";
    const again = button("another seed", () => {
      seed += 1;
      if (training?.stop) stopTraining("Stopped.");
      train();
    });
    const backwards = button("play it backwards (B)", playBackwards);
    const switches = Object.entries(WITHOUT).map(([name, label]) => element("label", {}, element("input", { type: "checkbox", name, onchange: ({ target }) => doWithout(name, target.checked) }), label));
    const webcamButton = button("webcam", useWebcam);
    const strokesOut = button("download strokes", () => teach.save(teach.strokeFiles(gestures.map((gesture) => ({ ...gesture, strokes: used(gesture) }))), "gestures.zip"));
    const networkOut = button("download network", () => teach.save(teach.checkpoint(trained.spiking, trained.classes), "gestures.pt"));
    const tryRow = element("label", { className: "teach-gesture teach-try" }, tryIt, "try the network");
    const ownRow = element("div", { className: "interactive-controls" }, button("my own gestures", beginOwn), more, webcamButton);
    addRow(side, trainer, progressBar, again);
    side.append(summary, spoken, canvases.loss.parentElement, score);
    addRow(controls, backwards, ...switches);
    addRow(controls, strokesOut, networkOut, button("examples", showExamples));
    shared.onKey("b", playBackwards, () => [document.body, pad.grip].includes(document.activeElement));

    async function useWebcam() {
      if (webcam) return closeWebcam("The webcam is off.");
      let free = true; // of a stroke on the pad
      const watch = new teach.MotionWatch({
        slow: slow_motion,
        began: ({ pictures, camera: own }) => { if ((free = !pad.busy)) begin(pictures[0], own); },
        moved: (picture, interval) => { if (free && trial) see(trial.film(picture, interval), interval); },
        ended: (gesture) => { if (free && trial) end(gesture); },
        seen: (found, interval) => { if (!watch.gesture) see(found, interval, false); },
      });
      try {
        const stop = await teach.openWebcam((picture, now) => {
          watch.watch(picture, now);
          webcam = { stop, picture };
          redraw();
        }, () => closeWebcam(teach.whyNoCamera()));
        webcam = { stop, picture: null };
        webcamButton.textContent = "webcam off";
        say("Hold still for a second, then move a hand. A gesture is what happens from rest to rest.");
      } catch (error) {
        say(teach.whyNoCamera(error));
      }
    }

    function closeWebcam(text) {
      webcam?.stop();
      webcam = null;
      webcamButton.textContent = "webcam";
      say(text);
    }

    whenThemeChanges(drawPictures);
    new ResizeObserver(drawPictures).observe(drawing);
    shared.whileSeen(drawing, () => {}, () => { // by itself, once: the first example
      if (pad.busy || trial || !gestures[0].strokes.length) return;
      way = "shown";
      pad.play(gestures[0].strokes[0].path);
    });
    drawing.figure = { state: () => ({ gestures, trained, training, trial, answers, busy: pad.busy, chosen, webcam }) }; // for the tests
    showExamples();
    return true;
  };
})();
