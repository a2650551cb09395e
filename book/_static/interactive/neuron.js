// A LIF neuron with random input, which a seed decides: each press of the button adds 1 to it.
(({ kinds, ofCharts, tick, mulberry32, counted, runNeuron, button }) => {
  const SLIDERS = `
    <label>membrane time constant
      <input type="range" name="tau_mem" min="2" max="50" step="1" value="10" data-unit="ms">
    </label>
    <label>synaptic time constant
      <input type="range" name="tau_syn" min="2" max="50" step="1" value="10" data-unit="ms">
    </label>
    <label>threshold
      <input type="range" name="v_th" min="0.05" max="1" step="0.05" value="0.3" data-unit="a.u.">
    </label>
    <label>input rate
      <input type="range" name="rate" min="0" max="2000" step="50" value="1000" data-unit="events/s">
    </label>`;
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

  kinds.neuron = ofCharts(() => {
    let seed = 0;
    let highest = {};
    const end = STEPS * DT;
    const threshold = ["grey", { dash: [6, 4] }];
    const upTo = (name) => () => [0, 1.2 * highest[name]];
    const ticks = { y: [0, 1], yValues: {} };
    return {
      sliders: SLIDERS,
      x: [0, 1000 * end],
      charts: [
        { ...ticks, title: "input", height: 56, series: [tick("grey")] },
        { title: "i (a.u.)", height: 140, y: upTo("current"), series: [["accent"], threshold] },
        { title: "v (a.u.)", height: 140, y: upTo("voltage"), series: [["text"], threshold] },
        { ...ticks, title: "spikes", height: 92, xTitle: "time (ms)", series: [tick("accent")] },
      ],
      draw(state, [input, current, voltage, spikes]) {
        const inputs = arrivals(seed, state.rate, end);
        const jumps = new Float64Array(STEPS);
        for (const time of inputs) jumps[Math.floor(time / DT)] += WEIGHT;
        const trace = runNeuron(jumps, { ...state, dt: 1000 * DT, threshold: state.v_th });
        const line = trace.time.map(() => state.v_th);
        highest = {
          current: Math.max(state.v_th, ...trace.current),
          voltage: Math.max(state.v_th, ...trace.voltage),
        };
        current.marks = [[1000 * end, state.v_th, "grey", "threshold of v", "right top"]];
        voltage.marks = [[0, state.v_th, "grey", "threshold"]];
        input.setData([inputs.map((time) => 1000 * time), inputs.map(() => 1)]);
        current.setData([trace.time, trace.current, line]);
        voltage.setData([trace.time, trace.voltage, line]);
        spikes.setData([trace.time, trace.spikes]);
        return `${counted(trace.count, "spike")} in ${1000 * end} ms`;
      },
      more(redraw) {
        const next = () => {
          seed += 1;
          redraw();
        };
        return [button("new input", next)];
      },
    };
  });
})(interactiveFigures);
