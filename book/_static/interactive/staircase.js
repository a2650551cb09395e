// The staircase: the loss of one neuron against its one weight, and the gradients of the loss.
(({ kinds, ofCharts, stepped, between, number, counted, clamp, button }) => {
  const ENDS = [0, 0.4]; // of the weight
  const START = 0.1;
  const SLIDERS = `
    <label>weight
      <input type="range" name="weight" min="${ENDS[0]}" max="${ENDS[1]}" step="0.001" value="${START}">
    </label>
    <label>steepness β
      <input type="range" name="beta" min="-1" max="2" step="0.1" value="0" data-scale="log">
    </label>
    <label>time step Δt
      <input type="range" name="dt" min="0.1" max="1" step="0.1" value="1" data-unit="ms">
    </label>`;
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

  kinds.staircase = ofCharts((content, drawing, controls) => {
    const weights = between(ENDS, 400);
    let losses = [0];
    let gradients = [0];
    let weight = START;
    let gradient = 0;
    let said = "";
    const y = (values) => () => {
      const low = Math.min(0, ...values());
      const high = Math.max(0, ...values());
      const margin = 0.1 * (high - low) + 1e-9;
      return [low - margin, high + margin];
    };
    const charts = [
      { title: "loss", height: 150, y: y(() => losses), series: [["text", stepped()]] },
      {
        title: "gradient",
        height: 190,
        xTitle: "weight",
        y: y(() => gradients),
        series: [["text"], ["accent", { width: 1 }]],
      },
    ];
    function draw(values, [upper, lower]) {
      const stairs = weights.map((one) => runStaircase(one, values));
      const ball = runStaircase(weight, values);
      losses = stairs.map(({ loss }) => loss);
      gradients = stairs.map((each) => each.gradient);
      gradient = ball.gradient;
      upper.marks = [
        [weight, ball.loss, "accent"],
        [0.6 * ENDS[1], Math.max(...losses), "text", `loss = (spikes − ${TARGET})²`, "center top"],
      ];
      lower.marks = [
        [weight, gradient, "accent"],
        [ENDS[0], 0, "text", " true gradient"],
        [ENDS[1], Math.min(...gradients), "words", "surrogate gradient", "right bottom"],
      ];
      upper.setData([weights, losses]);
      lower.setData([weights, weights.map(() => 0), gradients]);
      return (
        `${said}Weight ${number(weight, 3)}: ${counted(ball.spikes, "spike")}, ` +
        `loss ${ball.loss}, true gradient 0, surrogate gradient ${number(gradient, 1)}.`
      );
    }
    function more(redraw, set) {
      const move = (to, words) => {
        set("weight", to); // as near as the slider can stand
        weight = to;
        said = words;
        redraw();
      };
      const byTrue = () => move(weight, "The true gradient is 0: the ball stays where it is. ");
      const bySurrogate = () => {
        const step = clamp(-LEARNING_RATE * gradient, -LONGEST_STEP, LONGEST_STEP);
        const to = clamp(weight + step, ...ENDS);
        const moves = `The ball moves by ${number(to - weight, 3)}. `;
        move(to, gradient ? moves : "The target is reached: the ball stays. ");
      };
      return [
        button("step against the true gradient", byTrue),
        button("step against the surrogate gradient", bySurrogate),
        button("reset", () => move(START, "")),
      ];
    }
    // Whichever slider moves.
    function moved({ target }) {
      if (target.name === "weight") weight = +target.value;
      said = "";
    }
    controls.addEventListener("input", moved, true);
    return { sliders: SLIDERS, x: ENDS, charts, draw, more };
  });
})(interactiveFigures);
