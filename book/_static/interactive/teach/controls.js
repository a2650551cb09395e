// The controls of the figure: what is asked of a stroke, training, switches and files.
(({ boxes, button, fromHTML, shared, teach }) => {
  const ANSWER = `<div class="interactive-controls teach-answer" data-part="answer">
    <p class="teach-invitation" data-part="invitation"></p>
    ${shared.texts("teach")}
    <div class="interactive-row teach-training">
      <button class="teach-train" data-part="train">train</button>
      <progress max="1" aria-label="Training" data-part="progress"></progress>
    </div>
    <div class="interactive-row teach-judging">
      <span class="teach-choices" data-part="choices"></span>
      <button data-part="right">right</button>
      <button data-part="wrong">wrong</button>
      <span class="teach-scored" data-part="scored"></span>
    </div>
    <div class="interactive-row teach-going">
      <button data-part="backwards">play it backwards (B)</button>
      <button data-part="link">copy link</button>
      <button class="teach-look" data-part="look">see what it was taught</button>
      <button class="teach-own" data-part="own">teach it yours</button>
    </div>
  </div>`;
  // What is rarely used is folded.
  const BELOW = `
    <details class="teach-more">
      <summary>webcam, switches, files</summary>
      <div class="interactive-row" data-part="recorded"></div>
      <div class="interactive-row">
        <button data-part="again">train from another start</button>
        ${boxes(teach.WITHOUT)}
      </div>
      <div class="interactive-row">
        <button data-part="strokesOut">download strokes</button>
        <button data-part="strokesIn">open strokes</button>
        <input type="file" accept=".zip" hidden aria-label="A zip file of strokes" data-part="chooser">
        <button data-part="networkOut">download network</button>
        <button data-part="anew">start over</button>
      </div>
    </details>
    <button data-part="asideOut">download what was set aside</button>
    <input type="text" readonly hidden aria-label="The link, to be copied" data-part="address">
    <p class="teach-note" data-part="note"></p>`;

  teach.Controls = class {
    // figure: what the controls act on. below: where those stand that one needs later.
    constructor(figure, below) {
      Object.assign(this, { figure }, fromHTML(ANSWER + BELOW));
      const { lesson, trials, pad, recorder } = figure;
      this.recorded.append(recorder.onOff, recorder.nothing);
      below.append(this.content);
      const backwards = () => trials.playBackwards(pad);
      const clicked = {
        train: () => lesson.train(),
        again: () => lesson.withAnotherSeed(),
        right: () => trials.confirm(),
        wrong: () => trials.doubtIt(),
        backwards,
        link: () => figure.copyLink(),
        look: () => figure.teach(),
        own: () => figure.beginOwn(),
        strokesOut: () => figure.saveStrokes(),
        strokesIn: () => this.chooser.click(),
        networkOut: () => figure.saveNetwork(),
        anew: () => figure.startOver(),
        asideOut: () => figure.saveAside(),
      };
      for (const [name, onclick] of Object.entries(clicked)) this[name].onclick = onclick;
      const meant = () => [document.body, pad.grip].includes(document.activeElement);
      shared.onKey("b", backwards, meant);
      this.chooser.onchange = () => {
        const [file] = this.chooser.files;
        if (file) figure.openFile(file);
        this.chooser.value = "";
      };
      this.switches = below.querySelectorAll("[type=checkbox]");
      for (const box of this.switches) box.onchange = () => lesson.doWithout(box.name, box.checked);
    }

    // The switches as the lesson has them.
    show() {
      const { lesson } = this.figure;
      for (const box of this.switches) box.checked = lesson.without.has(box.name);
      this.figure.changed();
    }

    // Buttons that say what the last stroke was.
    drawChoices() {
      const { trials, lesson, gestures } = this.figure;
      const asks = trials.correcting && lesson.trained;
      const all = asks ? gestures.all.filter((gesture) => gesture !== trials.rejected) : [];
      const names = all.map(({ name }) => name).join();
      if (names === this.names) return;
      this.names = names;
      const buttons = all.map((gesture) => button(gesture.name, () => trials.correct(gesture)));
      this.choices.replaceChildren(asks ? "It was " : "", ...buttons);
    }

    draw() {
      const { said, lesson, trials, gestures, recorder, aside, score, invitation } = this.figure;
      const { trained, training, goesOn, isOlder } = lesson;
      this.summary.textContent = said;
      this.invitation.textContent = said.startsWith(invitation) ? "" : invitation;
      this.train.textContent = goesOn ? "stop" : "train";
      this.progress.value = training?.progress.at(-1)?.share ?? 0;
      this.again.disabled = this.networkOut.disabled = !trained;
      this.backwards.hidden = !trained;
      this.backwards.disabled = !trials.last;
      const empty = !gestures.all.some((gesture) => teach.used(gesture).length);
      this.strokesOut.disabled = empty;
      this.own.hidden = empty && this.figure.phase === "ready"; // it has begun
      this.link.hidden = empty || !this.figure.isShareable;
      this.link.textContent = score === null ? "copy link" : "copy link with your score";
      this.asideOut.hidden = !aside;
      this.progress.hidden = !goesOn;
      const asks = trials.answers.forwards?.network.almost;
      this.right.hidden = this.wrong.hidden = !trials.asked || trials.correcting;
      [this.right.textContent, this.wrong.textContent] = asks ? ["yes", "no"] : ["right", "wrong"];
      this.drawChoices();
      const { right, asked } = trials.score;
      const stale =
        isOlder && !goesOn ? "The network is older than the strokes: train it again." : "";
      this.scored.textContent = stale || (asked ? `${right} of ${asked} right` : "");
      recorder.onOff.textContent = recorder.webcam ? "webcam off" : "webcam";
    }
  };
})(interactiveFigures);
