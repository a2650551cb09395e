// The lesson: both networks learn the gestures, go on learning from strokes that were answered
// wrongly, and one that has learnt can do without something.
(({ counted, shared, motionData, teach }) => {
  const { percent } = shared;
  const { camera } = motionData.settings;
  const SILENCE = 20_000; // ms without news of the worker
  const VERSION = 2; // of what is kept: version 1 knew strokes by their size
  // What a network can do without, by what is written beside the box for it.
  teach.WITHOUT = { delays: "no delays", recurrence: "no recurrence", time: "shuffle time" };

  const soFar = ({ share, loss, left, right }) => {
    const so = loss === undefined ? "" : `: loss ${loss.toFixed(2)}`;
    const rights = left ? `, ${right} of ${counted(left, "left-out stroke")} right` : "";
    return `Learning, ${percent(share)}${so}${rights}`;
  };

  // A stroke is known if its course is no farther from one of its gesture than strokes of that
  // gesture are from the nearest other one, on average, and some pixels more: the fewer there are,
  // the less they tell of it.
  const more = (strokes) => 4.2 / (strokes + 1);
  // Pixels: few strokes may be alike by chance, and behind whoever is filmed another one may move.
  const LEAST = { path: 1.1, film: 2.5 };

  // How far a course is from the nearest other one of an output.
  const apartFrom = (courses, course, output) =>
    Math.min(
      ...courses.flatMap((shown) =>
        shown.target === output && shown.course !== course ? teach.apart(course, shown.course) : [],
      ),
    );

  function limitOf(courses, output) {
    const own = courses.filter(({ target }) => target === output);
    const least = own.some(({ film }) => film) ? LEAST.film : LEAST.path;
    const apart = own
      .map(({ course }) => apartFrom(courses, course, output))
      .filter(Number.isFinite);
    const mean = apart.reduce((sum, one) => sum + one, 0) / apart.length || 0;
    return Math.max(mean, least) + more(own.length);
  }

  // lesson: { classes, unwanted, courses, weights, seed, without, knobs } of a run, which can be
  // kept. Throws an error if it isn't one.
  teach.trainedBy = (lesson) => {
    const { classes, unwanted, courses, weights, seed, without, knobs } = lesson;
    const { spiking, sum } = teach.networks(classes.length, seed, without, knobs);
    [spiking, sum].forEach((network, which) => {
      const { all } = network.weights;
      if (all.length !== weights[which].length) throw new RangeError("other networks");
      all.set(weights[which]);
    });
    const limits = classes.map((name, output) => limitOf(courses, output));
    const apart = (course, output) => apartFrom(courses, course, output);
    const knows = (course, output) =>
      apart(course, output) <= limits[output] && apart(course, output) < apart(course, unwanted);
    const outputs = [...classes.keys()].filter((output) => output !== unwanted);
    const others = (course, output) =>
      outputs.some((other) => other !== output && knows(course, other));
    const nearest = (course) =>
      outputs.reduce((one, other) => (apart(course, other) < apart(course, one) ? other : one));
    const order = shared.sortByVote(spiking.votes());
    return { lesson, spiking, sum, knows, others, nearest, order, delays: spiking.delays };
  };

  // Weights from bytes: how far learning has moved each from what a seed draws, in 127ths of the
  // most that one of its matrix has moved.
  function addPacked({ weights }, { bytes, scales }) {
    const signed = Int8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    let place = 0;
    Object.keys(weights.shapes).forEach((name, matrix) => {
      weights[name].forEach((value, at, all) => {
        all[at] = value + scales[matrix] * signed[place++];
      });
    });
  }

  // The lesson that the page arrives with. packed: of both networks; gestures: those it has learnt.
  teach.lessonOf = (packed, gestures) => {
    const [seed, without, knobs] = [0, [], teach.AS_IT_IS];
    const networks = Object.values(teach.networks(gestures.length, seed, without, knobs));
    networks.forEach((network, which) => addPacked(network, packed[which]));
    return {
      version: VERSION,
      classes: gestures.map(({ name }) => name),
      places: [...gestures.keys()],
      unwanted: -1,
      courses: gestures.flatMap(({ strokes }, target) =>
        strokes.map((stroke) => teach.toCompare({ ...stroke, target })),
      ),
      weights: networks.map(({ weights }) => weights.all),
      ...{ seed, without, knobs },
    };
  };

  teach.Lesson = class {
    // figure: its gestures are learnt, say(text, aloud) writes what goes on, and learnt() is called
    // when there is another network.
    constructor(figure) {
      Object.assign(this, { figure, seed: 0, without: new Set(), knobs: teach.AS_IT_IS });
      this.training = null; // { stop, progress, began, run } of the last run
      this.trained = null; // see teach.trainedBy, and the gesture of each output
    }

    get goesOn() {
      return Boolean(this.training?.stop);
    }

    // Why the gestures can't be learnt; undefined if they can.
    whyNot(ready) {
      const names = ready.filter(({ nothing }) => !nothing).map(({ name }) => name);
      if (names.length > 1) return undefined;
      const which = names.length ? `Only ${names[0]} has strokes` : "No gesture has strokes";
      return `${which}: show at least two, a few times each.`;
    }

    // Begin, or stop what goes on.
    train() {
      if (this.goesOn) return this.stop("Stopped.");
      const gestures = this.figure.gestures.all.filter((gesture) => teach.used(gesture).length);
      const problem = this.whyNot(gestures);
      if (problem) return this.figure.say(problem);
      const shown = gestures.flatMap((gesture, target) =>
        teach.used(gesture).map((stroke) => ({ ...stroke, target })),
      );
      const lesson = {
        version: VERSION,
        classes: gestures.map(({ name }) => name),
        unwanted: gestures.findIndex(({ nothing }) => nothing),
        courses: shown.map(teach.toCompare),
        seed: this.seed,
        without: [...this.without],
        knobs: { ...this.knobs },
      };
      this.figure.older = false;
      this.figure.say("Filming copies of your strokes …");
      this.hire({ lesson, gestures }, shown, (run) => {
        const { left, right, sumRight } = this.training.progress.at(-1);
        const rights = left
          ? ` Of ${counted(left, "left-out stroke")}, the network has ${right} right, the sum ` +
            `${sumRight}.`
          : "";
        const seconds = (performance.now() - this.training.began) / 1000;
        this.adopt(run);
        this.figure.say(`Trained in ${seconds.toFixed(1)} s.${rights} Now draw one.`);
        this.figure.learnt();
      });
    }

    // Let the network learn on with one stroke more of one of its gestures.
    learnOn(gesture, stroke) {
      const { lesson, gestures } = this.trained;
      const target = gestures.indexOf(gesture);
      const more = {
        ...lesson,
        courses: [...lesson.courses, teach.toCompare({ ...stroke, target })],
      };
      this.adopt({ lesson: more, gestures }); // it knows the stroke at once
      const shown = gestures.flatMap((one, output) =>
        teach.used(one).map((each) => ({ ...each, target: output, fresh: each === stroke })),
      );
      this.hire({ lesson: more, gestures }, shown, (run) => {
        const { known, right, left } = this.training.progress.at(-1);
        const better = right >= known; // of all other strokes
        if (better) this.adopt(run);
        const learnt = `It has learned ${gesture.name} a little better`;
        this.figure.say(
          better
            ? `${learnt}, and has ${right} of the ${left} others right. Draw again.`
            : "It would get more of the others wrong, so it stays as it was: “train” begins anew.",
        );
        this.figure.changed();
      });
    }

    // Give the work to a worker, and wait for news of it. run: { lesson, gestures }; done(run) is
    // called when it has learnt.
    hire(run, shown, done) {
      const request = {
        ...run.lesson,
        strokes: shown.map(({ events, canvas, light, ...stroke }) => stroke),
        outputs: run.lesson.classes.length,
        settings: { camera },
      };
      const failed = (reason) =>
        this.stop(`Training failed: ${reason}. Your strokes are still here; “train” tries again.`);
      this.training = { progress: [], began: performance.now(), stop() {}, run, done };
      try {
        this.training.stop = teach.trainInWorker(request, {
          progress: (news) => this.hear(news),
          done: () => this.end(),
          failed,
        });
        this.expectNews(() => failed(`nothing was heard for ${SILENCE / 1000} s`));
      } catch (error) {
        failed(`this browser lets no page compute beside itself (${error.name})`);
      }
    }

    // A worker that a browser has ended says nothing.
    expectNews(act) {
      clearTimeout(this.patience);
      this.patience = setTimeout(act, SILENCE);
    }

    withAnotherSeed() {
      this.seed += 1;
      this.stopIfAny();
      this.train();
    }

    hear(news) {
      this.training.progress.push(news);
      this.expectNews(() => this.stop("Training has stopped by itself."));
      this.figure.say(soFar(news), false);
    }

    end() {
      const { progress, run, done, stop } = this.training;
      clearTimeout(this.patience);
      stop();
      this.training.stop = null;
      const { weights } = progress.at(-1);
      done({ ...run, lesson: { ...run.lesson, weights } });
    }

    // Stop before the end: what a whole lesson has learnt so far counts.
    stop(text) {
      const { progress, run, stop } = this.training;
      clearTimeout(this.patience);
      stop();
      this.training.stop = null;
      const weights = progress.at(-1)?.weights;
      if (weights && !run.lesson.weights) {
        this.adopt({ ...run, lesson: { ...run.lesson, weights } });
        this.figure.learnt();
      }
      this.figure.say(`${text}${weights ? " Now draw one." : ""}`);
    }

    // run: { lesson, gestures }, of which answers have their names.
    adopt({ lesson, gestures }) {
      this.trained = { ...teach.trainedBy(lesson), gestures };
      this.switchOff();
    }

    // Go on with what was kept of a lesson: places of its gestures in the list.
    resume({ places, ...lesson }) {
      if (lesson.version !== VERSION) throw new RangeError("another version");
      const { all } = this.figure.gestures;
      this.adopt({
        lesson,
        gestures: lesson.classes.map((name, output) => all[places[output]] ?? { name }),
      });
    }

    // What can be kept of it.
    content() {
      if (!this.trained) return null;
      const { lesson, gestures } = this.trained;
      const { all } = this.figure.gestures;
      return { ...lesson, places: gestures.map((gesture) => all.indexOf(gesture)) };
    }

    stopIfAny() {
      if (this.goesOn) this.stop("Stopped.");
    }

    forget() {
      this.stopIfAny();
      this.trained = null;
    }

    // Take away what is switched off; what a network hasn't learnt with stays off.
    switchOff() {
      const { spiking, delays, lesson } = this.trained;
      const lacks = new Set([...this.without, ...lesson.without]);
      spiking.recurrence = !lacks.has("recurrence");
      spiking.delays = lacks.has("delays") ? delays.map(() => 0) : delays;
    }

    // Take something from the trained network, or give it back; the next one learns without it.
    doWithout(name, off) {
      if (off) this.without.add(name);
      else this.without.delete(name);
      if (!this.trained) return;
      this.switchOff();
      const lost = teach.WITHOUT[name].replace("shuffle time", "shuffled time bins");
      const now = off ? `goes on with ${lost}` : "is as it was trained";
      this.figure.say(`The trained network ${now}. Draw one, or train anew.`);
    }
  };
})(window.interactiveFigures);
