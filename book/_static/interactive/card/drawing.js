// The five panels of the figure, each on a canvas of its own. Nothing is computed here.
(({ colour, shared, card, SIDE }) => {
  const { begin } = shared;
  const [FIRST_COLUMN, FIRST_ROW, COLUMNS, ROWS] = [-4, -9, 43, 66]; // of the scene that is drawn
  const SPAN = (card.SPAN = 30); // ms of the raster and the voltages
  const [INK, PAPER] = ["#1f2328", "#fbfaf7"];

  function pip(context, suit, x, y, size) {
    context.save();
    context.translate(x, y);
    context.scale(size / 2, size / 2);
    card.fillPip(context, suit);
    context.restore();
  }

  // ---- The scene: a card, its pip, and the window that follows it ----

  card.sceneScale = (canvas) => canvas.clientWidth / COLUMNS;
  card.toScene = (canvas, x, y) => [
    x / card.sceneScale(canvas) + FIRST_COLUMN - 0.5,
    y / card.sceneScale(canvas) + FIRST_ROW - 0.5,
  ];
  card.fromScene = (canvas, x, y) => [
    (x + 0.5 - FIRST_COLUMN) * card.sceneScale(canvas),
    (y + 0.5 - FIRST_ROW) * card.sceneScale(canvas),
  ];

  // offset: rows that the window has moved. covered: the right half of the card is hidden.
  card.drawScene = (
    canvas,
    pose,
    { aperture_centre: middle, aperture_radii },
    suit,
    offset,
    covered,
  ) => {
    const radii = aperture_radii[suit];
    const { context, width, height } = begin(canvas);
    const scale = card.sceneScale(canvas);
    const dark = document.documentElement.dataset.theme === "dark";
    shared.fillPaper(context, width, height);
    context.save();
    context.scale(scale, scale);
    context.translate(0.5 - FIRST_COLUMN, 0.5 - FIRST_ROW);
    context.save();
    context.translate(pose.x, pose.y);
    context.rotate(pose.rotation);
    context.scale(pose.scaleX, pose.scaleY);
    const light = 75 * Math.exp(-pose.contrast); // %
    context.fillStyle = `color-mix(in srgb, ${PAPER} ${light}%, ${INK})`;
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
    context.globalAlpha = dark ? 0.35 : 0.6; // what the window doesn't keep
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
    context.ellipse(middle[0], middle[1], radii[0], radii[1], 0, 0, 2 * Math.PI);
    context.stroke();
    context.restore();
  };

  // ---- The hidden neurons, in the order of shared.sortByVote ----

  card.drawNeurons = (canvas, order, suits, glow) => {
    const { context, width, height } = begin(canvas);
    const across = Math.ceil(Math.sqrt((order.length * width) / height));
    const down = Math.ceil(order.length / across);
    const side = Math.min(width / across, height / down);
    const left = (width - side * across) / 2;
    order.forEach(({ neuron, output }, place) => {
      const x = left + side * (Math.floor(place / down) + 0.5); // column by column
      const y = side * ((place % down) + 0.5);
      context.globalAlpha = 0.35 + 0.65 * glow[neuron];
      const radius = side * (0.33 + 0.12 * glow[neuron]);
      shared.drawDisc(context, x, y, radius, suits[output] ?? "grey");
    });
    context.globalAlpha = 1;
  };

  // ---- Voltages over time ----

  card.drawVoltages = (canvas, suits, steps, leader) => {
    const lines = suits.map((suit, output) => ({ output, colour: suit, leads: suit === leader }));
    const layout = { span: SPAN, margin: 34 };
    shared.drawVoltages(canvas, lines, steps, layout, (context, { colour: suit, leads }, x, y) => {
      context.fillStyle = colour(suit);
      pip(context, suit, x + (leads ? 18 : 12), y, leads ? 26 : 11);
    });
  };
})(window.interactiveFigures);
