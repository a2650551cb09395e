// Makes interactive figures of the pictures that pokersnn_helpers/figures/interactive.py drew.
// Plotly draws the cloud of events, uPlot the neuron; each is loaded when its figure comes near.
(() => {
  const here = document.currentScript.src;
  const asset = (name) => new URL(`vendor/${name}`, here).href;

  function load(tag, attributes) {
    return new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement(tag), attributes);
      element.onload = resolve;
      element.onerror = () => reject(new Error(`can't load ${attributes.src || attributes.href}`));
      document.head.append(element);
    });
  }

  function element(tag, attributes = {}, ...children) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  }

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--interactive-${name}`).trim();

  function whenThemeChanges(redraw) {
    const options = { attributes: true, attributeFilter: ["data-theme"] };
    new MutationObserver(redraw).observe(document.documentElement, options);
  }

  // ---- The cloud of events ----

  function unpack({ t, x, y }) {
    const numbers = (text) => {
      const bytes = new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
      return Array.from({ length: bytes.byteLength / 2 }, (_, event) => bytes.getUint16(2 * event, true));
    };
    const events = { t: numbers(t).map((time) => time / 1000), x: numbers(x), y: numbers(y) }; // t in ms
    if (new Set(Object.values(events).map((field) => field.length)).size > 1) throw new Error("odd data of events");
    return events;
  }

  function points(name, symbol, events) {
    return {
      type: "scatter3d", mode: "markers", name: `${name}: ${events.t.length} events`,
      x: events.t, y: events.x, z: events.y,
      marker: { size: 2, symbol, color: colour(name), opacity: 0.8, line: { width: 0 } },
      hovertemplate: `${name}<br>%{x:.2f} ms<br>x %{y}, y %{z}<extra></extra>`,
    };
  }

  function cloudLayout(drawing, [width, height]) {
    const distance = drawing.clientWidth < 500 ? 1.85 : 1.15; // the whole box and its labels fit
    const axis = (title, more) => ({
      title: { text: title }, gridcolor: colour("grid"), zerolinecolor: colour("grid"),
      showspikes: false, nticks: 5, ...more,
    });
    return {
      margin: { l: 0, r: 0, t: 0, b: 0 }, uirevision: "keep the reader's view",
      paper_bgcolor: "rgba(0,0,0,0)", font: { color: colour("text"), size: 12 },
      legend: { x: 0, y: 1, itemsizing: "constant", bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: colour("background"), font: { color: colour("text") } },
      scene: {
        xaxis: axis("time (ms)", { rangemode: "tozero" }), yaxis: axis("x (pixel)", { range: [0, width] }),
        zaxis: axis("y (pixel)", { range: [height, 0] }),
        aspectmode: "manual", aspectratio: { x: 1.7, y: 1, z: height / width },
        camera: { eye: { x: 0.9 * distance, y: -1.8 * distance, z: 0.7 * distance }, center: { x: 0, y: 0, z: -0.12 } },
      },
    };
  }

  async function eventCloud({ recordings, sensor_size }, controls, drawing) {
    if (!document.createElement("canvas").getContext("webgl")) return false;
    await load("script", { src: asset("plotly-gl3d.min.js") });
    const classes = Object.keys(recordings);
    const chosen = element("select", {}, ...classes.map((name) => new Option(name)));
    const number = element("select");
    chosen.value = classes.at(-1);
    controls.append(element("label", {}, "Class ", chosen), element("label", {}, "Recording ", number));
    const draw = () => {
      const { ON, OFF } = recordings[chosen.value][number.value - 1];
      const traces = [points("ON", "circle", unpack(ON)), points("OFF", "square", unpack(OFF))];
      const options = { displayModeBar: false, responsive: true, scrollZoom: false };
      return window.Plotly.react(drawing, traces, cloudLayout(drawing, sensor_size), options);
    };
    chosen.onchange = () => {
      number.replaceChildren(...recordings[chosen.value].map((_, index) => new Option(index + 1)));
      return draw();
    };
    number.onchange = draw;
    // Plotly would stop the page from scrolling under the wheel, though it zooms by none.
    drawing.addEventListener("wheel", (event) => event.stopPropagation(), { capture: true, passive: true });
    whenThemeChanges(draw);
    await chosen.onchange();
    return true;
  }

  // ---- The neuron ----

  // One step after the other, as norse.torch.functional.lif.lif_feed_forward_step does it.
  function runNeuron({ arrivals, steps, dt, weight }, { tau_mem, tau_syn, v_th, rate }) {
    const input = new Float64Array(steps);
    for (const arrival of arrivals) {
      const step = Math.floor(arrival / rate / dt);
      if (step < steps) input[step] += weight;
    }
    let v = 0;
    let i = 0;
    const trace = { time: [], current: [], voltage: [], spikes: [] };
    for (let step = 0; step < steps; step++) {
      i += input[step];
      v += ((1000 * dt) / tau_mem) * (i - v); // time constants are in ms
      i -= ((1000 * dt) / tau_syn) * i;
      const spike = v > v_th;
      if (spike) v = 0;
      trace.time.push(1000 * dt * (step + 1));
      trace.current.push(i);
      trace.voltage.push(v);
      trace.spikes.push(spike ? 1 : null);
    }
    return trace;
  }

  function panel(drawing, title, height, lines, top, last) {
    const axis = (more) => ({
      stroke: () => colour("text"), grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { show: false }, font: "12px sans-serif", labelFont: "12px sans-serif", ...more,
    });
    const series = lines.map(([name, more]) => ({
      label: name, width: 1.6, points: { show: false }, stroke: () => colour(name), ...more,
    }));
    const options = {
      width: drawing.clientWidth, height, legend: { show: false }, series: [{}, ...series],
      cursor: { show: false }, scales: { x: { time: false }, y: { range: (_, low, high) => [0, top(high)] } },
      axes: [
        axis(last ? { label: "time (ms)", labelSize: 20, size: 24 } : { size: 10, values: () => [] }),
        axis(title.endsWith("spikes") ? { size: 56, values: () => [], grid: { show: false }, label: "spikes", labelSize: 18 } : { size: 56, label: title, labelSize: 18 }),
      ],
    };
    const chart = new window.uPlot(options, series.map(() => []).concat([[]]), drawing);
    new ResizeObserver(() => chart.setSize({ width: drawing.clientWidth, height })).observe(drawing);
    whenThemeChanges(() => chart.redraw());
    return chart;
  }

  function slider(name, [label, unit, min, max, step, value], redraw) {
    const input = element("input", { type: "range", name, min, max, step });
    input.value = value;
    const shown = element("output");
    input.oninput = () => {
      shown.textContent = `${input.value} ${unit}`;
      redraw();
    };
    return element("label", {}, element("span", { textContent: label }), input, shown);
  }

  async function neuron(content, controls, drawing) {
    const { arrivals, steps, dt } = content;
    if (!(steps <= 1e5 && dt > 0 && arrivals.every(Number.isFinite))) throw new Error("odd data of a neuron");
    await Promise.all([
      load("link", { rel: "stylesheet", href: asset("uPlot.min.css") }),
      load("script", { src: asset("uPlot.iife.min.js") }),
    ]);
    const noLessThan = (least) => (high) => Math.max(least, 1.1 * high);
    const spike = { width: 0, points: { show: false }, paths: window.uPlot.paths.bars({ size: [1, 2, 2] }), fill: () => colour("text") };
    const charts = [
      panel(drawing, "i (a.u.)", 150, [["current"]], noLessThan(0.1)),
      panel(drawing, "v (a.u.)", 170, [["voltage"], ["threshold", { dash: [6, 4] }]], noLessThan(0.1)),
      panel(drawing, "spikes", 90, [["spikes", spike]], () => 1, true),
    ];
    let pending = false;
    const values = () =>
      Object.fromEntries([...controls.querySelectorAll("input")].map((input) => [input.name, +input.value]));
    const draw = () => {
      pending = false;
      const state = values();
      const trace = runNeuron(content, state);
      const threshold = trace.time.map(() => state.v_th);
      charts[0].setData([trace.time, trace.current]);
      charts[1].setData([trace.time, trace.voltage, threshold]);
      charts[2].setData([trace.time, trace.spikes]);
      const count = trace.spikes.filter(Boolean).length;
      summary.textContent = `${count} ${count === 1 ? "spike" : "spikes"} in ${1000 * content.dt * content.steps} ms`;
    };
    const redraw = () => {
      if (!pending) requestAnimationFrame(draw);
      pending = true;
    };
    for (const [name, range] of Object.entries(content.sliders)) controls.append(slider(name, range, redraw));
    const summary = element("p", { className: "interactive-summary" });
    summary.setAttribute("aria-live", "polite");
    controls.append(summary);
    drawing.charts = charts;
    for (const input of controls.querySelectorAll("input")) input.oninput();
    return true;
  }

  // ---- Putting an interactive figure in a picture's place ----

  async function makeInteractive(holder) {
    const kinds = { "event-cloud": eventCloud, neuron };
    const content = JSON.parse(holder.querySelector("script").textContent);
    const controls = element("div", { className: "interactive-controls" });
    const drawing = element("div", { className: "interactive-drawing" });
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", holder.querySelector("img").alt);
    holder.append(controls, drawing);
    let drawn = false;
    try {
      drawn = await kinds[holder.dataset.kind](content, controls, drawing);
    } catch (error) {
      console.warn(error); // for whoever looks why; the reader has the picture
    }
    if (drawn) return holder.classList.add("is-interactive");
    controls.replaceChildren();
    drawing.remove();
  }

  document.addEventListener("DOMContentLoaded", () => {
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
          watcher.unobserve(target);
          makeInteractive(target);
        }
      },
      { rootMargin: "800px" },
    );
    for (const holder of document.querySelectorAll(".interactive-figure")) watcher.observe(holder);
  });
})();
