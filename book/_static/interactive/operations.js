// What three networks compute in a millisecond, by how much of their input isn't 0.
(({ kinds, ofCharts, between }) => {
  const ENDS = [-1, 2]; // of the share of active inputs: powers of 10, in %
  const SLIDERS = `
    <label>active inputs
      <input type="range" name="input" min="${ENDS[0]}" max="${ENDS[1]}" step="0.1" value="0.6"
        data-unit="%" data-scale="log" data-digits="1">
    </label>
    <label>active neurons
      <input type="range" name="spikes" min="-1" max="2" step="0.1" value="1.5"
        data-unit="%" data-scale="log" data-digits="1">
    </label>`;
  const INPUTS = 2 * 35 * 35;
  const HIDDEN = 100; // of the SNN and of the MLP
  const UNITS = 64; // of the GRU, and of the layer before it
  const SUITS = 4;
  // Share of the units of a layer with ReLU that aren't 0: that of the GRU's, as measured.
  const ACTIVE = 0.58;

  // Operations in a time step, as benchmarks/counting.py counts them: one for each input that
  // isn't 0 and each weight that it meets. Shares of inputs, of neurons that spike, and of units.
  function countOperations({ input, spikes, active = ACTIVE }) {
    const seen = INPUTS * input;
    const gates = 3 * UNITS;
    return {
      SNN: seen * HIDDEN + spikes * HIDDEN * (HIDDEN - 1 + SUITS), // no neuron meets itself
      // Each unit's last output meets three gates, and then three products within the unit.
      GRU: seen * UNITS + active * UNITS * gates + UNITS * (gates + 3) + UNITS * SUITS,
      MLP: seen * HIDDEN + active * HIDDEN * SUITS,
    };
  }

  kinds.operations = ofCharts(() => {
    const all = Math.log10(countOperations({ input: 1, spikes: 1 }).SNN);
    const chart = {
      title: "operations per ms",
      height: 300,
      y: [2, 5.8],
      xTitle: "inputs that aren't 0",
      xValues: { "-1": "0.1%", 0: "1%", 1: "10%", 2: "100%" },
      yValues: { 2: "100", 3: "1,000", 4: "10,000", 5: "100,000" },
      series: [["accent"], ["text"], ["grey"], ["grey", { dash: [6, 4], width: 1.2 }]],
    };
    function draw({ input, spikes }, [drawn]) {
      const count = (percent) => countOperations({ input: percent / 100, spikes: spikes / 100 });
      const places = between(ENDS, 60);
      const curves = places.map((place) => count(10 ** place));
      const line = (name) => curves.map((counts) => Math.log10(counts[name]));
      const now = count(input);
      const dot = (name, colour) => [Math.log10(input), Math.log10(now[name]), colour];
      const words = (name, colour, where) => [ENDS[0], line(name)[0], colour, ` ${name}`, where];
      drawn.marks = [
        dot("SNN", "accent"),
        dot("GRU", "text"),
        dot("MLP", "grey"),
        words("SNN", "accent", "left bottom"),
        words("GRU", "text", "left bottom"),
        words("MLP", "grey", "left top"),
        [ENDS[0], all, "grey", " SNN, nothing skipped", "left bottom"],
      ];
      drawn.setData([places, line("SNN"), line("GRU"), line("MLP"), places.map(() => all)]);
      const written = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
      const told = Object.entries(now).map(([name, value]) => `${name} ${written(value)}`);
      return `Operations per ms: ${told.join(", ")}.`;
    }
    return { sliders: SLIDERS, x: ENDS, charts: [chart], draw };
  });
  kinds.operations.count = countOperations;
})(interactiveFigures);
