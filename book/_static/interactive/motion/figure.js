// The figure: strokes of a hand or of the page itself, what both models answer, and the controls.
(({ counted, mulberry32, fromHTML, oncePerImage, shared, motion, motionData }) => {
  const { settings } = motionData;
  const { classes, opposite, frame_interval, slow_motion, time_window } = settings;
  const PANELS = {
    pad: "move here (1 s is 33 ms)",
    window: "the camera's events",
    raster: "spiking neurons",
    voltages: "six voltages",
  };
  const ABOUT = "A disc that you move before a camera, and two models that say which way it moves";
  const PAD = "The disc: move a pointer or hold an arrow key; a click plays the stroke backwards";
  const REST = 250; // ms of the hand: no movement for so long ends a stroke
  const EDGE = 17; // pixels from the middle that a hand can bring the disc to
  const STILL = 0.7; // pixels: who moves less rests
  const TAP = 300; // ms: a click is shorter
  const GLIDE = 700; // ms that the disc moves for one press of an arrow key, at least
  const showing = (name) =>
    `<button class="motion-show" title="${name}" aria-label="Show ${name}">
      ${motion.ARROWS[name]}</button>`;
  const CONTROLS = `
    <div class="interactive-row">${shared.texts("motion")}</div>
    <div class="interactive-row">
      <button class="motion-backwards" data-part="backwards">play it backwards (B)</button>
      <span class="motion-shows">${classes.map(showing).join("")}</span>
    </div>`;
  const apart = ([x, y], [otherX, otherY]) => Math.hypot(x - otherX, y - otherY);
  const namesOf = (answer) => (answer ?? []).map(({ name }) => name);
  const reverse = (name) => classes[opposite[classes.indexOf(name)]];

  // A path up to where it came to rest.
  function moving(path) {
    let end = path.length;
    while (end > 2 && apart(path[end - 2], path.at(-1)) < 0.1) end -= 1;
    return path.slice(0, end);
  }

  function named(answer) {
    const [name, other] = namesOf(answer);
    if (!other) return name ?? "nothing";
    return reverse(name) === other ? `${name} or ${other}` : `between ${name} and ${other}`;
  }

  motion.Figure = class {
    stroke = null; // the one before the camera, or the last one
    direction = "forwards"; // or "backwards"
    shown = null; // the motion that the page itself shows
    last = null; // places of the last stroke forwards, without the rest at its end
    answers = {}; // of both models, by direction
    glow = new shared.Glow();
    rest = 0;
    anchor = null; // where the hand rested last; null: the next report is the first one
    moved = 0; // when it moved last
    visible = false;
    started = false;
    random = mulberry32(Date.now());
    models = { network: new motion.Network(motionData), blind: new motion.TimeBlind(motionData) };
    order = shared.sortByVote(this.models.network.votes());
    redraw = oncePerImage(() => this.draw());

    constructor(controls, drawing) {
      this.drawing = drawing;
      const panels = { ...PANELS, raster: `${this.models.network.hidden} ${PANELS.raster}` };
      this.canvases = shared.panels(drawing, ABOUT, panels, "motion");
      drawing.append(fromHTML(motion.SCORE).content);
      this.cells = drawing.querySelectorAll("[data-way]");
      this.pad = new motion.Pad(this.canvases.pad, this, {
        about: PAD,
        perFrame: (frame_interval / 1000) * slow_motion, // ms of the hand
        glide: GLIDE,
      });
      this.listen();
      this.addControls(controls);
      shared.keepDrawn(drawing, this.redraw);
      // Once; where less motion is preferred, only its end is seen.
      const byItself = () => {
        this.started = true;
        if (!this.stroke) this.show(classes[Math.floor(classes.length * this.random())]);
      };
      shared.whileSeen(drawing, byItself, (visible) => {
        this.visible = visible;
        this.pad.loop.start();
        this.redraw();
      });
      this.draw();
    }

    // ---- Strokes, one frame of the camera after the other, in slow motion ----

    begin(from) {
      if (this.direction === "forwards") {
        this.answers = {};
        this.last = null;
        // Of the camera, which films the way back, too.
        this.seed = Math.floor(2 ** 31 * this.random());
      }
      const random = mulberry32(this.seed);
      this.stroke = new motion.Stroke({ settings, ...this.models, random, from });
      this.glow = new shared.Glow();
      this.rest = 0;
      this.summarise();
      this.redraw();
    }

    advance(place) {
      this.glow.add(this.stroke.advance(place), frame_interval);
      this.keepAnswers();
    }

    keepAnswers() {
      const { answer, blindAnswer } = this.stroke;
      this.answers[this.direction] = { network: answer, sum: blindAnswer };
    }

    end() {
      this.rest = 1;
      this.stroke.finish();
      this.keepAnswers();
      if (this.direction === "forwards") this.last = moving(this.stroke.path);
      this.summarise();
      this.said.textContent = this.summary.textContent;
      this.redraw();
    }

    // Let the disc go along a path by itself.
    play(path, direction) {
      this.anchor = null;
      this.direction = direction;
      this.pad.play(path, REST);
    }

    show(name) {
      this.shown = name;
      this.play(motion.drawPath(name, this.random, settings), "forwards");
    }

    playBackwards() {
      if (!this.pad.hand) this.pad.runToEnd();
      this.pad.finish(); // of a stroke that hasn't ended, as much as there is
      if (this.last) this.play([...this.last].reverse(), "backwards");
    }

    // ---- A hand: reports of where it is, from a pointer or from keys ----

    report(time, place) {
      const { pad } = this;
      if (pad.busy && !pad.hand) return; // while the page moves the disc
      pad.hand?.report(time, place);
      if (this.anchor && apart(place, this.anchor) < STILL) return;
      // It set off after the report before, or so.
      if (this.anchor && !pad.hand) this.takeDisc(time - 16);
      this.anchor = place;
      this.moved = time;
      pad.hand?.report(time, place);
      this.redraw();
    }

    takeDisc(time) {
      this.shown = null;
      this.direction = "forwards";
      this.pad.take(time, this.anchor, () => this.moved + REST);
    }

    // The hand comes to another place without a movement that the camera could see.
    land(place) {
      this.pad.finish();
      this.anchor = place;
      if (!this.stroke || apart(this.stroke.place, place) > STILL) this.stroke = null;
      this.redraw();
    }

    keysFrom() {
      if (!this.pad.hand) this.pad.finish();
      const { stroke } = this;
      const isNear = stroke?.place.every((place) => Math.abs(place) < EDGE);
      return (this.anchor ??= isNear ? stroke.place : [0, 0]);
    }

    listen() {
      const { pad } = this;
      const { grip } = pad;
      let pressed = null; // when and where a pointer came down
      grip.onpointerenter = (event) => {
        if (!pad.busy || pad.hand) this.land(pad.placeOf(event));
      };
      grip.onpointerdown = (event) => {
        if (event.button) return;
        grip.setPointerCapture(event.pointerId);
        pressed = [event.timeStamp, pad.placeOf(event)];
        if (event.pointerType !== "mouse") this.land(pressed[1]);
      };
      grip.onpointerup = (event) => {
        if (event.pointerType !== "mouse") this.anchor = null;
        const quick = pressed && event.timeStamp - pressed[0] < TAP;
        if (quick && apart(pad.placeOf(event), pressed[1]) < STILL) this.playBackwards();
        pressed = null;
      };
      grip.onclick = ({ detail }) => {
        if (!detail) this.playBackwards(); // by Enter or the space bar
      };
      const figure = this.drawing.parentElement;
      const meant = () =>
        figure.contains(document.activeElement) ||
        (figure.matches(":hover") && document.activeElement === document.body);
      shared.onKey("b", () => this.playBackwards(), meant);
    }

    // ---- What is seen ----

    draw() {
      const { canvases, stroke, pad } = this;
      if (pad.busy) this.summarise();
      const steps = stroke?.steps ?? [];
      const hint = pad.busy || this.last ? "" : "move a finger or the mouse";
      motion.drawPad(canvases.pad, stroke?.path ?? [this.anchor ?? [0, 0]], settings.radius, hint);
      shared.drawWindow(canvases.window, this.glow, this.rest, ["accent", "accent"]);
      motion.drawRaster(canvases.raster, this.order, settings, steps);
      motion.drawVoltages(canvases.voltages, settings, steps, namesOf(stroke?.answer));
      for (const cell of this.cells) this.fill(cell, cell.dataset);
      this.backwards.disabled = !this.last && !pad.busy;
    }

    // A cell of the score: an arrow by candidate, with its share where there are two.
    fill(cell, { way, model }) {
      const answers = this.answers[way];
      const answer = answers?.[model] ?? [];
      const written = (what, share) =>
        answer.length > 1 ? `${what} ${shared.percent(share)}` : what;
      const words = answer.map(({ name, share }) => written(name, share)).join(", ");
      const text = words || (answers ? "no answer" : "not yet");
      cell.classList.toggle("is-opposite", this.turnedRound(model));
      if (cell.title === text) return;
      cell.title = text;
      const arrows = answer.map(({ name, share }) => written(motion.ARROWS[name], share));
      if (text === "no answer") arrows.push("–");
      const choice = (arrow) => `<span class="motion-choice" aria-hidden="true">${arrow}</span>`;
      const choices = arrows.map(choice).join("");
      cell.innerHTML = `${choices}<span class="interactive-said">${text}</span>`;
    }

    turnedRound(model) {
      const there = namesOf(this.answers.forwards?.[model]);
      const back = namesOf(this.answers.backwards?.[model]);
      const turned = classes.filter((name) => there.includes(reverse(name)));
      return there.length > 0 && `${turned}` === `${back}` && `${turned}` !== `${there}`;
    }

    // ---- Words ----

    summarise() {
      this.summary.textContent = this.pad.busy ? this.soFar() : this.verdict();
    }

    soFar() {
      const { answer, steps, eventCount } = this.stroke;
      const ms = (steps.length * time_window) / 1000;
      const says = answer ? `${named(answer)} so far` : "no answer yet";
      return `${this.direction}: ${says}, after ${ms} ms, ${counted(eventCount, "event")}`;
    }

    verdict() {
      const { answers, shown } = this;
      const { forwards, backwards } = answers;
      const network = named(forwards.network);
      const sum = named(forwards.sum);
      const mistake = shown && shown !== network ? ` It was ${shown}.` : "";
      if (!backwards)
        return `The network says ${network}, the sum ${sum}.${mistake} Now play it backwards.`;
      const has = this.turnedRound("network") ? "has" : "hasn't";
      const once = this.turnedRound("sum") ? ", for once" : "";
      const again = named(backwards.sum);
      const both = sum === again ? `${sum} both times` : `${sum}, then ${again}`;
      return (
        `The network says ${network}, then ${named(backwards.network)}: it ${has} turned round. ` +
        `The sum says ${both}${once}.`
      );
    }

    // ---- Controls ----

    addControls(controls) {
      Object.assign(this, fromHTML(CONTROLS));
      for (const shown of this.content.querySelectorAll(".motion-show"))
        shown.onclick = () => this.show(shown.title);
      this.backwards.onclick = () => this.playBackwards();
      controls.append(this.content);
    }
  };
})(interactiveFigures);
