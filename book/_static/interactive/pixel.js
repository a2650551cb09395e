// One pixel, one edge: an ideal pixel of an event camera, whose reference starts at the light.
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
  const SLIDERS = {
    contrast: {
      label: "contrast",
      lowest: 1.5,
      highest: 20,
      step: 0.5,
      start: 10,
    },
    threshold: {
      label: "threshold",
      lowest: 0.1,
      highest: 0.6,
      step: 0.05,
      start: 0.3,
    },
    speed: {
      label: "speed",
      unit: "px/ms",
      lowest: 0.4,
      highest: 4,
      step: 0.1,
      start: 0.6,
    },
    daylight: {
      label: "daylight",
      lowest: -1,
      highest: 1,
      step: 0.1,
      start: 0,
      digits: 2,
      scale: "log",
    },
  };
  const DURATION = 20; // ms
  const DT = 0.02; // ms
  const PIP_WIDTH = 4; // pixels
  const EDGE_WIDTH = 2; // pixels: an edge is soft, as through any lens

  // contrast: the card's light divided by the pip's; speed in pixels per ms; daylight: a factor of
  // all light. A linear pixel compares the light, not its logarithm.
  function runPixel({ contrast, threshold, speed, daylight, linear }) {
    const trace = {
      times: [],
      light: [],
      level: [],
      reference: [],
      eventTimes: [],
      polarities: [],
    };
    for (let step = 0; step <= Math.round(DURATION / DT); step++) {
      const time = step * DT;
      const place = Math.abs(time - DURATION / 2) * speed; // of the pip's centre, in pixels
      const outside = clamp((place - PIP_WIDTH / 2) / EDGE_WIDTH + 0.5, 0, 1);
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
      // Both ends of a pip are whole steps apart: rounding mustn't lose the last event.
      const crossings = Math.floor(Math.abs(change) / threshold + 1e-6);
      for (let crossing = 0; crossing < crossings; crossing++) {
        reference += Math.sign(change) * threshold;
        const share = Math.min((reference - level[step - 1]) / (level[step] - level[step - 1]), 1);
        trace.eventTimes.push(times[step - 1] + DT * share);
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
    await loadCharts();
    let state = {};
    let trace = { level: [0] };
    const { stepped } = window.uPlot.paths;
    const steps = { paths: stepped({ align: 1 }) };
    const x = [0, DURATION];
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
      trace = runPixel(state);
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
    const { values } = addSliders(controls, SLIDERS, draw);
    addRow(controls, element("label", {}, linear, "linear pixel: compares the light itself"));
    const summary = liveText();
    addRow(controls, summary);
    draw();
    return { charts };
  };
})(window.interactiveFigures);
