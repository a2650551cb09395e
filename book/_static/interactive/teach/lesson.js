// The lesson: both networks learn the gestures, and one that has learnt can do without something.
(({ counted, shared, motionData, teach }) => {
  const { percent } = shared;
  const { camera, radius } = motionData.settings;
  // What a network can do without, by what is written beside the box for it.
  teach.WITHOUT = { delays: "no delays", recurrence: "no recurrence", time: "shuffle time" };

  function whyNot(names) {
    if (names.length < 2) return `${names.length ? `Only ${names[0]} has strokes` : "No gesture has strokes"}: show at least two, a few times each.`;
    if (names.includes("")) return "A gesture has no name: give it one.";
    const twice = names.find((name, number) => names.indexOf(name) !== number);
    return twice && `Two gestures are called ${twice}: give one another name.`;
  }

  const soFar = ({ share, loss, left, right }) =>
    `Learning, ${percent(share)}${loss === undefined ? "" : `: loss ${loss.toFixed(2)}`}${left ? `, ${right} of ${counted(left, "left-out stroke")} right` : ""}`;

  function trainedBy({ classes, inks, weights, request: { seed, without } }) {
    const { spiking, sum } = teach.networks(classes.length, seed, without);
    [spiking, sum].forEach((network, which) => network.weights.all.set(weights[which]));
    return { spiking, sum, classes, inks, order: shared.sortByVote(spiking.votes()), delays: spiking.delays, without };
  }

  teach.Lesson = class {
    // figure: its gestures are learnt, say(text, aloud) writes what goes on, and learnt() is called when
    // there is another network.
    constructor(figure) {
      Object.assign(this, { figure, seed: 0, without: new Set() });
      this.training = null; // { stop, progress, began, classes, inks, request, weights } of the last run
      this.trained = null; // see trainedBy
    }

    get goesOn() { return Boolean(this.training?.stop); }

    // Begin, or stop what goes on.
    train() {
      if (this.goesOn) return this.stop("Stopped.");
      const ready = this.figure.gestures.all.filter((gesture) => teach.used(gesture).length);
      const classes = ready.map(({ name }) => name.trim());
      const problem = whyNot(classes);
      if (problem) return this.figure.say(problem);
      const strokes = ready.flatMap((gesture, target) =>
        teach.used(gesture).map(({ path, pictures, intervals, camera }) => ({ target, path, pictures, intervals, camera })));
      const inks = ready.map((gesture) => teach.COLOURS[this.figure.gestures.all.indexOf(gesture)]);
      const request = { strokes, outputs: ready.length, seed: this.seed, settings: { camera, radius }, without: [...this.without] };
      this.training = { progress: [], began: performance.now(), classes, inks, request };
      this.training.stop = teach.trainInWorker(request, {
        progress: (news) => this.hear(news),
        done: () => this.stop(`Trained in ${((performance.now() - this.training.began) / 1000).toFixed(1)} s.`),
        failed: (reason) => this.stop(`Training failed: ${reason}. Your strokes are still here.`),
      });
      this.figure.say("Filming copies of your strokes …");
    }

    withAnotherSeed() {
      this.seed += 1;
      this.stopIfAny();
      this.train();
    }

    hear(news) {
      this.training.progress.push(news);
      if (news.weights) this.training.weights = news.weights;
      this.figure.say(soFar(news), false);
    }

    stop(text) {
      const { training } = this;
      training.stop();
      training.stop = null;
      if (training.weights) {
        this.trained = trainedBy(training);
        this.figure.learnt();
      }
      const { left, right, sumRight } = training.progress.at(-1) ?? {};
      const rights = left ? ` Of ${counted(left, "left-out stroke")}, the network has ${right} right, the sum ${sumRight}.` : "";
      this.figure.say(`${text}${rights}${training.weights ? " Now draw one." : ""}`);
    }

    stopIfAny() { if (this.goesOn) this.stop("Stopped."); }

    forget() {
      this.stopIfAny();
      this.trained = null;
    }

    // Take something from the trained network, or give it back; the next one learns without it.
    doWithout(name, off) {
      if (off) this.without.add(name);
      else this.without.delete(name);
      if (!this.trained) return;
      const { spiking, delays, without } = this.trained;
      const lacks = new Set([...this.without, ...without]); // what it hasn't learnt with stays off
      spiking.recurrence = !lacks.has("recurrence");
      spiking.delays = lacks.has("delays") ? delays.map(() => 0) : delays;
      const now = off ? `goes on with ${teach.WITHOUT[name].replace("shuffle time", "shuffled time bins")}` : "is as it was trained";
      this.figure.say(`The trained network ${now}. Draw one, or train anew.`);
    }
  };
})(window.interactiveFigures);
