// An answer, traced back: which events reached a hidden neuron by a moment, and what its spikes have
// added to each voltage since. Between two resets the network is linear, so that all parts add up.
(({ card }) => {
  // Sum of first^kept × second^(steps − kept), over kept from 0 to steps: how much is left, and has
  // arrived, of what leaks away by one factor and is passed on to what leaks by the other.
  function passedOn(first, second, steps) {
    let sum = 0;
    for (let kept = 0; kept <= steps; kept++) sum += first ** kept * second ** (steps - kept);
    return sum;
  }

  // What a hidden neuron's voltage consists of in a step, before a reset: { events: what came
  // through each input, as a Map; others: through spikes of hidden neurons }.
  card.whatReached = (network, steps, neuron, now) => {
    const { dt_over_tau_mem: a, dt_over_tau_syn: s } = network.constants;
    const before = steps.slice(0, now).findLastIndex(({ spikes }) => spikes.includes(neuron));
    const since = before + 1; // it has begun at 0 again
    const { hidden } = network;
    const events = new Map();
    let others = 0;
    for (let step = 0; step <= now; step++) {
      const start = Math.max(step, since);
      const share = a * (1 - s) ** (start - step) * passedOn(1 - s, 1 - a, now - start);
      for (const [input, count] of steps[step].counts) {
        const part = share * count * network.input.rows[input * hidden + neuron];
        events.set(input, (events.get(input) ?? 0) + part);
      }
      if (!step || !network.recurrence) continue;
      for (const other of steps[step - 1].spikes)
        others += share * network.recurrent.rows[other * hidden + neuron];
    }
    return { events, others };
  };

  // What the spikes of a hidden neuron have added to each output's voltage by the end of a step.
  card.whatItAdded = (network, steps, neuron, now) => {
    const { readout_dt_over_tau_mem: a, readout_dt_over_tau_syn: s } = network.constants;
    let share = 0;
    for (let step = 0; step <= now; step++)
      if (steps[step].spikes.includes(neuron)) share += a * passedOn(1 - s, 1 - a, now - step);
    const { rows } = network.readout;
    const { outputs } = network;
    return Array.from({ length: outputs }, (_, output) => share * rows[neuron * outputs + output]);
  };
})(interactiveFigures);
