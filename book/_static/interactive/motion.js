// Your finger is the scene: a disc follows the hand before a simulated camera, and a trained network
// says which way it moves, while a model that sees only the sum of the events can't.
// The folder motion holds the parts: the scene, the two models, one stroke, and the drawing. The
// camera, spiking neurons and some drawing are in the folder shared.
(() => {
  const { kinds, load, mulberry32, element, oncePerImage, whenThemeChanges, addRow, button } = window.interactiveFigures;
  const PARTS = ["shared/camera", "shared/snn", "shared/drawing", "motion/data", "motion/scene", "motion/network", "motion/stroke", "motion/drawing", "motion/pad"];
  const PANELS = { pad: "move here (1 s is 33 ms)", window: "the camera's events", raster: "spiking neurons", voltages: "six voltages" };
  const REST = 250; // ms of the hand: no movement for so long ends a stroke
  const EDGE = 17; // pixels from the middle that a hand can bring the disc to
  const STILL = 0.7; // pixels: who moves less rests
  const TAP = 300; // ms: a click is shorter
  const GLIDE = 700; // ms that the disc moves for one press of an arrow key, at least
  const apart = ([x, y], [otherX, otherY]) => Math.hypot(x - otherX, y - otherY);

  kinds.motion = async (content, controls, drawing) => {
    for (const part of PARTS) await load(`interactive/${part}.js`);
    const { shared, motion, motionData } = window.interactiveFigures;
    const { percent } = shared;
    const { settings } = motionData;
    const { classes, opposite, frame_interval, slow_motion, time_window } = settings;
    const network = new motion.Network(motionData);
    const blind = new motion.TimeBlind(motionData);
    const order = shared.sortByVote(network.votes());
    const random = mulberry32(content.seed ?? Date.now());
    const perFrame = (frame_interval / 1000) * slow_motion; // ms of the hand

    // ---- What is going on ----

    let stroke = null; // the one before the camera, or the last one
    let direction = "forwards"; // or "backwards"
    let shown = null; // the motion that the page itself shows
    let kept = null; // places of the last stroke forwards, without the rest at its end
    let seed = 0; // of the camera; a stroke and its way back are filmed by the same one
    let answers = {}; // of both models, by direction
    let glow = new shared.Glow();
    let rest = 0; // see shared.drawWindow
    let anchor = null; // where the hand rested last; null: the next report is the first one
    let moved = 0; // when it moved last
    let visible = false;

    function begin(from) {
      if (direction === "forwards") [answers, kept, seed] = [{}, null, Math.floor(2 ** 31 * random())];
      answers[direction] = { network: null, sum: null };
      stroke = new motion.Stroke({ settings, network, blind, random: mulberry32(seed), from });
      [glow, rest] = [new shared.Glow(), 0];
      summarise();
      redraw();
    }

    // Let the disc go along a path by itself.
    function play(path, way) {
      [anchor, direction] = [null, way];
      pad.play(path, REST);
    }

    function show(name) {
      shown = name;
      play(motion.drawPath(name, random, settings), "forwards");
    }

    function playBackwards() {
      if (!pad.hand) pad.runToEnd();
      pad.finish(); // of a stroke that hasn't ended, as much as there is
      if (kept) play([...kept].reverse(), "backwards");
    }

    // ---- A hand: reports of where it is, from a pointer or from keys ----

    function report(time, place) {
      if (pad.busy && !pad.hand) return; // while the page moves the disc
      pad.hand?.report(time, place);
      if (anchor && apart(place, anchor) < STILL) return;
      if (anchor && !pad.hand) takeDisc(time - 16); // it set off after the report before, or so
      [anchor, moved] = [place, time];
      pad.hand?.report(time, place);
      redraw();
    }

    function takeDisc(time) {
      [shown, direction] = [null, "forwards"];
      pad.take(time, anchor, () => moved + REST);
    }

    // The hand comes to another place without a movement that the camera could see.
    function land(place) {
      pad.finish();
      anchor = place;
      if (!stroke || apart(stroke.place, place) > STILL) stroke = null;
      redraw();
    }

    function keysFrom() {
      if (!pad.hand) pad.finish();
      anchor ??= stroke?.place.every((place) => Math.abs(place) < EDGE) ? stroke.place : [0, 0];
      return anchor;
    }

    // ---- One frame of the camera after the other, in slow motion ----

    function advance(place) {
      glow.add(stroke.advance(place), frame_interval);
      keepAnswers();
    }

    const keepAnswers = () => { answers[direction] = { network: stroke.answer, sum: stroke.blindAnswer }; };

    function end() {
      rest = 1;
      stroke.finish();
      keepAnswers();
      if (direction === "forwards") kept = moving(stroke.path);
      summarise();
      said.textContent = summary.textContent;
      redraw();
    }

    // A path up to where it came to rest.
    function moving(path) {
      let end = path.length;
      while (end > 2 && apart(path[end - 2], path.at(-1)) < 0.1) end -= 1;
      return path.slice(0, end);
    }

    // ---- Panels ----

    const about = "A disc that you move before a camera, and two models that say which way it moves";
    const canvases = shared.panels(drawing, about, { ...PANELS, raster: `${network.hidden} ${PANELS.raster}` }, "motion");
    const { score, cells } = motion.score();
    drawing.append(score);

    const namesOf = (answer) => (answer ?? []).map(({ name }) => name);
    const reverse = (name) => classes[opposite[classes.indexOf(name)]];

    function turnedRound(model) {
      const [there, back] = ["forwards", "backwards"].map((way) => namesOf(answers[way]?.[model]));
      const turned = classes.filter((name) => there.includes(reverse(name)));
      return there.length > 0 && `${turned}` === `${back}` && `${turned}` !== `${there}`;
    }

    // An arrow by candidate, with its share where there are two.
    const choices = (answer) => (answer ?? [{}]).map(({ name, share }) =>
      element("span", { className: "motion-choice" }, motion.arrow(name), answer?.length > 1 ? percent(share) : ""));

    function fillCells() {
      for (const [way, models] of Object.entries(cells)) {
        for (const [model, cell] of Object.entries(models)) {
          const answer = answers[way]?.[model];
          const text = !answers[way] ? "not yet" : !answer ? "no answer"
            : answer.map(({ name, share }) => (answer.length > 1 ? `${name} ${percent(share)}` : name)).join(", ");
          cell.classList.toggle("is-opposite", turnedRound(model));
          if (cell.title === text) continue;
          cell.title = text;
          cell.replaceChildren(...(answers[way] ? choices(answer) : []), element("span", { className: "motion-said", textContent: text }));
        }
      }
    }

    function draw() {
      const steps = stroke?.steps ?? [];
      const hint = pad.busy || kept ? "" : "move the mouse or a finger here";
      motion.drawPad(canvases.pad, stroke?.path ?? [anchor ?? [0, 0]], settings.radius, hint);
      shared.drawWindow(canvases.window, glow, rest, ["accent", "accent"]);
      motion.drawRaster(canvases.raster, order, settings, steps);
      motion.drawVoltages(canvases.voltages, settings, steps, namesOf(stroke?.answer));
      fillCells();
      backwards.disabled = !kept && !pad.busy;
    }
    const redraw = oncePerImage(draw);

    // ---- Words ----

    function named(answer) {
      const [name, other] = namesOf(answer);
      if (!other) return name ?? "nothing";
      return reverse(name) === other ? `${name} or ${other}` : `between ${name} and ${other}`;
    }

    function summarise() {
      summary.textContent = pad.busy ? soFar() : verdict();
    }

    function soFar() {
      const after = `${(stroke.steps.length * time_window) / 1000} ms, ${stroke.eventCount.toLocaleString("en")} events`;
      return `${direction}: ${stroke.answer ? `${named(stroke.answer)} so far` : "no answer yet"}, after ${after}`;
    }

    function verdict() {
      const { forwards, backwards: back } = answers;
      const mistake = shown && shown !== named(forwards.network) ? ` It was ${shown}.` : "";
      if (!back) return `The network says ${named(forwards.network)}, the sum ${named(forwards.sum)}.${mistake} Now play it backwards.`;
      const [one, other] = [turnedRound("network"), turnedRound("sum")];
      const network = `The network says ${named(forwards.network)}, then ${named(back.network)}: it ${one ? "has turned round" : "hasn't turned round"}.`;
      const [there, again] = [named(forwards.sum), named(back.sum)];
      return `${network} The sum says ${there === again ? `${there} both times` : `${there}, then ${again}`}${other ? ", for once" : ""}.`;
    }

    // ---- Controls ----

    const shows = classes.map((name) => {
      const made = button("", () => show(name));
      made.append(motion.arrow(name));
      return Object.assign(made, { className: "motion-show", ariaLabel: `Show ${name}`, title: name });
    });
    const backwards = button("play it backwards (B)", playBackwards);
    backwards.className = "motion-backwards";
    const [summary, said] = shared.texts("motion");
    summary.textContent = "Move the disc, or press an arrow.";
    addRow(controls, summary, said);
    addRow(controls, backwards, element("span", { className: "motion-shows" }, ...shows));

    // ---- Pointers and keys ----

    const drawn = () => {
      if (pad.busy) summarise();
      draw();
    };
    const pad = new motion.Pad(canvases.pad, {
      about: "The disc: move a pointer or hold an arrow key; a click plays the stroke backwards",
      perFrame, glide: GLIDE, seen: () => visible && !document.hidden,
      report, keysFrom, begin, advance, end, drawn,
    });
    const { grip } = pad;
    let pressed = null; // when and where a pointer came down
    grip.addEventListener("pointerenter", (event) => { if (!pad.busy || pad.hand) land(pad.placeOf(event)); });
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      grip.setPointerCapture(event.pointerId);
      pressed = [event.timeStamp, pad.placeOf(event)];
      if (event.pointerType !== "mouse") land(pressed[1]);
    });
    grip.addEventListener("pointerup", (event) => {
      if (event.pointerType !== "mouse") anchor = null;
      const tapped = pressed && event.timeStamp - pressed[0] < TAP && apart(pad.placeOf(event), pressed[1]) < STILL;
      if (tapped) playBackwards();
      pressed = null;
    });
    grip.addEventListener("click", (event) => { if (!event.detail) playBackwards(); }); // by Enter or the space bar
    shared.onKey("b", playBackwards, () => {
      const figure = drawing.parentElement;
      return figure.contains(document.activeElement) || (figure.matches(":hover") && document.activeElement === document.body);
    });

    // ---- Only while it is seen ----

    let started = false; // by itself once; where less motion is preferred, only its end is seen
    shared.whileSeen(drawing, (seen) => { visible = seen; pad.loop.start(); redraw(); }, () => {
      started = true;
      if (!stroke) show(content.first ?? classes[Math.floor(classes.length * random())]);
    });
    document.addEventListener("visibilitychange", () => pad.loop.start());
    whenThemeChanges(redraw);
    new ResizeObserver(redraw).observe(drawing);
    drawing.figure = { state: () => ({ stroke, direction, visible, ticking: pad.loop.ticking, shown: started, moving: pad.busy }) }; // for the tests
    draw();
    return true;
  };
})();
