// The pad: a hand that presses a pointer or holds arrow keys moves the disc, and so does a path that
// is played. Times are in ms of the hand.
(() => {
  const { motion } = window.interactiveFigures;
  const teach = (window.interactiveFigures.teach ??= {});
  const LAG = 40; // by which the film is late, so that it knows where the hand goes
  const AFTER = 80; // until the disc, which has a mass, has come to rest
  const LONGEST = 6000; // of a stroke
  const REST = 500; // without a key: the stroke is over
  const KEY_SPEED = 0.025; // pixels per ms
  const EDGE = 17; // pixels from the middle that a hand can bring the disc to
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const clamp = (value) => Math.min(Math.max(value, -EDGE), EDGE);

  teach.Pad = class {
    // perFrame: ms of the hand between two places of the disc. begin(place), advance(place) and end()
    // are called of each stroke, drawn() once per image.
    constructor(grip, canvas, { perFrame, begin, advance, end, drawn }) {
      Object.assign(this, { grip, canvas, perFrame, begin, advance, end, drawn });
      this.place = [0, 0];
      this.hand = null; // while a hand moves the disc
      this.path = null; // that is played, from this.clock / perFrame on
      this.released = Infinity; // when the hand let go
      this.keys = new Set(); // held
      this.ticking = false;
      grip.addEventListener("pointerdown", (event) => this.press(event));
      grip.addEventListener("pointermove", (event) => this.move(event));
      for (const name of ["pointerup", "pointercancel"]) grip.addEventListener(name, (event) => this.release(event.timeStamp));
      grip.addEventListener("keydown", (event) => this.keyDown(event));
      grip.addEventListener("keyup", ({ key }) => this.keys.delete(key));
      grip.addEventListener("blur", () => this.keys.clear());
    }

    get busy() {
      return this.hand !== null || this.path !== null;
    }

    placeOf({ clientX, clientY }) {
      const box = this.canvas.getBoundingClientRect();
      return motion.toScene(this.canvas, clientX - box.left, clientY - box.top).map(clamp);
    }

    press(event) {
      if (event.button) return;
      this.finish();
      this.grip.setPointerCapture(event.pointerId);
      this.take(event.timeStamp, this.placeOf(event));
    }

    move(event) {
      if (!this.hand || this.released < Infinity) return;
      const reports = event.getCoalescedEvents?.() ?? [];
      for (const one of reports.length ? reports : [event]) this.hand.report(one.timeStamp, this.placeOf(one));
    }

    release(time) {
      this.released = Math.min(this.released, time);
    }

    take(time, place) {
      [this.hand, this.clock, this.since, this.released] = [new motion.Hand(time, place), time, time, Infinity];
      this.begin(place);
      this.start();
    }

    keyDown(event) {
      if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (event.repeat) return;
      if (!this.hand || this.keyed === undefined) {
        this.finish();
        this.keyed = [0, 0]; // each stroke by keys begins in the middle
        this.take(event.timeStamp, this.keyed);
      }
      this.keys.add(event.key);
      this.rested = event.timeStamp;
    }

    moveByKeys(now, elapsed) {
      if (this.keyed === undefined) return;
      for (const key of this.keys) this.keyed = this.keyed.map((place, axis) => clamp(place + KEY_SPEED * elapsed * KEYS[key][axis]));
      this.hand.report(now, this.keyed);
      if (this.keys.size) this.rested = now;
      else if (now > this.rested + REST) this.release(this.rested);
    }

    // Let the disc go along a path by itself.
    play(path) {
      this.finish();
      [this.path, this.clock] = [path, 0];
      this.begin(path[0]);
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.finish();
      else this.start();
    }

    start() {
      if (!this.ticking) requestAnimationFrame((now) => { this.last = now; this.tick(now); });
      this.ticking = true;
    }

    tick(now) {
      const elapsed = Math.min(now - this.last, 50);
      this.last = now;
      if (this.hand) {
        this.moveByKeys(now, elapsed);
        this.follow(now - LAG);
        if (this.clock > this.released + AFTER || this.clock > this.since + LONGEST) this.finish();
      } else if (this.path) this.goAlong(this.clock + elapsed);
      this.drawn();
      this.ticking = this.busy;
      if (this.ticking) requestAnimationFrame((next) => this.tick(next));
    }

    // Move the disc until so many ms.
    follow(until) {
      for (const end = Math.min(until, this.released + 2 * AFTER); this.clock + this.perFrame <= end; ) {
        this.clock += this.perFrame;
        this.to(this.hand.follow(Math.min(this.clock, this.released), this.perFrame));
      }
    }

    goAlong(until) {
      for (; this.path && this.clock + this.perFrame <= until; this.clock += this.perFrame) {
        const place = this.path[Math.round(this.clock / this.perFrame) + 1];
        if (!place) return this.finish();
        this.to(place);
      }
    }

    to(place) {
      this.place = place;
      this.advance(place);
    }

    // End what is going on; of a path, only when all of it has been played.
    finish() {
      if (!this.busy) return;
      if (this.path) this.path.slice(Math.round(this.clock / this.perFrame) + 1).forEach((place) => this.to(place));
      else this.follow(Math.min(this.released, performance.now()) + AFTER);
      [this.hand, this.path, this.keyed] = [null, null, undefined];
      this.end();
    }
  };
})();
