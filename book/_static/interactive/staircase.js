// The staircase: the loss of one neuron against its one weight, and the gradients of the loss.
(({
  kinds,
  loadCharts,
  number,
  counted,
  clamp,
  oncePerImage,
  addSliders,
  addRow,
  button,
  liveText,
  addChart,
}) => {
  const SLIDERS = {
    weight: {
      label: "weight",
      lowest: 0,
      highest: 0.4,
      step: 0.001,
      start: 0.1,
    },
    beta: {
      label: "steepness β",
      lowest: -1,
      highest: 2,
      step: 0.1,
      start: 0,
      scale: "log",
    },
    dt: {
      label: "time step Δt",
      unit: "ms",
      lowest: 0.1,
      highest: 1,
      step: 0.1,
      start: 1,
    },
  };
  const INPUT = [2.5, 5.5, 7.5, 14.5, 16.5, 21.5, 23.5, 25.5, 33.5, 35.5]; // ms
  const DURATION = 45; // ms
  const TAU = 10; // ms, of the membrane and of the synapse
  const THRESHOLD = 0.3;
  const TARGET = 4; // spikes
  const LEARNING_RATE = 2e-4;
  const LONGEST_STEP = 0.05; // of the weight

  // The number of spikes, the loss, and the loss's derivative with respect to the weight.
  // dv and di are the derivatives of v and i: each line is followed by what it means for them.
  // That of a spike is the surrogate 1 / (1 + beta |v − threshold|)², times dv.
  function runStaircase(weight, { beta, dt }) {
    const events = new Set(INPUT.map((time) => Math.floor(time / dt)));
    let [v, i, spikes, dv, di, dSpikes] = [0, 0, 0, 0, 0, 0];
    for (let step = 0; step < Math.floor(DURATION / dt); step++) {
      if (events.has(step)) {
        i += weight;
        di += 1;
      }
      v += (dt / TAU) * (i - v);
      dv += (dt / TAU) * (di - dv);
      i -= (dt / TAU) * i;
      di -= (dt / TAU) * di;
      const spike = v > THRESHOLD ? 1 : 0;
      const dSpike = dv / (1 + beta * Math.abs(v - THRESHOLD)) ** 2;
      spikes += spike;
      dSpikes += dSpike;
      dv = (1 - spike) * dv - dSpike * v;
      v = (1 - spike) * v;
    }
    return { spikes, loss: (spikes - TARGET) ** 2, gradient: 2 * (spikes - TARGET) * dSpikes };
  }

  kinds.staircase = async (content, controls, drawing) => {
    const { lowest, highest, start } = SLIDERS.weight;
    await loadCharts();
    const weights = Array.from(
      { length: 401 },
      (_, index) => lowest + ((highest - lowest) * index) / 400,
    );
    const x = [lowest, highest];
    let [losses, gradients] = [[0], [0]];
    const y = (values) => () => {
      const [low, high] = [Math.min(0, ...values()), Math.max(0, ...values())];
      const margin = 0.1 * (high - low) + 1e-9;
      return [low - margin, high + margin];
    };
    const stepped = window.uPlot.paths.stepped({ align: 1 });
    const upper = addChart(drawing, {
      title: "loss",
      height: 150,
      x,
      y: y(() => losses),
      series: [["text", { paths: stepped }]],
    });
    const lines = [["text"], ["accent", { width: 1 }]];
    const lower = addChart(drawing, {
      title: "gradient",
      height: 190,
      x,
      xTitle: "weight",
      y: y(() => gradients),
      series: lines,
    });
    let weight = start;
    let said = "";
    const draw = oncePerImage(() => {
      const state = values();
      const stairs = weights.map((one) => runStaircase(one, state));
      const ball = runStaircase(weight, state);
      losses = stairs.map(({ loss }) => loss);
      gradients = stairs.map(({ gradient }) => gradient);
      upper.marks = [
        [weight, ball.loss, "accent"],
        [0.6 * highest, Math.max(...losses), "text", `loss = (spikes − ${TARGET})²`, "center top"],
      ];
      lower.marks = [
        [weight, ball.gradient, "accent"],
        [lowest, 0, "text", " true gradient"],
        [highest, Math.min(...gradients), "words", "surrogate gradient", "right bottom"],
      ];
      upper.setData([weights, losses]);
      lower.setData([weights, weights.map(() => 0), gradients]);
      summary.textContent =
        `${said}Weight ${number(weight, 3)}: ${counted(ball.spikes, "spike")}, ` +
        `loss ${ball.loss}, true gradient 0, surrogate gradient ${number(ball.gradient, 1)}.`;
    });
    const { values, set } = addSliders(controls, SLIDERS, (name) => {
      if (name === "weight") weight = values().weight;
      said = "";
      draw();
    });
    function move(to, words) {
      set("weight", to); // as near as the slider can stand
      weight = to;
      said = words;
      draw();
    }
    const trueStep = button("step against the true gradient", () => {
      move(weight, "The true gradient is 0: the ball stays where it is. ");
    });
    const surrogateStep = button("step against the surrogate gradient", () => {
      const { gradient } = runStaircase(weight, values());
      const step = clamp(-LEARNING_RATE * gradient, -LONGEST_STEP, LONGEST_STEP);
      const to = clamp(weight + step, lowest, highest);
      move(
        to,
        gradient
          ? `The ball moves by ${number(to - weight, 3)}. `
          : "The target is reached: the ball stays. ",
      );
    });
    addRow(
      controls,
      trueStep,
      surrogateStep,
      button("reset", () => move(start, "")),
    );
    const summary = liveText();
    addRow(controls, summary);
    draw();
    return { charts: [upper, lower] };
  };
})(window.interactiveFigures);
