// The list of gestures: a row for each, with what strokes are for, its name, and its strokes.
(({ button, element, teach }) => {
  const MAX_GESTURES = 6;

  teach.used = ({ strokes }) => strokes.filter((stroke) => !stroke.dropped);

  teach.Gestures = class {
    // redraw(): called when anything has changed. before, after: buttons around the one for one gesture more.
    constructor(redraw, before, after) {
      this.all = []; // { name, strokes: { path or pictures, events, dropped, canvas } }
      this.chosen = 0; // which gesture strokes are for; null: they are asked about
      this.redraw = redraw;
      this.list = element("div", { className: "teach-gestures" });
      this.tryIt = element("input", { type: "radio", name: "teach-for", onchange: () => this.choose(null) });
      this.more = button("one more", () => this.add());
      this.others = [
        element("label", { className: "teach-gesture teach-try" }, this.tryIt, "try the network"),
        element("div", { className: "interactive-controls" }, before, this.more, after),
      ];
    }

    start(names, strokesOf) {
      this.all = names.map((name) => ({ name, strokes: strokesOf(name) }));
      this.choose(0);
    }

    add() {
      this.all.push({ name: `gesture ${this.all.length + 1}`, strokes: [] });
      this.choose(this.all.length - 1);
    }

    choose(number) {
      this.chosen = number;
      this.show();
    }

    show() {
      this.list.replaceChildren(...this.all.map((gesture, number) => this.row(gesture, number)), ...this.others);
      this.tryIt.checked = this.chosen === null;
      this.more.disabled = this.all.length >= MAX_GESTURES;
      this.drawPictures();
    }

    row(gesture, number) {
      const input = element("input", { type: "radio", name: "teach-for", ariaLabel: `Show ${gesture.name}`, checked: this.chosen === number });
      input.onchange = () => this.choose(number);
      const name = element("input", { type: "text", value: gesture.name, maxLength: 24, ariaLabel: `Name of gesture ${number + 1}` });
      name.oninput = () => { gesture.name = name.value; };
      name.onfocus = () => { [this.chosen, input.checked] = [number, true]; };
      const pictures = gesture.strokes.map((stroke, nth) => this.picture(gesture, stroke, nth));
      const row = element("div", { className: "teach-gesture" }, input, name, element("span", { className: "teach-strokes" }, ...pictures));
      row.style.setProperty("--ink", `var(--interactive-${teach.COLOURS[number]})`);
      return row;
    }

    // A button with the picture of a stroke, which throws it away or takes it back.
    picture(gesture, stroke, nth) {
      stroke.canvas = element("canvas");
      const title = `${stroke.dropped ? "take back" : "throw away"} stroke ${nth + 1} of ${gesture.name}`;
      const thrown = button("", () => this.turnOver(stroke));
      thrown.append(stroke.canvas);
      thrown.classList.toggle("is-dropped", Boolean(stroke.dropped));
      return Object.assign(thrown, { title, ariaLabel: title });
    }

    turnOver(stroke) {
      stroke.dropped = !stroke.dropped;
      this.show();
      stroke.canvas.parentElement.focus(); // the button that now stands in its place
    }

    drawPictures() {
      this.all.forEach(({ strokes }, number) => {
        for (const { canvas, events } of strokes) teach.drawPicture(canvas, events, teach.COLOURS[number]);
      });
      this.redraw();
    }
  };
})(window.interactiveFigures);
