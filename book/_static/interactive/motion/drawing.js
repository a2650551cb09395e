// The four panels of the figure, each on a canvas of its own, and the arrows. Nothing is computed
// here.
(({ element, shared, motion, SIDE }) => {
  const LABELS = 26; // CSS pixels for arrows beside the raster
  const INK = "#1f2328";
  motion.ARROWS = {
    left: "←",
    right: "→",
    up: "↑",
    down: "↓",
    clockwise: "↻",
    counterclockwise: "↺",
  };

  const drawArrow = (context, name, x, y, size, fill) =>
    shared.write(context, motion.ARROWS[name], x, y, { fill, size, align: "center", weight: 600 });

  // A table of what two models say, forwards and backwards, and its cells by way and model.
  motion.score = () => {
    const score = element("div", { className: "motion-score" });
    score.innerHTML = `<table>
      <thead>
        <tr><td></td><th scope="col">spiking network</th><th scope="col">sum of events</th></tr>
      </thead>
      <tbody>
        <tr><th scope="row">forwards</th><td></td><td></td></tr>
        <tr><th scope="row">backwards</th><td></td><td></td></tr>
      </tbody>
    </table>`;
    const [network, sum, networkBack, sumBack] = score.querySelectorAll("tbody td");
    const backwards = { network: networkBack, sum: sumBack };
    return { score, cells: { forwards: { network, sum }, backwards } };
  };

  // ---- The pad: what the camera sees ----

  // Between a place on the pad, in CSS pixels, and one in pixels from the middle of the sensor.
  motion.toScene = (canvas, x, y) =>
    [x, y].map((place) => (place / canvas.clientWidth) * SIDE - SIDE / 2);

  // path: where the disc has been; the last place is where it is. hint: written if there is one.
  motion.drawPad = (canvas, path, radius, hint) => {
    const { context, width, height } = shared.begin(canvas);
    shared.fillPaper(context, width, height);
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
    context.fillText(hint, width / 2, height - 12, width - 16); // narrower where there is less room
  };

  // ---- Spikes and voltages over time ----

  // order: of shared.sortByVote. An arrow stands beside the neurons that vote for its motion.
  motion.drawRaster = (canvas, order, settings, steps) => {
    const { classes } = settings;
    shared.drawRaster(
      canvas,
      order,
      classes.map(() => "accent"),
      steps,
      shared.spanOf(steps, settings.time_window),
      LABELS,
    );
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

  // leaders: names of the motions that answer.
  motion.drawVoltages = (canvas, { classes, time_window: timeWindow }, steps, leaders) => {
    const lines = classes.map((name, output) => {
      const leads = leaders.includes(name);
      return { name, output, leads, colour: leads ? "accent" : "grey" };
    });
    shared.drawVoltages(
      canvas,
      lines,
      steps,
      { span: shared.spanOf(steps, timeWindow), timeWindow, margin: 26 },
      (context, { name, leads, colour: ink }, x, y) =>
        drawArrow(context, name, x + (leads ? 15 : 11), y, leads ? 24 : 13, ink),
    );
  };
})(window.interactiveFigures);
