// What a gradient is multiplied by in each step back through time, and where clipping acts.
(({ kinds, ofCharts, between, number }) => {
  const ENDS = [0, 3]; // of the recurrent weight
  const SLIDERS = `
    <label>recurrent weight
      <input type="range" name="weight" min="${ENDS[0]}" max="${ENDS[1]}" step="0.05" value="1.5">
    </label>
    <label>time constant τ
      <input type="range" name="tau" min="2" max="50" step="1" value="10" data-unit="ms">
    </label>
    <label>mean surrogate σ′
      <input type="range" name="slope" min="0" max="1" step="0.01" value="0.44">
    </label>`;
  const BACK = 30; // ms, and steps
  const POWERS = [-4, 6]; // of 10, that are drawn

  // One step back of Making training fast, for neurons that are alike and don't spike.
  // share: Δt / τ.
  function back([u, i], { weight, slope, share }) {
    const voltage = slope * weight * i + (1 - share) * u;
    return [voltage, share * voltage + (1 - share) * i];
  }

  // By what it multiplies a gradient in the long run: the largest eigenvalue of this step.
  function factorOf(constants) {
    const [a, c] = back([1, 0], constants);
    const [b, d] = back([0, 1], constants);
    const half = (a + d) / 2;
    return half + Math.sqrt(half ** 2 - (a * d - b * c));
  }

  // The current's gradient, from the voltages of the last step on back.
  function sizesOf(constants) {
    const sizes = [];
    for (let state = [1, constants.share]; sizes.length <= BACK; state = back(state, constants))
      sizes.push(state[1]);
    return sizes;
  }

  const rounded = (value) => value.toLocaleString("en", { maximumSignificantDigits: 2 });

  // content: networks that were trained, by when, with their weight and factor; norm, of the first
  // gradients of their training; and clip, the largest that clipping lets pass.
  kinds.gradient = ofCharts(({ networks, norm, clip }) => {
    const weights = between(ENDS, 60);
    const times = between([-BACK, 0], BACK);
    let unit = null;
    let factors = [];
    function draw(values, [upper, lower]) {
      const state = { ...values, share: 1 / values.tau };
      const factor = factorOf(state);
      factors = weights.map((weight) => factorOf({ ...state, weight }));
      // In the units of the real training: as its first gradients, where the sliders stand at first.
      unit ??= norm / Math.hypot(...sizesOf(state));
      const sizes = sizesOf(state).map((size) => unit * size);
      const total = Math.hypot(...sizes);
      const kept = Math.min(1, clip / total);
      upper.marks = [
        [ENDS[1], 1, "grey", "neither grows nor fades", "right top"],
        ...networks.map(({ weight, factor }) => [weight, factor, "text"]),
        [networks[0].weight, 1.25, "text", "measured, before\nand after training", "center bottom"],
        [state.weight, factor, "accent"],
      ];
      upper.setData([weights, factors, weights.map(() => 1)]);
      const log = (scale) => sizes.map((size) => Math.log10(scale * size)).reverse();
      lower.marks = [[-BACK, POWERS[1], "text", kept < 1 ? " dashed: clipped" : "", "left top"]];
      lower.setData([times, log(1), kept < 1 ? log(kept) : times.map(() => null)]);
      const grows = Math.abs(factor - 1) < 0.005 ? "stays" : factor > 1 ? "explodes" : "vanishes";
      const change = rounded(factor ** BACK);
      return (
        `The gradient ${grows}: × ${number(factor, 2)} per step, × ${change} in ${BACK} ms. ` +
        (kept < 1
          ? `Its norm is ${rounded(total)}, so clipping makes all of it ` +
            `${rounded(1 / kept)} times smaller.`
          : `Its norm is ${number(total, 2)}, and clipping leaves it alone.`)
      );
    }
    const charts = [
      {
        title: "factor per step",
        height: 200,
        x: ENDS,
        y: () => [Math.min(0.8, ...factors), Math.max(1.6, ...factors)],
        xTitle: "recurrent weight",
        series: [["accent"], ["grey", { dash: [6, 4], width: 1.2 }]],
      },
      {
        title: "gradient",
        height: 220,
        x: [-BACK, 0],
        y: POWERS,
        xTitle: "time before the last step (ms)",
        yValues: { "-4": "0.0001", "-2": "0.01", 0: "1", 2: "100", 4: "10⁴", 6: "10⁶" },
        series: [["accent"], ["text", { dash: [6, 4] }]],
      },
    ];
    return { sliders: SLIDERS, charts, draw };
  });
})(interactiveFigures);
