// Two pixels, a delay and a neuron that spikes if the events of both arrive together.
(({ kinds, ofCharts, tick, element, number, counted, runNeuron, button }) => {
  const SLIDERS = `
    <label>delay
      <input type="range" name="delay" min="0" max="10" step="0.5" value="4" data-unit="ms">
    </label>
    <label>speed
      <input type="range" name="speed" min="0.1" max="1" step="0.05" value="0.25" data-unit="px/ms">
    </label>
    <label>time constants
      <input type="range" name="tau" min="0.5" max="20" step="0.5" value="1" data-unit="ms">
    </label>`;
  const DURATION = 40; // ms
  const DT = 0.05; // ms
  const BEGIN = 2; // ms: the edge is at the first of the two pixels, which are one pixel apart
  const THRESHOLD = 0.6; // an input event alone lifts the voltage to 1 / e, two at once to 2 / e
  const DIRECTIONS = ["right", "left"];
  const ROOM = 20; // ms that the chart shows at least

  function runDetector({ tau, delay, speed }, direction) {
    const input = new Float64Array(Math.round(DURATION / DT));
    const late = 1 / speed;
    // When the left and the right pixel see the edge, and when the neuron hears of it, in ms.
    const seen = (direction === "right" ? [0, late] : [late, 0]).map((after) => BEGIN + after);
    const arrived = [seen[0] + delay, seen[1]];
    // 6 / 0.05 is a little below 120.
    for (const time of arrived) input[Math.floor(time / DT + 1e-6)] += 1;
    const neuron = { dt: DT, tau_mem: tau, tau_syn: tau, threshold: THRESHOLD };
    return { seen, arrived, ...runNeuron(input, neuron) };
  }

  // The edge, which reaches the first of two pixels, the delay and the neuron.
  function draw(direction, delay, spikes) {
    const line = "var(--interactive-text)";
    const accent = "var(--interactive-accent)";
    const right = direction === "right";
    const arrow = right ? "M300 80h42m-9-7 9 7-9 7" : "M125 80H83m9-7-9 7 9 7";
    return `<svg viewBox="0 0 600 160" aria-hidden="true" fill="none"
      stroke="${line}" stroke-width="2">
      <rect x="60" y="40" width="305" height="80" rx="4" fill="var(--interactive-shade)"
        stroke="none"/>
      <rect x="${right ? 60 : 245}" y="40" width="120" height="80" fill="${line}" opacity="0.55"
        stroke="none"/>
      <path d="${arrow}"/>
      <path d="M180 50V20H445l28 34M245 110v30H445l28-34"/>
      <g stroke="${accent}"><path d="M150 50h60v60h-60zM215 50h60v60h-60z"/>
      <rect x="270" y="2" width="150" height="36" rx="4" fill="var(--interactive-shade)"/></g>
      <circle cx="487" cy="80" r="30" stroke="${accent}" fill="${spikes ? accent : "none"}"/>
      <path stroke="${accent}" d="M522 80h56m-10-8 10 8-10 8"/>
      <text x="345" y="27">${number(delay, 1)} ms late</text></svg>`;
  }

  kinds.detector = ofCharts((content, drawing) => {
    let direction = DIRECTIONS[0];
    let end = ROOM;
    const turned = () => DIRECTIONS.find((one) => one !== direction);
    const picture = element("div", { className: "detector-picture" });
    drawing.append(picture);
    const event = ["grey", { spanGaps: true }];
    const charts = [
      {
        title: "inputs",
        height: 72,
        series: [event, event],
        y: [-0.6, 1.6],
        yValues: { 0: "right", 1: "left" },
      },
      {
        title: "v (a.u.)",
        height: 170,
        series: [["grey", { width: 1.2 }], ["accent"], ["grey", { dash: [6, 4] }], tick("accent")],
        y: [0, 1.1],
        xTitle: "time (ms)",
      },
    ];
    function drawCharts(state, [inputs, voltage]) {
      const [way, other] = [direction, turned()].map((one) => runDetector(state, one));
      end = Math.min(Math.max(ROOM - 8, ...way.arrived, ...other.arrived) + 8, DURATION);
      picture.innerHTML = draw(direction, state.delay, way.count);
      // A dot for each event, a line for its delay, and a dot where it arrives.
      const times = [...new Set([...way.seen, ...way.arrived])].sort((one, other) => one - other);
      const rows = [0, 1].map((pixel) => [way.seen[pixel], way.arrived[pixel]]);
      inputs.marks = rows.flatMap(([seen, arrived], pixel) => [
        [seen, 1 - pixel, "grey"],
        [arrived, 1 - pixel, "accent"],
      ]);
      inputs.setData([
        times,
        ...rows.map((row, pixel) => times.map((time) => (row.includes(time) ? 1 - pixel : null))),
      ]);
      voltage.marks = [[0, THRESHOLD, "grey", "threshold"]];
      const threshold = way.time.map(() => THRESHOLD);
      voltage.setData([way.time, other.voltage, way.voltage, threshold, way.spikes]);
      const [right, left] = direction === "right" ? [way, other] : [other, way];
      const tells = way.count === other.count ? "can't tell" : "tells";
      return (
        `right: ${counted(right.count || "no", "spike")}; left: ` +
        `${counted(left.count || "no", "spike")}. The neuron ${tells} them apart.`
      );
    }
    function more(redraw) {
      const turn = button("edge moves left", () => {
        turn.textContent = `edge moves ${direction}`;
        direction = turned();
        redraw();
      });
      return [turn];
    }
    return { sliders: SLIDERS, x: () => [0, end], charts, draw: drawCharts, more };
  });
})(interactiveFigures);
