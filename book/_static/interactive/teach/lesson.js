// The lesson: both networks learn the gestures, and one that has learnt can do without something.
(({ counted, shared, motionData, teach }) => {
  const { percent } = shared;
  const { camera } = motionData.settings;
  const SILENCE = 20_000; // ms without news of the worker
  // What a network can do without, by what is written beside the box for it.
  teach.WITHOUT = { delays: "no delays", recurrence: "no recurrence", time: "shuffle time" };

  // names: of the gestures that have strokes. all: and of what isn't a gesture.
  function whyNot(names, all) {
    if (names.length < 2) {
      const which = names.length ? `Only ${names[0]} has strokes` : "No gesture has strokes";
      return `${which}: show at least two, a few times each.`;
    }
    if (names.includes("")) return "A gesture has no name: give it one.";
    const twice = all.find((name, number) => all.indexOf(name) !== number);
    return twice && `Two gestures are called ${twice}: give one another name.`;
  }

  const soFar = ({ share, loss, left, right }) => {
    const so = loss === undefined ? "" : `: loss ${loss.toFixed(2)}`;
    const rights = left ? `, ${right} of ${counted(left, "left-out stroke")} right` : "";
    return `Learning, ${percent(share)}${so}${rights}`;
  };

  // A stroke is known if its course is about as far from one that was shown as those are from each
  // other: at most so many times, or so many pixels if that is more.
  const KNOWN = { times: 2, pixels: 2.4 };

  function limitOf(courses) {
    const nearest = courses.map((one) =>
      Math.min(
        ...courses.flatMap((other) =>
          other !== one && other.target === one.target
            ? [teach.apart(one.course, other.course)]
            : [],
        ),
      ),
    );
    const finite = nearest.filter(Number.isFinite).sort((one, other) => one - other);
    return Math.max(KNOWN.pixels, KNOWN.times * (finite[finite.length >> 1] ?? 0));
  }

  // lesson: { classes, inks, unwanted, courses, weights, seed, without, knobs } of a run, which can
  // be kept.
  teach.trainedBy = (lesson) => {
    const { classes, unwanted, courses, weights, seed, without, knobs } = lesson;
    const { spiking, sum } = teach.networks(classes.length, seed, without, knobs);
    [spiking, sum].forEach((network, which) => network.weights.all.set(weights[which]));
    const limit = limitOf(courses.filter(({ target }) => target !== unwanted));
    // How far a course is from those of an output.
    const apart = (course, output) =>
      Math.min(
        ...courses.flatMap(({ target, course: shown }) =>
          target === output ? [teach.apart(course, shown)] : [],
        ),
      );
    const knows = (course, output) =>
      apart(course, output) <= limit &&
      output !== unwanted &&
      apart(course, output) < apart(course, unwanted);
    const others = (course, output) =>
      [...classes.keys()].some((other) => other !== output && knows(course, other));
    return {
      ...lesson,
      lesson,
      spiking,
      sum,
      knows,
      others,
      order: shared.sortByVote(spiking.votes()),
      delays: spiking.delays,
    };
  };

  teach.Lesson = class {
    // figure: its gestures are learnt, say(text, aloud) writes what goes on, and learnt() is called
    // when there is another network.
    constructor(figure) {
      Object.assign(this, { figure, seed: 0, without: new Set(), knobs: teach.AS_IT_IS });
      this.training = null; // { stop, progress, began, lesson } of the last run
      this.trained = null; // see teach.trainedBy
    }

    get goesOn() {
      return Boolean(this.training?.stop);
    }

    // Begin, or stop what goes on.
    train() {
      if (this.goesOn) return this.stop("Stopped.");
      const { all } = this.figure.gestures;
      const ready = all.filter((gesture) => teach.used(gesture).length);
      const classes = ready.map(({ name }) => name.trim());
      const problem = whyNot(
        ready.filter(({ nothing }) => !nothing).map(({ name }) => name.trim()),
        classes,
      );
      if (problem) return this.figure.say(problem);
      const shown = ready.flatMap((gesture, target) =>
        teach.used(gesture).map((stroke) => ({ ...stroke, target })),
      );
      const lesson = {
        classes,
        inks: ready.map((gesture) => teach.inkOf(gesture, all)),
        unwanted: ready.findIndex(({ nothing }) => nothing),
        courses: shown.map(({ target, events }) => ({ target, course: teach.courseOf(events) })),
        seed: this.seed,
        without: [...this.without],
        knobs: { ...this.knobs },
      };
      const strokes = shown.map(({ target, path, pictures, intervals }) => ({
        target,
        path,
        pictures,
        intervals,
      }));
      this.training = { progress: [], began: performance.now(), lesson, stop() {} };
      this.figure.say("Filming copies of your strokes …");
      this.hire({
        strokes,
        outputs: ready.length,
        seed: this.seed,
        settings: { camera },
        without: lesson.without,
        knobs: lesson.knobs,
      });
    }

    // Give the work to a worker, and wait for news of it.
    hire(request) {
      const failed = (reason) =>
        this.stop(`Training failed: ${reason}. Your strokes are still here; “train” tries again.`);
      try {
        this.training.stop = teach.trainInWorker(request, {
          progress: (news) => this.hear(news),
          done: () =>
            this.stop(
              `Trained in ${((performance.now() - this.training.began) / 1000).toFixed(1)} s.`,
            ),
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
      if (news.weights) this.training.lesson.weights = news.weights;
      this.expectNews(() => this.stop("Training has stopped by itself."));
      this.figure.say(soFar(news), false);
    }

    stop(text) {
      const { training } = this;
      const { lesson } = training;
      clearTimeout(this.patience);
      training.stop();
      training.stop = null;
      if (lesson.weights) {
        this.trained = teach.trainedBy(lesson);
        this.figure.learnt();
      }
      const { left, right, sumRight } = training.progress.at(-1) ?? {};
      const rights = left
        ? ` Of ${counted(left, "left-out stroke")}, the network has ${right} right, the ` +
          `sum ${sumRight}.`
        : "";
      this.figure.say(`${text}${rights}${lesson.weights ? " Now draw one." : ""}`);
    }

    // Go on with what was kept of a lesson.
    resume(lesson) {
      this.trained = teach.trainedBy(lesson);
    }

    stopIfAny() {
      if (this.goesOn) this.stop("Stopped.");
    }

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
      const now = off
        ? `goes on with ${teach.WITHOUT[name].replace("shuffle time", "shuffled time bins")}`
        : "is as it was trained";
      this.figure.say(`The trained network ${now}. Draw one, or train anew.`);
    }
  };
})(window.interactiveFigures);
