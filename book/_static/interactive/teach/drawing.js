// What the page of gestures draws: pictures of strokes, the pad and voltages.
(({ clamp, colour, fontFamily, shared, teach, SIDE }) => {
  // The sum of a stroke's events, in the colour of its gesture: earlier ones lighter.
  teach.drawPicture = (canvas, events, ink) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    const first = events[0][0];
    const last = events.at(-1)[0];
    context.fillStyle = colour(ink);
    const clear = new Float32Array(SIDE ** 2).fill(1); // how much of each pixel isn't covered
    for (const [t, x, y] of events)
      clear[y * SIDE + x] *= 0.92 - (0.5 * (t - first)) / (last - first + 1);
    for (const [place, left] of clear.entries()) {
      if (left === 1) continue;
      context.globalAlpha = 1 - left;
      shared.fillPixel(context, place, side, -0.3);
    }
    context.globalAlpha = 1;
  };

  // The course of an example over the events of a stroke, both from their middles.
  teach.drawCourse = (canvas, course, stroke, ink) => {
    const context = canvas.getContext("2d");
    const [x, y] = teach.middleOf(stroke).map((place) => place + (stroke.path ? 17 : 0));
    const side = canvas.clientWidth / SIDE;
    const at = (pixels) => side * (pixels + 0.5);
    const places = course.map(([right, down]) => [at(x + right), at(y + down)]);
    shared.drawLine(context, places, colour(ink), 3);
  };

  // ---- On the pad ----

  const INK = "#1f2328"; // on paper, in both themes
  const ACCENT = "#0b7f8b";
  const GREY = "#57606a";

  // Where an answer became the one that it is in the end. at: from a place to CSS pixels. Its time
  // stands above it, or below it where words stand at the top.
  function drawMoment(context, { ms, place }, ink, at, width, top) {
    const [x, y] = at(place);
    shared.drawDisc(context, x, y, 7, shared.paper());
    shared.drawDisc(context, x, y, 5, colour(ink));
    context.font = `600 13px ${fontFamily()}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.strokeStyle = shared.paper();
    context.lineWidth = 4;
    context.fillStyle = INK;
    const text = [`${ms} ms`, clamp(x, 28, width - 28), y < top + 28 ? y + 18 : y - 18];
    context.strokeText(...text);
    context.fillText(...text);
  }

  teach.drawMoment = (canvas, moment, ink) => {
    const side = canvas.clientWidth / SIDE;
    const at = (place) => place.map((value) => side * (value + SIDE / 2));
    drawMoment(canvas.getContext("2d"), moment, ink, at, canvas.clientWidth, 50);
  };

  // A line that is lighter where it began.
  function drawTrace(context, places) {
    context.strokeStyle = ACCENT;
    context.lineWidth = 3;
    context.lineCap = "butt"; // so that no piece covers another
    for (let place = 1; place < places.length; place++) {
      context.globalAlpha = 0.15 + (0.85 * place) / places.length;
      context.beginPath();
      context.moveTo(...places[place - 1]);
      context.lineTo(...places[place]);
      context.stroke();
    }
    context.globalAlpha = 1;
    shared.drawDisc(context, ...places.at(-1), 6, INK);
  }

  // A stroke and its reverse, side by side. ways: { title, path, moment, ink, network, sum }, of which
  // the last two are an answer's name and share.
  teach.drawBothWays = (canvas, ways) => {
    const { context, width, height } = shared.begin(canvas);
    shared.fillPaper(context, width, height);
    const half = width / 2;
    for (const [number, { title, path, moment, ink, network, sum }] of ways.entries()) {
      const at = ([x, y]) => [(half * (x + SIDE / 2)) / SIDE, 24 + (half * (y + SIDE / 2)) / SIDE];
      context.save();
      context.translate(number * half, 0);
      context.beginPath();
      context.rect(0, 0, half, height);
      context.clip();
      drawTrace(context, path.map(at));
      if (moment) drawMoment(context, moment, ink, at, half, 20);
      const lines = [
        [title, 14, GREY, 13],
        [`the network${network.share}`, half + 40, GREY, 13],
        [network.name, half + 59, INK, 15],
        [`the sum${sum.share}`, half + 86, GREY, 13],
        [sum.name, half + 105, INK, 15],
      ];
      context.textAlign = "left";
      context.textBaseline = "middle";
      for (const [text, y, fill, size] of lines) {
        context.fillStyle = fill;
        context.font = `${fill === INK ? 600 : 400} ${size}px ${fontFamily()}`;
        context.fillText(text, 10, y, half - 16);
      }
      context.restore();
    }
  };

  // A pointing hand, in CSS pixels from the tip of its finger.
  const HAND =
    "M-3 3a3 3 0 0 1 6 0v8h6a4 4 0 0 1 4 4v4a8 8 0 0 1-8 8h-4a8 8 0 0 1-6-3l-6-8a2.4 2.4 0 0 1 4-3l4 3z";

  // A hand on the pad, and what it has drawn so far.
  teach.drawGhost = (canvas, path) => {
    const context = canvas.getContext("2d");
    const side = canvas.clientWidth / SIDE;
    const places = path.map((place) => place.map((value) => side * (value + SIDE / 2)));
    context.save();
    context.globalAlpha = 0.35;
    shared.drawLine(context, places, INK, 3);
    context.globalAlpha = 0.7;
    context.translate(...places.at(-1));
    context.fillStyle = shared.paper();
    context.strokeStyle = INK;
    context.lineWidth = 1.6;
    const hand = new Path2D(HAND);
    context.fill(hand);
    context.stroke(hand);
    context.restore();
  };

  // What the webcam sees, as grey values.
  teach.drawWebcam = (canvas, picture) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    picture.forEach((value, place) => {
      const grey = Math.round(255 * Math.exp(Math.min(value, 0)));
      context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      shared.fillPixel(context, place, side, -0.5);
    });
  };

  // ---- Strokes of all gestures beside each other ----

  const HEAD = 18; // pixels of a name above its cell
  const APART = 10; // pixels between two cells

  // A cell for each stroke, below the name of its gesture, with a tick where the network says it.
  // cells: { name, target, right, steps }; draw(context, cell, width, height).
  function inCells(canvas, cells, inks, draw) {
    const { context, width, height } = shared.begin(canvas);
    const columns = Math.ceil(cells.length / Math.ceil(cells.length / 3));
    const rows = Math.ceil(cells.length / columns);
    const across = (width - APART) / columns;
    const down = height / rows;
    for (const [number, cell] of cells.entries()) {
      const left = APART + (number % columns) * across;
      const { name, target, right } = cell;
      context.save();
      context.translate(left, Math.floor(number / columns) * down);
      context.font = `600 12px ${fontFamily()}`;
      context.fillStyle = colour(right ? inks[target] : "grey");
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.fillText(right ? `${name} ✓` : name, 0, HEAD / 2, across - APART);
      context.translate(0, HEAD);
      draw(context, cell, across - APART, down - HEAD - APART);
      context.restore();
    }
  }

  const longestOf = (cells) => Math.max(...cells.map(({ steps }) => steps.length));

  // Spikes of each stroke. order: of the neurons, from top to bottom.
  teach.drawSpikesOfAll = (canvas, cells, order, inks) => {
    const longest = longestOf(cells);
    const place = new Map(order.map(({ neuron }, number) => [neuron, number]));
    const colours = order.map(({ output }) => colour(inks[output] ?? "grey")); // asked for once
    inCells(canvas, cells, inks, (context, { steps }, width, height) => {
      const row = height / order.length;
      for (const [step, { spikes }] of steps.entries())
        for (const neuron of spikes) {
          const number = place.get(neuron);
          context.fillStyle = colours[number];
          context.fillRect((step / longest) * width, number * row, width / longest, row);
        }
    });
  };

  // Voltages of each stroke, on one scale; that of its own gesture is on top.
  teach.drawVoltagesOfAll = (canvas, cells, inks) => {
    const longest = longestOf(cells);
    const all = cells.flatMap(({ steps }) => steps.flatMap(({ voltages }) => voltages));
    const highest = Math.max(0.6, ...all);
    const lowest = Math.min(-0.3, ...all);
    inCells(canvas, cells, inks, (context, { steps, target }, width, height) => {
      const y = (voltage) => ((highest - voltage) / (highest - lowest)) * height;
      const line = (output, thickness) => {
        const voltages = [0, ...steps.map((step) => step.voltages[output])];
        const places = voltages.map((voltage, at) => [(at / longest) * width, y(voltage)]);
        shared.drawLine(context, places, colour(inks[output]), thickness);
      };
      context.fillStyle = colour("grid");
      context.fillRect(0, y(0), width, 1);
      context.globalAlpha = 0.6;
      for (const output of inks.keys()) line(output, 1.2);
      context.globalAlpha = 1;
      line(target, 3);
    });
  };

  teach.drawVoltages = (canvas, classes, inks, steps, leader, span) => {
    // Before there is a voltage, names would lie on one line.
    const lines = (steps.length ? classes : []).map((name, output) => {
      const leads = output === leader;
      return { name, output, leads, ink: inks[output] };
    });
    const { context } = shared.begin(canvas);
    context.font = `600 12px ${fontFamily()}`;
    const margin = 12 + Math.max(0, ...classes.map((name) => context.measureText(name).width));
    shared.drawVoltages(canvas, lines, steps, { span, margin }, (_, { name, leads, ink }, x, y) =>
      shared.write(context, name, x + 6, y, leads ? { fill: ink, weight: 600 } : {}),
    );
  };
})(interactiveFigures);
