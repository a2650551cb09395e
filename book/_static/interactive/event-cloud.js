// The cloud of events in a box of time and the sensor, which a mouse, a finger and sliders turn.
(({
  kinds,
  shared,
  loadParts,
  bytesOf,
  clamp,
  colour,
  counted,
  element,
  fromHTML,
  oncePerImage,
  addSliders,
}) => {
  const SLIDERS = `
    <label>turn
      <input type="range" name="turn" min="-180" max="180" step="1" value="-65" data-unit="°">
    </label>
    <label>tilt
      <input type="range" name="tilt" min="-85" max="85" step="1" value="20" data-unit="°">
    </label>`;
  const CONTROLS = `
    <div class="interactive-row">
      <label>Class <select data-part="chosen"></select></label>
      <label>Recording <select data-part="number"></select></label>
    </div>
    <p class="interactive-summary" aria-live="polite" data-part="said"></p>`;
  const NAMES = ["time (ms)", "x (pixel)", "y (pixel)"];
  const SIGNS = { ON: "●", OFF: "■" };
  const DEGREE = Math.PI / 180;
  const LONG = 1.7; // the axis of time, where the sensor is 1 wide
  const FAR = 5; // the eye, from the middle
  const DRAGGED = 0.5; // degrees for each pixel of a mouse
  const DOT = 0.011; // of the width of the sensor
  const NEAR = 12; // pixels from an event at which a pointer asks for it

  function unpack({ t, x, y }) {
    // Little endian, as every browser has it.
    const numbers = (text) => [...new Uint16Array(bytesOf(text).buffer)];
    const [times, columns, rows] = [t, x, y].map(numbers);
    return times.map((time, event) => [time / 1000, columns[event], rows[event]]); // ms, pixels
  }

  // A number of the form 1, 2 or 5 times a power of ten that goes about four times into a span.
  function stepOf(span) {
    const power = 10 ** Math.floor(Math.log10(span / 4));
    return power * ([1, 2, 5].find((factor) => factor * power * 5 >= span) ?? 10);
  }

  const ticks = (span) =>
    Array.from(
      { length: Math.floor(span / stepOf(span) + 1e-9) + 1 },
      (_, at) => at * stepOf(span),
    );

  // From a time, column and row to the canvas: [x, y, size of a unit]. spans: of the box's axes, of
  // which the sensor's width is 1 long.
  function projection({ turn, tilt }, width, height, spans) {
    const sine = Math.sin(turn * DEGREE);
    const cosine = Math.cos(turn * DEGREE);
    const up = Math.sin(tilt * DEGREE);
    const along = Math.cos(tilt * DEGREE);
    const scale = Math.min(width / 2.45, height / 1.75) * FAR;
    const lengths = [LONG, 1, spans[2] / spans[1]];
    return (point) => {
      const [time, x, y] = point.map((value, axis) => lengths[axis] * (value / spans[axis] - 0.5));
      const deep = time * cosine + x * sine;
      const size = scale / (FAR - deep * along + y * up);
      const right = x * cosine - time * sine;
      const down = y * along + deep * up;
      return [width / 2 + size * right, height / 2 + size * down, size];
    };
  }

  kinds["event-cloud"] = async ({ recordings, sensor_size }, controls, drawing) => {
    await loadParts("shared/drawing");
    const canvas = element("canvas", { className: "cloud-canvas" });
    drawing.append(canvas);
    const { content, chosen, number, said } = fromHTML(CONTROLS);
    chosen.append(...Object.keys(recordings).map((name) => new Option(name)));
    chosen.value = Object.keys(recordings).at(-1);
    controls.append(content);
    const spans = [1, ...sensor_size.slice(0, 2)]; // of time (ms), columns and rows
    let events = [];
    let seen = [];
    let near = null;
    const redraw = oncePerImage(draw);
    const { values, set } = addSliders(controls, SLIDERS, redraw);
    controls.append(said);

    // The three sides of the box that are behind the events, with a grid, and the numbers on it.
    function drawBox(context, place, middle) {
      const line = (...points) => {
        context.beginPath();
        for (const point of points) context.lineTo(...place(point).slice(0, 2));
        context.stroke();
      };
      const corner = spans.map((span, axis) => {
        const [low, high] = [0, span].map((end) => place(middle.with(axis, end))[2]);
        return low < high ? 0 : span;
      });
      const [centre] = place(middle);
      context.strokeStyle = colour("grid");
      spans.forEach((span, axis) => {
        const [one, other] = [0, 1, 2].filter((each) => each !== axis);
        for (const value of [...ticks(span), span]) {
          const from = corner.with(axis, value);
          for (const each of [one, other]) line(from.with(each, 0), from.with(each, spans[each]));
        }
        // Each axis is written along its lowest edge, the vertical one along the outermost.
        const outside = (edge) => {
          const [x, y] = place(edge);
          const hidden = edge[one] === corner[one] && edge[other] === corner[other];
          return hidden ? -1 : axis === 2 ? Math.abs(x - centre) : y;
        };
        const edges = [0, spans[other]].flatMap((end) =>
          [0, spans[one]].map((first) => middle.with(one, first).with(other, end)),
        );
        const edge = edges.reduce((best, next) => (outside(next) > outside(best) ? next : best));
        const write = (value, text, away, up = 0) => {
          const [x, y] = place(edge.with(axis, value));
          const [right, down] = [[0.4, 0.9], [0.9, 0.4], [1, 0]][axis].map((each) => each * away);
          const half = 4 * text.length; // of its width, which stays on the canvas
          const across = clamp(x + Math.sign(x - centre) * right, half, canvas.clientWidth - half);
          const style = { fill: "text", size: 13, align: "center" };
          shared.write(context, text, across, y + down - up, style);
        };
        for (const value of ticks(span).slice(axis && 1)) write(value, String(value), 15);
        if (axis === 2) write(0, NAMES[2], 0, 16);
        else write(span / 2, NAMES[axis], axis ? 60 : 44);
      });
    }

    function draw() {
      const { context, width, height } = shared.begin(canvas);
      const place = projection(values(), width, height, spans);
      const middle = spans.map((span) => span / 2);
      const usual = place(middle)[2];
      drawBox(context, place, middle);
      seen = events.map((event) => ({ ...event, at: place(event.where) }));
      seen.sort((one, other) => one.at[2] - other.at[2]); // what is near covers what is far
      const inks = { ON: colour("ON"), OFF: colour("OFF") };
      for (const { polarity, at } of seen) {
        const [x, y, size] = at;
        const side = DOT * size;
        context.globalAlpha = clamp(0.35 + 0.5 * (size / usual - 0.75), 0.3, 0.9);
        context.fillStyle = inks[polarity];
        context.beginPath();
        if (polarity === "ON") context.arc(x, y, side / 1.6, 0, 2 * Math.PI);
        else context.rect(x - side / 2, y - side / 2, side, side);
        context.fill();
      }
      context.globalAlpha = 1;
      const label = (text, x, y, more) => shared.write(context, text, x, y, { size: 13, ...more });
      Object.entries(SIGNS).forEach(([name, sign], row) => {
        const count = events.filter(({ polarity }) => polarity === name).length;
        const text = `${sign} ${name}: ${counted(count, "event")}`;
        label(text, 8, 14 + 19 * row, { fill: name, weight: 600 });
      });
      if (!near) return;
      const [time, x, y] = near.where;
      const text = `${near.polarity}, ${time.toFixed(2)} ms, x ${x}, y ${y}`;
      label(text, width - 8, 14, { fill: near.polarity, align: "right" });
    }

    function show() {
      const recording = recordings[chosen.value][number.value - 1];
      events = ["ON", "OFF"].flatMap((polarity) =>
        unpack(recording[polarity]).map((where) => ({ polarity, where })),
      );
      spans[0] = events.reduce((last, { where: [time] }) => Math.max(last, time), 1e-3);
      near = null;
      said.textContent = `${chosen.value}: ${counted(events.length, "event")} in ${spans[0].toFixed(1)} ms.`;
      redraw();
    }

    let from = null; // where a pointer took hold, and the view then
    canvas.onpointerdown = ({ pointerId, clientX, clientY }) => {
      canvas.setPointerCapture(pointerId);
      from = { ...values(), clientX, clientY };
    };
    canvas.onpointermove = ({ buttons, clientX, clientY, offsetX, offsetY }) => {
      if (buttons && from) {
        const turn = from.turn - DRAGGED * (clientX - from.clientX) + 540;
        set("turn", (turn % 360) - 180);
        set("tilt", clamp(from.tilt + DRAGGED * (clientY - from.clientY), -85, 85));
      }
      const isNear = ({ at: [x, y] }) => Math.hypot(x - offsetX, y - offsetY) < NEAR;
      near = seen.findLast(isNear) ?? null;
      redraw();
    };
    canvas.onpointerleave = () => {
      near = null;
      redraw();
    };
    chosen.onchange = () => {
      number.replaceChildren(...recordings[chosen.value].map((_, index) => new Option(index + 1)));
      show();
    };
    number.onchange = show;
    shared.keepDrawn(drawing, redraw);
    chosen.onchange();
    return { events: () => events, view: values };
  };
})(interactiveFigures);
