// The window that follows a pip: cards._track of pokersnn_helpers/simulation.
(() => {
  const { card } = window.interactiveFigures;

  // The window of 35 × 35 pixels: every event in its aperture moves it up or down a little.
  card.Tracker = class {
    constructor(suit, { tracking_gain, tracked_row, aperture_centre, aperture_radii }) {
      Object.assign(this, { gain: tracking_gain, middle: aperture_centre, radii: aperture_radii[suit] });
      this.home = this.centre = tracked_row[suit];
    }

    get offset() {
      return roundHalfToEven(this.centre - this.home);
    }

    // Return the event in the window, or null for one beyond the aperture.
    follow([time, x, row, polarity]) {
      const offset = this.offset;
      const across = (x - this.middle[0]) / this.radii[0];
      const along = (row - offset - this.middle[1]) / this.radii[1];
      if (across ** 2 + along ** 2 >= 1) return null;
      this.centre += this.gain * (row - this.centre);
      return [time, x, row - offset, polarity];
    }
  };

  // As Python's round does it.
  function roundHalfToEven(value) {
    const rounded = Math.round(value);
    return Math.abs(value % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  }
})();
