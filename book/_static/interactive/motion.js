// Your finger is the scene: a disc follows the hand before a simulated camera, and a trained network
// says which way it moves, while a model that sees only the sum of the events can't.
// The folder motion holds the parts: the scene, the two models, one stroke, and the drawing. The
// camera, spiking neurons and some drawing are in the folder shared.
(() => {
  const { kinds, load, mulberry32, element, oncePerImage, whenThemeChanges, addRow, button } = window.interactiveFigures;
  const PARTS = ["shared/camera", "shared/snn", "shared/drawing", "motion/data", "motion/scene", "motion/network", "motion/stroke", "motion/drawing"];
  const PANELS = { pad: "move here (1 s is 33 ms)", window: "the camera's events", raster: "spiking neurons", voltages: "six voltages" };
  const LAG = 40; // ms of the hand by which the film is late, so that it knows where the hand goes
  const REST = 250; // ms of the hand: no movement for so long ends a stroke
  const EDGE = 17; // pixels from the middle that a hand can bring the disc to
  const STILL = 0.7; // pixels: who moves less rests
  const TAP = 300; // ms: a click is shorter
  const GLIDE = 700; // ms that the disc moves for one press of an arrow key, at least
  const KEY_SPEED = 0.025; // pixels per ms of the hand
  const EVENT_FADES = 2500; // µs of the scene's time, to 1/e
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const clamp = (value) => Math.min(Math.max(value, -EDGE), EDGE);
  const apart = ([x, y], [otherX, otherY]) => Math.hypot(x - otherX, y - otherY);

  kinds.motion = async (content, controls, drawing) => {
    for (const part of PARTS) await load(`interactive/${part}.js`);
    const { shared, motion, motionData } = window.interactiveFigures;
    const { settings } = motionData;
    const { classes, opposite, frame_interval, slow_motion, time_window } = settings;
    const network = new motion.Network(motionData);
    const blind = new motion.TimeBlind(motionData);
    const order = shared.sortByVote(network.votes());
    const random = mulberry32(content.seed ?? Date.now());
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const perFrame = (frame_interval / 1000) * slow_motion; // ms of the hand

    // ---- What is going on ----

    let stroke = null; // the one before the camera, or the last one
    let direction = "forwards"; // or "backwards"
    let next = null; // where the disc is in the next frame; null: over. Nothing moves without it.
    let shown = null; // the motion that the page itself shows
    let kept = null; // places of the last stroke forwards, without the rest at its end
    let seed = 0; // of the camera; a stroke and its way back are filmed by the same one
    let answers = {}; // of both models, by direction
    let glow = new shared.Glow();
    let [clock, behind, rest] = [0, 0, 0]; // ms of the hand that are filmed, and due; see shared.drawWindow
    let hand = null; // while a hand moves the disc
    let anchor = null; // where the hand rested last; null: the next report is the first one
    let moved = 0; // when it moved last
    let [visible, ticking] = [false, false];
    let last = 0;

    function begin(from, way, places) {
      if (way === "forwards") [answers, kept, seed] = [{}, null, Math.floor(2 ** 31 * random())];
      answers[way] = { network: null, sum: null };
      stroke = new motion.Stroke({ settings, network, blind, random: mulberry32(seed), from });
      [direction, next, rest] = [way, places, 0];
      glow = new shared.Glow();
      summarise();
      start();
    }

    // Let the disc go along a path by itself, and wait a little at its end.
    function play(path, way) {
      [hand, anchor] = [null, null];
      const end = path.length + Math.round(REST / perFrame);
      let frame = 0;
      begin(path[0], way, () => ((frame += 1) < end ? path[Math.min(frame, path.length - 1)] : null));
      behind = 0;
      if (calm || !visible) runToEnd();
    }

    function show(name) {
      shown = name;
      play(motion.drawPath(name, random, settings), "forwards");
    }

    const runToEnd = () => { while (next) advance(); };

    function playBackwards() {
      if (!hand) runToEnd();
      if (next) finish(); // of a stroke that hasn't ended, as much as there is
      if (kept) play([...kept].reverse(), "backwards");
    }

    // ---- A hand: reports of where it is, from a pointer or from keys ----

    function report(time, place) {
      if (next && !hand) return; // while the page moves the disc
      hand?.report(time, place);
      if (anchor && apart(place, anchor) < STILL) return;
      if (anchor && !hand) takeDisc(time);
      [anchor, moved] = [place, time];
      hand?.report(time, place);
      redraw();
    }

    function takeDisc(time) {
      shown = null;
      hand = new motion.Hand(time - 16, anchor); // it set off after the report before, or so
      clock = time - 16;
      begin(anchor, "forwards", () => (clock > moved + REST ? null : hand.follow(clock, perFrame)));
    }

    // The hand comes to another place without a movement that the camera could see.
    function land(place) {
      if (next) finish();
      anchor = place;
      if (!stroke || apart(stroke.place, place) > STILL) stroke = null;
      redraw();
    }

    // ---- Time: one frame of the camera after the other, in slow motion ----

    function advance() {
      const place = next();
      if (!place) return finish();
      glow.add(stroke.advance(place));
      glow.fade(Math.exp(-frame_interval / EVENT_FADES));
      keepAnswers();
    }

    const keepAnswers = () => { answers[direction] = { network: stroke.answer, sum: stroke.blindAnswer }; };

    function finish() {
      [next, hand, rest] = [null, null, 1];
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

    const running = () => visible && !document.hidden && (next !== null || held.size > 0);

    function start() {
      if (!ticking && running()) requestAnimationFrame((now) => { last = now; tick(now); });
      ticking ||= running();
      redraw();
    }

    function tick(now) {
      ticking = running();
      if (!ticking) return;
      const elapsed = Math.min(now - last, 50); // a browser that was busy doesn't jump
      last = now;
      pressKeys(now, elapsed);
      if (hand) behind = now - LAG - clock;
      else behind += elapsed;
      for (; next && behind >= perFrame; behind -= perFrame) {
        clock += perFrame;
        advance();
      }
      if (next) summarise();
      draw();
      requestAnimationFrame(tick);
    }

    // ---- Panels ----

    drawing.setAttribute("role", "group");
    drawing.setAttribute("aria-label", "A disc that you move before a camera, and two models that say which way it moves");
    const canvases = {};
    for (const [name, label] of Object.entries(PANELS)) {
      const text = name === "raster" ? `${network.hidden} ${label}` : label;
      const panel = element("div", { className: `motion-panel motion-panel-${name}` }, element("p", { textContent: text }));
      canvases[name] = shared.panel(panel, `motion-${name}`);
      drawing.append(panel);
    }
    const pad = element("button", { type: "button", className: "motion-grip" });
    pad.setAttribute("aria-label", "The disc: move a pointer or hold an arrow key; a click plays the stroke backwards");
    canvases.pad.after(pad);

    const cells = {};
    const rows = ["forwards", "backwards"].map((way) => {
      cells[way] = { network: element("td"), sum: element("td") };
      return element("tr", {}, element("th", { scope: "row", textContent: way }), ...Object.values(cells[way]));
    });
    const heads = ["spiking network", "sum of events"].map((textContent) => element("th", { scope: "col", textContent }));
    const table = element("table", {}, element("thead", {}, element("tr", {}, element("td"), ...heads)), element("tbody", {}, ...rows));
    drawing.append(element("div", { className: "motion-score" }, table));

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
    const percent = (share) => `${Math.round(100 * share)}%`;

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
      const hint = next || kept ? "" : "move the mouse or a finger here";
      motion.drawPad(canvases.pad, stroke?.path ?? [anchor ?? [0, 0]], settings.radius, hint);
      shared.drawWindow(canvases.window, glow, rest, ["accent", "accent"]);
      motion.drawRaster(canvases.raster, order, settings, steps);
      motion.drawVoltages(canvases.voltages, settings, steps, namesOf(stroke?.answer));
      fillCells();
      backwards.disabled = !kept && !next;
    }
    const redraw = oncePerImage(draw);

    // ---- Words ----

    function named(answer) {
      const [name, other] = namesOf(answer);
      if (!other) return name ?? "nothing";
      return reverse(name) === other ? `${name} or ${other}` : `between ${name} and ${other}`;
    }

    function summarise() {
      summary.textContent = next ? soFar() : verdict();
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
      made.className = "motion-show";
      made.append(motion.arrow(name));
      made.setAttribute("aria-label", `Show ${name}`);
      made.title = name;
      return made;
    });
    const backwards = button("play it backwards (B)", playBackwards);
    backwards.className = "motion-backwards";
    const summary = element("p", { className: "interactive-summary motion-summary", textContent: "Move the disc, or press an arrow." });
    summary.setAttribute("aria-hidden", "true"); // it changes all the time; the next one says the end
    const said = element("p", { className: "motion-said" });
    said.setAttribute("aria-live", "polite");
    addRow(controls, summary, said);
    addRow(controls, backwards, element("span", { className: "motion-shows" }, ...shows));

    // ---- Pointers and keys ----

    function placeOf(event) {
      const box = canvases.pad.getBoundingClientRect();
      return motion.toScene(canvases.pad, event.clientX - box.left, event.clientY - box.top).map(clamp);
    }
    let pressed = null; // when and where a pointer came down
    pad.addEventListener("pointerenter", (event) => { if (!next || hand) land(placeOf(event)); });
    pad.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pad.setPointerCapture(event.pointerId);
      pressed = [event.timeStamp, placeOf(event)];
      if (event.pointerType !== "mouse") land(pressed[1]);
    });
    pad.addEventListener("pointermove", (event) => {
      const reports = event.getCoalescedEvents?.() ?? [];
      for (const one of reports.length ? reports : [event]) report(one.timeStamp, placeOf(one));
    });
    pad.addEventListener("pointerup", (event) => {
      if (event.pointerType !== "mouse") anchor = null;
      const tapped = pressed && event.timeStamp - pressed[0] < TAP && apart(placeOf(event), pressed[1]) < STILL;
      if (tapped) playBackwards();
      pressed = null;
    });
    pad.addEventListener("click", (event) => { if (!event.detail) playBackwards(); }); // by Enter or the space bar
    document.addEventListener("keydown", (event) => {
      const figure = drawing.parentElement;
      const meant = figure.contains(document.activeElement) || (figure.matches(":hover") && document.activeElement === document.body);
      if (meant && event.key.toLowerCase() === "b" && !event.ctrlKey && !event.metaKey && !event.altKey) playBackwards();
    });

    const held = new Map(); // arrow keys: since when and until when they move the disc
    pad.addEventListener("keydown", (event) => {
      if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (event.repeat) return;
      if (!hand && next) finish();
      anchor ??= stroke?.place.every((place) => Math.abs(place) < EDGE) ? stroke.place : [0, 0];
      held.set(event.key, { since: event.timeStamp, until: Infinity });
      start();
    });
    const release = (key, time) => {
      const press = held.get(key);
      if (press) press.until = Math.max(time, press.since + GLIDE);
    };
    pad.addEventListener("keyup", (event) => release(event.key, event.timeStamp));
    pad.addEventListener("blur", (event) => { for (const key of held.keys()) release(key, event.timeStamp); });
    let keyed = null; // where the keys have brought the disc

    function pressKeys(now, elapsed) {
      if (!held.size) return (keyed = null);
      keyed ??= anchor;
      for (const [key, { until }] of held) {
        keyed = keyed.map((place, axis) => clamp(place + KEY_SPEED * elapsed * KEYS[key][axis]));
        if (until <= now) held.delete(key);
      }
      report(now, keyed);
    }

    // ---- Only while it is seen ----

    let started = false; // by itself once; where less motion is preferred, only its end is seen
    new IntersectionObserver(([{ isIntersecting, intersectionRatio }]) => {
      visible = isIntersecting;
      if (!started && intersectionRatio > 0.4) {
        started = true;
        if (!stroke) show(content.first ?? classes[Math.floor(classes.length * random())]);
      }
      start();
    }, { threshold: [0, 0.5] }).observe(drawing);
    document.addEventListener("visibilitychange", start);
    whenThemeChanges(redraw);
    new ResizeObserver(redraw).observe(drawing);
    drawing.figure = { state: () => ({ stroke, direction, visible, ticking, shown: started, moving: next !== null }) }; // for the tests
    draw();
    return true;
  };
})();
