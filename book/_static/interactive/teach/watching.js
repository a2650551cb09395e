// To watch a network learn: one stroke of each gesture, which it hasn't learnt from where there are
// enough, is run through the weights that it has now, or has had at an earlier stage.
(({ fromHTML, mulberry32, shared, teach }) => {
  const STAGES = 24; // of a lesson that are kept, at most
  const PATIENCE = 8; // ms of work from one image to the next
  const { timeWindow, settle } = teach.NETWORK;
  const ROW = `<div class="interactive-controls teach-stages" hidden data-part="row">
    <label>updates <input type="range" min="0" name="updates" data-part="slider">
      <output data-part="updates"></output></label>
    <p aria-live="polite" data-part="last"></p>
  </div>`;

  // What a network does in each step of a recording, and what it answers.
  teach.stepsOf = (spiking, recording) => {
    const { u, voltages, values } = spiking.run(recording);
    const { v_th } = spiking.constants;
    const spikesOf = (voltage) => [...voltage.keys()].filter((neuron) => voltage[neuron] > v_th);
    const steps = voltages.map((each, step) => ({ voltages: each, spikes: spikesOf(u[step]) }));
    return { steps, answer: teach.answerOf(values) };
  };

  teach.Watching = class {
    stages = []; // { updates, weights }, the first and the newest among them
    runs = []; // { steps, right } of each stroke, at the stage that is shown
    left = []; // strokes that haven't been run yet

    // figure: its lesson is watched, and it is drawn again when there is something else to be seen.
    constructor(figure) {
      Object.assign(this, { figure }, fromHTML(ROW));
      this.slider.oninput = () => this.show(this.stages[this.slider.value]);
    }

    // lesson: which begins, of gestures and their strokes.
    async begin(lesson, gestures, strokes) {
      const { seed, without } = lesson;
      this.forget();
      this.lesson = lesson;
      const heldOut = teach.leaveOut(strokes, mulberry32(seed));
      const own = (target) => strokes.filter((stroke) => stroke.target === target);
      this.strokes = gestures.map(
        (_, target) => own(target).find((one) => heldOut.has(one)) ?? own(target).at(-1),
      );
      this.areHeldOut = this.strokes.every((stroke) => heldOut.has(stroke));
      this.rightSince = gestures.map(() => null); // updates
      this.gestures = gestures;
      await shared.pause();
      const { spiking } = teach.networks(gestures.length, seed, without);
      await shared.pause();
      if (this.lesson !== lesson) return; // it is over
      this.network = spiking;
      const random = without.includes("time") && mulberry32(seed);
      this.recordings = this.strokes.map(({ events }) =>
        teach.toRecording(events, timeWindow, settle / timeWindow, random),
      );
      this.hear({ step: 0, weights: [spiking.weights.all] });
    }

    forget() {
      Object.assign(this, { lesson: null, network: null, stages: [], runs: [], left: [] });
      this.next = null;
    }

    // News of the worker. Of those that come while strokes are run, the newest one waits.
    hear({ step, weights }) {
      if (!weights || !this.network) return;
      const stage = { updates: step, weights: new Float32Array(weights[0]), isNew: true };
      if (this.left.length) this.next = stage;
      else this.take(stage);
    }

    take(stage) {
      this.next = null;
      const [before, last] = this.stages.slice(-2);
      const every = teach.TRAINING.steps / (STAGES - 3); // the newest stands closer
      if (last && stage.updates - before.updates <= every) this.stages.pop();
      this.stages.push(stage);
      this.show(stage);
    }

    // Run the strokes through the weights of a stage.
    show(stage) {
      const isBusy = this.left.length > 0; // with another one
      Object.assign(this, { stage, left: [...this.recordings.keys()] });
      this.trial = this.figure.trials.trial;
      this.network.weights.all.set(stage.weights);
      this.order = shared.sortByVote(this.network.votes());
      if (!isBusy) this.goOn();
    }

    // One stroke after the other, and the next image in between where that takes long.
    goOn() {
      const until = performance.now() + PATIENCE;
      do this.run(this.left.shift());
      while (this.left.length && performance.now() < until);
      this.figure.redraw();
      if (this.left.length) requestAnimationFrame(() => this.left.length && this.goOn());
      else if (this.stage.isNew) this.judge();
    }

    run(target) {
      const { steps, answer } = teach.stepsOf(this.network, this.recordings[target]);
      this.runs[target] = { steps, right: answer?.output === target };
    }

    // Since when each stroke is named rightly, without having been named wrongly again.
    judge() {
      const { stage, runs, next } = this;
      stage.isNew = false;
      runs.forEach(({ right }, target) => {
        this.rightSince[target] = right ? (this.rightSince[target] ?? stage.updates) : null;
      });
      if (next) this.take(next);
    }

    // The gesture that was learnt last, in words, if the strokes tell.
    get lastLearnt() {
      const { rightSince, gestures, areHeldOut, next, left } = this;
      const latest = Math.max(...rightSince);
      const isOne = rightSince.indexOf(latest) === rightSince.lastIndexOf(latest);
      const isKnown = areHeldOut && isOne && !rightSince.includes(null) && !next && !left.length;
      if (!isKnown) return "";
      const { name } = gestures[rightSince.indexOf(latest)];
      return `Learned last: ${name}. Its held-out stroke is named right from ${latest} updates on.`;
    }

    // Whether no stroke was drawn since a stage was shown.
    get isOpen() {
      return this.stages.length > 0 && this.trial === this.figure.trials.trial;
    }

    // Whether the panels show it.
    get isSeen() {
      return this.isOpen && this.runs.length > 0 && this.runs.length === this.gestures.length;
    }

    // What leads back through the stages.
    drawRow(goesOn) {
      const { stages, slider } = this;
      const stage = this.isOpen ? this.stage : stages.at(-1);
      this.row.hidden = !stages.length;
      if (!stages.length) return;
      slider.disabled = goesOn;
      slider.max = stages.length - 1;
      slider.value = stages.indexOf(stage);
      this.updates.textContent = slider.ariaValueText = `${stage.updates}`;
      const which = this.areHeldOut ? "One held-out stroke" : "One stroke";
      const what = `${which} of each gesture, as the network names it after so many updates.`;
      const text = (!goesOn && this.lastLearnt) || what;
      if (this.last.textContent !== text) this.last.textContent = text;
    }

    draw(canvases) {
      const { runs, order, gestures, figure } = this;
      const inks = gestures.map((gesture) => figure.gestures.inkOf(gesture));
      const cells = runs.map((run, target) => ({ ...run, target, name: gestures[target].name }));
      teach.drawSpikesOfAll(canvases.raster, cells, order, inks);
      teach.drawVoltagesOfAll(canvases.voltages, cells, inks);
    }
  };
})(interactiveFigures);
