// What a link asks of whoever opens it: to draw ten strokes that a network names, which has learnt
// from the strokes in the link.
(({ shared, teach }) => {
  const STROKES = 10;

  // What the page says first. gestures: in the link; score: of whoever sent it, or null.
  teach.invitation = (gestures, score) => {
    const count = teach.wanted(gestures).length;
    const theirs = score === null ? "" : ` Whoever sent you this had ${score} of 10 recognised.`;
    return `${count} gestures were taught here.${theirs} Can you draw them?`;
  };

  teach.Challenge = class {
    right = 0;
    asked = 0;
    order = [];
    shown = new Set();

    // figure: its gestures are asked for, one after the other.
    constructor(figure) {
      this.figure = figure;
      const { gestures } = figure.lesson.trained;
      while (this.order.length < STROKES)
        this.order.push(...shared.shuffle(teach.wanted(gestures), figure.random));
      this.ask("");
    }

    get gesture() {
      return this.order[this.asked];
    }

    // Ask for the next stroke, and show once how it was drawn.
    ask(before) {
      const { figure, gesture } = this;
      figure.say(`${before}${this.asked + 1} of ${STROKES}: draw ${gesture.name}.`);
      if (this.shown.has(gesture)) return;
      this.shown.add(gesture);
      setTimeout(() => figure.showExample(gesture), 600);
    }

    // output: what the network has named, or null. Returns whether that was an answer to it.
    judge(output) {
      const { figure, gesture } = this;
      const { gestures } = figure.lesson.trained;
      const right = gestures[output] === gesture;
      this.right += Number(right);
      this.asked += 1;
      const seen = gestures[output]?.name ?? "something that it doesn’t know";
      const before = right ? `Yes, ${gesture.name}. ` : `The network saw ${seen}. `;
      if (this.asked < STROKES) this.ask(before);
      else {
        figure.challenge = null;
        figure.invitation = "";
        figure.score = this.right;
        figure.changed();
        figure.say(`${before}${this.right} of ${STROKES}. Send a link with your score.`);
      }
      return true;
    }
  };
})(interactiveFigures);
