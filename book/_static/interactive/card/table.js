// The table before the camera: cards are thrown, or a hand moves a pip, and time passes in slow
// motion.
(({ mulberry32, card, cardData, shared }) => {
  const { simulator, settle } = cardData;
  const { suits, frame_interval } = simulator;
  const SPIKE_FADES = 1500; // µs
  const FASTEST = 3.5; // pixels per ms that a hand can move the pip
  const STILL = 4000; // µs at rest after which a show by hand is over
  const ROWS_BY_HAND = [-28, 62];
  const MANY = 100; // cards, one after the other

  card.Table = class {
    network = new card.Network(cardData);
    order = shared.sortByVote(this.network.votes());
    suits = suits;
    random = mulberry32(Date.now());
    paused = false;
    visible = false;
    changes = new Set(); // names of switches that are on
    show = null; // the card before the camera, or the last one
    hand = null; // { x, y, target, held, moved }: where a reader wants the pip, while it is moved
    series = 0; // number of the last series
    suit = suits[Math.floor(suits.length * this.random())];
    pose = this.restingPose();
    loop = new shared.Loop(
      () => this.running,
      (now, ms) => this.tick(1000 * ms),
    );

    // figure: draw() is called once per image, change() where something else than time has changed,
    // and tell() when a card has been answered; values() says how much slower than a card's its
    // time is.
    constructor(figure) {
      this.figure = figure;
      this.clear();
    }

    // Nothing has been seen yet of what is before the camera.
    clear() {
      this.glow = new shared.Glow();
      this.lit = new Float32Array(this.network.hidden); // how bright each neuron is
      this.rest = 0; // from 0 to 1 while the sum of the events appears
      this.behind = 0; // µs of the scene's time that are due
    }

    get done() {
      return this.show?.stage === "done";
    }

    get running() {
      const waits = this.paused || this.figure.tracing.isTraced();
      return this.show !== null && !waits && this.visible && (!this.done || this.rest < 1);
    }

    start() {
      this.loop.start();
      this.figure.change();
    }

    restingPose() {
      const resting = card.restingPose(this.suit, simulator);
      if (this.changes.has("upside-down")) resting.rotation = Math.PI;
      return resting;
    }

    // what: a show begins with, beside what is the same for all.
    begin(make, what) {
      const { network, random, suit } = this;
      const changes = new Set(this.changes);
      this.show = make({ simulator, settle, network, random, suit, changes, ...what });
      this.clear();
      this.paused = false;
      if (shared.isCalm() && !this.hand) this.runToEnd();
      this.start();
    }

    // ---- Cards that are thrown ----

    throwCard(suit, counted = true) {
      this.series += 1;
      this.film(suit, counted);
    }

    // counted: whether the reader has thrown it.
    film(suit, counted) {
      this.suit = suit;
      this.hand = null;
      this.counted = counted;
      this.begin(card.Show.thrown);
    }

    // As fast as the browser can, with an image in between. The last card stays to be seen.
    async throwMany() {
      const mine = (this.series += 1);
      for (let number = 0; number < MANY && this.series === mine; number++) {
        this.film(suits[number % suits.length], true);
        this.runToEnd();
        await new Promise(requestAnimationFrame);
      }
    }

    // ---- A pip that a reader moves ----

    takePip() {
      this.series += 1;
      const { x, y } = this.pose;
      this.hand = { x, y, target: [x, y], held: false, moved: 0 };
      const resting = this.restingPose();
      const pose = () => ({ ...resting, ...this.follow(this.hand) });
      this.begin((what) => new card.Show(what), { pose, lasts: Infinity, rows: ROWS_BY_HAND });
    }

    // The pip follows the hand, though not faster than FASTEST.
    follow(hand) {
      const right = hand.target[0] - hand.x;
      const below = hand.target[1] - hand.y;
      const away = Math.hypot(right, below);
      const most = (FASTEST * frame_interval) / 1000;
      const share = away > 0 ? Math.min(most / away, 0.1) : 0;
      hand.x += share * right;
      hand.y += share * below;
      if (away > 0.5) hand.moved = this.show?.time ?? 0;
      return { x: hand.x, y: hand.y };
    }

    // ---- Time: one frame of the camera after the other ----

    advance() {
      const { show, hand, lit } = this;
      const steps = show.steps.length;
      this.glow.add(show.advance(), frame_interval);
      this.pose = show.seen;
      for (const step of show.steps.slice(steps)) for (const neuron of step.spikes) lit[neuron] = 1;
      if (hand && !hand.held && show.time - hand.moved > STILL) show.lasts = show.time;
      if (this.done) this.finish();
    }

    runToEnd() {
      while (!this.done) this.advance();
    }

    finish() {
      this.figure.tell();
      setTimeout(() => {
        if (!this.done) return;
        this.hand = null;
        this.pose = this.restingPose();
        this.figure.change();
      }, 900);
    }

    // elapsed: in µs.
    tick(elapsed) {
      const fade = (ms) => {
        this.lit = this.lit.map((brightness) => brightness * Math.exp(-ms));
      };
      if (this.done) {
        this.rest = shared.isCalm() ? 1 : Math.min(this.rest + elapsed / 600_000, 1);
        fade(elapsed / 150_000);
      } else {
        this.behind += elapsed / this.figure.values().slow;
        while (this.behind >= frame_interval && !this.done) {
          this.advance();
          fade(frame_interval / SPIKE_FADES);
          this.behind -= frame_interval;
        }
      }
      this.figure.draw();
    }
  };
})(interactiveFigures);
