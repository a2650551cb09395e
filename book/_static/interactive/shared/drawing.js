// What the figures with a camera and a network draw alike: events, spikes, a time axis.
(({ clamp, colour, fromHTML, fontFamily, whenThemeChanges, shared, SIDE }) => {
  shared.percent = (share) => `${Math.round(100 * share)}%`;

  // A canvas for each of the labels, by name, with CSS classes after the figure's name. about: what
  // the drawing shows.
  shared.panels = (drawing, about, labels, figure) => {
    drawing.role = "group";
    drawing.ariaLabel = about;
    const panel = ([name, label]) => `<div class="interactive-panel ${figure}-panel-${name}">
      <p>${label}</p><canvas class="${figure}-${name}" data-part="${name}"></canvas></div>`;
    const { content, ...canvases } = fromHTML(Object.entries(labels).map(panel).join(""));
    drawing.append(content);
    return canvases;
  };

  // Two texts: what goes on, for the eye, since it changes all the time; and what is read aloud.
  shared.texts = (figure) => `
    <p class="interactive-summary ${figure}-summary" aria-hidden="true" data-part="summary"></p>
    <p class="interactive-said" aria-live="polite" data-part="said"></p>`;

  // Let the page do something else: a message comes after it, and sooner than a timer.
  shared.pause = () =>
    new Promise((goOn) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = goOn;
      channel.port2.postMessage(null);
    });

  // Calls frame(now, ms since the last one) once per image on the screen, while running() says so.
  shared.Loop = class {
    ticking = false;

    constructor(running, frame) {
      this.running = running;
      this.frame = frame;
    }

    start() {
      if (this.ticking || !this.running()) return;
      this.ticking = true;
      requestAnimationFrame((now) => {
        this.last = now;
        this.tick(now);
      });
    }

    tick(now) {
      this.ticking = this.running();
      if (!this.ticking) return;
      const elapsed = Math.min(now - this.last, 50); // a browser that was busy doesn't jump
      this.last = now;
      this.frame(now, elapsed);
      requestAnimationFrame((next) => this.tick(next));
    }
  };

  // Whether a reader prefers that nothing moves by itself.
  shared.isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  shared.ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // A shortcut is the browser's.
  shared.isShortcut = ({ ctrlKey, metaKey, altKey }) => ctrlKey || metaKey || altKey;

  // Call what a key does, where it is meant for the figure.
  shared.onKey = (key, act, meant) =>
    document.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() === key && !shared.isShortcut(event) && meant()) act();
    });

  // Call first once when enough of the figure is seen, and tell whether it is, whenever that changes.
  shared.whileSeen = (drawing, first, seen) => {
    let near = false;
    let told = false;
    const tell = () => seen?.(near && !document.hidden);
    document.addEventListener("visibilitychange", tell);
    new IntersectionObserver(
      ([{ isIntersecting, intersectionRatio }]) => {
        near = isIntersecting;
        tell();
        if (told || intersectionRatio <= 0.4) return;
        told = true;
        first();
      },
      { threshold: [0, 0.5] },
    ).observe(drawing);
  };

  // Draw again what a change of the theme or of the width has spoilt.
  shared.keepDrawn = (drawing, redraw) => {
    whenThemeChanges(redraw);
    new ResizeObserver(redraw).observe(drawing);
  };

  shared.isDark = () => document.documentElement.dataset.theme === "dark";

  // Paper, in the theme of the page.
  shared.paper = () => (shared.isDark() ? "#d6d9dc" : "#fbfaf7");

  shared.fillPaper = (context, width, height) => {
    context.fillStyle = shared.paper();
    context.fillRect(0, 0, width, height);
  };

  // Where in a canvas a pointer is, in CSS pixels.
  shared.placeIn = (canvas, { clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };

  // A canvas as sharp as the screen, and its size in CSS pixels.
  shared.begin = (canvas) => {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth: width, clientHeight: height } = canvas;
    const size = [width, height].map((side) => Math.round(side * ratio));
    if (`${size}` !== `${[canvas.width, canvas.height]}`) [canvas.width, canvas.height] = size;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  };

  // A line through places [x, y], and a disc; ink: a colour.
  shared.drawLine = (context, places, ink, width) => {
    context.strokeStyle = ink;
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    for (const [x, y] of places) context.lineTo(x, y);
    context.stroke();
  };

  shared.drawDisc = (context, x, y, radius, ink) => {
    context.fillStyle = ink;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  };

  shared.write = (context, text, x, y, style = {}) => {
    const { fill = "grey", size = 12, align = "left", weight = 400 } = style;
    context.fillStyle = colour(fill);
    context.font = `${weight} ${size}px ${fontFamily()}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillText(text, x, y);
  };

  // ---- The camera's window: events that flash and fade, and in the end their sum ----

  const FADES = 2500; // µs of the scene's time, to 1/e
  const blank = () => [0, 1].map(() => new Float32Array(SIDE ** 2));
  shared.Glow = class {
    flash = blank(); // by polarity
    sum = blank();

    // Add what came in so many µs.
    add(events, interval) {
      for (const [, x, y, polarity] of events) {
        this.flash[polarity][y * SIDE + x] = 1;
        this.sum[polarity][y * SIDE + x] += 1;
      }
      const left = Math.exp(-interval / FADES);
      for (const flash of this.flash)
        for (let place = 0; place < flash.length; place++) flash[place] *= left;
    }
  };

  // A pixel of the sensor, row by row, less a gap to the next one.
  shared.fillPixel = (context, place, side, gap) =>
    context.fillRect(
      (place % SIDE) * side,
      Math.floor(place / SIDE) * side,
      side - gap,
      side - gap,
    );

  // rest: 0 while events flash, 1 once it is over and their sum is shown.
  shared.drawWindow = (canvas, glow, rest, inks = ["OFF", "ON"]) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    const gap = side > 5 ? 1 : 0.5;
    const colours = inks.map(colour);
    const dot = (place, more, alpha) => {
      context.globalAlpha = alpha;
      context.fillStyle = colours[more > 0 ? 1 : 0];
      shared.fillPixel(context, place, side, gap);
    };
    for (let place = 0; place < SIDE ** 2; place++) {
      const [off, on] = glow.flash.map((flash) => flash[place]);
      const alpha = (1 - rest) * Math.max(on, off);
      if (alpha > 0.03) dot(place, on - off, alpha);
      const more = glow.sum[1][place] - glow.sum[0][place];
      if (rest && more) dot(place, more, rest * Math.min(0.3 + Math.abs(more) / 6, 1));
    }
    context.globalAlpha = 1;
  };

  // ---- Spikes over time ----

  const SPANS = [40_000, 100_000]; // µs that are drawn: all of a stroke, if it isn't too long
  shared.spanOf = (steps, timeWindow) =>
    clamp(steps.length, SPANS[0] / timeWindow, SPANS[1] / timeWindow);

  // steps: what a network did in each ms, of which the last ones that fit in the span (ms) are
  // drawn. What draws them returns where.
  function timeAxis(steps, span, left, right) {
    const first = Math.max(0, steps.length - span);
    return { first, at: (step) => left + ((step - first) / span) * (right - left) };
  }

  shared.drawRaster = (canvas, order, colours, steps, span, left = 0) => {
    const { context, width, height } = shared.begin(canvas);
    const { first, at } = timeAxis(steps, span, left, width);
    const row = height / order.length;
    const place = new Map(order.map(({ neuron }, number) => [neuron, number]));
    const dash = Math.max((width - left) / span - 1.5, 2);
    for (let step = first; step < steps.length; step++)
      for (const neuron of steps[step].spikes) {
        const number = place.get(neuron);
        context.fillStyle = colour(colours[order[number].output] ?? "grey");
        context.fillRect(at(step), number * row, dash, Math.max(row, 1.4));
      }
    context.fillStyle = colour("grid");
    if (steps.length) context.fillRect(at(steps.length), 0, 1, height); // now
    return { first, at, y: (neuron) => (place.get(neuron) + 0.5) * row };
  };

  // lines: { output, leads, ink }, one by output; who leads is on top, with a dot at its highest
  // voltage, by which it answers. head(context, line, x, y) draws its name where it ends, beside the
  // span (in steps), in a margin of so many pixels.
  shared.drawVoltages = (canvas, lines, steps, { span, timeWindow = 1000, margin }, head) => {
    const { context, width, height } = shared.begin(canvas);
    const [left, right, top, base] = [2, width - margin, 16, height - 30];
    const { first, at } = timeAxis(steps, span, left, right);
    const all = steps.flatMap(({ voltages }) => voltages);
    const highest = Math.max(0.6, ...all);
    const lowest = Math.min(-0.3, ...all);
    const y = (voltage) => base - ((voltage - lowest) / (highest - lowest)) * (base - top);
    context.fillStyle = colour("grid");
    context.fillRect(left, y(0), right - left, 1);
    const ms = (step) => `${(step * timeWindow) / 1000} ms`;
    shared.write(context, ms(first), left, height - 7);
    shared.write(context, ms(first + span), right, height - 7, { align: "right" });
    lines.sort((one, other) => one.leads - other.leads);
    const heads = lines.map((line) => {
      const voltages = [0, ...steps.map((step) => step.voltages[line.output])].slice(first);
      const places = voltages.map((voltage, nth) => [at(first + nth), y(voltage)]);
      const ink = colour(line.ink);
      shared.drawLine(context, places, ink, line.leads ? 3 : 1.4);
      const peak = voltages.indexOf(Math.max(...voltages));
      if (line.leads) shared.drawDisc(context, ...places[peak], 4.5, ink);
      return { ...line, wanted: places.at(-1)[1] };
    });
    if (heads.length) shared.apart(heads, 15, top, base);
    for (const line of heads) head(context, line, at(steps.length), line.place);
    return { first, at, y };
  };

  // Move glyphs down until none covers another, and back up where they would leave the panel.
  shared.apart = (heads, distance, top, bottom) => {
    heads.sort((one, other) => one.wanted - other.wanted);
    const room = (one, other) => (one.leads || other.leads ? 1.7 * distance : distance);
    heads.forEach((head, number) => {
      const before = heads[number - 1];
      head.place = Math.max(head.wanted, before ? before.place + room(before, head) : top);
    });
    let lowest = bottom;
    [...heads].reverse().forEach((head, number, upwards) => {
      const next = upwards[number + 1];
      head.place = Math.min(head.place, lowest);
      if (next) lowest = head.place - room(head, next);
    });
  };
})(interactiveFigures);
