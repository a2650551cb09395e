// A LIF neuron: pokersnn_helpers/figures/interactive_sliders.py computes the same with Norse.
(({
  kinds,
  loadCharts,
  tick,
  mulberry32,
  counted,
  runNeuron,
  oncePerImage,
  addSliders,
  addRow,
  button,
  liveText,
  addChart,
}) => {
  // When input events arrive up to some time, in s, with exponential waits.
  function arrivals(seed, rate, end) {
    const random = mulberry32(seed);
    const times = [];
    for (let sum = -Math.log(1 - random()); sum / rate < end; sum -= Math.log(1 - random()))
      times.push(sum / rate);
    return times;
  }

  function run({ steps, dt, weight, inputs }, { tau_mem, tau_syn, v_th }) {
    const input = new Float64Array(steps);
    for (const time of inputs) input[Math.floor(time / dt)] += weight;
    return runNeuron(input, { dt: 1000 * dt, tau_mem, tau_syn, threshold: v_th });
  }

  kinds.neuron = async (content, controls, drawing) => {
    const { sliders, steps, dt } = content;
    let { seed } = content;
    await loadCharts();
    let highest = {};
    const end = steps * dt;
    const threshold = ["grey", { dash: [6, 4] }];
    const x = [0, 1000 * end];
    const upTo = (name) => () => [0, 1.2 * highest[name]];
    const ticks = { x, y: [0, 1], yValues: {} };
    const charts = [
      addChart(drawing, { ...ticks, title: "input", height: 56, series: [tick("grey")] }),
      addChart(drawing, {
        title: "i (a.u.)",
        height: 140,
        x,
        y: upTo("current"),
        series: [["accent"], threshold],
      }),
      addChart(drawing, {
        title: "v (a.u.)",
        height: 140,
        x,
        y: upTo("voltage"),
        series: [["text"], threshold],
      }),
      addChart(drawing, {
        ...ticks,
        title: "spikes",
        height: 92,
        xTitle: "time (ms)",
        series: [tick("accent")],
      }),
    ];
    const draw = oncePerImage(() => {
      const state = values();
      const inputs = arrivals(seed, state.rate, end);
      const trace = run({ ...content, inputs }, state);
      const line = trace.time.map(() => state.v_th);
      highest = {
        current: Math.max(state.v_th, ...trace.current),
        voltage: Math.max(state.v_th, ...trace.voltage),
      };
      charts[1].marks = [[x[1], state.v_th, "grey", "threshold of v", "right top"]];
      charts[2].marks = [[0, state.v_th, "grey", "threshold"]];
      charts[0].setData([inputs.map((time) => 1000 * time), inputs.map(() => 1)]);
      charts[1].setData([trace.time, trace.current, line]);
      charts[2].setData([trace.time, trace.voltage, line]);
      charts[3].setData([trace.time, trace.spikes]);
      const spikes = trace.spikes.filter(Boolean).length;
      summary.textContent = `${counted(spikes, "spike")} in ${1000 * end} ms`;
    });
    const { values } = addSliders(controls, sliders, draw);
    const next = button("new input", () => {
      seed += 1;
      draw();
    });
    const summary = liveText();
    addRow(controls, next, summary);
    draw();
    return { charts };
  };
})(window.interactiveFigures);
