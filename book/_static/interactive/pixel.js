// One pixel, one edge: an ideal pixel of an event camera, whose reference starts at the light.
(({ kinds, ofCharts, tick, stepped, between, element, colour, number, clamp }) => {
  const SLIDERS = `
    <label>contrast
      <input type="range" name="contrast" min="1.5" max="20" step="0.5" value="10">
    </label>
    <label>threshold
      <input type="range" name="threshold" min="0.1" max="0.6" step="0.05" value="0.3">
    </label>
    <label>speed
      <input type="range" name="speed" min="0.4" max="4" step="0.1" value="0.6" data-unit="px/ms">
    </label>
    <label>daylight
      <input type="range" name="daylight" min="-1" max="1" step="0.1" value="0"
        data-scale="log" data-digits="2">
    </label>`;
  const DURATION = 20; // ms
  const STEPS = 1000;
  const PIP_WIDTH = 4; // pixels
  const EDGE_WIDTH = 2; // pixels: an edge is soft, as through any lens

  // contrast: the card's light divided by the pip's; speed in pixels per ms; daylight: a factor of
  // all light. A linear pixel compares the light, not its logarithm.
  function runPixel({ contrast, threshold, speed, daylight, linear }) {
    const times = between([0, DURATION], STEPS);
    const light = times.map((time) => {
      const place = Math.abs(time - DURATION / 2) * speed; // of the pip's centre, in pixels
      const outside = clamp((place - PIP_WIDTH / 2) / EDGE_WIDTH + 0.5, 0, 1);
      const covered = (1 + Math.cos(Math.PI * outside)) / 2;
      return daylight * (1 - (1 - 1 / contrast) * covered);
    });
    const level = linear ? light : light.map(Math.log);
    let reference = level[0];
    const trace = { times, light, level, reference: [reference], eventTimes: [], polarities: [] };
    for (let step = 1; step < level.length; step++) {
      const change = level[step] - reference;
      // Both ends of a pip are whole steps apart: rounding mustn't lose the last event.
      const crossings = Math.floor(Math.abs(change) / threshold + 1e-6);
      for (let crossing = 0; crossing < crossings; crossing++) {
        reference += Math.sign(change) * threshold;
        const share = Math.min((reference - level[step - 1]) / (level[step] - level[step - 1]), 1);
        trace.eventTimes.push(times[step - 1] + (DURATION / STEPS) * share);
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

  kinds.pixel = ofCharts(() => {
    let state = {};
    let trace = { level: [0] };
    const linear = element("input", { type: "checkbox", name: "linear" });
    function levels() {
      const margin = 1.2 * state.threshold;
      return [Math.min(...trace.level) - margin, Math.max(...trace.level) + margin];
    }
    const edge = ["shade", { ...stepped(), width: 0 }];
    const charts = [
      {
        title: "light",
        height: 84,
        y: () => [0, 1.1 * Math.max(1, state.daylight)],
        series: [["text"]],
      },
      {
        title: "ln(light)",
        height: 150,
        y: levels,
        bands: [{ series: [2, 1], fill: () => colour("shade") }],
        series: [edge, edge, ["accent", stepped()], ["text"]],
      },
      {
        title: "events",
        height: 100,
        y: [-1.3, 1.3],
        yValues: { "-1": "OFF", 1: "ON" },
        xTitle: "time (ms)",
        series: [tick("ON"), tick("OFF")],
      },
    ];
    function draw(values, [light, level, events]) {
      state = { ...values, linear: linear.checked };
      trace = runPixel(state);
      const shifted = (by) => trace.reference.map((one) => one + by * state.threshold);
      level.marks = [[0, levels()[0], "words", " reference\n ± threshold"]];
      level.axes[1].label = state.linear ? "light" : "ln(light)";
      light.setData([trace.times, trace.light]);
      level.setData([trace.times, shifted(-1), shifted(1), trace.reference, trace.level]);
      const height = (polarity, to) =>
        trace.polarities.map((one) => (one === polarity ? to : null));
      events.setData([trace.eventTimes, height(1, 1), height(0, -1)]);
      return counted(state, trace.polarities);
    }
    function more(redraw) {
      linear.oninput = redraw;
      return [element("label", {}, linear, "linear pixel: compares the light itself")];
    }
    return { sliders: SLIDERS, x: [0, DURATION], charts, draw, more };
  });
})(interactiveFigures);
