// The four panels of the figure, each on a canvas of its own, and the arrows. Nothing is computed here.
(() => {
  const { colour, shared } = window.interactiveFigures;
  const motion = (window.interactiveFigures.motion ??= {});
  const SIDE = 35;
  const SPANS = [40, 100]; // ms of the raster and the voltages: all of a stroke, if it isn't too long
  const LABELS = 26; // CSS pixels for arrows beside the raster
  const PAPER = { light: "#fbfaf7", dark: "#d6d9dc" };
  const INK = "#1f2328";
  const STRAIGHT = "M3 12H20M13 5l7 7-7 7";
  const ROUND = "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.4M20 4v5.4h-5.4";
  // Of a square of 24 × 24, and what to do with it: turn it, or mirror it.
  const ARROWS = {
    left: [STRAIGHT, [-1, 0, 0, 1, 24, 0]], right: [STRAIGHT, [1, 0, 0, 1, 0, 0]],
    up: [STRAIGHT, [0, -1, 1, 0, 0, 24]], down: [STRAIGHT, [0, 1, -1, 0, 24, 0]],
    clockwise: [ROUND, [1, 0, 0, 1, 0, 0]], counterclockwise: [ROUND, [-1, 0, 0, 1, 24, 0]],
  };

  // The arrow of a motion in HTML; a dash for no answer.
  motion.arrow = (name) => {
    const [path, matrix] = ARROWS[name] ?? ["M8 12h8", [1, 0, 0, 1, 0, 0]];
    const holder = document.createElement("span");
    holder.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}" transform="matrix(${matrix})"/></svg>`;
    return holder.firstChild;
  };

  function drawArrow(context, name, x, y, size, fill) {
    const [path, matrix] = ARROWS[name];
    context.save();
    context.translate(x - size / 2, y - size / 2);
    context.scale(size / 24, size / 24);
    context.transform(...matrix);
    context.strokeStyle = colour(fill);
    [context.lineWidth, context.lineCap, context.lineJoin] = [2.6, "round", "round"];
    context.stroke(new Path2D(path));
    context.restore();
  }

  // ---- The pad: what the camera sees ----

  // Between a place on the pad, in CSS pixels, and one in pixels from the middle of the sensor.
  motion.toScene = (canvas, x, y) => [x, y].map((place) => ((place / canvas.clientWidth) * SIDE) - SIDE / 2);

  // path: where the disc has been; the last place is where it is. hint: written if there is one.
  motion.drawPad = (canvas, path, radius, hint) => {
    const { context, width, height } = shared.begin(canvas);
    context.fillStyle = PAPER[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
    context.fillRect(0, 0, width, height);
    context.save();
    context.scale(width / SIDE, width / SIDE);
    context.translate(SIDE / 2, SIDE / 2);
    context.strokeStyle = "#0b7f8b"; // the accent on paper, in both themes
    [context.lineWidth, context.lineCap, context.lineJoin] = [0.35, "round", "round"];
    context.beginPath();
    for (const [x, y] of path) context.lineTo(x, y);
    context.stroke();
    context.fillStyle = INK;
    context.beginPath();
    context.arc(...path.at(-1), radius, 0, 2 * Math.PI);
    context.fill();
    context.restore();
    if (!hint) return;
    context.fillStyle = "#57606a";
    context.font = `14px ${getComputedStyle(document.body).fontFamily}`;
    context.textAlign = "center";
    context.fillText(hint, width / 2, height - 12);
  };

  // ---- Spikes and voltages over time ----

  const spanOf = (steps, { time_window }) => {
    const [shortest, longest] = SPANS.map((span) => (1000 * span) / time_window);
    return Math.min(Math.max(steps.length, shortest), longest);
  };

  // order: of shared.sortByVote. An arrow stands beside the neurons that vote for its motion.
  motion.drawRaster = (canvas, order, settings, steps) => {
    const { classes } = settings;
    shared.drawRaster(canvas, order, classes.map(() => "accent"), steps, spanOf(steps, settings), LABELS);
    const context = canvas.getContext("2d");
    const row = canvas.clientHeight / order.length;
    const size = Math.min(15, 2.2 * row);
    const heads = classes.flatMap((name, output) => {
      const rows = order.flatMap((vote, number) => (vote.output === output ? [number] : []));
      return rows.length ? [{ name, wanted: (row * (rows[0] + rows.at(-1) + 1)) / 2 }] : [];
    });
    shared.apart(heads, size, size / 2 + 1, canvas.clientHeight - size / 2 - 1);
    for (const { name, place } of heads) drawArrow(context, name, LABELS / 2, place, size, "grey");
  };

  // The voltage that answers: the highest so far.
  function dotAtPeak(context, steps, first, output, at, y) {
    const voltages = steps.slice(first).map((step) => step.voltages[output]);
    const peak = voltages.indexOf(Math.max(...voltages));
    context.fillStyle = colour("accent");
    context.beginPath();
    context.arc(at(first + peak + 1), y(voltages[peak]), 4.5, 0, 2 * Math.PI);
    context.fill();
  }

  // leaders: names of the motions that answer.
  motion.drawVoltages = (canvas, settings, steps, leaders) => {
    const { context, width, height } = shared.begin(canvas);
    const [left, right, top, bottom] = [2, width - 26, 14, height - 28];
    const { classes, time_window } = settings;
    const span = spanOf(steps, settings);
    const { first, at } = shared.timeAxis(steps, span, left, right);
    const all = steps.slice(first).flatMap(({ voltages }) => voltages);
    const highest = Math.max(0.6, ...all);
    const lowest = Math.min(-0.3, ...all);
    const y = (voltage) => bottom - ((voltage - lowest) / (highest - lowest)) * (bottom - top);
    context.fillStyle = colour("grid");
    context.fillRect(left, y(0), right - left, 1);
    const ms = (step) => `${(step * time_window) / 1000} ms`;
    shared.write(context, ms(first), left, height - 7);
    shared.write(context, ms(first + span), right, height - 7, { align: "right" });
    const order = classes.map((name, output) => ({ name, output, leads: leaders.includes(name) })).sort((one, other) => one.leads - other.leads);
    for (const { output, leads } of order) { // the leader lies on top
      context.strokeStyle = colour(leads ? "accent" : "grey");
      [context.lineWidth, context.lineJoin] = [leads ? 3 : 1.2, "round"];
      context.beginPath();
      context.moveTo(at(first), y(first ? steps[first - 1].voltages[output] : 0));
      for (let step = first; step < steps.length; step++) context.lineTo(at(step + 1), y(steps[step].voltages[output]));
      context.stroke();
      if (leads) dotAtPeak(context, steps, first, output, at, y);
    }
    const heads = order.map((head) => ({ ...head, wanted: y(steps.at(-1)?.voltages[head.output] ?? 0) }));
    shared.apart(heads, 14, top, bottom);
    for (const { name, leads, place } of heads) {
      drawArrow(context, name, at(steps.length) + (leads ? 15 : 11), place, leads ? 24 : 13, leads ? "accent" : "grey");
    }
  };
})();
