// A hand that draws examples on the pad while nobody does, until somebody touches the figure. It is
// only painted: neither the camera nor the network sees it.
(({ shared, motionData, teach }) => {
  const PER_PLACE = (teach.INTERVAL / 1000) * motionData.settings.slow_motion; // ms
  const PAUSE = 1200; // ms between two examples

  teach.Ghost = class {
    isSeen = false; // whether the figure is on the screen
    wasTouched = false;
    number = 0; // of the example
    time = 0; // ms since it began

    // figure: its pad is drawn again for each image.
    constructor(figure) {
      this.figure = figure;
      this.loop = new shared.Loop(
        () => this.isThere,
        (_, elapsed) => this.move(elapsed),
      );
      const touched = ({ target }) => {
        if (!target.closest?.("[data-kind=teach]")) return;
        this.wasTouched = true;
        figure.redraw();
      };
      for (const kind of ["pointerdown", "keydown"])
        document.addEventListener(kind, touched, { capture: true });
    }

    get isThere() {
      const { phase, trials, pad, recorder } = this.figure;
      const isIdle = phase === "ready" && !trials.path && !pad.busy && !recorder.webcam;
      return this.isSeen && !this.wasTouched && isIdle && !shared.isCalm() && Boolean(this.path);
    }

    // Of the example that is drawn.
    get path() {
      const examples = this.figure.gestures.all.flatMap(({ strokes }) =>
        strokes.filter(({ path }) => path).slice(0, 1),
      );
      return examples[this.number % examples.length]?.path;
    }

    move(elapsed) {
      this.time += elapsed;
      if (this.time > PER_PLACE * this.path.length + PAUSE) {
        this.time = 0;
        this.number += 1;
      }
      this.figure.drawPad();
    }

    draw(canvas) {
      teach.drawGhost(canvas, this.path.slice(0, 1 + Math.floor(this.time / PER_PLACE)));
    }
  };
})(interactiveFigures);
