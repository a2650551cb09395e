// Makes interactive figures of the images that pokersnn_helpers/figures/interactive.py returns.
// What all of them share is here; the folder interactive has a script for each kind of figure,
// loaded with its drawing library when the first figure of its kind comes near.
(() => {
  const here = document.currentScript.src;
  const asset = (name) => new URL(name, here).href;
  const loading = {};

  function load(name) {
    loading[name] ??= new Promise((resolve, reject) => {
      const made = name.endsWith(".css")
        ? element("link", { rel: "stylesheet", href: asset(name) })
        : element("script", { src: asset(name), async: false });
      made.onload = resolve;
      made.onerror = () => reject(new Error(`can't load ${name}`));
      document.head.append(made);
    });
    return loading[name];
  }

  // Scripts of the folder interactive, by names with spaces between them, each of which may need those
  // before it: they are loaded side by side, and run in this order.
  const loadParts = (names) =>
    Promise.all(names.split(" ").map((name) => load(`interactive/${name}.js`)));

  function element(tag, attributes = {}, ...children) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  }

  // What an HTML text describes: its content, to be appended, and, by their data-part, the elements
  // that something acts on.
  function fromHTML(text) {
    const { content } = element("template", { innerHTML: text });
    const found = { content };
    for (const part of content.querySelectorAll("[data-part]")) found[part.dataset.part] = part;
    return found;
  }

  // Boxes to tick in HTML. labels: what is written beside each, by its name.
  const boxes = (labels) =>
    Object.entries(labels)
      .map(([name, label]) => `<label><input type="checkbox" name="${name}">${label}</label>`)
      .join("");

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--interactive-${name}`).trim();

  const fontFamily = () => getComputedStyle(document.body).fontFamily;

  function whenThemeChanges(redraw) {
    const theme = { attributeFilter: ["data-theme"] };
    new MutationObserver(redraw).observe(document.documentElement, theme);
  }

  // Draw at most once per image on the screen, however many changes come in between.
  function oncePerImage(draw) {
    let pending = false;
    return () => {
      if (pending) return;
      pending = true;
      requestAnimationFrame(() => {
        pending = false;
        draw();
      });
    };
  }

  // Numbers from 0 to 255 that are written in Base64.
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  const clamp = (value, lowest, highest) => Math.min(Math.max(value, lowest), highest);

  // Random numbers from 0 to 1, the same for the same seed.
  function mulberry32(state) {
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  // A script that a worker can run, too, is a function: a worker is made of the texts of those that
  // have run, so that it works from a file as well, where a worker's script can't be loaded.
  const parts = [];
  function part(run) {
    parts.push(run);
    run(interactiveFigures);
  }

  const SIDE = 35; // pixels of a sensor, in width and height
  // What the scripts of the figures with a camera add to.
  const figures = () => ({ shared: {}, card: {}, motion: {}, teach: {} });

  // Let a worker go through what a generator yields, and tell it: told.progress(value), told.done()
  // or told.failed(reason). main: makes the generator, of the request. Returns what stops the
  // worker.
  function inWorker(main, request, told) {
    const text = `self.window = self;
      window.interactiveFigures = {
        ...(${figures})(), SIDE: ${SIDE}, bytesOf: ${bytesOf}, clamp: ${clamp}, mulberry32: ${mulberry32},
        part: (run) => run(interactiveFigures),
      };
      ${parts.map((run) => `(${run})(interactiveFigures);`).join("\n")}
      self.onmessage = ({ data }) => {
        for (const value of (${main})(data)) self.postMessage({ value });
        self.postMessage({ done: true });
      };`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = ({ data }) => (data.done ? told.done() : told.progress(data.value));
    worker.onerror = (event) => told.failed(event.message);
    worker.postMessage(request);
    return () => worker.terminate();
  }

  // A LIF neuron, one step after the other, as norse.torch.functional.lif.lif_feed_forward_step
  // does it. input: what arrives in each step of so many ms; time constants are in ms, too.
  function runNeuron(input, { dt, tau_mem, tau_syn, threshold }) {
    let v = 0;
    let i = 0;
    const trace = { time: [], current: [], voltage: [], spikes: [], count: 0 };
    input.forEach((jump, step) => {
      i += jump;
      v += (dt / tau_mem) * (i - v);
      i -= (dt / tau_syn) * i;
      const spike = v > threshold;
      if (spike) {
        v = 0;
        trace.count += 1;
      }
      trace.time.push(dt * (step + 1));
      trace.current.push(i);
      trace.voltage.push(v);
      trace.spikes.push(spike ? 1 : null);
    });
    return trace;
  }

  // ---- Controls ----

  const number = (value, digits) => value.toFixed(digits).replace("-", "−");
  const counted = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;

  // html: labels with a slider each, which is named for what it sets: its position, or, with
  // data-scale="log", 10 to its power. That is written with data-unit, and with data-digits or as
  // many digits as the step has. Returns what they set, and a way to move one without redrawing.
  function addSliders(controls, html, redraw) {
    const { content } = fromHTML(html);
    const inputs = [...content.querySelectorAll("input")];
    const valueOf = ({ value, dataset }) => (dataset.scale === "log" ? 10 ** +value : +value);
    function show(input) {
      const { unit = "", digits = input.step.split(".")[1]?.length ?? 0 } = input.dataset;
      const gap = /^[%°]/.test(unit) ? "" : " ";
      const text = `${number(valueOf(input), digits)}${gap}${unit}`.trim();
      input.nextElementSibling.textContent = input.ariaValueText = text;
    }
    for (const input of inputs) {
      input.after(element("output"));
      input.oninput = () => {
        show(input);
        redraw?.();
      };
      show(input);
    }
    controls.append(content);
    return {
      values: () => Object.fromEntries(inputs.map((input) => [input.name, valueOf(input)])),
      set(name, to) {
        const input = inputs.find((one) => one.name === name);
        input.value = to;
        show(input);
      },
    };
  }

  const button = (text, onclick, className = "") =>
    element("button", { type: "button", textContent: text, onclick, className });

  // ---- Charts, by uPlot ----

  // A kind of figure with charts one below the other, sliders, what else moves them, and a sentence.
  // describe(content, drawing, controls) returns what it consists of. x: limits of every chart
  // without its own. draw(what the sliders set, charts): gives the charts their lines and marks, and
  // returns the sentence. more(redraw, set): returns other controls.
  const ofCharts = (describe) => async (content, controls, drawing) => {
    await Promise.all([load("vendor/uPlot.min.css"), load("vendor/uPlot.iife.min.js")]);
    const { sliders, x, charts, draw, more } = describe(content, drawing, controls);
    const made = charts.map((chart) => addChart(drawing, { x, ...chart }));
    const summary = element("p", { className: "interactive-summary", ariaLive: "polite" });
    const redraw = oncePerImage(() => {
      summary.textContent = draw(values(), made);
    });
    const { values, set } = addSliders(controls, sliders, redraw);
    const others = more?.(redraw, set) ?? [];
    controls.append(element("div", { className: "interactive-row" }, ...others, summary));
    redraw();
    return { charts: made };
  };

  // One of several charts that stand one below the other and share the horizontal axis. series:
  // colour, and what else uPlot should know of a line. x, y: limits, which may be functions.
  // chart.marks: dots [x, y, colour] and words [x, y, colour, text, where], drawn over the lines.
  function addChart(drawing, { title, height, series, x, y, xTitle, xValues, yValues, bands }) {
    const hidden = { show: false };
    const font = `13px ${fontFamily()}`;
    const axis = (written, more) => ({
      stroke: () => colour("text"),
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: hidden,
      font,
      labelFont: font,
      labelSize: 20,
      ...more,
      ...(written && {
        splits: () => Object.keys(written).map(Number),
        values: () => Object.values(written),
      }),
    });
    const lines = series.map(([name, more]) => ({
      width: 1.8,
      points: hidden,
      stroke: () => colour(name),
      ...more,
    }));
    const options = {
      width: drawing.clientWidth,
      height,
      bands,
      legend: hidden,
      cursor: hidden,
      series: [{}, ...lines],
      scales: { x: { time: false, range: x }, y: { range: y } },
      axes: [
        axis(xValues, xTitle ? { label: xTitle, size: 24 } : { size: 8, values: () => [] }),
        axis(yValues, { label: title, size: 60 }),
      ],
      hooks: { draw: [drawMarks] },
    };
    const chart = new uPlot(options, [[], ...series.map(() => [])], drawing);
    chart.marks = [];
    const fit = () => chart.setSize({ width: drawing.clientWidth, height });
    new ResizeObserver(fit).observe(drawing);
    whenThemeChanges(() => chart.redraw());
    return chart;
  }

  // Lines for addChart: a tick from 0 to each value, and one that goes in steps.
  const tick = (name) => [
    name,
    { width: 0, fill: () => colour(name), paths: uPlot.paths.bars({ size: [1, 2, 2] }) },
  ];
  const stepped = () => ({ paths: uPlot.paths.stepped({ align: 1 }) });

  // Numbers from one end to the other, both included, in so many steps.
  const between = ([first, last], steps) =>
    Array.from({ length: steps + 1 }, (_, step) => first + ((last - first) * step) / steps);

  function drawMarks(chart) {
    const { ctx } = chart;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${13 * ratio}px ${fontFamily()}`;
    for (const [x, y, name, text = "", where = "left bottom"] of chart.marks) {
      const left = chart.valToPos(x, "x", true);
      const top = chart.valToPos(y, "y", true);
      ctx.fillStyle = colour(name);
      [ctx.textAlign, ctx.textBaseline] = where.split(" ");
      ctx.beginPath();
      if (!text) ctx.arc(left, top, 7 * ratio, 0, 2 * Math.PI);
      ctx.fill();
      const lines = text.split("\n").reverse(); // the last one stands at the place
      // From a line at the place.
      const gap = ratio * ({ top: 4, bottom: -3 }[ctx.textBaseline] ?? 0);
      lines.forEach((line, above) => ctx.fillText(line, left, top + gap - 16 * ratio * above));
    }
    ctx.restore();
  }

  // ---- Putting an interactive figure in an image's place ----

  const kinds = {}; // each script in the folder interactive adds its own
  window.interactiveFigures = {
    ...figures(),
    SIDE,
    kinds,
    load,
    loadParts,
    part,
    inWorker,
    mulberry32,
    bytesOf,
    clamp,
    runNeuron,
    element,
    fromHTML,
    boxes,
    colour,
    fontFamily,
    number,
    counted,
    whenThemeChanges,
    oncePerImage,
    addSliders,
    button,
    ofCharts,
    tick,
    stepped,
    between,
  };

  const FIGURE = `<div class="interactive-drawing" role="img" data-part="drawing"></div>
    <div class="interactive-controls" data-part="controls"></div>`;

  async function makeInteractive(holder) {
    const { content: parts, drawing, controls } = fromHTML(FIGURE);
    drawing.ariaLabel = holder.querySelector("img").alt;
    holder.append(parts);
    const { kind } = holder.dataset;
    try {
      const content = JSON.parse(holder.querySelector("script").textContent);
      await load(`interactive/${kind}.js`);
      Object.assign(drawing, await kinds[kind](content, controls, drawing)); // for the tests
      holder.classList.add("is-interactive");
    } catch (error) {
      // Cut or foreign data, or no library: the reader has the image, and a word.
      console.error(error);
      controls.remove();
      drawing.remove();
      const textContent = `This figure can’t be used here (${error?.message ?? error}): an image stands in its place.`;
      holder.append(element("p", { className: "interactive-failed", textContent }));
      holder.classList.add("is-image");
    }
  }

  // The page has been read; deferred scripts, which nothing here needs, may still be on their way.
  const whenRead = () => {
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (!isIntersecting) continue;
          watcher.unobserve(target);
          makeInteractive(target);
        }
      },
      { rootMargin: "800px" },
    );
    for (const holder of document.querySelectorAll(".interactive-figure")) watcher.observe(holder);
  };
  document.addEventListener("readystatechange", whenRead, { once: true });
})();
