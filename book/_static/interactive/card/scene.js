// A dark pip on a card that moves before the camera: pokersnn_helpers/simulation/pips.py and
// cards.py compute the same with NumPy. Their constants come with the network, from data.js.
(({ card, clamp }) => {
  // ---- The shapes: signed distance functions, as in pips.py; y points down ----

  const circle = (x, y, radius) => Math.sqrt(x * x + y * y) - radius;

  // With its tip and its base at these heights; x isn't below 0.
  function triangle([tip, base, halfWidth]) {
    const slope = halfWidth / Math.abs(base - tip);
    const down = base > tip ? 1 : -1;
    const length = Math.hypot(1, slope);
    return (x, y) => Math.max((x - slope * down * (y - tip)) / length, down * (y - base));
  }

  // The triangle that touches circles around a lobe and its mirror image, and ends in a tip.
  function tangents([lobeX, lobeY, radius], tip) {
    const down = tip > lobeY ? 1 : -1;
    const toTip = Math.hypot(lobeX, tip - lobeY);
    const angle = Math.atan2(lobeX, Math.abs(tip - lobeY)) + Math.asin(radius / toTip);
    const tangent = Math.sqrt(toTip ** 2 - radius ** 2);
    return [tip, tip - down * tangent * Math.cos(angle), tangent * Math.sin(angle)];
  }

  // Circles [x, y, radius], each with its mirror image, and triangles [tip, base, half its width].
  const LOBES = { heart: [0.39, -0.48, 0.39], spade: [0.3, 0.35, 0.39] };
  const PARTS = {
    club: {
      circles: [
        [0, -0.73, 0.44],
        [0.47, 0.16, 0.43],
        [0, 0, 0.5],
      ],
      triangles: [[0.49, 0.9, 0.33]],
    },
    heart: { circles: [LOBES.heart], triangles: [tangents(LOBES.heart, 1.41)] },
    spade: {
      circles: [LOBES.spade],
      triangles: [tangents(LOBES.spade, -1.14), [0.61, 1.03, 0.27]],
    },
  };

  function distanceOf(suit) {
    if (suit === "diamond") return (x, y) => (Math.abs(x) / 0.72 + Math.abs(y) - 1) * 0.56;
    const { circles, triangles } = PARTS[suit];
    const shapes = [
      ...circles.map(
        ([right, down, radius]) =>
          (x, y) =>
            circle(x - right, y - down, radius),
      ),
      ...triangles.map(triangle),
    ];
    return (x, y) => {
      const aside = Math.abs(x);
      let nearest = Infinity;
      for (const shape of shapes) nearest = Math.min(nearest, shape(aside, y));
      return nearest;
    };
  }
  card.signedDistance = Object.fromEntries(
    ["club", "heart", "diamond", "spade"].map((suit) => [suit, distanceOf(suit)]),
  );

  // The same shapes for the eye: paths to be filled one after the other.
  function outline(suit) {
    const polygon = (...corners) =>
      new Path2D(`M${corners.map((corner) => corner.join(" ")).join("L")}Z`);
    if (suit === "diamond") return [polygon([0, -1], [0.72, 0], [0, 1], [-0.72, 0])];
    const discs = PARTS[suit].circles.flatMap(([x, y, radius]) =>
      [x, -x].map((middle) => {
        const path = new Path2D();
        path.arc(middle, y, radius, 0, 2 * Math.PI);
        return path;
      }),
    );
    const tips = PARTS[suit].triangles.map(([tip, base, half]) =>
      polygon([0, tip], [half, base], [-half, base]),
    );
    if (suit !== "heart") return [...discs, ...tips];
    const [x, y] = LOBES.heart; // close the chink between the lobes, which no lens would show
    return [...discs, ...tips, polygon([x, y], [-x, y], [0, 1])];
  }
  const outlines = {};
  card.fillPip = (context, suit) => {
    outlines[suit] ??= outline(suit);
    for (const path of outlines[suit]) context.fill(path);
  };

  // ---- The card: what is particular to one, and how it moves ----

  // cards._draw. normal draws from a standard normal distribution.
  card.draw = (suit, { cards, suits, spread }, normal) => {
    const factors = [normal(), normal()];
    const drawn = { suit };
    for (const [name, { medians, std, loadings, log, limits }] of Object.entries(cards)) {
      const median = medians[suits.indexOf(suit)];
      const change =
        spread[suit] * (std * normal() + loadings[0] * factors[0] + loadings[1] * factors[1]);
      drawn[name] = clamp(
        log ? median * Math.exp(change) : median + change,
        limits[0] ?? -Infinity,
        limits[1] ?? Infinity,
      );
    }
    return drawn;
  };

  // The pip at a time in ms: cards._move, and the values of cards._log_frames.
  card.poseAt = (drawn, time, { tilt_exponents, narrowing, lighting }) => {
    const { duration, turn, up, down, stop, exponent, tilt_start, tilt_end } = drawn;
    const share = Math.min(time / duration, 1);
    const early = clamp(1 - share / turn, 0, 1.25);
    const later = Math.max((share - turn) / (1 - turn), 0);
    const way =
      -up * Math.sin((Math.PI / 2) * clamp(share / turn, -1, 1)) +
      down * Math.min(later / stop, 1) ** exponent;
    const angle = tilt_end * later ** tilt_exponents[1] - tilt_start * early ** tilt_exponents[0];
    const height = Math.cos(clamp(angle, -1.45, 1.45));
    const width = angle < 0 ? 1 - narrowing * (1 - height) : 1;
    const lit = (time - lighting[0] * turn * duration) / lighting[1];
    return {
      suit: drawn.suit,
      rotation: drawn.rotation,
      way,
      unit: drawn.scale_y,
      x: drawn.x + (drawn.drift * Math.max(time, 0)) / duration,
      y: drawn.y + way + (1 - height) * drawn.scale_y,
      scaleX: width * drawn.scale_x,
      scaleY: height * drawn.scale_y,
      contrast: drawn.contrast * (1 - drawn.fade / (1 + Math.exp(lit))),
      front: way + (time - duration + drawn.highlight) * drawn.highlight_speed,
    };
  };

  // A pip at rest, to be moved by hand.
  card.restingPose = (suit, { cards, suits }) => {
    const median = (name) => cards[name].medians[suits.indexOf(suit)];
    return {
      suit,
      rotation: 0,
      x: median("x"),
      y: median("y"),
      scaleX: median("scale_x"),
      scaleY: median("scale_y"),
      contrast: median("contrast"),
      front: -1e3,
      unit: median("scale_y"),
    };
  };

  // What a sensor sees of a pose: log intensities into a Float32Array of (rows, columns), 0 on the
  // card and less on the pip, as cards._log_frames.
  card.filmInto = (frame, pose, firstRow, rows, columns, { blur, stray_light, highlight }) => {
    const { suit, rotation, x, y, scaleX, scaleY, contrast, front, unit } = pose;
    const distance = card.signedDistance[suit];
    const [scattered, reach] = stray_light;
    const [brightness, softness] = highlight;
    const sine = Math.sin(rotation);
    const cosine = Math.cos(rotation);
    const dimmed = Math.expm1(-contrast);
    const perColumn = unit * Math.hypot(cosine / scaleX, sine / scaleY); // depth changes by no more
    for (let row = 0; row < rows; row++) {
      const below = firstRow + row - y;
      const lit = brightness * clamp(0.5 + (front - firstRow - row) / softness, 0, 1);
      const start = row * columns;
      frame.fill(lit, start, start + columns);
      for (let column = 0; column < columns; column++) {
        const right = column - x;
        const depth =
          -unit *
          distance(
            (cosine * right + sine * below) / scaleX,
            (cosine * below - sine * right) / scaleY,
          );
        const away = -depth - reach / 2; // from the stray light: so many columns can be left out
        if (away >= 0) {
          column += Math.floor(away / perColumn);
          continue;
        }
        const sharp = clamp(0.5 + depth / blur, 0, 1);
        const covered =
          (1 - scattered) * sharp * sharp * (3 - 2 * sharp) +
          scattered * clamp(0.5 + depth / reach, 0, 1);
        frame[start + column] = Math.log1p(dimmed * covered) + lit;
      }
    }
    return frame;
  };
})(interactiveFigures);
