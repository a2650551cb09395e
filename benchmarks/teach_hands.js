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
    },
    "held back": {
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
    },
  };

  // Whoever draws: size and how it varies, turn (rad) and how it varies, slant, width by height, how
  // loose corners are (pixels), how round, tremor (pixels), how much slower a bend is drawn, and
  // duration (ms of the scene). Settings of the page were chosen by the first set.
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
    lasts: [30, 55],
  };
  const persons = {
    chosen: {
      "whoever taught it": usual,
      "left-handed": { ...usual, slant: -0.35, turn: -0.15, round: 0.4, wide: 0.9, brakes: 0.5 },
      quick: { ...usual, size: 1.15, round: 0.8, loose: 1.6, lasts: [14, 24], turns: 0.2 },
      child: { ...usual, size: 1.2, sizes: 0.25, loose: 2, tremor: 0.5, lasts: [60, 100] },
      careful: { ...usual, size: 0.8, slant: 0.25, brakes: 1, loose: 0.7, lasts: [50, 80] },
      "left-handed, too": { ...usual, slant: -0.45, turn: 0.1, round: 0.5, brakes: 0.8, loose: 1 },
      hasty: {
        ...usual,
        size: 0.7,
        wide: 1.25,
        round: 1,
        loose: 1.8,
        brakes: 0.3,
        lasts: [10, 20],
      },
      trembling: { ...usual, tremor: 0.8, loose: 1.5, brakes: 0.6, lasts: [70, 110] },
      tall: {
        ...usual,
        size: 1.2,
        wide: 0.75,
        slant: 0.3,
        turns: 0.1,
        brakes: 1.2,
        lasts: [40, 70],
      },
    },
    // As nobody was who settings were chosen by, but between them.
    "held back": Object.fromEntries(
      ["first", "second", "third", "fourth"].map((name, number) => [
        name,
        stranger(mulberry32(720 + number)),
      ]),
    ),
  };
  const leftHanded = { ...usual, slant: -0.4, turn: 0.05, round: 0.6, brakes: 0.6, wide: 0.85 };

  // Somebody between all of them.
  function stranger(random) {
    const within = (lowest, highest) => lowest + (highest - lowest) * random();
    const quickest = within(10, 70);
    return {
      size: within(0.7, 1.2),
      sizes: within(0.1, 0.25),
      turn: within(-0.15, 0.15),
      turns: within(0.1, 0.2),
      slant: within(-0.45, 0.3),
      wide: within(0.75, 1.25),
      loose: within(0.7, 2),
      round: within(0, 1),
      tremor: within(0, 0.8),
      brakes: within(0, 1.2),
      lasts: [quickest, within(1.4, 1.9) * quickest],
    };
  }

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

  // A stroke by somebody: where the disc is for each 0.4 ms.
  function draw(corners, random, person = usual) {
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
    return places.map((place, step) => {
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
      return [
        Math.cos(turn) * x - Math.sin(turn) * y + right + shake,
        Math.sin(turn) * x + Math.cos(turn) * y + down + shake,
      ];
    });
  }

  // Weights as bytes: how far learning has moved each from what a seed draws, in 127ths of the most
  // that one of its matrix has moved. Returns { bytes, scales } of a network, as text and numbers.
  const packWeights = ({ weights }, fresh) => {
    const names = Object.keys(weights.shapes);
    const moved = names.map((name) =>
      weights[name].map((value, place) => value - fresh.weights[name][place]),
    );
    const scales = moved.map((all) =>
      Math.fround(all.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127),
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
    const { seed, without, knobs } = request;
    const lesson = { classes, courses, unwanted, weights, seed, without, knobs };
    return { lesson, seconds: (performance.now() - began) / 1000, longest };
  }

  // Teach a set of gestures by five strokes of each, and ask about count new ones of every kind.
  // Returns how many were asked, right by the network and by the sum before refusal, refused, and
  // shown (not refused) rightly, by kind; and what training cost.
  async function measure(set, seed, count, { motionData: { settings }, mulberry32 }) {
    const films = !sets[set];
    const names = films ? ["left", "right", "circle"] : Object.keys(sets[set]);
    const seen = (stroke) => {
      const kept = stroke && teach.toStroke(teach.toKeep(stroke));
      const events = kept ? teach.eventsOf(kept, settings) : [];
      return events.length >= teach.MIN_EVENTS ? { ...kept, events } : null;
    };
    const example = (name, random) => {
      if (!films) return seen({ path: draw(sets[set][name], random) });
      return seen(sceneOf(random)({ name }).at(-1)) ?? example(name, random);
    };
    const hand = mulberry32(1000 + seed);
    const shown = names.flatMap((name, target) =>
      Array.from({ length: 5 }, () => ({ target, ...example(name, hand) })),
    );
    const request = (strokes, more) => ({
      strokes: strokes.map(({ events, ...stroke }) => stroke),
      outputs: names.length,
      ...{ seed, settings, without: [], knobs: teach.AS_IT_IS },
      ...more,
    });
    const about = { classes: names, courses: shown.map(teach.toCompare), unwanted: -1 };
    const { lesson, seconds, longest } = await train(request(shown), about);
    let trained = teach.trainedBy(lesson);
    const kinds = {};
    const ask = (kind, target, stroke) => {
      const tally = (kinds[kind] ??= { asked: 0, right: 0, sum: 0, refused: 0, shown: 0 });
      tally.asked += 1;
      if (!stroke) return null; // a gesture that wasn't seen isn't right
      const { timeWindow, settle } = teach.NETWORK;
      const recording = teach.toRecording(stroke.events, timeWindow, settle / timeWindow);
      const [output, sum] = [trained.spiking, trained.sum].map(
        (model) => teach.answerOf(model.run(recording).values)?.output,
      );
      const known = trained.knows(teach.courseOf(stroke.events), output);
      tally.right += output === target;
      tally.sum += sum === target;
      tally.refused += !known;
      tally.shown += known && output === target;
      return known && output === target;
    };
    const others = mulberry32(5000 + seed);
    const away = () => (others() < 0.5 ? -10 : 10);
    const askFilms = (name, target) => {
      const film = (somebody, room) =>
        seen(sceneOf(others, somebody, rooms[room])({ name }).at(-1));
      ask("new", target, film(null, "chosen"));
      ask("somebody moves behind", target, film("sways", "chosen"));
      ask("another room, held back", target, film(null, "held back"));
      ask("somebody moves behind, held back", target, film("sways", "held back"));
    };
    const askStrokes = (name, target) => {
      const corners = sets[set][name];
      const path = draw(corners, others);
      ask("new", target, seen({ path }));
      if (set === "three unlike strokes") return;
      ask("10 pixels beside", target, seen({ path: moved(path, away(), 0) }));
      ask("in a corner", target, seen({ path: moved(path, away(), away()) }));
      ask("half as large", target, seen({ path: sized(path, 0.5) }));
      ask("twice as large", target, seen({ path: sized(path, 2) }));
      const angle = (others() < 0.5 ? -1 : 1) * (Math.PI / 9);
      ask("turned by 20°", target, seen({ path: turned(path, angle) }));
      const loose = { ...usual, loose: 3 * usual.loose };
      ask("three times the jitter", target, seen({ path: draw(corners, others, loose) }));
      if (set.includes("pairs")) ask("backwards", target ^ 1, seen({ path: [...path].reverse() }));
      for (const [which, all] of Object.entries(persons)) {
        for (const person of Object.values(all)) {
          if (person === usual) continue;
          ask(`other persons, ${which}`, target, seen({ path: draw(corners, others, person) }));
        }
      }
    };
    for (let number = 0; number < count; number++) names.forEach(films ? askFilms : askStrokes);
    if (films || set === "three unlike strokes") return { seconds, longest, kinds };
    for (const [which, shapes] of Object.entries(never)) {
      for (const [shape, corners] of Object.entries(shapes)) {
        if (names.includes(shape)) continue;
        for (let number = 0; number < count; number++) {
          ask(`never taught, ${which}`, null, seen({ path: draw(corners, others) }));
        }
      }
    }
    if (set !== "letters") return { seconds, longest, kinds };
    // Somebody else draws until five strokes have been corrected, and then anew.
    const person = leftHanded;
    const asks = (kind, number) => {
      const target = number % names.length;
      const stroke = { target, ...seen({ path: draw(sets[set][names[target]], others, person) }) };
      return { stroke, right: ask(kind, target, stroke) };
    };
    const corrected = [];
    for (let number = 0; corrected.length < 5 && number < 30; number++) {
      const { stroke, right } = asks("left-handed, held back", number);
      if (right) continue;
      corrected.push(stroke);
      const fresh = [...shown, ...corrected.slice(0, -1), { ...stroke, fresh: true }];
      const on = request(fresh, { weights: trained.lesson.weights });
      const now = { ...about, courses: fresh.map(teach.toCompare) };
      trained = teach.trainedBy((await train(on, now)).lesson);
    }
    for (let number = 0; number < 6 * count; number++) {
      asks("left-handed, held back, after corrections", number);
    }
    for (let number = 0; number < count; number++) {
      names.forEach((name, target) => {
        const path = draw(sets[set][name], others);
        ask("new, after corrections", target, seen({ path }));
      });
    }
    return { seconds, longest, kinds };
  }

  return { arrival, draw, measure, never, persons, rooms, sceneOf, sets, usual };
})(window.interactiveFigures);
