// A dark disc, where a hand or one of the six motions takes it: motions.film_path and random_path
// of pokersnn_helpers/simulation. Places are in pixels from the middle of the sensor; y points
// down.
interactiveFigures.part(({ motion, SIDE, clamp }) => {
  const MIDDLE = 17;
  const SMOOTH = 12; // ms of the hand: it shall neither start nor turn at once

  // Log intensities into a Float32Array of SIDE × SIDE: 0 beside the disc and −1 on it.
  motion.filmInto = (frame, [x, y], radius) => {
    const near = (middle) => [
      Math.max(0, Math.floor(MIDDLE + middle - radius - 1)),
      Math.min(SIDE - 1, Math.ceil(MIDDLE + middle + radius + 1)),
    ];
    const [top, bottom] = near(y);
    const [left, right] = near(x);
    frame.fill(0);
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) {
        const distance = Math.sqrt((column - MIDDLE - x) ** 2 + (row - MIDDLE - y) ** 2) - radius;
        frame[row * SIDE + column] = -clamp(0.5 - distance, 0, 1);
      }
    return frame;
  };

  // One of the six motions: where the disc is in each frame of the camera.
  motion.drawPath = (name, random, { duration, frame_interval }) => {
    const within = (lowest, highest) => lowest + (highest - lowest) * random();
    const frames = Math.ceil((1000 * within(...duration)) / frame_interval);
    const turns = random() < 0.5 ? 1 : 2;
    const aside = within(-8, 8);
    const start = random();
    const distance = within(7, 11);
    const middle = [within(-3, 3), within(-3, 3)];
    const sign = name === "counterclockwise" ? -1 : 1;
    return Array.from({ length: frames }, (_, frame) => {
      const share = frame / frames;
      const along = 50 * share - 25;
      const angle = sign * 2 * Math.PI * (turns * share + start);
      const lines = {
        left: [-along, aside],
        right: [along, aside],
        up: [aside, -along],
        down: [aside, along],
      };
      const [x, y] = middle;
      return lines[name] ?? [x + distance * Math.cos(angle), y + distance * Math.sin(angle)];
    });
  };

  // What a pointer reports every 8 to 16 ms becomes a smooth motion: places in between lie on
  // straight lines, and the disc follows them like something that has a mass.
  motion.Hand = class {
    constructor(time, place) {
      this.reports = [[time, ...place]]; // times in ms of the hand
      this.place = place;
    }

    report(time, place) {
      if (time > this.reports.at(-1)[0]) this.reports.push([time, ...place]);
    }

    // Where the disc is so many ms after the last call, when the hand is at what it was at a time.
    follow(time, after) {
      while (this.reports.length > 1 && this.reports[1][0] <= time) this.reports.shift();
      const [before, next = before] = this.reports;
      const share = next === before ? 0 : Math.max((time - before[0]) / (next[0] - before[0]), 0);
      const eased = -Math.expm1(-after / SMOOTH);
      this.place = this.place.map(
        (from, axis) =>
          from + eased * (before[axis + 1] + share * (next[axis + 1] - before[axis + 1]) - from),
      );
      return this.place;
    }
  };
});
