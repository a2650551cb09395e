// How a network learns strokes: in a worker, from copies of them.
interactiveFigures.part(({ mulberry32, shared, inWorker, teach, SIDE }) => {
  // Of LayerThenSNN; polarities are merged. Delays, bins and silence in µs.
  teach.NETWORK = {
    pixels: 35 ** 2,
    features: 100,
    hidden: 48,
    delays: [0, 8000, 16_000, 32_000],
    timeWindow: 2000,
    settle: 10_000,
  };
  // copies: of all strokes of a gesture. beside: by how many pixels each is shifted whenever it is
  // shown.
  teach.TRAINING = {
    copies: 112,
    beside: 2,
    steps: 608,
    batch: 8,
    clipNorm: 1,
    learningRate: 0.004,
  };
  // When it goes on: copies of the stroke that is fresh, and of each other one, so that none is
  // forgotten.
  const ON = { copies: 24, others: 3, steps: 80, slower: 0.5 };
  const NEWS = 16; // steps from one time to the next that it says how far it is
  const TAU = 10; // ms, of the hidden neurons and of the readout's voltage
  const READOUT_TAU_SYN = 5; // ms
  const THRESHOLD = 0.3;

  // Make both networks. without: names of what the spiking one is to do without.
  teach.networks = (outputs, seed, without = []) => {
    const { pixels, features, hidden, timeWindow } = teach.NETWORK;
    const dt = timeWindow / 1000; // ms
    const constants = {
      dt_over_tau_mem: dt / TAU,
      dt_over_tau_syn: dt / TAU,
      v_th: THRESHOLD,
      readout_dt_over_tau_mem: dt / TAU,
      readout_dt_over_tau_syn: dt / READOUT_TAU_SYN,
    };
    const delays = teach.NETWORK.delays.map((late) =>
      without.includes("delays") ? 0 : late / timeWindow,
    );
    const sizes = { features, hidden, outputs };
    const spiking = new teach.SpikingNetwork({ ...sizes, delays, constants }, seed);
    spiking.recurrence = !without.includes("recurrence");
    return { spiking, sum: new teach.SumNetwork({ pixels, features, outputs }, seed) };
  };

  // One stroke of each gesture that has three or more is left out, to see what a network makes of
  // it.
  teach.leaveOut = (strokes, random) => {
    const left = new Set();
    for (const target of new Set(strokes.map((stroke) => stroke.target))) {
      const own = strokes.filter((stroke) => stroke.target === target);
      if (own.length > 2) left.add(own[Math.floor(own.length * random())]);
    }
    return left;
  };

  function right(network, recordings) {
    const answer = (recording) => teach.answerOf(network.run(recording).values)?.output;
    return recordings.filter(([recording, target]) => answer(recording) === target).length;
  }

  // A recording a few pixels beside, as a hand draws in other places. What leaves the picture is
  // gone.
  function beside(recording, random) {
    const most = teach.TRAINING.beside;
    const [right, down] = [0, 1].map(() => Math.floor((2 * most + 1) * random()) - most);
    const inside = (place) => place >= 0 && place < SIDE;
    const stays = (pixel) =>
      inside((pixel % SIDE) + right) && inside(Math.floor(pixel / SIDE) + down);
    return recording.map((frame) =>
      frame.map((value, at) => {
        const isCount = at % 2;
        if (!stays(frame[at - isCount])) return isCount ? 0 : value;
        return isCount ? value : value + SIDE * down + right;
      }),
    );
  }

  // How many copies of each stroke are learnt from.
  function copiesOf(strokes, left, goesOn) {
    return strokes.map((stroke) => {
      if (goesOn) return stroke.fresh ? ON.copies : ON.others;
      if (left.has(stroke)) return 0;
      const own = strokes.filter(({ target }) => target === stroke.target);
      return Math.ceil(teach.TRAINING.copies / own.filter((other) => !left.has(other)).length);
    });
  }

  // strokes: { target, and a path or a film }. Yields how far it is: share from 0 to 1, mean loss
  // of the last batch, and of the strokes that are left out how many there are and how many are
  // right. weights: to go on with, from copies of strokes that are fresh and of all others; then
  // none is left out, and all others are asked about before (known) and after.
  teach.train = function* ({ strokes, outputs, seed, settings, without, weights }) {
    const { batch, clipNorm, learningRate } = teach.TRAINING;
    const { steps, slower = 1 } = weights ? ON : teach.TRAINING;
    const { timeWindow, settle } = teach.NETWORK;
    const random = mulberry32(seed);
    const left = weights ? new Set() : teach.leaveOut(strokes, random);
    const film = (stroke) => {
      const events = teach.film(stroke, settings, random);
      const shuffled = without.includes("time") && random;
      return events.length && teach.toRecording(events, timeWindow, settle / timeWindow, shuffled);
    };
    const shown = [];
    const tests = [];
    for (const [number, copies] of copiesOf(strokes, left, weights).entries()) {
      const stroke = strokes[number];
      const { target } = stroke;
      if (weights ? !stroke.fresh : left.has(stroke)) tests.push([film(stroke), target]);
      for (let copy = 0; copy < copies; copy++)
        shown.push([film(teach.copyOf(stroke, random)), target]);
      yield { share: (0.2 * (number + 1)) / strokes.length };
    }
    const learnt = shown.filter(([recording]) => recording);
    const { spiking, sum } = teach.networks(outputs, seed, without);
    const models = [spiking, sum].map((network, which) => {
      if (weights) network.weights.all.set(weights[which]);
      const rate = (slower * learningRate) / (which ? 2 : 1);
      const adam = new teach.Adam(network.weights, { learningRate: rate, clipNorm });
      return { network, adam, every: which ? 2 : 1 }; // the sum needs only half of the steps
    });
    const known = right(spiking, tests);
    const waiting = [];
    for (let step = 1; step <= steps; step++) {
      if (waiting.length < batch) waiting.push(...shared.shuffle([...learnt], random));
      const drawn = waiting.splice(0, batch);
      const part = drawn.map(([recording, target]) => [beside(recording, random), target]);
      const losses = models.map(({ network, adam, every }) => {
        if (step % every) return null;
        let loss = 0;
        for (const [recording, target] of part)
          loss += network.learn(recording, target, adam.gradients);
        // The second half slows down.
        adam.step(part.length, Math.min(1, 2 * (1 - step / (steps + 1))));
        return loss / part.length;
      });
      if (step % NEWS && step < steps) continue;
      yield {
        share: 0.2 + (0.8 * step) / steps,
        step,
        loss: losses[0],
        known,
        left: tests.length,
        right: right(spiking, tests),
        sumRight: right(sum, tests),
        weights: [spiking.weights.all, sum.weights.all],
      };
    }
  };

  // Train beside the page.
  teach.trainInWorker = (request, told) =>
    inWorker((data) => interactiveFigures.teach.train(data), request, told);
});
