// One pixel, one edge: pokersnn_helpers/figures/interactive_sliders.py computes the same.
(({
  kinds,
  loadCharts,
  tick,
  element,
  colour,
  number,
  clamp,
  oncePerImage,
  addSliders,
  addRow,
  liveText,
  addChart,
}) => {
  function runPixel(
    { duration, dt, pip_width, edge_width },
    { contrast, threshold, speed, daylight, linear },
  ) {
    const trace = {
      times: [],
      light: [],
      level: [],
      reference: [],
      eventTimes: [],
      polarities: [],
    };
    for (let step = 0; step <= Math.round(duration / dt); step++) {
      const time = step * dt;
      const place = Math.abs(time - duration / 2) * speed; // of the pip's centre, in pixels
      const outside = clamp((place - pip_width / 2) / edge_width + 0.5, 0, 1);
      const covered = (1 + Math.cos(Math.PI * outside)) / 2;
      const light = daylight * (1 - (1 - 1 / contrast) * covered);
      trace.times.push(time);
      trace.light.push(light);
      trace.level.push(linear ? light : Math.log(light));
    }
    const { times, level } = trace;
    let reference = level[0];
    trace.reference.push(reference);
    for (let step = 1; step < level.length; step++) {
      const change = level[step] - reference;
      const crossings = Math.floor(Math.abs(change) / threshold + 1e-6);
      for (let crossing = 0; crossing < crossings; crossing++) {
        reference += Math.sign(change) * threshold;
        const share = Math.min((reference - level[step - 1]) / (level[step] - level[step - 1]), 1);
        trace.eventTimes.push(times[step - 1] + dt * share);
        trace.polarities.push(change > 0 ? 1 : 0);
      }
      trace.reference.push(reference);
    }
    return trace;
  }

  // "ln(contrast) / threshold = 2.30 / 0.30 = 7.67 → 7 OFF, then 7 ON"
  function counted({ contrast, threshold, daylight, linear }, polarities) {
    const change = linear ? daylight * (1 - 1 / contrast) : Math.log(contrast);
    const name = linear ? "daylight × (1 − 1 / contrast)" : "ln(contrast)";
    const ideal = Math.floor((100 * change) / threshold + 1e-6) / 100; // never "2.00 → 1"
    const on = polarities.filter(Boolean).length;
    return (
      `events per edge = ${name} / threshold = ${number(change, 2)} / ${number(threshold, 2)} = ` +
      `${number(ideal, 2)} → ${polarities.length - on} OFF, then ${on} ON`
    );
  }

  kinds.pixel = async (content, controls, drawing) => {
    const { sliders, duration } = content;
    await loadCharts();
    let state = {};
    let trace = { level: [0] };
    const { stepped } = window.uPlot.paths;
    const steps = { paths: stepped({ align: 1 }) };
    const x = [0, duration];
    const events = { y: () => [-1.3, 1.3], yValues: { "-1": "OFF", 1: "ON" } };
    const charts = [
      addChart(drawing, {
        title: "light",
        height: 84,
        x,
        y: () => [0, 1.1 * Math.max(1, state.daylight)],
        series: [["text"]],
      }),
      addChart(drawing, {
        title: "ln(light)",
        height: 150,
        x,
        y: levels,
        bands: [{ series: [2, 1], fill: () => colour("shade") }],
        series: [
          ["shade", { ...steps, width: 0 }],
          ["shade", { ...steps, width: 0 }],
          ["accent", steps],
          ["text"],
        ],
      }),
      addChart(drawing, {
        ...events,
        title: "events",
        height: 100,
        x,
        xTitle: "time (ms)",
        series: [tick("ON"), tick("OFF")],
      }),
    ];
    function levels() {
      const margin = 1.2 * state.threshold;
      return [Math.min(...trace.level) - margin, Math.max(...trace.level) + margin];
    }
    const draw = oncePerImage(() => {
      state = { ...values(), linear: linear.checked };
      trace = runPixel(content, state);
      const shifted = (by) => trace.reference.map((level) => level + by * state.threshold);
      charts[1].marks = [[0, levels()[0], "words", " reference\n ± threshold"]];
      charts[1].axes[1].label = state.linear ? "light" : "ln(light)";
      charts[0].setData([trace.times, trace.light]);
      charts[1].setData([trace.times, shifted(-1), shifted(1), trace.reference, trace.level]);
      const height = (polarity, to) =>
        trace.polarities.map((one) => (one === polarity ? to : null));
      charts[2].setData([trace.eventTimes, height(1, 1), height(0, -1)]);
      summary.textContent = counted(state, trace.polarities);
    });
    const linear = element("input", { type: "checkbox", name: "linear", oninput: draw });
    const { values } = addSliders(controls, sliders, draw);
    addRow(controls, element("label", {}, linear, "linear pixel: compares the light itself"));
    const summary = liveText();
    addRow(controls, summary);
    draw();
    return { charts };
  };
})(window.interactiveFigures);
