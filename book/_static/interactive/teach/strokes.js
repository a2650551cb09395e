// Strokes before the camera. A stroke is a path of the disc, places [x, y] in pixels from the middle
// that are equally far from one to the next, whatever the hand did in between; or it is what a
// webcam saw: pictures of log intensities, each with the µs before it. Copies of strokes, changed a
// little, are filmed to learn from.
interactiveFigures.part(({ bytesOf, clamp, mulberry32, shared, motion, teach, SIDE }) => {
  teach.RADIUS = 2.5; // pixels of the disc
  const MIDDLE = 17; // pixel
  teach.INTERVAL = 400; // µs between two places of a path
  const LONGEST = 598; // places of a path
  teach.MOST_EVENTS = 60_000; // of a stroke
  // The most that copies differ by, in pixels, rad and shares; little is likelier than much, so that
  // two gestures of which one can be bent into the other are still told apart.
  const COPY = {
    shift: 5,
    turn: 0.6,
    scale: 0.15,
    stretch: 0.45,
    slant: 0.4,
    tempo: 0.8, // of a film
    wobble: 1.5,
  };
  const BENDS = 6; // places along a path between which a copy's wobble is drawn

  // What lies between two of some points, by a share from 0 to 1.
  function between(points, share) {
    const at = share * (points.length - 1);
    const before = Math.min(Math.floor(at), points.length - 2);
    const next = points[before + 1];
    return points[before].map((value, axis) => value + (at - before) * (next[axis] - value));
  }

  // The camera that a webcam becomes: one threshold, in log intensity, and no chance.
  teach.WEBCAM = {
    on_threshold: 0.12,
    off_threshold: 0.12,
    mismatch: 0,
    tau_bright: 0,
    tau_dark: 0,
    refractory_period_us: 0,
    timestamp_jitter_us: 0,
    noise_rate_hz: 0,
    leak_rate: 0,
  };

  // ---- Where a stroke lies doesn't matter, nor how large it is, nor how fast it was drawn ----

  const SIZE = 21; // pixels: the longer side of the box around each stroke
  const SMALLEST = 3; // pixels: what is smaller is enlarged as if it were so large
  const STEP = 0.6; // pixels from one place to the next: in 0.4 ms, whatever the hand does
  const SLACK = 0.6; // pixels: as far as the disc hangs behind a hand that trembles

  // The middle of the box around a path, and the factor that brings it to one size.
  teach.boxOf = (path) => {
    const ends = [0, 1].map((axis) => {
      const values = path.map((place) => place[axis]);
      return [Math.min(...values), Math.max(...values)];
    });
    const side = Math.max(SMALLEST, ...ends.map(([lowest, highest]) => highest - lowest));
    const middle = ends.map(([lowest, highest]) => (lowest + highest) / 2);
    return { middle, factor: SIZE / side };
  };

  teach.framed = (path, { middle, factor } = teach.boxOf(path)) =>
    path.map((place) => place.map((value, axis) => factor * (value - middle[axis])));

  // Goes after a hand in steps of one length. While the hand rests, nothing moves.
  teach.Walk = class {
    constructor(place) {
      this.place = place;
    }

    // The steps until a goal is near.
    to(goal, slack = SLACK) {
      const steps = [];
      for (;;) {
        const way = goal.map((value, axis) => value - this.place[axis]);
        const left = Math.sqrt(way[0] ** 2 + way[1] ** 2);
        if (left < STEP + slack) return steps;
        this.place = this.place.map((value, axis) => value + (STEP / left) * way[axis]);
        steps.push(this.place);
      }
    }
  };

  // A path in steps of one length.
  function evenly(path, slack) {
    const walk = new teach.Walk(path[0]);
    return [path[0], ...path.slice(1).flatMap((place) => walk.to(place, slack))];
  }

  // ---- Strokes as texts, to be kept and sent: whoever reads one has the same numbers ----

  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const EVERY = 2; // places of a path from one step that is written to the next
  const PER_PIXEL = 4; // a step is in quarters of a pixel, from −32 to 31

  // Two letters a step: how far the disc goes right and down.
  teach.write = (drawn) => {
    const path = evenly(teach.framed(drawn)).slice(0, LONGEST);
    let text = "";
    let x = 0;
    let y = 0;
    for (let place = EVERY; place < path.length + EVERY - 1; place += EVERY) {
      const [right, down] = path[Math.min(place, path.length - 1)].map(
        (value, axis) => PER_PIXEL * (value - path[0][axis]),
      );
      const steps = [right - x, down - y].map((step) => clamp(Math.round(step), -32, 31));
      // what was too far is in the next step
      x += steps[0];
      y += steps[1];
      text += steps.map((step) => LETTERS[step + 32]).join("");
    }
    return text;
  };

  // A path from what teach.write has made of one, in the middle and of one size.
  teach.read = (text) => {
    const path = [[0, 0]];
    for (let letter = 0; letter < text.length; letter += 2) {
      const step = (axis) => LETTERS.indexOf(text[letter + axis]) - 32;
      path.push(path.at(-1).map((value, axis) => value + step(axis) / PER_PIXEL));
    }
    return evenly(teach.framed(path), 0);
  };

  // Log intensities as bytes, which are written in Base64, and back.
  const BRIGHTEST = 0.5;
  const PER_UNIT = 56;
  teach.writeLight = (pictures) => {
    const byteOf = (light) => clamp(Math.round(PER_UNIT * (BRIGHTEST - light)), 0, 255);
    const lights = pictures.flatMap((picture) => [...picture]);
    return btoa(lights.map((light) => String.fromCharCode(byteOf(light))).join(""));
  };

  teach.readLight = (text) => {
    const light = Float32Array.from(bytesOf(text), (byte) => BRIGHTEST - byte / PER_UNIT);
    return Array.from({ length: light.length / SIDE ** 2 }, (_, picture) =>
      light.slice(picture * SIDE ** 2, (picture + 1) * SIDE ** 2),
    );
  };

  // A stroke from what is kept of it: { code } or { light, intervals }.
  teach.toStroke = (record) =>
    record.code
      ? { ...record, path: teach.read(record.code) }
      : { ...record, pictures: teach.readLight(record.light) };

  // What is kept of a stroke that was just seen.
  teach.toKeep = ({ path, pictures, intervals }) =>
    path ? { code: teach.write(path) } : { light: teach.writeLight(pictures), intervals };

  // The events of a stroke as the page itself shows, stores and asks about it.
  teach.eventsOf = (stroke, settings) => teach.film(stroke, settings, mulberry32(1));

  teach.reversed = ({ path, pictures, intervals }) =>
    path
      ? { path: [...path].reverse() }
      : { pictures: [...pictures].reverse(), intervals: [0, ...intervals.slice(1).reverse()] };

  // ---- Is a stroke like those that were shown? ----

  const PARTS = 32;
  const TURNS = 8; // beginnings of a loop that are tried
  const LOOP = 0.2; // of its length: as far apart the ends of a loop may be
  const STIFF = 0.02; // how little a course is turned, slanted or stretched to lie on another one
  const CALM = 0.2; // how little the hand is taken to drift along it
  const TURNED = 4.5; // pixels: as much as a direction counts for
  const SHORT = 0.6; // pixels: what goes less far in two places has hardly a direction
  const EARLY = 2; // places by which a corner may come early or late
  const THIN = 0.08; // as little as a course may cover of a surface, and be pressed flat all the same

  // A steady drift, whose mean is 0 and whose mean square is 1.
  const DRIFT = Array.from(
    { length: PARTS },
    (_, at) => Math.sqrt(12) * ((at + 0.5) / PARTS - 0.5),
  );

  // Whether a path ends near where it began, so that it might have begun anywhere.
  const isLoop = (path) => {
    const [x, y] = path[0];
    const [right, down] = path.at(-1);
    return Math.hypot(right - x, down - y) < LOOP * STEP * path.length;
  };

  // A loop that begins at another of its places.
  const begunAt = (path, first) => [...path.slice(first), ...path.slice(0, first)];

  // Where a stroke is, on average, in each 32nd of its length, or a film's events in each 32nd of
  // them: [x, y] from the middle of all.
  const placesOf = ({ path, events }) => path ?? events.map(([, x, y]) => [x, y]);
  const mean = (part, axis) => part.reduce((sum, place) => sum + place[axis], 0) / part.length;
  teach.middleOf = (stroke) => [0, 1].map((axis) => mean(placesOf(stroke), axis));

  teach.courseOf = (stroke) => {
    const places = placesOf(stroke);
    const middle = teach.middleOf(stroke);
    const first = (number) => Math.floor((number * places.length) / PARTS);
    return Array.from({ length: PARTS }, (_, number) => {
      const part = places.slice(first(number), Math.max(first(number + 1), first(number) + 1));
      return middle.map((place, axis) => mean(part, axis) - place);
    });
  };

  // What others are compared with of a stroke of an output.
  teach.toCompare = ({ target, path, events, pictures }) => ({
    target,
    course: teach.courseOf({ path, events }),
    film: Boolean(pictures),
    loop: Boolean(path) && isLoop(path),
  });

  // The courses that a stroke might have had: those of a loop begin anywhere.
  teach.coursesOf = ({ course, loop }) =>
    Array.from({ length: loop ? TURNS : 1 }, (_, turn) => begunAt(course, (PARTS / TURNS) * turn));

  // The solutions of linear equations whose matrix is positive definite, by elimination. rows: each
  // equation's coefficients, and what it equals, in two columns.
  function solved(rows) {
    for (let at = 0; at < rows.length; at++) {
      const one = rows[at].map((value) => value / rows[at][at]);
      rows = rows.map((row, other) =>
        other === at ? one : row.map((value, column) => value - row[at] * one[column]),
      );
    }
    return [0, 1].map((axis) => rows.map((row) => row[rows.length + axis]));
  }

  // Each place of a course, [x, y], and the direction in which it goes on there, TURNED long.
  function described(course) {
    const numbers = new Float64Array(4 * PARTS);
    for (let at = 0; at < PARTS; at++) {
      const before = course[Math.max(at - 1, 0)];
      const after = course[Math.min(at + 1, PARTS - 1)];
      const right = after[0] - before[0];
      const down = after[1] - before[1];
      const scale = TURNED / (Math.sqrt(right * right + down * down) + SHORT);
      numbers.set([...course[at], scale * right, scale * down], 4 * at);
    }
    return numbers;
  }

  // How far a course is from another one in pixels, when that is brought near by the matrix M and a
  // steady drift d, with the least |course − M other − d|² + stiff |M − 1|² + calm |d|² (ridge
  // regression). Each of its places, and the direction there, may then be compared with one that
  // comes a little earlier or later. The flatter M presses the other one, the farther: what a course
  // covers is 1 if it is as wide as high, and 0 for a line.
  teach.apart = (course, other) => {
    const known = other.map(([x, y], at) => [x, y, DRIFT[at], ...course[at]]);
    const product = (one, two) => known.reduce((sum, row) => sum + row[one] * row[two], 0);
    // Products of what is known, and the course.
    const sums = [0, 1, 2].map((line) => [0, 1, 2, 3, 4].map((column) => product(line, column)));
    const [[xx, xy], [, yy]] = sums;
    const stiff = STIFF * (xx + yy);
    const calm = CALM * PARTS;
    for (const line of [0, 1]) {
      sums[line][line] += stiff;
      sums[line][3 + line] += stiff;
    }
    sums[2][2] += calm;
    const [[a, b, right], [c, d, down]] = solved(sums);
    const area = 2 * Math.sqrt(Math.max(xx * yy - xy * xy, 0));
    const spread = (a * a + c * c) * xx + 2 * (a * b + c * d) * xy + (b * b + d * d) * yy;
    const covers = area / (xx + yy);
    const pressed = (Math.max(a * d - b * c, 0) * area) / spread;
    const left = Math.min((pressed + THIN) / (covers + THIN), 1);
    const moved = known.map(([x, y, drift]) => [
      a * x + b * y + right * drift,
      c * x + d * y + down * drift,
    ]);
    const [one, two] = [course, moved].map(described);
    let sum = stiff * ((a - 1) ** 2 + b ** 2 + c ** 2 + (d - 1) ** 2);
    sum += calm * (right ** 2 + down ** 2);
    for (let at = 0; at < PARTS; at++) {
      let least = Infinity;
      const last = Math.min(at + EARLY, PARTS - 1);
      for (let near = Math.max(at - EARLY, 0); near <= last; near++) {
        let far = 0;
        for (let which = 0; which < 4; which++)
          far += (one[4 * at + which] - two[4 * near + which]) ** 2;
        if (far < least) least = far;
      }
      sum += least;
    }
    return Math.sqrt(sum / PARTS / left);
  };

  // ---- Copies ----

  // A stroke turned and scaled; a film is shifted and of another duration, and a path wobbles. A
  // loop begins somewhere.
  teach.copyOf = ({ path, pictures, intervals }, random) => {
    const within = (most) => most * (random() + random() - 1);
    const right = within(COPY.shift);
    const down = within(COPY.shift);
    const angle = within(COPY.turn);
    const size = 1 + within(COPY.scale);
    // Browsers may differ in the last bit of these.
    const [sine, cosine, slower, wider] = [
      size * Math.sin(angle),
      size * Math.cos(angle),
      Math.exp(within(COPY.tempo)),
      Math.exp(within(COPY.stretch)),
    ].map(Math.fround);
    if (pictures) {
      const moved = pictures.map((picture) => warp(picture, { right, down, sine, cosine, size }));
      return { pictures: moved, intervals: intervals.map((interval) => slower * interval) };
    }
    const slant = within(COPY.slant);
    const bend = () => [within(COPY.wobble), within(COPY.wobble)];
    const wobble = Array.from({ length: BENDS }, bend);
    const first = isLoop(path) ? Math.floor(path.length * random()) : 0;
    const places = begunAt(path, first).map(([across, up], place) => {
      const x = wider * (across - slant * up);
      const y = up / wider;
      const [aside, below] = between(wobble, place / path.length);
      return [cosine * x - sine * y + aside, sine * x + cosine * y + below];
    });
    const box = teach.boxOf(places);
    box.factor *= size;
    return { path: evenly(teach.framed(places, box), 0) };
  };

  // Move a picture as a copy's path is moved; beyond its edges it goes on as it is there.
  function warp(picture, { right, down, sine, cosine, size }) {
    const found = new Float32Array(picture.length);
    const inside = (place) => clamp(place + MIDDLE, 0, SIDE - 1.001);
    for (let place = 0; place < found.length; place++) {
      const u = (place % SIDE) - MIDDLE - right;
      const v = Math.floor(place / SIDE) - MIDDLE - down;
      const x = inside((cosine * u + sine * v) / size ** 2);
      const y = inside((cosine * v - sine * u) / size ** 2);
      const column = Math.floor(x);
      const row = Math.floor(y);
      const at = row * SIDE + column;
      const [above, below] = [at, at + SIDE].map(
        (left) => picture[left] + (x - column) * (picture[left + 1] - picture[left]),
      );
      found[place] = above + (y - row) * (below - above);
    }
    return found;
  }

  // The events of a stroke, [t, x, y, p] in order of time; of too many, the first ones. camera: of
  // the pad.
  teach.film = ({ path, pictures, intervals }, { camera: pad }, random) => {
    const camera = new shared.EventCamera(pictures ? teach.WEBCAM : pad, SIDE, SIDE, random);
    const frame = new Float32Array(SIDE ** 2);
    const frames = pictures ?? path;
    const seen = (place) => (pictures ? place : motion.filmInto(frame, place, teach.RADIUS));
    camera.start(seen(frames[0]), 0);
    const events = [];
    for (let at = 1; at < frames.length && events.length <= teach.MOST_EVENTS; at++) {
      const interval = pictures ? intervals[at] : teach.INTERVAL;
      for (const event of camera.film(seen(frames[at]), interval)) events.push(event);
    }
    return events;
  };

  // Events as frames, each of which lists its pixels with their counts: time bins from the first
  // event on, without polarity, and silence for the network to settle. random: to shuffle the frames.
  teach.toRecording = (events, timeWindow, settle, random) => {
    const begin = events[0][0];
    const frameOf = (time) => Math.floor((time - begin) / timeWindow);
    const frames = Array.from({ length: frameOf(events.at(-1)[0]) + 1 }, () => new Map());
    for (const [t, x, y] of events) shared.addCount(frames[frameOf(t)], y * SIDE + x, 1);
    if (random) shared.shuffle(frames, random);
    return [...frames.map((frame) => [...frame].flat()), ...Array(settle).fill([])];
  };
});
