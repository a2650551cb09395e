// The pad: a hand that moves a pointer or holds arrow keys takes the disc along, and so does a path
// that is played. Times are in ms of the hand.
(({ button, clamp, shared, motion }) => {
  const LAG = 40; // by which the film is late, so that it knows where the hand goes
  const EDGE = 17; // pixels from the middle that a hand can bring the disc to
  const KEY_SPEED = 0.025; // pixels per ms
  const onPad = (place) => clamp(place, -EDGE, EDGE);

  motion.Pad = class {
    next = null; // where the disc is in the next frame, or null at the end; null: it rests
    hand = null; // while a hand moves the disc
    clock = 0; // until when the hand is filmed
    held = new Map(); // arrow keys: since when and until when they move the disc
    loop = new shared.Loop(
      () => this.figure.visible && (this.busy || this.held.size > 0),
      (now, elapsed) => this.tick(now, elapsed),
    );

    // figure: whether it is visible; begin(place), advance(place) and end() are called of each
    // stroke, and draw() once per image. Two methods of it say what a hand does: report(ms, place,
    // byKeys) of what it reports, and keysFrom(ms), which returns a place, when keys begin. about:
    // what the pad is. perFrame: ms between two places of the disc. glide: ms that a key moves it,
    // at least.
    constructor(canvas, figure, { about, perFrame, glide = 0 }) {
      const grip = button("", null, "motion-grip");
      grip.ariaLabel = about;
      canvas.after(grip);
      Object.assign(this, { grip, canvas, figure, hears: figure, perFrame, glide });
      grip.onpointermove = (event) => {
        const reports = event.getCoalescedEvents?.() ?? [];
        for (const one of reports.length ? reports : [event])
          this.hears.report(one.timeStamp, this.placeOf(one), false);
      };
      grip.onkeydown = (event) => this.keyDown(event);
      grip.onkeyup = ({ key, timeStamp }) => this.keyUp(key, timeStamp);
      grip.onblur = ({ timeStamp }) => {
        for (const key of this.held.keys()) this.keyUp(key, timeStamp);
      };
    }

    get busy() {
      return this.next !== null;
    }

    placeOf(event) {
      return motion.toScene(this.canvas, shared.placeIn(this.canvas, event)).map(onPad);
    }

    // A hand takes the disc until the time that ends() returns, or for so many ms.
    take(time, place, ends, longest = Infinity) {
      const hand = (this.hand = new motion.Hand(time, place));
      this.clock = time;
      this.next = () =>
        this.clock > Math.min(ends(), time + longest)
          ? null
          : hand.follow(this.clock, this.perFrame);
      this.figure.begin(place);
      this.loop.start();
    }

    // Let the disc go along a path by itself, and rest at its end for so many ms.
    play(path, rest = 0) {
      const frames = path.length + Math.round(rest / this.perFrame);
      let frame = 0;
      this.hand = null;
      this.behind = 0;
      this.next = () => ((frame += 1) < frames ? path[Math.min(frame, path.length - 1)] : null);
      this.figure.begin(path[0]);
      if (shared.isCalm() || !this.figure.visible) this.runToEnd();
      else this.loop.start();
    }

    tick(now, elapsed) {
      this.moveByKeys(now, elapsed);
      this.behind = this.hand ? now - LAG - this.clock : this.behind + elapsed;
      for (; this.busy && this.behind >= this.perFrame; this.behind -= this.perFrame) this.step();
      this.figure.draw();
    }

    step() {
      this.clock += this.perFrame;
      const place = this.next();
      if (place) this.figure.advance(place);
      else this.finish();
    }

    runToEnd() {
      while (this.busy) this.step();
    }

    // End what is going on, as much as there is.
    finish() {
      if (!this.busy) return;
      this.next = this.hand = null;
      this.figure.end();
    }

    keyDown(event) {
      if (!shared.ARROWS[event.key] || shared.isShortcut(event)) return;
      event.preventDefault();
      if (event.repeat) return;
      // Where keys have brought the disc.
      if (!this.held.size) this.keyed = this.hears.keysFrom(event.timeStamp);
      this.held.set(event.key, { since: event.timeStamp, until: Infinity });
      this.loop.start();
    }

    keyUp(key, time) {
      const press = this.held.get(key);
      if (press) press.until = Math.max(time, press.since + this.glide);
    }

    moveByKeys(now, elapsed) {
      if (!this.held.size) return;
      for (const [key, { until }] of this.held) {
        this.keyed = this.keyed.map((place, axis) =>
          onPad(place + KEY_SPEED * elapsed * shared.ARROWS[key][axis]),
        );
        if (until <= now) this.held.delete(key);
      }
      this.hears.report(now, this.keyed, true);
    }
  };
})(interactiveFigures);
