// The lesson: both networks learn the gestures, go on learning from strokes that were answered
// wrongly, and one that has learnt can do without something.
(({ bytesOf, counted, shared, motionData, teach }) => {
  const { camera } = motionData.settings;
  const SILENCE = 20_000; // ms without news of the worker
  const VERSION = 4; // of what is kept: networks of version 3 had a weight for each pixel
  // What a network can do without, by what is written beside the box for it.
  teach.WITHOUT = { delays: "no delays", recurrence: "no recurrence", time: "shuffle time" };

  // Strokes of gestures, to be learnt from. fresh: those that are new.
  const shownOf = (gestures, fresh) =>
    gestures.flatMap((gesture, target) =>
      teach.used(gesture).map((stroke) => ({ ...stroke, target, fresh: fresh.has(stroke) })),
    );

  const soFar = ({ share, loss, left, right }) => {
    const so = loss === undefined ? "" : `: loss ${loss.toFixed(2)}`;
    const rights = left ? `, ${right} of ${counted(left, "left-out stroke")} right` : "";
    return `Learning, ${shared.percent(share)}${so}${rights}`;
  };

  // A gesture's limit is so many times what two of its examples are from each other, in the median,
  // and at least what so many pixels give: few may be alike by chance, and behind whoever is filmed
  // another one may move. Half of it, as a power, is what two of any gesture are. No limit shrinks as
  // examples are added. The network names the stroke. Its shares, and a little more, are weighted by
  // exp(−near d²), where d is the distance of the nearest example in limits. What the network has
  // named is known, and shown, if it is within its limit and has a share of the weights, at least;
  // if not, but it is within a few limits, the page asks.
  const LIMIT = { times: 1.85, path: 1, film: 1.6, asks: 2, near: 7.5, more: 0.01, sure: 0.8 };
  const PAIRS = 4; // others that each of them is compared with

  // How far examples of one gesture are from each other.
  const pairsOf = (courses) =>
    courses.flatMap((one, place) =>
      courses.slice(place + 1, place + 1 + PAIRS).map((other) => apartFrom(one.course, other)),
    );
  const median = (values) => values.sort((one, other) => one - other)[values.length >> 1];

  function limitsOf(own, unwanted) {
    const pairs = own.map(pairsOf);
    const all = median(pairs.flatMap((each, output) => (output === unwanted ? [] : each))) ?? 0;
    return own.map((courses, output) => {
      const least = courses.some(({ film }) => film) ? LIMIT.film : LIMIT.path;
      return LIMIT.times * Math.max(Math.sqrt((median(pairs[output]) ?? all) * all), least);
    });
  }

  // How far a course is from one that was shown.
  const apartFrom = (course, shown) =>
    Math.min(...teach.coursesOf(shown).map((one) => teach.apart(course, one)));

  // lesson: { classes, unwanted, courses, weights, seed, without } of a run, which can be
  // kept. Throws an error if it isn't one.
  teach.trainedBy = (lesson) => {
    const { classes, unwanted, courses, weights, without } = lesson;
    const { spiking, sum } = teach.networks(classes.length, null, without);
    [spiking, sum].forEach((network, which) => {
      const { all } = network.weights;
      if (all.length !== weights[which].length) throw new RangeError("other networks");
      all.set(weights[which]);
    });
    const own = classes.map((_, output) => courses.filter(({ target }) => target === output));
    const limits = limitsOf(own, unwanted);
    // The nearest example of a course, and how far each output is, in its limits.
    const compare = (course) => {
      const apart = courses.map((example) => apartFrom(course, example));
      const example = courses[apart.indexOf(Math.min(...apart))];
      const far = limits.map(
        (limit, output) =>
          Math.min(...apart.filter((_, at) => courses[at].target === output)) / limit,
      );
      return { example, far };
    };
    const judge = (answer, course) => {
      const { example, far } = compare(course);
      const found = { ...answer, example, nearest: example.target, known: false, almost: false };
      if (!answer) return found;
      const weights = far.map(
        (away, at) => (answer.shares[at] + LIMIT.more) * Math.exp(-LIMIT.near * away ** 2),
      );
      const { output } = answer;
      const all = weights.reduce((sum, weight) => sum + weight);
      const known = weights[output] >= LIMIT.sure * all && far[output] <= 1;
      const almost = !known && far[output] <= LIMIT.asks;
      return output === unwanted ? found : { ...found, known, almost };
    };
    const others = (course, output) =>
      compare(course).far.some((far, at) => far <= 1 && at !== output && at !== unwanted);
    const order = shared.sortByVote(spiking.votes());
    return { lesson, spiking, sum, judge, others, limits, order, delays: spiking.delays };
  };

  // Weights from bytes: how far learning has moved each from what a seed draws, in 15ths of the most
  // that one of its matrix has moved.
  function addPacked({ weights }, { bytes, scales }) {
    const moved = new Int8Array(bytesOf(bytes).buffer);
    let place = 0;
    for (const [matrix, name] of Object.keys(weights.shapes).entries())
      weights[name].forEach((value, at, all) => {
        all[at] = value + scales[matrix] * moved[place++];
      });
  }

  // The lesson that the page arrives with. packed: of both networks; gestures: those it has learnt.
  teach.lessonOf = (packed, gestures) => {
    const networks = Object.values(teach.networks(gestures.length, 0));
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
      seed: 0,
      without: [],
    };
  };

  teach.Lesson = class {
    seed = 0;
    without = new Set();
    training = null; // { stop, progress, began, run } of the last run
    trained = null; // see teach.trainedBy, and the gesture of each output

    // figure: its gestures are learnt, say(text, aloud) writes what goes on, and learnt() is called
    // when there is another network.
    constructor(figure) {
      this.figure = figure;
    }

    get goesOn() {
      return Boolean(this.training?.stop);
    }

    // Whether the network has learnt other strokes than there are.
    get isOlder() {
      if (!this.trained) return false;
      const used = this.usedNow();
      const { strokes } = this.trained;
      return used.length !== strokes.size || used.some((stroke) => !strokes.has(stroke));
    }

    usedNow() {
      return this.figure.gestures.all.flatMap(teach.used);
    }

    // Begin, or stop what goes on.
    train() {
      const { figure } = this;
      if (this.goesOn) return this.stop("Stopped.");
      const gestures = figure.gestures.all.filter((gesture) => teach.used(gesture).length);
      if (teach.wanted(gestures).length < 2)
        return figure.say("Show at least two gestures, a few times each.");
      const shown = shownOf(gestures, new Set());
      const lesson = {
        version: VERSION,
        classes: gestures.map(({ name }) => name),
        unwanted: gestures.findIndex(({ nothing }) => nothing),
        courses: shown.map(teach.toCompare),
        seed: this.seed,
        without: [...this.without],
      };
      figure.say("Filming copies of your strokes …", !figure.invitation);
      const run = { lesson, gestures, strokes: new Set(this.usedNow()) };
      figure.watching.begin(lesson, gestures, shown);
      this.hire(run, shown, (learnt) => {
        const { left, right, sumRight } = this.training.progress.at(-1);
        const of = ` Of ${counted(left, "left-out stroke")}, the network has ${right} right`;
        const rights = left ? `${of}, the sum ${sumRight}.` : "";
        const seconds = (performance.now() - this.training.began) / 1000;
        this.adopt(learnt);
        figure.say(`Trained in ${seconds.toFixed(1)} s.${rights} Now draw one.`);
        figure.learnt();
      });
    }

    // Let the network learn on with some strokes more: [gesture, stroke] of its gestures.
    learnOn(pairs) {
      const { lesson, gestures, strokes } = this.trained;
      const courses = pairs.map(([gesture, stroke]) =>
        teach.toCompare({ ...stroke, target: gestures.indexOf(gesture) }),
      );
      const more = { ...lesson, courses: [...lesson.courses, ...courses] };
      this.adopt({ lesson: more, gestures, strokes }); // it knows the strokes at once
      const fresh = new Set(pairs.map(([, stroke]) => stroke));
      const [[gesture], reverse] = pairs;
      const what = reverse ? `${gesture.name} and its reverse` : gesture.name;
      const now = new Set([...strokes, ...fresh]);
      this.hire({ lesson: more, gestures, strokes: now }, shownOf(gestures, fresh), (run) => {
        const { known, right, left } = this.training.progress.at(-1);
        const better = right >= known; // of all other strokes
        if (better) this.adopt(run);
        const rights = `${right} of the ${left} others right`;
        this.figure.say(
          better
            ? `It has learned ${what} a little better, and has ${rights}. Draw again.`
            : "It would get more of the others wrong, so it stays as it was: “train” begins anew.",
        );
        this.figure.changed();
      });
    }

    // Give the work to a worker, and wait for news of it. run: see adopt; done(run) is
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
      this.training = { progress: [], began: performance.now(), stop() {}, run };
      try {
        this.training.stop = teach.trainInWorker(request, {
          progress: (news) => this.hear(news),
          done: () => done(this.finish()),
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
      const { progress, run } = this.training;
      if (progress.length) progress.at(-1).weights = null; // they are large
      progress.push(news);
      if (!run.lesson.weights) this.figure.watching.hear(news);
      this.expectNews(() => this.stop("Training has stopped by itself."));
      this.figure.say(soFar(news), false);
    }

    // Dismiss the worker. Returns what it has learnt so far, or null.
    finish() {
      const { progress, run, stop } = this.training;
      clearTimeout(this.patience);
      stop();
      this.training.stop = null;
      const weights = progress.at(-1)?.weights;
      return weights ? { ...run, lesson: { ...run.lesson, weights } } : null;
    }

    // Stop before the end: what a whole lesson has learnt so far counts.
    stop(text) {
      const { run } = this.training;
      const learnt = this.finish();
      if (learnt && !run.lesson.weights) {
        this.adopt(learnt);
        this.figure.learnt();
      }
      this.figure.say(`${text}${learnt ? " Now draw one." : ""}`);
    }

    // run: { lesson, gestures, strokes }: of gestures answers have their names, and strokes are
    // what was learnt.
    adopt({ lesson, gestures, strokes }) {
      this.trained = { ...teach.trainedBy(lesson), gestures, strokes };
      this.switchOff();
    }

    // Go on with what was kept of a lesson: places of its gestures in the list. isOlder: whether it
    // has learnt other strokes than there are.
    resume({ places, ...lesson }, isOlder) {
      if (lesson.version !== VERSION) throw new RangeError("another network");
      const { all } = this.figure.gestures;
      const gestures = lesson.classes.map((name, output) => all[places[output]] ?? { name });
      this.adopt({ lesson, gestures, strokes: new Set(isOlder ? [] : this.usedNow()) });
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
})(interactiveFigures);
