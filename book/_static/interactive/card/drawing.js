// The five panels of the figure, each on a canvas of its own. Nothing is computed here.
(() => {
  const card = (window.interactiveFigures.card ??= {});
  const { colour, fontFamily } = window.interactiveFigures;
  const SIDE = 35;
  const [FIRST_COLUMN, FIRST_ROW, COLUMNS, ROWS] = [-4, -9, 43, 66]; // of the scene that is drawn
  const SPAN = 30; // ms of the raster and the voltages
  const CARD = { light: "#fbfaf7", dark: "#d6d9dc" };
  const INK = [31, 35, 40];
  const PAPER = [251, 250, 247];

  card.panel = (parent, name) => {
    const canvas = document.createElement("canvas");
    canvas.className = `card-${name}`;
    parent.append(canvas);
    return canvas;
  };

  // A canvas as sharp as the screen, and its size in CSS pixels.
  function begin(canvas) {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  function write(context, text, x, y, { fill = "grey", size = 12, align = "left", baseline = "middle", weight = 400 } = {}) {
    context.fillStyle = colour(fill);
    context.font = `${weight} ${size}px ${fontFamily()}`;
    context.textAlign = align;
    context.textBaseline = baseline;
    context.fillText(text, x, y);
  }

  function pip(context, suit, x, y, size) {
    context.save();
    context.translate(x, y);
    context.scale(size / 2, size / 2);
    card.fillPip(context, suit);
    context.restore();
  }

  // ---- The scene: a card, its pip, and the window that follows it ----

  card.sceneScale = (canvas) => canvas.clientWidth / COLUMNS;
  card.toScene = (canvas, x, y) => [x / card.sceneScale(canvas) + FIRST_COLUMN - 0.5, y / card.sceneScale(canvas) + FIRST_ROW - 0.5];
  card.fromScene = (canvas, x, y) => [(x + 0.5 - FIRST_COLUMN) * card.sceneScale(canvas), (y + 0.5 - FIRST_ROW) * card.sceneScale(canvas)];

  // offset: rows that the window has moved. covered: the right half of the card is hidden.
  card.drawScene = (canvas, pose, { aperture_centre: middle, aperture_radii }, suit, offset, covered) => {
    const radii = aperture_radii[suit];
    const { context, width, height } = begin(canvas);
    const scale = card.sceneScale(canvas);
    const dark = document.documentElement.dataset.theme === "dark";
    context.fillStyle = CARD[dark ? "dark" : "light"];
    context.fillRect(0, 0, width, height);
    context.save();
    context.scale(scale, scale);
    context.translate(0.5 - FIRST_COLUMN, 0.5 - FIRST_ROW);
    context.save();
    context.translate(pose.x, pose.y);
    context.rotate(pose.rotation);
    context.scale(pose.scaleX, pose.scaleY);
    const light = Math.exp(-pose.contrast) * 0.75;
    context.fillStyle = `rgb(${INK.map((ink, part) => Math.round(ink + light * (PAPER[part] - ink))).join()})`;
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

  // ---- The camera's window: events that flash and fade, and in the end their sum ----

  card.Glow = class {
    constructor() {
      this.flash = [new Float32Array(SIDE ** 2), new Float32Array(SIDE ** 2)];
      this.sum = [new Float32Array(SIDE ** 2), new Float32Array(SIDE ** 2)];
    }

    add(events) {
      for (const [, x, y, polarity] of events) {
        this.flash[polarity][y * SIDE + x] = 1;
        this.sum[polarity][y * SIDE + x] += 1;
      }
    }

    fade(share) {
      for (const polarity of [0, 1]) for (let place = 0; place < SIDE ** 2; place++) this.flash[polarity][place] *= share;
    }
  };

  // rest: 0 while events flash, 1 once the card has gone and their sum is shown.
  card.drawWindow = (canvas, glow, rest) => {
    const { context, width } = begin(canvas);
    const side = width / SIDE;
    const gap = side > 5 ? 1 : 0.5;
    const colours = [colour("OFF"), colour("ON")];
    const dot = (place, fill, alpha) => {
      context.globalAlpha = alpha;
      context.fillStyle = fill;
      context.fillRect((place % SIDE) * side, Math.floor(place / SIDE) * side, side - gap, side - gap);
    };
    for (let place = 0; place < SIDE ** 2; place++) {
      const [off, on] = [0, 1].map((polarity) => glow.flash[polarity][place]);
      const polarity = on > off ? 1 : 0;
      const alpha = (1 - rest) * Math.max(on, off);
      if (alpha > 0.03) dot(place, colours[polarity], alpha);
      const more = glow.sum[1][place] - glow.sum[0][place];
      if (rest && more) dot(place, colours[more > 0 ? 1 : 0], rest * Math.min(Math.abs(more) / 5, 1));
    }
    context.globalAlpha = 1;
  };

  // ---- The hidden neurons, in the order of the suits that they vote for ----

  // votes: of Network.votes. Returns the neurons in order, strongest first within a suit;
  // those that vote for none come first, in grey.
  card.sortByVote = (votes) =>
    votes.map((vote, neuron) => ({ ...vote, neuron })).sort((one, other) => one.suit - other.suit || other.strength - one.strength);

  card.drawNeurons = (canvas, order, suits, glow) => {
    const { context, width, height } = begin(canvas);
    const across = Math.ceil(Math.sqrt((order.length * width) / height));
    const down = Math.ceil(order.length / across);
    const side = Math.min(width / across, height / down);
    const left = (width - side * across) / 2;
    order.forEach(({ neuron, suit }, place) => {
      const x = left + side * (Math.floor(place / down) + 0.5); // column by column
      const y = side * ((place % down) + 0.5);
      context.fillStyle = colour(suits[suit] ?? "grey");
      context.globalAlpha = 0.2 + 0.8 * glow[neuron];
      context.beginPath();
      context.arc(x, y, side * (0.33 + 0.12 * glow[neuron]), 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
  };

  // ---- Spikes and voltages over time ----

  function timeAxis(steps, left, right) {
    const first = Math.max(0, steps.length - SPAN);
    return { first, at: (step) => left + ((step - first) / SPAN) * (right - left) };
  }

  card.drawRaster = (canvas, order, suits, steps) => {
    const { context, width, height } = begin(canvas);
    const { first, at } = timeAxis(steps, 0, width);
    const row = height / order.length;
    const place = new Map(order.map(({ neuron }, number) => [neuron, number]));
    const dash = Math.max(width / SPAN - 1.5, 2);
    for (let step = first; step < steps.length; step++) {
      for (const neuron of steps[step].spikes) {
        const number = place.get(neuron);
        context.fillStyle = colour(suits[order[number].suit] ?? "grey");
        context.fillRect(at(step), number * row, dash, Math.max(row, 1.4));
      }
    }
    now(context, at(steps.length), height, steps);
  };

  function now(context, x, height, steps) {
    if (!steps.length) return;
    context.fillStyle = colour("grid");
    context.fillRect(x, 0, 1, height);
  }

  card.drawVoltages = (canvas, suits, steps, leader) => {
    const { context, width, height } = begin(canvas);
    const [left, right, top, bottom] = [2, width - 34, 20, height - 34];
    const { first, at } = timeAxis(steps, left, right);
    const all = steps.flatMap(({ voltages }) => voltages);
    const highest = Math.max(0.6, ...all);
    const lowest = Math.min(-0.3, ...all);
    const y = (voltage) => bottom - ((voltage - lowest) / (highest - lowest)) * (bottom - top);
    context.fillStyle = colour("grid");
    context.fillRect(left, y(0), right - left, 1);
    write(context, `${first} ms`, left, height - 7);
    write(context, `${first + SPAN} ms`, right, height - 7, { align: "right" });
    const heads = [];
    suits.forEach((suit, output) => {
      const leads = suit === leader;
      context.strokeStyle = context.fillStyle = colour(suit);
      context.lineWidth = leads ? 3 : 1.6;
      context.lineJoin = "round";
      context.beginPath();
      context.moveTo(at(first), y(first ? steps[first - 1].voltages[output] : 0));
      for (let step = first; step < steps.length; step++) context.lineTo(at(step + 1), y(steps[step].voltages[output]));
      context.stroke();
      const voltage = steps.length ? steps.at(-1).voltages[output] : 0;
      heads.push({ suit, leads, wanted: y(voltage) });
    });
    apart(heads, 15, top, bottom);
    for (const { suit, leads, place } of heads) {
      context.fillStyle = colour(suit);
      pip(context, suit, at(steps.length) + (leads ? 18 : 12), place, leads ? 26 : 11);
    }
  };

  // Move glyphs up or down until none covers another.
  function apart(heads, distance, top, bottom) {
    heads.sort((one, other) => one.wanted - other.wanted);
    heads.forEach((head, number) => {
      const before = heads[number - 1];
      const room = before && (before.leads || head.leads) ? 1.7 * distance : distance;
      head.place = Math.max(head.wanted, before ? before.place + room : top);
    });
    const over = Math.max(0, heads.at(-1).place - bottom);
    for (const head of heads) head.place -= over;
  }
})();
