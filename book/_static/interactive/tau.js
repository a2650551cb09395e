// A LIF neuron that gets the events of one recording: its spikes follow the time constant.
(({
  kinds,
  loadCharts,
  tick,
  counted,
  runNeuron,
  oncePerImage,
  addSliders,
  addRow,
  liveText,
  addChart,
}) => {
  const SLIDERS = {
    tau: {
      label: "time constants",
      unit: "ms",
      lowest: 0,
      highest: 2,
      step: 0.02,
      start: 1,
      scale: "log",
      digits: 1,
    },
  };

  // content: counts of events by time step of dt ms, the weight of one, and the threshold.
  kinds.tau = async ({ counts, dt, weight, threshold }, controls, drawing) => {
    await loadCharts();
    const input = counts.map((count) => weight * count);
    const x = [0, dt * counts.length];
    let highest = 1;
    const charts = [
      addChart(drawing, {
        title: "events",
        height: 92,
        x,
        y: [0, 1.05 * Math.max(...counts)],
        series: [["grey"]],
      }),
      addChart(drawing, {
        title: "v (a.u.)",
        height: 140,
        x,
        y: () => [0, 1.2 * highest],
        series: [["text"], ["grey", { dash: [6, 4] }]],
      }),
      addChart(drawing, {
        title: "spikes",
        height: 92,
        x,
        y: [0, 1],
        yValues: {},
        xTitle: "time (ms)",
        series: [tick("accent")],
      }),
    ];
    const draw = oncePerImage(() => {
      const { tau } = values();
      const trace = runNeuron(input, { dt, tau_mem: tau, tau_syn: tau, threshold });
      highest = Math.max(threshold, ...trace.voltage);
      charts[0].setData([trace.time, counts]);
      charts[1].setData([trace.time, trace.voltage, trace.time.map(() => threshold)]);
      charts[2].setData([trace.time, trace.spikes]);
      summary.textContent = counted(trace.spikes.filter(Boolean).length, "spike");
    });
    const { values } = addSliders(controls, SLIDERS, draw);
    const summary = liveText();
    addRow(controls, summary);
    draw();
    return { charts };
  };
})(window.interactiveFigures);
