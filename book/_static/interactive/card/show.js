// One card before the camera: from the scene to events, to bins of 1 ms, to the network's answer.
// What happens to the events in between is that of benchmarks/perturbations.py.
(({ shared, card, SIDE }) => {
  const BIN = 1000; // µs
  const SURE = 0.95; // as in benchmarks/latency.py

  // The book's network: class SNN of pokersnn_helpers/networks/snn.py, on the events of a card.
  card.Network = class extends shared.SpikingLayers {
    constructor({ layers: { input, recurrent, readout }, constants }) {
      super(shared.unpack(recurrent), shared.unpack(readout), constants);
      this.input = shared.unpack(input);
    }

    // counts: events by input, polarity × 35 × 35 + y × 35 + x, as a Map.
    step(counts) {
      return super.step(shared.multiply(this.input, counts));
    }
  };

  // ---- The window that follows a pip: cards._track of pokersnn_helpers/simulation ----

  // The window of 35 × 35 pixels: every event in its aperture moves it up or down a little.
  card.Tracker = class {
    constructor(suit, { tracking_gain, tracked_row, aperture_centre, aperture_radii }) {
      this.gain = tracking_gain;
      this.middle = aperture_centre;
      this.radii = aperture_radii[suit];
      this.home = this.centre = tracked_row[suit];
    }

    get offset() {
      return roundHalfToEven(this.centre - this.home);
    }

    // Return the event in the window, or null for one beyond the aperture.
    follow([time, x, row, polarity]) {
      const offset = this.offset;
      const across = (x - this.middle[0]) / this.radii[0];
      const along = (row - offset - this.middle[1]) / this.radii[1];
      if (across ** 2 + along ** 2 >= 1) return null;
      this.centre += this.gain * (row - this.centre);
      return [time, x, row - offset, polarity];
    }
  };

  // As Python's round does it.
  function roundHalfToEven(value) {
    const rounded = Math.round(value);
    return Math.abs(value % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  }

  // ---- One card ----

  card.Show = class extends shared.Steps {
    collected = []; // events to be shuffled
    spikeCount = 0;
    stage = "filming";
    changes = new Set(); // names of switches that are on
    time = 0; // µs

    // what: { simulator, random, suit, network, settle, pose, lasts, rows }, and perhaps changes and
    // the time at which it begins. pose: where the pip is at a time in ms. lasts: until when, in µs.
    // rows: the first and the last that the camera films, all that the window can reach. settle:
    // steps of silence after the last event, as Classifier.settle_steps.
    constructor(what) {
      super(what.network, BIN, what.settle);
      Object.assign(this, what);
      const { simulator, suit, random, network, changes } = this;
      const [first, last] = what.rows;
      this.firstRow = first;
      this.rows = last - first + 1;
      this.interval = simulator.frame_interval;
      this.camera = new shared.EventCamera(simulator.camera, SIDE, this.rows, random);
      this.tracker = new card.Tracker(suit, simulator);
      this.frame = new Float32Array(SIDE * this.rows);
      this.camera.start(this.look(), this.time);
      network.recurrence = !changes.has("no-recurrence");
    }

    // A card that passes as those do that the network was trained on.
    static thrown(what) {
      const { simulator, random, suit, changes } = what;
      const drawn = card.draw(suit, simulator, shared.normalFrom(random));
      if (changes?.has("upside-down")) drawn.rotation += Math.PI;
      const lasts = 1000 * drawn.duration;
      const pose = (time) => card.poseAt(drawn, time, simulator);
      const ways = [];
      for (let time = -simulator.lead_in; time < lasts; time += simulator.frame_interval)
        ways.push(pose(time / 1000).way);
      const lowest = Math.max(...ways) + drawn.y + simulator.aperture_radii[suit][1];
      const rows = [Math.trunc(Math.min(...ways)) - 3, Math.trunc(lowest) + 1];
      return new card.Show({ ...what, pose, lasts, rows, time: -simulator.lead_in });
    }

    look() {
      this.seen = this.pose(this.time / 1000);
      return card.filmInto(this.frame, this.seen, this.firstRow, this.rows, SIDE, this.simulator);
    }

    // Go on by one frame of the camera. Returns the events in the window, after the changes.
    advance() {
      if (this.stage === "done") return [];
      this.time += this.interval;
      let events = [];
      if (this.stage === "filming") {
        const ends = this.time >= this.lasts;
        if (!ends) events = this.film();
        if (ends && this.changes.has("shuffle")) return this.beginReplay();
        if (ends) this.stage = "ending";
      } else if (this.stage === "replaying") {
        const passed = this.collected.findIndex(([time]) => time >= this.time);
        events = this.collected.splice(0, passed < 0 ? Infinity : passed);
        if (!this.collected.length) this.stage = "ending";
      }
      if (this.stage === "filming" && this.changes.has("shuffle")) this.collected.push(...events);
      else this.feed(events);
      return events;
    }

    film() {
      const events = [];
      for (const event of this.camera.film(this.look(), this.interval)) {
        event[2] += this.firstRow;
        const inWindow = event[0] >= 0 && this.tracker.follow(event);
        if (inWindow) events.push(...this.changed(inWindow));
      }
      return events;
    }

    changed([time, x, y, polarity]) {
      const { changes, random } = this;
      const hidden = changes.has("half") && x > SIDE / 2;
      const events = hidden ? [] : [[time, x, y, polarity]];
      if (changes.has("noise")) {
        const place = [Math.floor(SIDE * random()), Math.floor(SIDE * random())];
        events.push([time, ...place, random() < 0.5 ? 0 : 1]);
      }
      if (changes.has("merge")) for (const event of events) event[3] = 1;
      return events;
    }

    // The network has waited for the whole card and now gets its events at exchanged times.
    beginReplay() {
      const events = this.collected;
      const times = shared.shuffle(
        events.map(([time]) => time),
        this.random,
      );
      const late = this.time - (times.length ? Math.min(...times) : 0);
      events.forEach((event, number) => {
        event[0] = times[number] + late;
      });
      events.sort((one, other) => one[0] - other[0]);
      this.stage = events.length ? "replaying" : "done";
      return [];
    }

    feed(events) {
      for (const [time, x, y, polarity] of events)
        this.count(time, (polarity * SIDE + y) * SIDE + x);
      const ending = this.stage === "ending";
      this.stepUntil(this.time, ending ? this.ends : Infinity);
      if (ending && this.steps.length >= this.ends) this.stage = "done";
    }

    // What it got, what was seen, where the window was, and the counts so far are kept, too.
    step() {
      const { counts, seen: pose, tracker } = this;
      const kept = { counts: [...counts], pose, offset: tracker.offset };
      super.step();
      const step = Object.assign(this.steps.at(-1), kept);
      this.spikeCount += step.spikes.length;
      step.eventCount = this.eventCount;
      step.spikeCount = this.spikeCount;
    }

    // The suit of the highest voltage so far, or null where several share it, as before the first
    // spike. sure: { suit, after, eventCount, spikeCount } of the first step at which one suit was
    // as probable as SURE, or null. certain: whether the suit is as probable as that now.
    answer() {
      const { suits } = this.simulator;
      let suit = null;
      let sure = null;
      let probability = 0;
      let highest = suits.map(() => -Infinity);
      this.steps.slice(0, this.ends).forEach(({ voltages, eventCount, spikeCount }, step) => {
        highest = highest.map((voltage, output) => Math.max(voltage, voltages[output]));
        suit = suits[shared.leading(highest)] ?? null;
        const largest = Math.max(...highest);
        probability = 1 / highest.reduce((sum, voltage) => sum + Math.exp(voltage - largest), 0);
        if (!sure && probability >= SURE) sure = { suit, after: step + 1, eventCount, spikeCount };
      });
      return { suit, sure, certain: probability >= SURE };
    }
  };
})(interactiveFigures);
