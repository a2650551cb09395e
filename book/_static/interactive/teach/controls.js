// The controls of the figure: what is asked of a stroke, training, switches, knobs and files.
(({ addRow, addSliders, button, element, shared, teach }) => {
  const row = (className, ...parts) =>
    element("div", { className: `interactive-row ${className}` }, ...parts);

  teach.Controls = class {
    // figure: what the controls act on. below: where those stand that one needs later.
    constructor(figure, below) {
      Object.assign(this, { figure, below });
      [this.summary, this.spoken] = shared.texts("teach", "motion");
      this.answer = element("div", { className: "interactive-controls teach-answer" });
      this.invitation = element("p", { className: "teach-invitation" });
      this.answer.append(this.invitation, this.summary, this.spoken, this.training());
      this.answer.append(this.judging(), this.going());
      this.addSwitches();
      this.addKnobs();
      this.addFiles();
    }

    training() {
      const { lesson } = this.figure;
      this.trainer = button("train", () => lesson.train(), "teach-train");
      const anew = () => lesson.withAnotherSeed();
      this.again = button("train from another start", anew, "teach-again");
      this.progress = element("progress", { max: 1, value: 0, ariaLabel: "Training" });
      return row("teach-training", this.trainer, this.progress, this.again);
    }

    // Was the answer right, and if not, what was it?
    judging() {
      const { trials } = this.figure;
      this.judges = [
        button("right", () => trials.judge(true)),
        button("wrong", () => trials.judge(false)),
      ];
      this.scored = element("span", { className: "teach-scored" });
      this.choices = element("span", { className: "teach-choices" });
      return row("teach-judging", this.choices, ...this.judges, this.scored);
    }

    // Where one goes on from here.
    going() {
      const { figure } = this;
      const backwards = () => figure.trials.playBackwards(figure.pad);
      this.backwards = button("play it backwards (B)", backwards);
      this.own = button("teach it yours", () => figure.beginOwn(), "teach-own");
      this.look = button("see what it was taught", () => figure.teach(), "teach-look");
      this.link = button("copy link", () => figure.copyLink());
      const meant = () => [document.body, figure.pad.grip].includes(document.activeElement);
      shared.onKey("b", backwards, meant);
      return row("teach-going", this.backwards, this.link, this.look, this.own);
    }

    addSwitches() {
      const { lesson } = this.figure;
      this.switches = Object.entries(teach.WITHOUT).map(([name, label]) => {
        const input = element("input", { type: "checkbox", name });
        input.onchange = () => lesson.doWithout(name, input.checked);
        return element("label", {}, input, label);
      });
      addRow(this.below, ...this.switches);
    }

    addKnobs() {
      const { lesson } = this.figure;
      const sliders = element("div", { className: "interactive-controls" });
      this.sliders = addSliders(sliders, teach.KNOBS, () => {
        lesson.knobs = this.sliders.values();
        this.figure.changed();
      });
      const reset = button("as it was", () => {
        lesson.knobs = teach.AS_IT_IS;
        this.show();
      });
      this.below.append(
        element(
          "details",
          { className: "teach-knobs" },
          element("summary", { textContent: "turn the knobs" }),
          sliders,
          reset,
          " Knobs hold from the next training on.",
        ),
      );
    }

    // The switches and knobs as the lesson has them.
    show() {
      const { lesson } = this.figure;
      for (const [name, value] of Object.entries(lesson.knobs)) this.sliders.set(name, value);
      for (const { firstChild: input } of this.switches) {
        input.checked = lesson.without.has(input.name);
      }
      this.figure.changed();
    }

    addFiles() {
      const { figure } = this;
      const chooser = element("input", { type: "file", accept: ".zip", hidden: true });
      chooser.ariaLabel = "A zip file of strokes";
      chooser.onchange = () => {
        if (chooser.files[0]) figure.openFile(chooser.files[0]);
        chooser.value = "";
      };
      this.strokesOut = button("download strokes", () => figure.saveStrokes());
      this.networkOut = button("download network", () => figure.saveNetwork());
      this.asideOut = button("download what was set aside", () => figure.saveAside());
      addRow(
        this.below,
        this.strokesOut,
        button("open strokes", () => chooser.click()),
        chooser,
        this.networkOut,
        button("start over", () => figure.startOver()),
        this.asideOut,
      );
      this.address = element("input", { type: "text", readOnly: true, hidden: true });
      this.address.ariaLabel = "The link, to be copied";
      this.note = element("p", { className: "teach-note" });
      this.below.append(this.address, this.note);
    }

    // Buttons that say what the last stroke was.
    drawChoices() {
      const { trials, lesson, gestures } = this.figure;
      const asks = trials.correcting && lesson.trained;
      const names = asks ? gestures.all.map(({ name }) => name).join() : "";
      if (names === this.names) return;
      this.names = names;
      const all = asks ? gestures.all : [];
      this.choices.replaceChildren(
        ...(asks ? ["It was "] : []),
        ...all.map((gesture) => button(gesture.name, () => trials.correct(gesture))),
      );
    }

    draw() {
      const { said, lesson, trials, gestures, recorder, aside, score, invitation } = this.figure;
      const { trained, training, goesOn, isOlder } = lesson;
      this.summary.textContent = said;
      this.invitation.textContent = said.startsWith(invitation) ? "" : invitation;
      this.trainer.textContent = goesOn ? "stop" : "train";
      this.progress.value = training?.progress.at(-1)?.share ?? 0;
      this.again.disabled = this.networkOut.disabled = !trained;
      this.backwards.disabled = !trained || !trials.last;
      const empty = !gestures.all.some((gesture) => teach.used(gesture).length);
      this.strokesOut.disabled = empty;
      this.link.hidden = empty || !this.figure.isShareable;
      this.link.textContent = score === null ? "copy link" : "copy link with your score";
      this.asideOut.hidden = !aside;
      this.progress.hidden = !goesOn;
      const asks = trials.answers.forwards?.network.almost;
      for (const [at, judge] of this.judges.entries()) {
        judge.hidden = !trials.asked || trials.correcting;
        judge.textContent = (asks ? ["yes", "no"] : ["right", "wrong"])[at];
      }
      this.drawChoices();
      const { right, asked } = trials.score;
      const stale =
        isOlder && !goesOn ? "The network is older than the strokes: train it again." : "";
      this.scored.textContent = stale || (asked ? `${right} of ${asked} right` : "");
      recorder.onOff.textContent = recorder.webcam ? "webcam off" : "webcam";
      recorder.holder.hidden = !recorder.webcam;
    }
  };
})(window.interactiveFigures);
