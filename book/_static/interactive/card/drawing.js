// The five panels of the figure, each on a canvas of its own. Nothing is computed here.
(({ colour, shared, card, SIDE }) => {
  const [FIRST_COLUMN, FIRST_ROW, COLUMNS, ROWS] = [-4, -9, 43, 66]; // of the scene that is drawn
  card.SPAN = 30; // ms of the raster and the voltages
  card.GLYPHS = { club: "♣\uFE0E", heart: "♥\uFE0E", diamond: "♦\uFE0E", spade: "♠\uFE0E" };
  card.WINDOW = `<span class="card-untraced">the camera
      <span class="card-polarity card-polarity-ON">ON</span>
      <span class="card-polarity card-polarity-OFF">OFF</span></span>
    <span class="card-traced">events by weight <span class="card-polarity card-up">+</span>
      <span class="card-polarity card-down">−</span></span>`;
  const INK = "#1f2328";
  const PAPER = "#fbfaf7";

  // ---- The scene: a card, its pip, and the window that follows it ----

  const FIRST = [FIRST_COLUMN - 0.5, FIRST_ROW - 0.5];
  const scaleOf = (canvas) => canvas.clientWidth / COLUMNS;
  card.toScene = (canvas, place) =>
    place.map((value, axis) => value / scaleOf(canvas) + FIRST[axis]);
  card.fromScene = (canvas, place) =>
    place.map((value, axis) => (value - FIRST[axis]) * scaleOf(canvas));

  // offset: rows that the window has moved. covered: the right half of the card is hidden.
  card.drawScene = (canvas, pose, simulator, suit, offset, covered) => {
    const { context, width, height } = shared.begin(canvas);
    const scale = scaleOf(canvas);
    shared.fillPaper(context, width, height);
    context.save();
    context.scale(scale, scale);
    context.translate(-FIRST[0], -FIRST[1]);
    context.save();
    context.translate(pose.x, pose.y);
    context.rotate(pose.rotation);
    context.scale(pose.scaleX, pose.scaleY);
    context.fillStyle = `color-mix(in srgb, ${PAPER} ${75 * Math.exp(-pose.contrast)}%, ${INK})`;
    card.fillPip(context, pose.suit);
    context.restore();
    if (covered) {
      context.fillStyle = colour("grey");
      context.globalAlpha = 0.55;
      context.fillRect(SIDE / 2, FIRST_ROW - 1, COLUMNS, ROWS + 1);
      context.globalAlpha = 1;
    }
    context.translate(0, offset);
    context.fillStyle = colour("shade");
    context.globalAlpha = shared.isDark() ? 0.35 : 0.6; // what the window doesn't keep
    context.beginPath();
    context.rect(FIRST_COLUMN - 1, FIRST_ROW - offset - 1, COLUMNS + 2, ROWS + 2);
    context.rect(-0.5, -0.5, SIDE, SIDE);
    context.fill("evenodd");
    context.globalAlpha = 1;
    context.strokeStyle = colour("accent");
    context.lineWidth = 1.6 / scale;
    context.strokeRect(-0.5, -0.5, SIDE, SIDE);
    context.setLineDash([4 / scale, 4 / scale]);
    context.lineWidth = 1 / scale;
    context.beginPath();
    const { aperture_centre, aperture_radii } = simulator;
    context.ellipse(...aperture_centre, ...aperture_radii[suit], 0, 0, 2 * Math.PI);
    context.stroke();
    context.restore();
  };

  // ---- What reached a neuron, in place of the window's events ----

  // parts: what came through each input. pose: of the pip, which lies behind, if it is known.
  card.drawReached = (canvas, parts, pose, offset) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    if (pose) drawPip(context, side, pose, offset);
    const most = 0.6 * Math.max(...[...parts.values()].map(Math.abs));
    for (const [input, part] of parts) {
      const place = input % SIDE ** 2;
      const x = (place % SIDE) * side + 0.5;
      const y = Math.floor(place / SIDE) * side + 0.5;
      context.globalAlpha = Math.min(Math.sqrt(Math.abs(part) / most), 1);
      context.fillStyle = context.strokeStyle = colour(part > 0 ? "accent" : "grey");
      if (part > 0) context.fillRect(x, y, side - 1, side - 1);
      else context.strokeRect(x + 0.5, y + 0.5, side - 2, side - 2);
    }
    context.globalAlpha = 1;
  };

  function drawPip(context, side, pose, offset) {
    context.save();
    context.scale(side, side);
    context.translate(pose.x + 0.5, pose.y + 0.5 - offset);
    context.rotate(pose.rotation);
    context.scale(pose.scaleX, pose.scaleY);
    context.fillStyle = colour("grey");
    context.globalAlpha = 0.25;
    card.fillPip(context, pose.suit);
    context.restore();
  }

  // ---- The hidden neurons, in the order of shared.sortByVote ----

  // Returns where the middle of each is.
  card.drawNeurons = (canvas, order, suits, glow) => {
    const { context, width, height } = shared.begin(canvas);
    const across = Math.ceil(Math.sqrt((order.length * width) / height));
    const down = Math.ceil(order.length / across);
    const side = Math.min(width / across, height / down);
    const middles = [];
    order.forEach(({ neuron, output }, place) => {
      // Column by column, in the middle.
      const x = width / 2 + side * (Math.floor(place / down) + 0.5 - across / 2);
      const y = side * ((place % down) + 0.5);
      context.globalAlpha = 0.35 + 0.65 * glow[neuron];
      const radius = side * (0.33 + 0.12 * glow[neuron]);
      shared.drawDisc(context, x, y, radius, colour(suits[output] ?? "grey"));
      middles[neuron] = [x, y];
    });
    context.globalAlpha = 1;
    return middles;
  };

  // ---- Voltages over time ----

  card.drawVoltages = (canvas, suits, steps, leader, span = card.SPAN) => {
    const lines = suits.map((ink, output) => ({ output, ink, leads: ink === leader }));
    const layout = { span, margin: 34 };
    return shared.drawVoltages(canvas, lines, steps, layout, (context, { ink, leads }, x, y) => {
      const size = leads ? 13 : 5.5;
      context.save();
      context.translate(x + (leads ? 18 : 12), y);
      context.scale(size, size);
      context.fillStyle = colour(ink);
      card.fillPip(context, ink);
      context.restore();
    });
  };
})(interactiveFigures);
