// The pad of this page: a stroke lasts while the pad is pressed, or while keys are held.
(({ motion, shared, teach }) => {
  const AFTER = 80; // ms until the disc, which has a mass, has come to rest
  const LONGEST = 15_000; // ms of a stroke
  const REST = 500; // ms without a key: the stroke is over

  teach.Pad = class extends motion.Pad {
    constructor(canvas, figure, options) {
      super(canvas, figure, options);
      this.hears = this;
      this.grip.onpointerdown = (event) => this.press(event);
      this.grip.onpointerup = this.grip.onpointercancel = (event) => this.release(event);
    }

    // A stroke may go on beside the pad.
    placeOf(event) {
      return motion.toScene(this.canvas, shared.placeIn(this.canvas, event));
    }

    press(event) {
      if (event.button) return;
      this.grip.setPointerCapture(event.pointerId);
      this.draw(event.timeStamp, this.placeOf(event), AFTER);
      this.pressed = true;
    }

    release({ timeStamp }) {
      if (!this.pressed) return;
      this.pressed = false;
      this.moved = timeStamp;
    }

    // rest: ms after which the stroke ends that nothing moves any more.
    draw(time, place, rest) {
      this.complete();
      this.moved = time;
      this.rest = rest;
      const ends = () => (this.pressed || this.held.size ? Infinity : this.moved + this.rest);
      this.take(time, place, ends, LONGEST);
    }

    report(time, place, byKeys) {
      if (!this.hand || byKeys === this.pressed) return;
      this.moved = time;
      this.hand.report(time, place);
    }

    // Each stroke by keys begins in the middle.
    keysFrom(time) {
      if (this.hand && !this.pressed && this.rest === REST) return this.keyed;
      this.draw(time, [0, 0], REST);
      return [0, 0];
    }

    // A stroke that ends while it still goes on has been cut.
    finish() {
      this.figure.wasCut = this.pressed || this.held.size > 0;
      super.finish();
    }

    // Let what is going on come to its end at once.
    complete() {
      this.pressed = false;
      this.held.clear();
      this.runToEnd();
    }
  };
})(interactiveFigures);
