// A LIF neuron with random input, which a seed decides: each press of the button adds 1 to it.
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
  const SLIDERS = {
    tau_mem: {
      label: "membrane time constant",
      unit: "ms",
      lowest: 2,
      highest: 50,
      step: 1,
      start: 10,
    },
    tau_syn: {
      label: "synaptic time constant",
      unit: "ms",
      lowest: 2,
      highest: 50,
      step: 1,
      start: 10,
    },
    v_th: {
      label: "threshold",
      unit: "a.u.",
      lowest: 0.05,
      highest: 1,
      step: 0.05,
      start: 0.3,
    },
    rate: {
      label: "input rate",
      unit: "events/s",
      lowest: 0,
      highest: 2000,
      step: 50,
      start: 1000,
    },
  };
  const STEPS = 1000;
  const DT = 0.0001; // s
  const WEIGHT = 0.05; // by which an input event raises the current

  // When input events arrive up to some time, in s, with exponential waits.
  function arrivals(seed, rate, end) {
    const random = mulberry32(seed);
    const times = [];
    for (let sum = -Math.log(1 - random()); sum / rate < end; sum -= Math.log(1 - random()))
      times.push(sum / rate);
    return times;
  }

  function run(inputs, { tau_mem, tau_syn, v_th }) {
    const input = new Float64Array(STEPS);
    for (const time of inputs) input[Math.floor(time / DT)] += WEIGHT;
    return runNeuron(input, { dt: 1000 * DT, tau_mem, tau_syn, threshold: v_th });
  }

  kinds.neuron = async (content, controls, drawing) => {
    let seed = 0;
    await loadCharts();
    let highest = {};
    const end = STEPS * DT;
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
      const trace = run(inputs, state);
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
    const { values } = addSliders(controls, SLIDERS, draw);
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
