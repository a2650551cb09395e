// What the figures with a camera and a network draw alike: events, spikes, a time axis.
(({ clamp, colour, element, fontFamily, whenThemeChanges, shared, SIDE }) => {
  shared.percent = (share) => `${Math.round(100 * share)}%`;

  // A canvas for each of the labels, by name, with CSS classes after the figure's name. about: what
  // the drawing shows.
  shared.panels = (drawing, about, labels, figure, base = figure) => {
    Object.assign(drawing, { role: "group", ariaLabel: about });
    return Object.fromEntries(
      Object.entries(labels).map(([name, label]) => {
        const canvas = element("canvas", { className: `${figure}-${name}` });
        drawing.append(
          element(
            "div",
            { className: `${base}-panel ${figure}-panel-${name}` },
            element("p", { textContent: label }),
            canvas,
          ),
        );
        return [name, canvas];
      }),
    );
  };

  // Two texts: what goes on, for the eye, since it changes all the time; and what is read aloud.
  shared.texts = (figure, base = figure) => {
    const summary = element("p", {
      className: `interactive-summary ${figure}-summary`,
      ariaHidden: "true",
    });
    return [summary, element("p", { className: `${base}-said`, ariaLive: "polite" })];
  };

  // Let the page do something else: a message comes after it, and sooner than a timer.
  shared.pause = () =>
    new Promise((goOn) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = goOn;
      port2.postMessage(null);
    });

  // Calls frame(now, ms since the last one) once per image on the screen, while running() says so.
  shared.Loop = class {
    constructor(running, frame) {
      Object.assign(this, { running, frame, ticking: false });
    }

    start() {
      if (!this.ticking && this.running())
        requestAnimationFrame((now) => {
          this.last = now;
          this.tick(now);
        });
      this.ticking ||= this.running();
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

  // Call what a key does, where it is meant for the figure.
  shared.onKey = (key, act, meant) =>
    document.addEventListener("keydown", (event) => {
      if (
        meant() &&
        event.key.toLowerCase() === key &&
        !event.ctrlKey &&
        !event.metaKey &&
        !event.altKey
      )
        act();
    });

  // Tell whether the figure is seen, whenever that changes, and once when enough of it is.
  shared.whileSeen = (drawing, seen, first) => {
    let [near, told] = [false, false];
    const tell = () => seen(near && !document.hidden);
    document.addEventListener("visibilitychange", tell);
    new IntersectionObserver(
      ([{ isIntersecting, intersectionRatio }]) => {
        near = isIntersecting;
        tell();
        if (!told && intersectionRatio > 0.4) first();
        told ||= intersectionRatio > 0.4;
      },
      { threshold: [0, 0.5] },
    ).observe(drawing);
  };

  // Draw again what a change of the theme or of the width has spoilt.
  shared.keepDrawn = (drawing, redraw) => {
    whenThemeChanges(redraw);
    new ResizeObserver(redraw).observe(drawing);
  };

  // Paper, in the theme of the page.
  shared.fillPaper = (context, width, height) => {
    context.fillStyle = document.documentElement.dataset.theme === "dark" ? "#d6d9dc" : "#fbfaf7";
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
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (
      canvas.width !== Math.round(width * ratio) ||
      canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  };

  shared.write = (
    context,
    text,
    x,
    y,
    { fill = "grey", size = 12, align = "left", baseline = "middle", weight = 400 } = {},
  ) => {
    context.fillStyle = colour(fill);
    context.font = `${weight} ${size}px ${fontFamily()}`;
    context.textAlign = align;
    context.textBaseline = baseline;
    context.fillText(text, x, y);
  };

  // ---- The camera's window: events that flash and fade, and in the end their sum ----

  const FADES = 2500; // µs of the scene's time, to 1/e
  shared.Glow = class {
    constructor() {
      this.flash = [new Float32Array(SIDE ** 2), new Float32Array(SIDE ** 2)];
      this.sum = [new Float32Array(SIDE ** 2), new Float32Array(SIDE ** 2)];
    }

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

  // rest: 0 while events flash, 1 once it is over and their sum is shown.
  shared.drawWindow = (canvas, glow, rest, inks = ["OFF", "ON"]) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    const gap = side > 5 ? 1 : 0.5;
    const colours = inks.map(colour);
    const dot = (place, fill, alpha) => {
      context.globalAlpha = alpha;
      context.fillStyle = fill;
      context.fillRect(
        (place % SIDE) * side,
        Math.floor(place / SIDE) * side,
        side - gap,
        side - gap,
      );
    };
    for (let place = 0; place < SIDE ** 2; place++) {
      const [off, on] = [0, 1].map((polarity) => glow.flash[polarity][place]);
      const polarity = on > off ? 1 : 0;
      const alpha = (1 - rest) * Math.max(on, off);
      if (alpha > 0.03) dot(place, colours[polarity], alpha);
      const more = glow.sum[1][place] - glow.sum[0][place];
      if (rest && more)
        dot(place, colours[more > 0 ? 1 : 0], rest * Math.min(Math.abs(more) / 5, 1));
    }
    context.globalAlpha = 1;
  };

  // ---- Spikes over time ----

  const SPANS = [40_000, 100_000]; // µs that are drawn: all of a stroke, if it isn't too long
  shared.spanOf = (steps, timeWindow) =>
    clamp(steps.length, SPANS[0] / timeWindow, SPANS[1] / timeWindow);

  // steps: what a network did in each ms, of which the last ones that fit in the span (ms) are
  // drawn.
  shared.timeAxis = (steps, span, left, right) => {
    const first = Math.max(0, steps.length - span);
    return { first, at: (step) => left + ((step - first) / span) * (right - left) };
  };

  shared.drawRaster = (canvas, order, colours, steps, span, left = 0) => {
    const { context, width, height } = shared.begin(canvas);
    const { first, at } = shared.timeAxis(steps, span, left, width);
    const row = height / order.length;
    const place = new Map(order.map(({ neuron }, number) => [neuron, number]));
    const dash = Math.max((width - left) / span - 1.5, 2);
    for (let step = first; step < steps.length; step++) {
      for (const neuron of steps[step].spikes) {
        const number = place.get(neuron);
        context.fillStyle = colour(colours[order[number].output] ?? "grey");
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

  // The voltage that answers: the highest so far.
  function dotAtPeak(context, steps, first, { output, colour: ink }, at, y) {
    const voltages = steps.slice(first).map((step) => step.voltages[output]);
    const peak = voltages.indexOf(Math.max(...voltages));
    context.fillStyle = colour(ink);
    context.beginPath();
    context.arc(at(first + peak + 1), y(voltages[peak]), 4.5, 0, 2 * Math.PI);
    context.fill();
  }

  // lines: { output, leads, colour }, one by output; who leads is on top. head(context, line, x,
  // y) draws its name where it ends, beside the span (in steps), in a margin of so many pixels.
  shared.drawVoltages = (
    canvas,
    lines,
    steps,
    {
      span,
      timeWindow = 1000,
      margin,
      top = 14,
      bottom = 28,
      thin = 1.2,
      dot = true,
      distance = 14,
    },
    head,
  ) => {
    const { context, width, height } = shared.begin(canvas);
    const [left, right, base] = [2, width - margin, height - bottom];
    const { first, at } = shared.timeAxis(steps, span, left, right);
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
    for (const line of lines) {
      const { output, leads } = line;
      context.strokeStyle = colour(line.colour);
      [context.lineWidth, context.lineJoin] = [leads ? 3 : thin, "round"];
      context.beginPath();
      context.moveTo(at(first), y(first ? steps[first - 1].voltages[output] : 0));
      for (let step = first; step < steps.length; step++)
        context.lineTo(at(step + 1), y(steps[step].voltages[output]));
      context.stroke();
      if (leads && dot) dotAtPeak(context, steps, first, line, at, y);
    }
    const heads = lines.map((line) => ({
      ...line,
      wanted: y(steps.at(-1)?.voltages[line.output] ?? 0),
    }));
    if (heads.length) shared.apart(heads, distance, top, base);
    for (const line of heads) head(context, line, at(steps.length), line.place);
  };

  // Move glyphs up or down until none covers another.
  shared.apart = (heads, distance, top, bottom) => {
    heads.sort((one, other) => one.wanted - other.wanted);
    heads.forEach((head, number) => {
      const before = heads[number - 1];
      const room = before && (before.leads || head.leads) ? 1.7 * distance : distance;
      head.place = Math.max(head.wanted, before ? before.place + room : top);
    });
    const over = Math.max(0, heads.at(-1).place - bottom);
    for (const head of heads) head.place -= over;
  };
})(window.interactiveFigures);
