// Strokes before the camera. A stroke is a path of the disc, a place [x, y] in pixels from the middle
// for each 0.1 ms, or what a webcam saw: pictures of log intensities, each with the µs before it.
// Copies of strokes, moved a little, are filmed to learn from.
window.interactiveFigures.part(({ clamp, shared, motion, teach, SIDE }) => {
  const MIDDLE = 17;
  const EDGE = 17; // pixels from the middle that the disc's centre reaches
  const INTERVAL = 400; // µs between the pictures of a copied path
  const COPY = { shift: 5, turn: 0.2, scale: 0.2, stretch: 0.15, tempo: 0.55, wobble: 1, pace: 0.3 }; // pixels, rad, shares
  const BENDS = 6; // places along a path between which a copy's wobble and pace are drawn
  const onPad = (place) => clamp(place, -EDGE, EDGE);

  // What lies between two of some points, by a share from 0 to 1.
  function between(points, share) {
    const at = share * (points.length - 1);
    const before = Math.min(Math.floor(at), points.length - 2);
    return points[before].map((value, axis) => value + (at - before) * (points[before + 1][axis] - value));
  }

  // A stroke shifted, turned, scaled and of another duration; a path wobbles, too, and hurries.
  teach.copyOf = ({ path, pictures, intervals, camera }, random) => {
    const within = (most) => most * (2 * random() - 1);
    const [right, down, angle, size] = [within(COPY.shift), within(COPY.shift), within(COPY.turn), 1 + within(COPY.scale)];
    const [sine, cosine] = [size * Math.sin(angle), size * Math.cos(angle)];
    const slower = Math.exp(within(COPY.tempo));
    const wider = Math.exp(within(COPY.stretch));
    if (pictures) {
      const moved = pictures.map((picture) => warp(picture, { right, down, sine, cosine, size }));
      return { pictures: moved, intervals: intervals.map((interval) => slower * interval), camera };
    }
    const steps = Math.max(Math.round((100 * path.length * slower) / INTERVAL), 2);
    const wobble = Array.from({ length: BENDS }, () => [within(COPY.wobble), within(COPY.wobble)]);
    const pace = Array.from({ length: BENDS }, (_, bend) => [bend / (BENDS - 1) + (bend % (BENDS - 1) ? within(COPY.pace) / (BENDS - 1) : 0)]);
    const places = Array.from({ length: steps + 1 }, (_, step) => {
      const [share] = between(pace, step / steps);
      const [across, up] = between(path, share);
      const [x, y] = [across * wider, up / wider];
      const [aside, below] = between(wobble, share);
      return [onPad(cosine * x - sine * y + right + aside), onPad(sine * x + cosine * y + down + below)];
    });
    return { path: places, interval: INTERVAL };
  };

  // Move a picture as a copy's path is moved; beyond its edges it goes on as it is there.
  function warp(picture, { right, down, sine, cosine, size }) {
    const found = new Float32Array(picture.length);
    const inside = (place) => clamp(place + MIDDLE, 0, SIDE - 1.001);
    for (let place = 0; place < found.length; place++) {
      const [u, v] = [(place % SIDE) - MIDDLE - right, Math.floor(place / SIDE) - MIDDLE - down];
      const [x, y] = [inside((cosine * u + sine * v) / size ** 2), inside((cosine * v - sine * u) / size ** 2)];
      const [column, row] = [Math.floor(x), Math.floor(y)];
      const at = row * SIDE + column;
      const [above, below] = [at, at + SIDE].map((left) => picture[left] + (x - column) * (picture[left + 1] - picture[left]));
      found[place] = above + (y - row) * (below - above);
    }
    return found;
  }

  // The events of a stroke, [t, x, y, p] in order of time. camera: of the pad, if it isn't the webcam's.
  teach.film = ({ path, interval = 100, pictures, intervals, camera: own }, { camera: pad, radius }, random) => {
    const camera = new shared.EventCamera(own ?? pad, SIDE, SIDE, random, shared.normalFrom(random));
    const frame = new Float32Array(SIDE ** 2);
    if (pictures) {
      camera.start(pictures[0], 0);
      return pictures.slice(1).flatMap((picture, number) => camera.film(picture, intervals[number + 1]));
    }
    camera.start(motion.filmInto(frame, path[0], radius), 0);
    return path.slice(1).flatMap((place) => camera.film(motion.filmInto(frame, place, radius), interval));
  };

  // Events as frames without what is 0: time bins from the first event on, without polarity, and
  // silence for the network to settle. random: to shuffle the frames.
  teach.toRecording = (events, timeWindow, settle, random) => {
    const begin = events[0][0];
    const frames = Array.from({ length: Math.floor((events.at(-1)[0] - begin) / timeWindow) + 1 }, () => new Map());
    for (const [t, x, y] of events) {
      const frame = frames[Math.floor((t - begin) / timeWindow)];
      frame.set(y * SIDE + x, (frame.get(y * SIDE + x) ?? 0) + 1);
    }
    if (random) shared.shuffle(frames, random);
    let place = 0;
    const starts = frames.map(({ size }) => (place += size) - size);
    const all = frames.flatMap((frame) => [...frame]);
    return {
      starts: Int32Array.from([...starts, ...Array(settle + 1).fill(place)]),
      pixels: Int32Array.from(all, ([pixel]) => pixel), counts: Float64Array.from(all, ([, count]) => count),
    };
  };

  // ---- Examples: three shapes there and back, by a hand that is never quite the same ----

  const SHAPES = {
    tick: [[-9, 0], [-3, 8], [10, -9]],
    zed: [[-9, -9], [9, -9], [-9, 9], [9, 9]],
    circle: Array.from({ length: 25 }, (_, corner) => [10 * Math.sin((Math.PI * corner) / 12), -10 * Math.cos((Math.PI * corner) / 12)]),
  };
  teach.EXAMPLES = Object.keys(SHAPES).flatMap((shape) => [shape, `${shape}, backwards`]);

  teach.exampleOf = (name, random) => {
    const normal = shared.normalFrom(random);
    const [shape, way] = name.split(", ");
    const loose = shape === "circle" ? 0.3 : 1.2; // pixels
    const corners = SHAPES[shape].map((corner) => corner.map((place) => place + loose * normal()));
    if (way) corners.reverse();
    const [turn, size, right, down] = [0.15 * normal(), Math.exp(0.12 * normal()), 1.5 * normal(), 1.5 * normal()];
    const lengths = corners.slice(1).map(([x, y], corner) => Math.hypot(x - corners[corner][0], y - corners[corner][1]));
    const pace = Array.from({ length: 8 }, () => 0.5 + random());
    const steps = Math.round(300 + 250 * random());
    const speed = (step) => {
      const at = (6 * step) / steps;
      const before = Math.floor(at);
      return (pace[before] + (at - before) * (pace[before + 1] - pace[before])) * Math.min(1, (step + 5) / 25, (steps - step + 5) / 25);
    };
    const whole = Array.from({ length: steps }, (_, step) => speed(step)).reduce((one, other) => one + other);
    const all = lengths.reduce((one, other) => one + other);
    let [gone, corner, passed] = [0, 0, 0];
    return Array.from({ length: steps }, (_, step) => {
      gone += (speed(step) / whole) * all;
      while (corner < lengths.length - 1 && gone > passed + lengths[corner]) passed += lengths[corner++];
      const share = (gone - passed) / lengths[corner];
      const [x, y] = [0, 1].map((axis) => size * (corners[corner][axis] + share * (corners[corner + 1][axis] - corners[corner][axis])));
      return [onPad(Math.cos(turn) * x - Math.sin(turn) * y + right), onPad(Math.sin(turn) * x + Math.cos(turn) * y + down)];
    });
  };
});
