// The staircase: pokersnn_helpers/figures/interactive_sliders.py computes the same with Norse and
// autograd.
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
  // The number of spikes, the loss, and the loss's derivative with respect to the weight.
  // dv and di are the derivatives of v and i: each line is followed by what it means for them.
  // That of a spike is the surrogate 1 / (1 + beta |v − threshold|)², times dv.
  function runStaircase({ input, duration, tau, threshold, target }, weight, { beta, dt }) {
    const events = new Set(input.map((time) => Math.floor(time / dt)));
    let [v, i, spikes, dv, di, dSpikes] = [0, 0, 0, 0, 0, 0];
    for (let step = 0; step < Math.floor(duration / dt); step++) {
      if (events.has(step)) {
        i += weight;
        di += 1;
      }
      v += (dt / tau) * (i - v);
      dv += (dt / tau) * (di - dv);
      i -= (dt / tau) * i;
      di -= (dt / tau) * di;
      const spike = v > threshold ? 1 : 0;
      const dSpike = dv / (1 + beta * Math.abs(v - threshold)) ** 2;
      spikes += spike;
      dSpikes += dSpike;
      dv = (1 - spike) * dv - dSpike * v;
      v = (1 - spike) * v;
    }
    return { spikes, loss: (spikes - target) ** 2, gradient: 2 * (spikes - target) * dSpikes };
  }

  kinds.staircase = async (content, controls, drawing) => {
    const { sliders, target, learning_rate, longest_step } = content;
    const { lowest, highest, start } = sliders.weight;
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
      const stairs = weights.map((one) => runStaircase(content, one, state));
      const ball = runStaircase(content, weight, state);
      losses = stairs.map(({ loss }) => loss);
      gradients = stairs.map(({ gradient }) => gradient);
      upper.marks = [
        [weight, ball.loss, "accent"],
        [0.6 * highest, Math.max(...losses), "text", `loss = (spikes − ${target})²`, "center top"],
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
    const { values, set } = addSliders(controls, sliders, (name) => {
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
      const { gradient } = runStaircase(content, weight, values());
      const step = clamp(-learning_rate * gradient, -longest_step, longest_step);
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
