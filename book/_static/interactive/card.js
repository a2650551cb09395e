// Show it a card: a simulated pip moves before a simulated camera, and a trained network answers.
// The folder card holds the parts: the scene, the window that follows a pip, the network, one show,
// and the drawing. The camera, spiking neurons and some drawing are in the folder shared.
(() => {
  const { kinds, load, mulberry32, element, oncePerImage, whenThemeChanges, addSliders, addRow, button } = window.interactiveFigures;
  const SHARED = ["camera", "snn", "drawing"];
  const PARTS = ["data", "scene", "tracker", "network", "show", "drawing"];
  const GLYPHS = { club: "♣\uFE0E", heart: "♥\uFE0E", diamond: "♦\uFE0E", spade: "♠\uFE0E" };
  const PANELS = {
    scene: "a card: drag its pip", window: "the camera", neurons: "100 hidden neurons",
    raster: "their spikes", voltages: "four voltages",
  };
  const SWITCHES = {
    shuffle: "shuffle time", merge: "merge polarities", half: "hide half", "no-recurrence": "no recurrence",
    "upside-down": "upside down", noise: "noise",
  };
  const SPIKE_FADES = 1500;
  const FASTEST = 3.5; // pixels per ms that a hand can move the pip
  const STEP = 9; // pixels that an arrow key moves it
  const STILL = 4000; // µs at rest after which a show by hand is over
  const ROWS_BY_HAND = [-28, 62];
  const PLACES = [[-1, 36], [-4, 50]]; // columns and rows that a hand can reach

  const clamp = (value, [lowest, highest]) => Math.min(Math.max(value, lowest), highest);

  kinds.card = async (content, controls, drawing) => {
    for (const part of SHARED) await load(`interactive/shared/${part}.js`);
    for (const part of PARTS) await load(`interactive/card/${part}.js`);
    const { card, cardData, shared } = window.interactiveFigures;
    const { counted } = shared;
    const { simulator, settle } = cardData;
    const { suits } = simulator;
    const network = new card.Network(cardData);
    const order = shared.sortByVote(network.votes());
    const random = mulberry32(content.seed ?? Date.now());
    const changes = new Set();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

    // ---- What is going on ----

    let show = null; // the card before the camera, or the last one
    let suit = content.first ?? suits[Math.floor(suits.length * random())];
    let pose = restingPose();
    let hand = null; // where a reader wants the pip, while it is moved
    let glow = new shared.Glow();
    let lit = new Float32Array(network.hidden); // how bright each neuron is
    let rest = 0; // from 0 to 1 while the sum of the events appears
    let tallies = countedFromZero(); // of the cards that the reader throws, by suit
    let counting = false; // whether the card before the camera is one of them
    let series = 0; // number of the last series of ten
    let [paused, visible] = [false, false];
    let behind = 0; // µs of the scene's time that are due

    function countedFromZero() {
      return Object.fromEntries(suits.map((name) => [name, { correct: 0, thrown: 0 }]));
    }

    function restingPose() {
      const resting = card.restingPose(suit, simulator);
      if (changes.has("upside-down")) resting.rotation = Math.PI;
      return resting;
    }

    function begin(next) {
      show = next;
      glow = new shared.Glow();
      lit = new Float32Array(network.hidden);
      [rest, behind] = [0, 0];
      setPaused(false);
      if (calm && !hand) while (show.stage !== "done") advance();
      start();
    }

    function throwCard(which, counted = true) {
      series += 1;
      film(which, counted);
    }

    function film(which, counted) {
      [suit, hand, counting] = [which, null, counted];
      begin(card.Show.thrown({ simulator, settle, network, random, suit, changes: new Set(changes) }));
    }

    // Ten cards one after the other, as fast as the browser can. The last one stays to be seen.
    async function throwTen() {
      const mine = (series += 1);
      const first = Math.floor(suits.length * random());
      for (let number = 0; number < 10 && series === mine; number++) {
        film(suits[(first + number) % suits.length], true);
        while (show.stage !== "done") advance();
        await new Promise(requestAnimationFrame);
      }
    }

    // A reader moves the pip: it follows, though not faster than FASTEST.
    function takePip() {
      series += 1;
      const resting = restingPose();
      [resting.x, resting.y] = [pose.x, pose.y];
      hand = { x: pose.x, y: pose.y, target: [pose.x, pose.y], held: false, moved: 0 };
      const follow = () => {
        const [right, below] = [hand.target[0] - hand.x, hand.target[1] - hand.y];
        const away = Math.hypot(right, below);
        const most = (FASTEST * simulator.frame_interval) / 1000;
        const share = away > 0 ? Math.min(most / away, 0.1) : 0;
        hand.x += share * right;
        hand.y += share * below;
        if (away > 0.5) hand.moved = show?.time ?? 0;
        return { ...resting, x: hand.x, y: hand.y };
      };
      begin(new card.Show({
        simulator, settle, network, random, suit, changes: new Set(changes), pose: follow, lasts: Infinity, rows: ROWS_BY_HAND,
      }));
    }

    // ---- Time: one frame of the camera after the other, in slow motion ----

    function advance() {
      const steps = show.steps.length;
      glow.add(show.advance(), simulator.frame_interval);
      pose = show.seen;
      for (const step of show.steps.slice(steps)) for (const neuron of step.spikes) lit[neuron] = 1;
      if (hand && !hand.held && show.time - hand.moved > STILL) show.lasts = show.time;
      if (show.stage === "done") finish();
    }

    function finish() {
      const answer = show.answer();
      if (!hand && counting) {
        tallies[suit].thrown += 1;
        tallies[suit].correct += answer.suit === suit;
        tally.textContent = tallied();
      }
      said.textContent = sentence(answer);
      setTimeout(() => {
        if (show?.stage !== "done") return;
        [hand, pose] = [null, restingPose()];
        redraw();
      }, 900);
    }

    function tallied() {
      const sum = (what) => suits.reduce((total, name) => total + tallies[name][what], 0);
      const bySuit = suits.filter((name) => tallies[name].thrown)
        .map((name) => `${GLYPHS[name]} ${tallies[name].correct}/${tallies[name].thrown}`);
      return `${sum("correct")} of ${counted(sum("thrown"), "card")} right: ${bySuit.join("  ")}`;
    }

    function sentence({ suit: answer, after, events, spikes }) {
      if (!answer) return `No answer: no voltage leads. It was a ${GLYPHS[suit]}.`;
      const mistake = answer === suit ? "" : ` It was a ${GLYPHS[suit]}.`;
      return `${GLYPHS[answer]} from ${after} ms on, after ${counted(events, "event")} and ${counted(spikes, "spike")}.${mistake}`;
    }

    const running = () => show !== null && !paused && visible && !document.hidden && (show.stage !== "done" || rest < 1);

    const loop = new shared.Loop(running, (now, ms) => tick(1000 * ms));

    function start() {
      loop.start();
      redraw();
    }

    // elapsed: in µs.
    function tick(elapsed) {
      if (show.stage === "done") {
        rest = calm ? 1 : Math.min(rest + elapsed / 600_000, 1);
        lit = lit.map((brightness) => brightness * Math.exp(-elapsed / 150_000));
      } else {
        behind += elapsed / values().slow;
        for (; behind >= simulator.frame_interval && show.stage !== "done"; behind -= simulator.frame_interval) {
          advance();
          const faded = Math.exp(-simulator.frame_interval / SPIKE_FADES);
          for (let neuron = 0; neuron < lit.length; neuron++) lit[neuron] *= faded;
        }
      }
      draw();
    }

    // ---- Panels ----

    const canvases = shared.panels(drawing, "A card before a camera, and a network that sees its events", PANELS, "card");
    const grip = element("button", { type: "button", className: "card-grip", ariaLabel: "The pip: drag it, or move it with the arrow keys" });
    canvases.scene.after(grip);
    for (const polarity of ["ON", "OFF"]) {
      canvases.window.previousSibling.append(element("span", { className: `card-polarity card-polarity-${polarity}`, textContent: polarity }));
    }

    function draw() {
      const steps = show?.steps ?? [];
      const leader = show?.answer().suit ?? null;
      const tracker = show?.stage === "done" && !hand && rest === 1 ? null : show?.tracker;
      card.drawScene(canvases.scene, pose, simulator, suit, tracker?.offset ?? 0, changes.has("half"));
      shared.drawWindow(canvases.window, glow, rest);
      card.drawNeurons(canvases.neurons, order, suits, lit);
      shared.drawRaster(canvases.raster, order, suits, steps, card.SPAN);
      card.drawVoltages(canvases.voltages, suits, steps, leader);
      const [x, y] = card.fromScene(canvases.scene, pose.x, pose.y);
      grip.style.transform = `translate(${canvases.scene.offsetLeft + x}px, ${canvases.scene.offsetTop + y}px) translate(-50%, -50%)`;
      summary.textContent = summarised(leader);
    }
    const redraw = oncePerImage(draw);

    function summarised(leader) {
      if (!show) return "Throw a card, or drag the pip.";
      if (show.stage === "done") return sentence(show.answer());
      if (changes.has("shuffle") && show.stage === "filming") return "Waiting for the whole card, to shuffle its events.";
      const { steps, eventCount, spikeCount } = show;
      const soFar = `${steps.length} ms: ${counted(eventCount, "event")}, ${counted(spikeCount, "spike")}`;
      return leader ? `${GLYPHS[leader]} leads at ${soFar}` : `No answer yet at ${soFar}`;
    }

    // ---- Controls ----

    const throws = suits.map((name) => {
      const made = button(GLYPHS[name], () => throwCard(name));
      return Object.assign(made, { className: `card-throw card-throw-${name}`, ariaLabel: `Throw a ${name}` });
    });
    const pause = button("pause", () => {
      setPaused(!paused);
      start();
    });
    pause.className = "card-pause";
    function setPaused(to) {
      paused = to;
      pause.textContent = paused ? "go on" : "pause";
    }
    const [summary, said] = shared.texts("card");
    const tally = element("output", { className: "card-tally" });
    const hands = element("div", { className: "interactive-controls card-hands" });
    drawing.append(hands); // on a phone they stand below the card and the camera
    addRow(hands, summary, said, tally);
    addRow(hands, element("span", { textContent: "throw a" }), ...throws, button("ten", throwTen), pause);
    const { values } = addSliders(controls, {
      slow: { label: "slow motion", unit: "×", lowest: Math.log10(20), highest: Math.log10(200), step: 0.01, start: 2, digits: 0, scale: "log" },
    }, () => {});
    const offered = { ...SWITCHES, ...content.switches };
    addRow(controls, ...Object.entries(offered).map(([name, label]) => {
      const input = element("input", { type: "checkbox", name });
      input.oninput = () => {
        if (input.checked) changes.add(name);
        else changes.delete(name);
        [tallies, tally.textContent] = [countedFromZero(), ""];
        throwCard(suit, false);
      };
      return element("label", {}, input, label);
    }));

    // ---- Hands and keys ----

    const reach = (event) => {
      const box = canvases.scene.getBoundingClientRect();
      const [x, y] = card.toScene(canvases.scene, event.clientX - box.left, event.clientY - box.top);
      return [clamp(x, PLACES[0]), clamp(y, PLACES[1])];
    };
    let grabbed = [0, 0];
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      grip.setPointerCapture(event.pointerId);
      takePip();
      const [x, y] = reach(event);
      grabbed = [hand.x - x, hand.y - y];
      hand.held = true;
    });
    grip.addEventListener("pointermove", (event) => {
      if (!hand?.held) return;
      const [x, y] = reach(event);
      hand.target = [clamp(x + grabbed[0], PLACES[0]), clamp(y + grabbed[1], PLACES[1])];
    });
    for (const name of ["pointerup", "pointercancel"]) grip.addEventListener(name, () => { if (hand) hand.held = false; });
    grip.addEventListener("keydown", (event) => {
      const arrow = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (!arrow) return;
      event.preventDefault();
      if (!hand || show.stage === "done") takePip();
      hand.target = hand.target.map((place, axis) => clamp(place + arrow[axis], PLACES[axis]));
      hand.moved = show.time;
    });

    // ---- Only while it is seen ----

    // By itself once; where less motion is preferred, only its end is seen.
    shared.whileSeen(drawing, (seen) => { visible = seen; start(); }, () => throwCard(suit, false));
    document.addEventListener("visibilitychange", start);
    whenThemeChanges(redraw);
    new ResizeObserver(redraw).observe(drawing);
    drawing.figure = { state: () => ({ show, paused, visible, ticking: loop.ticking, shown: show !== null }) }; // for the tests
    draw();
    return true;
  };
})();
