// Two pixels, a delay and a neuron that spikes if the events of both arrive together.
(({
  kinds,
  loadCharts,
  element,
  number,
  counted,
  runNeuron,
  oncePerImage,
  addSliders,
  addRow,
  button,
  liveText,
  addChart,
  tick,
}) => {
  const SLIDERS = {
    delay: { label: "delay", unit: "ms", lowest: 0, highest: 10, step: 0.5, start: 4 },
    speed: {
      label: "speed",
      unit: "px/ms",
      lowest: 0.1,
      highest: 1,
      step: 0.05,
      start: 0.25,
    },
    tau: {
      label: "time constants",
      unit: "ms",
      lowest: 0.5,
      highest: 20,
      step: 0.5,
      start: 1,
    },
  };
  const DURATION = 40; // ms
  const DT = 0.05; // ms
  const BEGIN = 2; // ms: the edge is at the first of the two pixels, which are one pixel apart
  const THRESHOLD = 0.6; // an input event alone lifts the voltage to 1 / e, two at once to 2 / e
  const DIRECTIONS = ["right", "left"];
  const ROOM = 20; // ms that the chart shows at least

  // When the neuron hears of the left pixel, whose line is delayed, and of the right one, in ms.
  function arrivals({ delay, speed }, direction) {
    const late = 1 / speed;
    const [left, right] = direction === "right" ? [0, late] : [late, 0];
    return [BEGIN + left + delay, BEGIN + right];
  }

  function runDetector({ tau, ...state }, direction) {
    const input = new Float64Array(Math.round(DURATION / DT));
    const arrived = arrivals(state, direction);
    // 6 / 0.05 is a little below 120.
    for (const time of arrived) input[Math.floor(time / DT + 1e-6)] += 1;
    const neuron = { dt: DT, tau_mem: tau, tau_syn: tau, threshold: THRESHOLD };
    return { arrived, ...runNeuron(input, neuron) };
  }

  // The edge, the two pixels, the delay and the neuron.
  function draw(direction, delay, spikes) {
    const [line, accent] = ["var(--interactive-text)", "var(--interactive-accent)"];
    const right = direction === "right";
    const edge = right ? 0 : 340;
    const arrow = right ? "M80 80h42m-9-7 9 7-9 7" : "M332 80h-42m9-7-9 7 9 7";
    return `<svg viewBox="0 0 600 160" aria-hidden="true" fill="none"
      stroke="${line}" stroke-width="2">
      <rect x="${edge}" y="48" width="74" height="64" fill="${line}" stroke="none"/>
      <path d="${arrow}"/>
      <path d="M180 50V20H445l28 34M245 110v30H445l28-34"/>
      <g fill="var(--interactive-shade)">
        <rect x="150" y="50" width="60" height="60"/>
        <rect x="215" y="50" width="60" height="60"/>
      <rect x="270" y="2" width="150" height="36" rx="4" stroke="${accent}"/></g>
      <circle cx="487" cy="80" r="30" stroke="${accent}" fill="${spikes ? accent : "none"}"/>
      <path stroke="${accent}" d="M522 80h56m-10-8 10 8-10 8"/>
      <text x="345" y="27">${number(delay, 1)} ms late</text></svg>`;
  }

  kinds.detector = async (content, controls, drawing) => {
    await loadCharts();
    let direction = DIRECTIONS[0];
    let end = ROOM;
    const picture = element("div", { className: "detector-picture" });
    drawing.append(picture);
    const x = () => [0, end];
    const charts = [
      addChart(drawing, {
        title: "inputs",
        height: 56,
        series: [tick("grey"), tick("text")],
        x,
        y: [0, 1],
        yValues: {},
      }),
      addChart(drawing, {
        title: "v (a.u.)",
        height: 170,
        series: [["grey", { width: 1.2 }], ["accent"], ["grey", { dash: [6, 4] }], tick("accent")],
        x,
        y: [0, 1.1],
        xTitle: "time (ms)",
      }),
    ];
    const redraw = oncePerImage(() => {
      const state = values();
      const [way, other] = [direction, DIRECTIONS.find((one) => one !== direction)].map((one) =>
        runDetector(state, one),
      );
      const [spikes, otherwise] = [way, other].map((trace) => trace.spikes.filter(Boolean).length);
      end = Math.min(
        DURATION,
        Math.max(
          ROOM,
          ...way.arrived.map((time) => time + 8),
          ...other.arrived.map((time) => time + 8),
        ),
      );
      picture.innerHTML = draw(direction, state.delay, spikes);
      const [left, right] = way.arrived;
      const times = [...new Set([left, right])].sort((one, later) => one - later);
      charts[0].marks = [
        [left, 1, "grey", "left\u00a0", "right top"],
        [right, 1, "text", "\u00a0right", "left top"],
      ];
      charts[0].setData([
        times,
        times.map((time) => (time === left ? 1 : null)),
        times.map((time) => (time === right ? 1 : null)),
      ]);
      charts[1].marks = [[0, THRESHOLD, "grey", "threshold"]];
      charts[1].setData([
        way.time,
        other.voltage,
        way.voltage,
        way.time.map(() => THRESHOLD),
        way.spikes,
      ]);
      const names = direction === "right" ? [spikes, otherwise] : [otherwise, spikes];
      const tells = spikes === otherwise ? "can't tell" : "tells";
      summary.textContent =
        `right: ${counted(names[0] || "no", "spike")}; left: ` +
        `${counted(names[1] || "no", "spike")}. The neuron ${tells} them apart.`;
    });
    const { values } = addSliders(controls, SLIDERS, redraw);
    const turn = button("edge moves left", () => {
      turn.textContent = `edge moves ${direction}`;
      direction = DIRECTIONS.find((one) => one !== direction);
      redraw();
    });
    const summary = liveText();
    addRow(controls, turn, summary);
    redraw();
    return { charts };
  };
})(window.interactiveFigures);
