// The webcam beside the pad: on and off, and some seconds of what isn't a gesture.
(({ counted, fromHTML, motionData, teach }) => {
  const NOTHING = 10_000; // ms in which strokes are recorded that aren't gestures
  const CONTROLS = `
    <button data-part="onOff">webcam</button>
    <button data-part="nothing">record other movements (10 s)</button>`;
  const TOO_LITTLE =
    "I see too little of that: try another sleeve, or another wall behind you, or more light.";

  teach.Recorder = class {
    webcam = null;
    watch = null;

    // figure: its trials see what the webcam does.
    constructor(figure) {
      Object.assign(this, { figure }, fromHTML(CONTROLS));
      this.onOff.onclick = () => this.turn();
      this.nothing.onclick = () => this.recordNothing();
    }

    // On, or off: while the browser still asks, too.
    async turn() {
      if (this.webcam) return this.close("The webcam is off.");
      const watch = this.watchGestures();
      const deliver = (picture, now) => {
        watch.watch(picture, now);
        webcam.picture = picture;
        this.figure.redraw();
      };
      const webcam = teach.openWebcam(deliver, () => this.close(teach.whyNoCamera()));
      this.webcam = webcam;
      this.figure.say("Allow the camera …");
      try {
        await webcam.opened;
        if (this.webcam !== webcam) return;
        this.watch = watch;
        this.figure.say(
          "Hold still for a second, then move a hand. A gesture is what happens from rest to rest.",
        );
      } catch (error) {
        if (this.webcam === webcam) this.close(teach.whyNoCamera(error));
      }
    }

    close(text) {
      this.webcam?.stop();
      this.webcam = this.watch = null;
      this.figure.say(text);
    }

    // Gestures before the webcam are trials, unless there is a stroke on the pad.
    watchGestures() {
      const { trials, pad } = this.figure;
      let free = true;
      const watch = new teach.MotionWatch({
        slow: motionData.settings.slow_motion,
        began: (gesture) => {
          free = !pad.busy;
          if (free) trials.begin(gesture.pictures[0]);
        },
        moved: (picture, interval) => {
          if (free) trials.see(trials.trial.film(picture, interval), interval);
        },
        ended: (gesture, isArm) => {
          if (!free) return;
          trials.end(gesture);
          if (isArm) this.figure.say("An arm that comes or goes doesn’t count.");
        },
        seen: (events, interval) => {
          if (!watch.gesture) trials.glow.add(events, interval);
        },
      });
      return watch;
    }

    // Why a stroke or a film isn't used.
    get tooLittle() {
      return this.webcam
        ? TOO_LITTLE
        : "That was too short to be seen: draw it across the pad, in about a second.";
    }

    // For some seconds, strokes are of what isn't a gesture.
    recordNothing() {
      const { figure, watch } = this;
      const { gestures } = figure;
      gestures.chooseNothing();
      const gesture = gestures.current;
      const before = gesture.strokes.length;
      const what = this.webcam
        ? "move as you do between gestures, or let somebody pass"
        : "scribble anything that none of them is";
      figure.say(`For ten seconds, ${what}.`);
      if (watch) watch.all = true;
      clearTimeout(this.nothingEnds);
      this.nothingEnds = setTimeout(() => {
        figure.pad.complete();
        watch?.cut();
        if (watch) watch.all = false;
        gestures.choose(null);
        figure.say(
          `The ten seconds are over: ${counted(gesture.strokes.length - before, "piece")} of other ` +
            "movements. Press “train”, so that the network knows them.",
        );
      }, NOTHING);
    }
  };
})(interactiveFigures);
