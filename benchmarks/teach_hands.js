// Scripted hands that draw gestures for the page Teach it yours, and scenes before a webcam. Places
// are in pixels from the middle of the pad, one for each 0.4 ms; y points down.
window.hands = (({ mulberry32, shared, teach }) => {
  // Corners from a text.
  const path = (text) => text.split(", ").map((corner) => corner.split(" ").map(Number));
  const circle = (turn, size = 10) =>
    Array.from({ length: 25 }, (_, corner) => {
      const angle = (turn * Math.PI * corner) / 12;
      return [size * Math.sin(angle), -size * Math.cos(angle)];
    });
  const along = (place) => Array.from({ length: 41 }, (_, number) => place(number / 40));
  const sin = (turns) => Math.sin(2 * Math.PI * turns);
  const cos = (turns) => Math.cos(2 * Math.PI * turns);
  const HELD_BACK = 9700; // seed of the strangers who are held back
  const there = {
    tick: path("-9 0, -3 8, 10 -9"),
    zed: path("-9 -9, 9 -9, -9 9, 9 9"),
    circle: circle(1),
  };
  const back = Object.entries(there).map(([name, corners]) => [
    `${name}, backwards`,
    [...corners].reverse(),
  ]);

  // What is taught, by the corners of each gesture.
  const sets = {
    "six strokes in pairs": Object.fromEntries([
      ...Object.entries(there).flatMap((gesture, number) => [gesture, back[number]]),
    ]),
    "three unlike strokes": there,
    letters: {
      L: path("-7 -10, -7 9, 8 9"),
      M: path("-9 9, -8 -9, 0 4, 8 -9, 9 9"),
      S: path("7 -8, 0 -10, -6 -6, 0 0, 6 5, 0 10, -7 8"),
      V: path("-8 -9, 0 9, 8 -9"),
      e: path("-7 0, 7 0, 5 -7, 0 -9, -6 -5, -7 3, -3 9, 6 7"),
      P: path("-6 10, -6 -10, 5 -9, 7 -4, 4 0, -6 1"),
    },
    digits: {
      1: path("-4 -4, 2 -10, 2 10"),
      2: path("-6 -6, -1 -10, 6 -6, 3 1, -7 9, 8 9"),
      3: path("-6 -8, 4 -9, 5 -3, -1 0, 6 4, 3 9, -6 8"),
      6: path("5 -10, -4 -3, -6 5, 0 10, 6 5, 2 0, -5 3"),
      7: path("-7 -9, 8 -9, -2 10"),
      0: path("0 -10, -6 -5, -7 4, 0 10, 7 4, 6 -5, 0 -10"),
    },
    "eight shapes": {
      fish: along((share) => [10 * cos(0.08 + 0.84 * share), 7 * sin(2 * (0.08 + 0.84 * share))]),
      stairs: path("-9 9, -9 3, -3 3, -3 -3, 3 -3, 3 -9, 9 -9"),
      omega: path("-9 9, -4 9, -8 2, -6 -7, 0 -10, 6 -7, 8 2, 4 9, 9 9"),
      anchor: path("0 -10, 0 8, -8 2, 0 8, 8 2"),
      ribbon: along((share) => [8 * sin(2 * share), -9 + 18 * share]),
      crown: path("-9 8, -9 -6, -4 2, 0 -9, 4 2, 9 -6, 9 8"),
      snail: along((share) => [10 * share * cos(2.5 * share), 10 * share * sin(2.5 * share)]),
      key: path("9 9, 0 0, -6 0, -9 -6, -3 -9, 1 -4, 0 0, 5 5, 8 2"),
    },
  };
  // Shapes that are never taught. Settings of the page were chosen by the first ones; the others
  // are held back.
  const never = {
    chosen: {
      right: path("-10 0, 10 0"),
      left: path("10 0, -10 0"),
      up: path("0 10, 0 -10"),
      down: path("0 -10, 0 10"),
      diagonal: path("-8 8, 8 -8"),
      L: sets.letters.L,
      M: sets.letters.M,
      N: path("-8 9, -8 -9, 8 9, 8 -9"),
      square: path("-9 -9, 9 -9, 9 9, -9 9, -9 -9"),
      triangle: path("0 -9, 9 8, -9 8, 0 -9"),
      U: along((share) => [-8 * cos(share / 2), -8 + 16 * sin(share / 2)]),
      S: along((share) => [-7 * sin(share), -9 + 18 * share]),
      wave: along((share) => [-10 + 20 * share, 6 * sin(2 * share)]),
      eight: along((share) => [7 * sin(2 * share), -9 * cos(share)]),
      spiral: along((share) => [10 * share * cos(2.5 * share), 10 * share * sin(2.5 * share)]),
      twice: along((share) => [9 * sin(2 * share), -9 * cos(2 * share)]),
      W: path("-10 -8, -5 8, 0 -4, 5 8, 10 -8"),
      C: along((share) => [2 - 8 * sin(0.1 + 0.8 * share), -9 * cos(0.1 + 0.8 * share)]),
      house: path("-8 9, -8 -2, 0 -10, 8 -2, 8 9"),
      hook: path("0 -10, 0 6, -4 10, -8 6"),
      plus: path("-9 0, 9 0, 0 -9, 0 9"),
      stairs: path("-9 9, -9 3, -3 3, -3 -3, 3 -3, 3 -9, 9 -9"),
      heart: along((share) => [9 * sin(share) ** 3, -8 * cos(share) + 3 * cos(2 * share)]),
      hourglass: path("-8 -9, 8 -9, -8 9, 8 9, -8 -9"),
      infinity: along((share) => [10 * sin(share), 5 * sin(2 * share)]),
      loop: along((share) => [-9 + 18 * share + 5 * sin(1.5 * share), 6 * cos(1.5 * share)]),
      star: path("-6 9, 0 -10, 6 9, -9 -3, 9 -3, -6 9"),
      fish: along((share) => [10 * cos(0.08 + 0.84 * share), 7 * sin(2 * (0.08 + 0.84 * share))]),
      omega: path("-9 9, -4 9, -8 2, -6 -7, 0 -10, 6 -7, 8 2, 4 9, 9 9"),
      question: path("-5 -6, 0 -10, 6 -6, 4 -1, 0 1, 0 9"),
      arrow: path("-10 0, 9 0, 3 -6, 9 0, 3 6"),
      K: path("-6 -9, -6 9, -6 1, 6 -9, -3 0, 7 9"),
      epsilon: path("7 -8, 0 -10, -6 -6, 1 0, -7 5, 0 10, 7 7"),
      G: path("7 -7, 0 -10, -7 -4, -7 5, 0 10, 7 6, 7 1, 1 1"),
      comb: path("-9 8, -9 -8, -3 -8, -3 8, 3 8, 3 -8, 9 -8, 9 8"),
      fork: path("-7 -9, 0 0, 7 -9, 0 0, 0 10"),
      "zed in a mirror": path("9 -9, -9 -9, 9 9, -9 9"),
      lightning: path("4 -10, -5 1, 5 0, -4 10"),
      crown: path("-9 8, -9 -6, -4 2, 0 -9, 4 2, 9 -6, 9 8"),
      arch: along((share) => [-9 * cos(share / 2), 8 - 16 * sin(share / 2)]),
      anchor: path("0 -10, 0 8, -8 2, 0 8, 8 2"),
      Y: path("-8 -9, 0 0, 8 -9, 0 0, -4 10"),
      B: path("-6 10, -6 -10, 4 -8, 4 -2, -5 0, 6 2, 6 8, -6 10"),
      flag: path("-7 10, -7 -9, 8 -5, -7 0"),
      pretzel: along((share) => [9 * sin(1.5 * share), -8 * cos(share) + 3 * sin(3 * share)]),
      trident: path("-8 -9, -8 0, 0 0, 0 -9, 0 0, 8 0, 8 -9"),
      ribbon: along((share) => [8 * sin(2 * share), -9 + 18 * share]),
      bean: along((share) => [7 * sin(share) + 4 * cos(2 * share), -9 * cos(share)]),
    },
    "held back": {
      four: path("4 10, 4 -10, -7 4, 8 4"),
      five: path("6 -9, -5 -9, -6 -1, 3 -2, 6 4, 1 9, -6 7"),
      nine: path("6 -4, 0 -9, -5 -4, 0 0, 6 -5, 5 4, 3 10"),
      D: path("-6 -10, -6 10, 4 8, 8 0, 4 -8, -6 -10"),
      R: path("-6 10, -6 -10, 5 -9, 6 -3, -6 0, 7 10"),
      J: path("5 -10, 5 6, 1 10, -5 8"),
      H: path("-7 -10, -7 10, -7 0, 7 0, 7 -10, 7 10"),
      X: path("-8 -9, 8 9, 8 -9, -8 9"),
      T: path("-9 -9, 9 -9, 0 -9, 0 10"),
      envelope: path("-9 -6, 9 -6, 9 7, -9 7, -9 -6, 0 2, 9 -6"),
      cup: path("-8 -8, -5 8, 5 8, 8 -8, 5 -2"),
      sail: path("0 -10, 0 8, 8 8, 0 -10"),
    },
  };

  // Whoever draws: size and how it varies, turn (rad) and how it varies, slant, width by height, how
  // loose corners are (pixels), how round, tremor (pixels), how much slower a bend is drawn, how far
  // the hand drifts (pixels), how far it goes on at the end (pixels), where a loop begins at most
  // (share of its length, to both sides), how long it rests before, in the middle and after (s of
  // the hand), and duration (ms of the scene).
  const usual = {
    size: 1,
    sizes: 0.12,
    turn: 0,
    turns: 0.15,
    slant: 0,
    wide: 1,
    loose: 1.2,
    round: 0,
    tremor: 0,
    brakes: 0,
    drift: 0,
    flick: 0,
    start: 0,
    rests: [0, 0, 0],
    lasts: [30, 55],
  };
  const person = (habits) => ({ ...usual, ...habits });
  // Settings of the page were chosen by these.
  const chosen = {
    "whoever taught it": usual,
    "left-handed": person({ slant: -0.35, turn: -0.15, round: 0.4, wide: 0.9, brakes: 0.5 }),
    "left-handed, too": person({ slant: -0.45, turn: 0.1, round: 0.5, brakes: 0.8, start: 0.2 }),
    even: person({ loose: 0.6, sizes: 0.05, turns: 0.05 }),
    quick: person({ size: 1.15, round: 0.8, loose: 1.6, lasts: [14, 24], turns: 0.2 }),
    hasty: person({ size: 0.7, wide: 1.25, round: 1, loose: 1.8, brakes: 0.3, lasts: [6, 12] }),
    child: person({ size: 1.2, sizes: 0.25, loose: 2, tremor: 0.5, lasts: [60, 100], start: 0.3 }),
    careful: person({ size: 0.8, slant: 0.25, brakes: 1, loose: 0.7, lasts: [50, 80] }),
    trembling: person({ tremor: 0.8, loose: 1.5, brakes: 0.6, lasts: [70, 110] }),
    tall: person({ size: 1.2, wide: 0.75, slant: 0.3, turns: 0.1, brakes: 1.2, lasts: [40, 70] }),
    tired: person({ drift: 2, loose: 1.6, size: 0.85, lasts: [70, 120], rests: [0, 0.4, 0.3] }),
    hesitant: person({ rests: [0.8, 0.6, 0.5], loose: 1.4, brakes: 1 }),
    small: person({ size: 0.25, sizes: 0.2 }),
    large: person({ size: 1.6, round: 0.3, lasts: [20, 40] }),
    flicks: person({ flick: 3, round: 0.6, loose: 1.3, lasts: [12, 25], start: 0.15 }),
  };

  // Somebody between all of them.
  function stranger(random) {
    const within = (lowest, highest) => lowest + (highest - lowest) * random();
    const often = (value) => (random() < 0.4 ? value : 0);
    const quickest = within(8, 70);
    return {
      size: within(0.4, 1.4),
      sizes: within(0.05, 0.25),
      turn: within(-0.2, 0.2),
      turns: within(0.05, 0.2),
      slant: within(-0.45, 0.35),
      wide: within(0.75, 1.3),
      loose: within(0.6, 2),
      round: within(0, 1),
      tremor: often(within(0.2, 0.8)),
      brakes: within(0, 1.5),
      drift: often(within(0.5, 2)),
      flick: often(within(1, 3)),
      start: within(0, 0.5),
      rests: [often(within(0.2, 1.2)), often(within(0.2, 0.8)), often(within(0.2, 1.2))],
      lasts: [quickest, within(1.4, 1.9) * quickest],
    };
  }
  const strangers = (first, count) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, number) => [
        `stranger ${number + 1}`,
        stranger(mulberry32(first + number)),
      ]),
    );
  // Settings were chosen by strangers, too, but by others than those who are held back.
  const persons = { chosen, "held back": strangers(HELD_BACK, 15) };
  const leftHanded = person({ slant: -0.4, turn: 0.05, round: 0.6, brakes: 0.6, wide: 0.85 });

  // Corners, rounded by cutting them: a share of 1 leaves a curve.
  function rounded(corners, round) {
    let line = corners;
    for (let turn = 0; turn < 2 && round; turn++) {
      line = line.flatMap((corner, number) => {
        if (!number || number === line.length - 1) return [corner];
        return [line[number - 1], line[number + 1]].map((other) =>
          corner.map((place, axis) => place + 0.3 * round * (other[axis] - place)),
        );
      });
    }
    return line;
  }

  // Corners of a loop that begins at another share of it, from −0.5 to 0.5.
  const begunAt = (corners, share) => {
    const around = corners.slice(0, -1);
    const first = Math.round(share * around.length);
    const turned = [...around.slice(first), ...around.slice(0, first)];
    return [...turned, turned[0]];
  };
  const isLoop = (corners) =>
    corners[0].every((value, axis) => Math.abs(value - corners.at(-1)[axis]) < 1e-9);

  // Put rests before, in the middle of, and after a path. The hand isn't quite still.
  function withRests(path, rests, random) {
    if (!rests.some(Boolean)) return path;
    const rest = ([x, y], seconds) =>
      Array.from({ length: Math.round((1000 * seconds) / 30 / 0.4) }, () => [
        x + 0.1 * (random() - 0.5),
        y + 0.1 * (random() - 0.5),
      ]);
    const middle = Math.floor(path.length * (0.3 + 0.4 * random()));
    return [
      ...rest(path[0], rests[0]),
      ...path.slice(0, middle),
      ...rest(path[middle], rests[1]),
      ...path.slice(middle),
      ...rest(path.at(-1), rests[2]),
    ];
  }

  // A stroke by somebody: where the disc is for each 0.4 ms.
  function draw(shape, random, person = usual) {
    const begins = person.start && isLoop(shape) && person.start * (2 * random() - 1);
    const corners = begins ? begunAt(shape, begins) : shape;
    const normal = shared.normalFrom(random);
    const curve = corners.length > 9; // whose corners mustn't jump
    const loose = person.loose * (curve ? 0.3 : 1);
    const line = rounded(
      corners.map((corner) => corner.map((place) => place + loose * normal())),
      curve ? 0 : person.round,
    );
    const lengths = line
      .slice(1)
      .map((to, at) => Math.hypot(to[0] - line[at][0], to[1] - line[at][1]));
    const whole = lengths.reduce((sum, length) => sum + length);
    const turn = person.turn + person.turns * normal();
    const size = person.size * Math.exp(person.sizes * normal());
    const [right, down] = [1.5 * normal(), 1.5 * normal()];
    const [quickest, longest] = person.lasts;
    const steps = Math.round((quickest + (longest - quickest) * random()) / 0.4);
    const pace = Array.from({ length: 8 }, () => 0.5 + random());
    const ends = [];
    lengths.reduce((sum, length) => (ends[ends.length] = sum + length), 0);
    const speed = (step, gone) => {
      const at = (6 * step) / steps;
      const before = Math.floor(at);
      const drawn = pace[before] + (at - before) * (pace[before + 1] - pace[before]);
      const bend = curve ? 9 : Math.min(...ends.slice(0, -1).map((end) => Math.abs(end - gone)), 9);
      const braked = 1 / (1 + person.brakes * Math.exp(-bend / 2));
      return drawn * braked * Math.min(1, (step + 2) / 7, (steps - step + 2) / 7);
    };
    const places = [0];
    for (let step = 0; step < steps; step++)
      places.push(places.at(-1) + speed(step, whole * (step / steps)));
    const [rate, phase] = [8 + 4 * random(), random()]; // of the tremor, in Hz of the hand
    const drifts = person.drift ? [0, 0].map(() => [person.drift * normal(), random()]) : null;
    const path = places.map((place, step) => {
      const gone = (place / places.at(-1)) * whole;
      const corner = Math.max(
        ends.findIndex((end) => end >= gone - 1e-9),
        0,
      );
      const share = 1 - (ends[corner] - gone) / (lengths[corner] || 1);
      const shake = person.tremor * sin(rate * step * 0.0004 * 30 + phase);
      const [x0, y0] = [0, 1].map(
        (axis) => line[corner][axis] + share * (line[corner + 1][axis] - line[corner][axis]),
      );
      const [x, y] = [size * person.wide * (x0 - person.slant * y0), (size / person.wide) * y0];
      const [aside, below] = (drifts ?? []).map(
        ([far, begin]) => size * far * sin(0.8 * (place / places.at(-1)) + begin),
      );
      const seen = [
        Math.cos(turn) * x - Math.sin(turn) * y + right + size * shake,
        Math.sin(turn) * x + Math.cos(turn) * y + down + size * shake,
      ];
      return drifts ? [seen[0] + aside, seen[1] + below] : seen;
    });
    if (person.flick) path.push(...flickOf(path, size * person.flick));
    return withRests(path, person.rests, random);
  }

  // How a hand goes on for so many pixels when it leaves a path.
  function flickOf(path, far) {
    const [[x, y], [fromX, fromY]] = [path.at(-1), path.at(-6)];
    const length = Math.hypot(x - fromX, y - fromY) || 1;
    const [right, down] = [(far * (x - fromX)) / length, (far * (y - fromY)) / length];
    return [0.25, 0.5, 0.75, 1].map((share) => [x + share * right, y + share * down]);
  }

  // Weights as bytes: how far learning has moved each from what a seed draws, in 15ths of the most
  // that one of its matrix has moved, which compresses well. Returns { bytes, scales } of a network, as text and numbers.
  const packWeights = ({ weights }, fresh) => {
    const names = Object.keys(weights.shapes);
    const moved = names.map((name) =>
      weights[name].map((value, place) => value - fresh.weights[name][place]),
    );
    const scales = moved.map((all) =>
      Math.fround(all.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 15),
    );
    const bytes = moved.flatMap((all, matrix) =>
      Array.from(all, (value) => Math.round(value / (scales[matrix] || 1)) & 255),
    );
    return { bytes: btoa(bytes.map((byte) => String.fromCharCode(byte)).join("")), scales };
  };

  // What the page arrives with: strokes of six gestures, and the network that they give.
  function arrival({ motionData: { settings }, mulberry32 }) {
    const random = mulberry32(1);
    const gestures = Object.entries(sets["six strokes in pairs"]).map(([name, corners]) => ({
      name,
      strokes: Array.from({ length: 5 }, () => teach.toKeep({ path: draw(corners, random) })),
    }));
    const shown = gestures.flatMap(({ strokes }, target) =>
      strokes.map((record) => ({ ...teach.toStroke(record), target })),
    );
    const request = { strokes: shown, outputs: gestures.length, seed: 0, settings, without: [] };
    const { weights } = [...teach.train(request)].at(-1);
    const networks = Object.values(teach.networks(gestures.length, 0));
    const fresh = Object.values(teach.networks(gestures.length, 0));
    const lesson = networks.map((network, which) => {
      network.weights.all.set(weights[which]);
      return packWeights(network, fresh[which]);
    });
    return { gestures, lesson };
  }

  // ---- Before a webcam ----

  // Rooms: texture of the wall, of clothes, noise, flicker, ms between two pictures, the hand's size
  // and way, pictures of a gesture, and how far and fast somebody sways. The first is what settings
  // were chosen by.
  const rooms = {
    chosen: {
      texture: 0.25,
      cloth: 0.08,
      noise: 0.02,
      flicker: 0.05,
      interval: 33,
      hand: [4.5, 7],
      way: [9, 12],
      pictures: [18, 36],
      sways: [3, 7],
      speed: [3, 8],
    },
    "held back": {
      texture: 0.35,
      cloth: 0.14,
      noise: 0.02,
      flicker: 0.1,
      interval: 36,
      hand: [3.8, 6],
      way: [8, 12],
      pictures: [15, 30],
      sways: [3, 9],
      speed: [4, 11],
    },
  };

  // A textured wall; before it a hand, dark or bright, and behind the hand perhaps somebody, who sways
  // or passes. Returns what films a gesture by its name, or nobody's for some seconds.
  function sceneOf(random, somebody, room = rooms.chosen) {
    const normal = shared.normalFrom(random);
    const within = ([low, high]) => low + (high - low) * random();
    const share = (inside) => Math.min(Math.max(inside + 0.5, 0), 1);
    const textured = (mean, spread) =>
      Float32Array.from({ length: 35 ** 2 }, () => mean + spread * normal());
    const [wall, cloth] = [textured(-0.9, room.texture), textured(0, room.cloth)];
    const [light, half, head] = [within([-1.9, -0.3]), within([3.5, 6]), within([4, 9])];
    const [middle, sways, speed] = [within([8, 26]), within(room.sways), within(room.speed)];
    const passes = within([3000, 4500]);
    const where = {
      sways: (time) => middle + sways * Math.sin((speed / sways) * (time / 1000)),
      passes: (time) => {
        const [turn, gone] = [Math.floor(time / (passes + 1500)), time % (passes + 1500)];
        const way = 50 * Math.min(gone / passes, 1);
        return turn % 2 ? 42 - way : -8 + way;
      },
    }[somebody];
    const behind = (x, y, at) =>
      Math.max(
        Math.min(share(y - head - 5), share(half - Math.abs(x - at))),
        share(0.62 * half - Math.hypot(x - at, y - head)),
      );
    const places = (name, count, [width, height], row) =>
      Array.from({ length: count }, (_, picture) => {
        const part = picture / (count - 1);
        const way = [(name === "right" ? 1 : -1) * width * (2 * part - 1), 0];
        const [x, y] = name === "circle" ? [-width * cos(part), -height * sin(part)] : way;
        return [17 + x + 0.4 * normal(), row + y + 0.4 * normal()];
      });
    return ({ name, seconds = 0, all = false }) => {
      const gestures = [];
      const watch = new teach.MotionWatch({
        slow: 30,
        began() {},
        moved() {},
        seen() {},
        ended: (gesture) => gestures.push(gesture),
      });
      watch.all = all;
      const [hand, size, row] = [random() < 0.5 ? -2 : -0.1, within(room.hand), within([13, 21])];
      const box = [within(room.way), within([7, 10])];
      let time = 0;
      const look = (held) => {
        const picture = wall.map((value, place) => {
          const [x, y] = [place % 35, Math.floor(place / 35)];
          const away = held ? Math.hypot(x - held[0], y - held[1]) : Infinity;
          const hidden = where ? behind(x, y, where(time)) : 0;
          const seen = value + hidden * (light + cloth[place] - value);
          const flicker = room.flicker * Math.sin(time / 23);
          return (away < size ? hand : seen) + room.noise * normal() + flicker;
        });
        watch.watch(picture, (time += room.interval));
      };
      const rest = (place, ms) => {
        for (let gone = 0; gone < ms; gone += room.interval) look(place);
      };
      if (!name) rest(null, 1000 * seconds);
      else {
        const line = places(name, Math.round(within(room.pictures)), box, row);
        rest(line[0], 2500);
        line.forEach(look);
        rest(line.at(-1), 660);
      }
      watch.cut();
      return gestures.filter(Boolean);
    };
  }

  // ---- What a network learns, and makes of strokes that it hasn't seen ----

  const turned = (path, angle) =>
    path.map(([x, y]) => [
      Math.cos(angle) * x - Math.sin(angle) * y,
      Math.sin(angle) * x + Math.cos(angle) * y,
    ]);
  const sized = (path, size) => path.map((place) => place.map((value) => size * value));
  const moved = (path, right, down) => path.map(([x, y]) => [x + right, y + down]);
  const faster = (path, times) =>
    path.filter((_, place) => place % times === 0 || place === path.length - 1);

  // A shape by arrow keys: one or two of them at once, let go for a moment at corners, and half a
  // second of rest at the end, by which the page knows that it is over.
  function byKeys(corners, random) {
    const [eighth, speed] = [Math.PI / 4, 0.3]; // pixels in 0.4 ms
    const parts = [];
    for (const [at, [x, y]] of corners.slice(1).entries()) {
      const [right, down] = [x - corners[at][0], y - corners[at][1]];
      const way = Math.round(Math.atan2(down, right) / eighth);
      const length = Math.hypot(right, down);
      if (parts.at(-1)?.way === way) parts.at(-1).length += length;
      else parts.push({ way, length });
    }
    const line = [corners[0]];
    for (const { way, length } of parts) {
      const steps = Math.max(1, Math.round((length * (0.85 + 0.3 * random())) / speed));
      for (let rest = 8 * random(); rest > 1; rest--) line.push(line.at(-1));
      for (let step = 0; step < steps; step++) {
        const [x, y] = line.at(-1);
        line.push([x + speed * Math.cos(eighth * way), y + speed * Math.sin(eighth * way)]);
      }
    }
    return [...line, ...Array(42).fill(line.at(-1))];
  }

  // Train beside the page, as for a visitor. Returns the lesson, the seconds, and how long the page
  // waited at most in between, in ms.
  async function train(request, { classes, courses, unwanted }) {
    let [longest, last, weights] = [0, performance.now(), null];
    const clock = setInterval(() => {
      const now = performance.now();
      [longest, last] = [Math.max(longest, now - last), now];
    }, 5);
    const began = performance.now();
    const progress = (news) => {
      weights = news.weights ?? weights;
    };
    await new Promise((done, failed) => {
      teach.trainInWorker(request, { progress, done, failed });
    });
    clearInterval(clock);
    const { seed, without } = request;
    const lesson = { classes, courses, unwanted, weights, seed, without };
    return { lesson, seconds: (performance.now() - began) / 1000, longest };
  }

  // Somebody who teaches a set of gestures, by so many strokes of each, and asks about new ones.
  class Class {
    constructor(set, seed, settings) {
      Object.assign(this, { set, seed, settings, kinds: {}, people: {} });
      this.films = !sets[set];
      this.names = this.films ? ["left", "right", "circle"] : Object.keys(sets[set]);
    }

    seen(stroke) {
      const kept = stroke && teach.toStroke(teach.toKeep(stroke));
      const events = kept ? teach.eventsOf(kept, this.settings) : [];
      return events.length >= teach.MIN_EVENTS ? { ...kept, events } : null;
    }

    example(name, random) {
      if (!this.films) return this.seen({ path: draw(sets[this.set][name], random) });
      return this.seen(sceneOf(random)({ name }).at(-1)) ?? this.example(name, random);
    }

    // The strokes that are shown, and the lesson that they give.
    async learn(random, count) {
      this.shown = this.names.flatMap((name, target) =>
        Array.from({ length: count }, () => ({ target, ...this.example(name, random) })),
      );
      return this.train(this.shown);
    }

    async train(shown, more) {
      const { seed, settings, names } = this;
      const strokes = shown.map(({ events, ...stroke }) => stroke);
      const request = { strokes, outputs: names.length, seed, settings, without: [], ...more };
      const about = { classes: names, courses: shown.map(teach.toCompare), unwanted: -1 };
      const { lesson, ...took } = await train(request, about);
      this.trained = teach.trainedBy(lesson);
      return took;
    }

    // What is made of a stroke of a target, or of none (null): how many were right by the network,
    // by the nearest example and by the sum before anything is refused; shown, and shown rightly;
    // and asked about ("zed?"), and that rightly.
    ask(kind, target, stroke, tallies = this.kinds) {
      const tally = (tallies[kind] ??= Object.fromEntries(
        [
          "asked",
          "right",
          "nearest",
          "sum",
          "shown",
          "shownRight",
          "doubted",
          "doubtedRight",
          "sure",
        ].map((column) => [column, 0]),
      ));
      tally.asked += 1;
      if (!stroke) return null; // a gesture that wasn't seen isn't right
      const { timeWindow, settle } = teach.NETWORK;
      const recording = teach.toRecording(stroke.events, timeWindow, settle / timeWindow);
      const [answer, sum] = [this.trained.spiking, this.trained.sum].map((model) =>
        teach.answerOf(model.run(recording).values),
      );
      const found = this.trained.judge(answer, teach.courseOf(stroke));
      const right = found.output === target;
      const seen = { right: answer?.output === target, sum: sum?.output === target };
      seen.nearest = found.nearest === target;
      Object.assign(seen, { shown: found.known, doubted: found.almost });
      Object.assign(seen, { shownRight: found.known && right });
      Object.assign(seen, { doubtedRight: found.almost && right });
      for (const [column, counts] of Object.entries(seen)) tally[column] += counts;
      tally.sure = Math.max(tally.sure, found.known && !right ? found.shares[found.output] : 0);
      return seen.shownRight;
    }

    askFilms(name, target, random) {
      const film = (somebody, room) =>
        this.seen(sceneOf(random, somebody, rooms[room])({ name }).at(-1));
      this.ask("new", target, film(null, "chosen"));
      this.ask("somebody moves behind", target, film("sways", "chosen"));
      this.ask("another room, held back", target, film(null, "held back"));
      this.ask("somebody moves behind, held back", target, film("sways", "held back"));
    }

    // Strokes of whoever taught them, which differ in one thing.
    askStrokes(name, target, random) {
      const corners = sets[this.set][name];
      const ask = (kind, path) => this.ask(kind, target, this.seen({ path }));
      const away = () => (random() < 0.5 ? -10 : 10);
      const path = draw(corners, random);
      ask("new", path);
      if (this.set === "three unlike strokes") return;
      ask("in a corner", moved(path, away(), away()));
      for (const [size, how] of [
        [0.25, "a quarter of the size"],
        [0.5, "half as large"],
        [2, "twice as large"],
      ]) {
        ask(how, sized(path, size));
      }
      for (const angle of [20, 45]) {
        const radians = ((random() < 0.5 ? -1 : 1) * angle * Math.PI) / 180;
        ask(`turned by ${angle}°`, turned(path, radians));
      }
      ask("five times as fast", faster(path, 5));
      ask("three times the jitter", draw(corners, random, person({ loose: 3 * usual.loose })));
      for (const [place, how] of ["a wait of 1 s", "a pause of 1 s", "a rest of 1 s"].entries()) {
        const rests = [0, 1, 2].map((other) => (other === place ? 1 : 0));
        ask(how, draw(corners, random, person({ rests })));
      }
      ask("by keyboard", byKeys(corners, random));
      if (isLoop(corners))
        ask("a loop from anywhere", draw(corners, random, person({ start: 0.5 })));
      if (this.set.includes("pairs")) {
        this.ask("backwards", target ^ 1, this.seen({ path: [...path].reverse() }));
      }
    }

    askPersons(name, target, random, kind) {
      for (const [which, all] of Object.entries(persons)) {
        for (const [who, habits] of Object.entries(all)) {
          if (habits === usual) continue;
          const stroke = this.seen({ path: draw(sets[this.set][name], random, habits) });
          this.ask(`other persons, ${which}${kind}`, target, stroke);
          if (which === "held back") this.ask(`${who}${kind}`, target, stroke, this.people);
        }
      }
    }

    askNever(count, random, kind) {
      for (const [which, shapes] of Object.entries(never)) {
        for (const [shape, corners] of Object.entries(shapes)) {
          if (this.names.includes(shape)) continue;
          for (let number = 0; number < count; number++) {
            const stroke = this.seen({ path: draw(corners, random) });
            this.ask(`never taught, ${which}${kind}`, null, stroke);
          }
        }
      }
    }

    // Somebody else draws until five strokes have been corrected, and then anew.
    async correct(count, random) {
      const kind = "left-handed, held back";
      const asks = (when, number) => {
        const target = number % this.names.length;
        const path = draw(sets[this.set][this.names[target]], random, leftHanded);
        const stroke = { target, ...this.seen({ path }) };
        return { stroke, right: this.ask(when, target, stroke) };
      };
      const corrected = [];
      for (let number = 0; corrected.length < 5 && number < 30; number++) {
        const { stroke, right } = asks(kind, number);
        if (right) continue;
        corrected.push(stroke);
        const shown = [...this.shown, ...corrected.slice(0, -1), { ...stroke, fresh: true }];
        await this.train(shown, { weights: this.trained.lesson.weights });
      }
      for (let number = 0; number < 6 * count; number++) asks(`${kind}, after corrections`, number);
      for (let number = 0; number < count; number++) {
        for (const [target, name] of this.names.entries()) {
          const path = draw(sets[this.set][name], random);
          this.ask("new, after corrections", target, this.seen({ path }));
        }
      }
    }
  }

  // Teach a set of gestures by five strokes of each, and ask about count new ones of every kind.
  // Returns what was made of them, and what training cost.
  async function measure(set, seed, count, { motionData: { settings }, mulberry32: seeded }) {
    const taught = new Class(set, seed, settings);
    const [hand, others] = [seeded(1000 + seed), seeded(5000 + seed)];
    const took = await taught.learn(hand, 5);
    const each = (act) => {
      for (let number = 0; number < count; number++) {
        for (const [target, name] of taught.names.entries()) act(name, target, others);
      }
    };
    if (taught.films) each((...about) => taught.askFilms(...about));
    else each((...about) => taught.askStrokes(...about));
    const whole = !taught.films && set !== "three unlike strokes";
    if (whole) {
      each((...about) => taught.askPersons(...about, ""));
      taught.askNever(count, others, "");
      if (set === "letters") await taught.correct(count, others);
      const more = ", after 60 examples";
      await taught.learn(hand, 60);
      each((...about) => taught.askPersons(...about, more));
      taught.askNever(1, others, more);
    }
    return { ...took, kinds: taught.kinds, people: taught.people };
  }

  return {
    arrival,
    byKeys,
    draw,
    measure,
    never,
    person,
    persons,
    rooms,
    sceneOf,
    sets,
    strangers,
  };
})(window.interactiveFigures);
