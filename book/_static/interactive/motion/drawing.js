// The four panels of the figure, each on a canvas of its own, and the arrows. Nothing is computed
// here.
(({ fontFamily, shared, motion, SIDE }) => {
  const LABELS = 26; // CSS pixels for arrows beside the raster
  const INK = "#1f2328"; // on paper, in both themes
  const ACCENT = "#0b7f8b";
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

  // A table of what two models say, forwards and backwards.
  const row = (way) => `<tr><th scope="row">${way}</th>
    <td data-way="${way}" data-model="network"></td><td data-way="${way}" data-model="sum"></td></tr>`;
  motion.SCORE = `<div class="motion-score"><table>
    <thead>
      <tr><td></td><th scope="col">spiking network</th><th scope="col">sum of events</th></tr>
    </thead>
    <tbody>${row("forwards")}${row("backwards")}</tbody>
  </table></div>`;

  // ---- The pad: what the camera sees ----

  // Between a place on the pad, in CSS pixels, and one in pixels from the middle of the sensor.
  motion.toScene = (canvas, place) =>
    place.map((value) => (value / canvas.clientWidth) * SIDE - SIDE / 2);

  // path: where the disc has been; the last place is where it is. hint: written if there is one.
  motion.drawPad = (canvas, path, radius, hint) => {
    const { context, width, height } = shared.begin(canvas);
    shared.fillPaper(context, width, height);
    context.save();
    context.scale(width / SIDE, width / SIDE);
    context.translate(SIDE / 2, SIDE / 2);
    shared.drawLine(context, path, ACCENT, 0.35);
    const [x, y] = path.at(-1);
    shared.drawDisc(context, x, y, radius, INK);
    context.restore();
    if (!hint) return;
    context.fillStyle = "#57606a";
    context.font = `14px ${fontFamily()}`;
    context.textAlign = "center";
    context.fillText(hint, width / 2, height - 12, width - 16); // narrower where there is less room
  };

  // ---- Spikes and voltages over time ----

  // order: of shared.sortByVote. An arrow stands beside the neurons that vote for its motion.
  motion.drawRaster = (canvas, order, { classes, time_window }, steps) => {
    const inks = classes.map(() => "accent");
    shared.drawRaster(canvas, order, inks, steps, shared.spanOf(steps, time_window), LABELS);
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
      return { name, output, leads, ink: leads ? "accent" : "grey" };
    });
    const layout = { span: shared.spanOf(steps, timeWindow), timeWindow, margin: 26 };
    shared.drawVoltages(canvas, lines, steps, layout, (context, { name, leads, ink }, x, y) =>
      drawArrow(context, name, x + (leads ? 15 : 11), y, leads ? 24 : 13, ink),
    );
  };
})(interactiveFigures);
