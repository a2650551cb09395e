// The figure: its panels, its words, and what a reader moves.
(({
  boxes,
  button,
  clamp,
  counted,
  fromHTML,
  oncePerImage,
  addSliders,
  card,
  cardData,
  shared,
}) => {
  const { suits } = cardData.simulator;
  const { GLYPHS } = card;
  const throwing = (name) =>
    `<button class="card-throw card-throw-${name}" name="${name}" aria-label="Throw a ${name}">
      ${GLYPHS[name]}</button>`;
  const ABOUT = "A card before a camera, and a network that sees its events";
  const PANELS = {
    scene: "a card: drag its pip",
    window: card.WINDOW,
    neurons: "100 hidden neurons",
    raster: "their spikes",
    voltages: "four voltages",
  };
  const SWITCHES = {
    shuffle: "shuffle time",
    merge: "merge polarities",
    half: "hide half",
    "no-recurrence": "no recurrence",
    "upside-down": "upside down",
    noise: "noise",
  };
  const SLOW = `<label>slow motion
    <input type="range" name="slow" min="${Math.log10(20)}" max="${Math.log10(200)}" step="0.01"
      value="2" data-unit="×" data-scale="log" data-digits="0">
  </label>`;
  const STEP = 9; // pixels that an arrow key moves the pip
  const CONTROLS = `<div class="interactive-controls card-hands" data-part="hands">
    <div class="interactive-row">
      ${shared.texts("card")}<output class="card-tally" data-part="tallied"></output>
    </div>
    <div class="interactive-row">
      <span>throw a</span>
      ${suits.map(throwing).join("")}
      <button data-part="many">hundred</button>
      <button class="card-pause" data-part="pause">pause</button>
    </div>
  </div>
  <div class="interactive-row">${boxes(SWITCHES)}</div>`;
  const reachable = ([x, y]) => [clamp(x, -1, 36), clamp(y, -4, 50)]; // columns and rows for a hand

  const NO_CARDS = { thrown: 0, right: 0, mistaken: 0 };

  card.Figure = class {
    redraw = oncePerImage(() => this.draw());
    tally = { ...NO_CARDS }; // of the cards that the reader throws
    table = new card.Table(this);

    constructor(controls, drawing) {
      this.drawing = drawing;
      this.canvases = shared.panels(drawing, ABOUT, PANELS, "card");
      this.addGrip();
      this.tracing = new card.Tracing(this);
      this.addControls(controls);
      shared.keepDrawn(drawing, this.redraw);
      const { table } = this;
      const byItself = () => table.throwCard(table.suit, false);
      shared.whileSeen(drawing, byItself, (visible) => {
        table.visible = visible;
        table.start();
      });
      this.draw();
    }

    change() {
      this.pause.textContent = this.table.paused || this.tracing.isTraced() ? "go on" : "pause";
      this.redraw();
    }

    // ---- What is seen ----

    draw() {
      const { canvases } = this;
      const { show, suit, pose, glow, rest, order, lit, changes, done, hand } = this.table;
      const steps = show?.steps ?? [];
      const leader = show?.answer().suit ?? null;
      const traced = this.tracing.look();
      const resting = done && !hand && rest === 1;
      const now = { pose, offset: resting ? 0 : (show?.tracker.offset ?? 0), ...traced?.step };
      const half = changes.has("half");
      card.drawScene(canvases.scene, now.pose, cardData.simulator, suit, now.offset, half);
      if (traced) card.drawReached(canvases.window, traced.events, now.pose, now.offset);
      else shared.drawWindow(canvases.window, glow, rest);
      this.tracing.draw(traced, {
        neurons: card.drawNeurons(canvases.neurons, order, suits, lit),
        raster: shared.drawRaster(canvases.raster, order, suits, steps, card.SPAN),
        voltages: card.drawVoltages(canvases.voltages, suits, steps, leader),
      });
      const [x, y] = card.fromScene(canvases.scene, [pose.x, pose.y]);
      this.grip.style.transform =
        `translate(${canvases.scene.offsetLeft + x}px, ` +
        `${canvases.scene.offsetTop + y}px) translate(-50%, -50%)`;
      this.summary.textContent = this.summarised(leader);
    }

    // ---- Words ----

    summarised(leader) {
      const { show, done, changes } = this.table;
      if (!show) return "Throw a card, or drag the pip.";
      if (done) return this.sentence(show.answer());
      if (changes.has("shuffle") && show.stage === "filming")
        return "Waiting for the whole card, to shuffle its events.";
      const soFar = `${show.steps.length} ms: ${this.costs(show, ",")}`;
      return leader ? `${GLYPHS[leader]} leads at ${soFar}` : `No answer yet at ${soFar}`;
    }

    sentence({ suit: answer, sure }) {
      const { suit, show } = this.table;
      const total = this.costs(show);
      const mistake = answer === suit ? "" : ` It was a ${GLYPHS[suit]}.`;
      if (!answer) return `No answer after ${total}: no voltage leads.${mistake}`;
      const name = GLYPHS[answer];
      if (!sure) return `${name} after ${total}, and never 95% sure.${mistake}`;
      const first = sure.suit === answer ? "95% sure" : `though 95% sure of ${GLYPHS[sure.suit]}`;
      return `${name}, ${first} after ${sure.after} ms, ${this.costs(sure)}.${mistake}`;
    }

    costs({ eventCount, spikeCount }, and = " and") {
      return `${counted(eventCount, "event")}${and} ${counted(spikeCount, "spike")}`;
    }

    // Say what the network answers, and count it if the reader has thrown the card.
    tell() {
      const { show, suit, hand, counted: countIt } = this.table;
      const answer = show.answer();
      this.said.textContent = this.sentence(answer);
      if (hand || !countIt) return;
      const { tally } = this;
      tally.thrown += 1;
      if (answer.suit === suit) tally.right += 1;
      else if (answer.certain) tally.mistaken += 1;
      this.tallied.textContent =
        `${tally.right} of ${counted(tally.thrown, "card")} right, ` +
        `${tally.mistaken} wrong and 95% sure`;
    }

    // ---- Controls ----

    addControls(controls) {
      const { table } = this;
      Object.assign(this, fromHTML(CONTROLS));
      this.drawing.append(this.hands); // on a phone they stand below the card and the camera
      for (const thrown of this.hands.querySelectorAll(".card-throw"))
        thrown.onclick = () => table.throwCard(thrown.name);
      this.many.onclick = () => table.throwMany();
      this.pause.onclick = () => {
        table.paused = !table.paused && !this.tracing.isTraced();
        this.tracing.release();
      };
      this.values = addSliders(controls, SLOW).values;
      controls.append(this.content);
      for (const box of controls.querySelectorAll("[type=checkbox]"))
        box.oninput = () => {
          if (box.checked) table.changes.add(box.name);
          else table.changes.delete(box.name);
          this.tally = { ...NO_CARDS };
          this.tallied.textContent = "";
          table.throwCard(table.suit, false);
        };
    }

    // ---- Hands and keys ----

    addGrip() {
      const { table, canvases } = this;
      const grip = (this.grip = button("", null, "card-grip"));
      grip.ariaLabel = "The pip: drag it, or move it with the arrow keys";
      canvases.scene.after(grip);
      const reach = (event) =>
        reachable(card.toScene(canvases.scene, shared.placeIn(canvases.scene, event)));
      let grabbed = [0, 0]; // from the pointer to the pip
      grip.onpointerdown = (event) => {
        if (event.button) return;
        grip.setPointerCapture(event.pointerId);
        table.takePip();
        const [x, y] = reach(event);
        grabbed = [table.hand.x - x, table.hand.y - y];
        table.hand.held = true;
      };
      grip.onpointermove = (event) => {
        if (table.hand?.held)
          table.hand.target = reachable(reach(event).map((place, axis) => place + grabbed[axis]));
      };
      const letGo = () => {
        if (table.hand) table.hand.held = false;
      };
      grip.onpointerup = grip.onpointercancel = letGo;
      grip.onkeydown = (event) => {
        const way = shared.ARROWS[event.key];
        if (!way) return;
        event.preventDefault();
        if (!table.hand || table.done) table.takePip();
        const { hand } = table;
        hand.target = reachable(hand.target.map((place, axis) => place + STEP * way[axis]));
        hand.moved = table.show.time;
      };
    }
  };
})(interactiveFigures);
