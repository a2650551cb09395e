// A LIF neuron that gets the events of one recording: its spikes follow the time constant.
(({ kinds, ofCharts, tick, counted, runNeuron }) => {
  const SLIDERS = `
    <label>time constants
      <input type="range" name="tau" min="0" max="2" step="0.02" value="1"
        data-unit="ms" data-scale="log" data-digits="1">
    </label>`;

  // content: counts of events by time step of dt ms, the weight of one, and the threshold.
  kinds.tau = ofCharts(({ counts, dt, weight, threshold }) => {
    const input = counts.map((count) => weight * count);
    let highest = 1;
    return {
      sliders: SLIDERS,
      x: [0, dt * counts.length],
      charts: [
        { title: "events", height: 92, y: [0, 1.05 * Math.max(...counts)], series: [["grey"]] },
        {
          title: "v (a.u.)",
          height: 140,
          y: () => [0, 1.2 * highest],
          series: [["text"], ["grey", { dash: [6, 4] }]],
        },
        {
          title: "spikes",
          height: 92,
          y: [0, 1],
          yValues: {},
          xTitle: "time (ms)",
          series: [tick("accent")],
        },
      ],
      draw({ tau }, [events, voltage, spikes]) {
        const trace = runNeuron(input, { dt, tau_mem: tau, tau_syn: tau, threshold });
        highest = Math.max(threshold, ...trace.voltage);
        events.setData([trace.time, counts]);
        voltage.setData([trace.time, trace.voltage, trace.time.map(() => threshold)]);
        spikes.setData([trace.time, trace.spikes]);
        return counted(trace.count, "spike");
      },
    };
  });
})(interactiveFigures);
