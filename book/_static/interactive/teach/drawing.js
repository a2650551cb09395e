// What the page of gestures draws: pictures of strokes, the pad and voltages.
(({ colour, fontFamily, shared, teach, SIDE }) => {
  // The sum of a stroke's events, in the colour of its gesture: earlier ones lighter.
  teach.drawPicture = (canvas, events, ink) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    const first = events[0][0];
    const last = events.at(-1)[0];
    context.fillStyle = colour(ink);
    for (const [t, x, y] of events) {
      context.globalAlpha = 0.08 + (0.5 * (t - first)) / (last - first + 1);
      context.fillRect(x * side, y * side, side + 0.3, side + 0.3);
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
    inCells(canvas, cells, inks, (context, { steps }, width, height) => {
      const row = height / order.length;
      for (const [step, { spikes }] of steps.entries())
        for (const neuron of spikes) {
          const number = place.get(neuron);
          context.fillStyle = colour(inks[order[number].output] ?? "grey");
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
    const lines = classes.map((name, output) => {
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
