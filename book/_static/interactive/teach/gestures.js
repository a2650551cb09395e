// The list of gestures: a row for each, with what strokes are for, its name, and its strokes.
(({ button, counted, element, teach }) => {
  const MAX_GESTURES = 6;
  const LONGEST_NAME = 24;
  const BACKWARDS = ", backwards";

  teach.used = ({ strokes }) => strokes.filter((stroke) => !stroke.dropped);

  teach.inkOf = (gesture, all) => (gesture.nothing ? "grey" : teach.COLOURS[all.indexOf(gesture)]);

  const partnerOf = (name) =>
    name.endsWith(BACKWARDS)
      ? name.slice(0, -BACKWARDS.length)
      : name.slice(0, LONGEST_NAME - BACKWARDS.length) + BACKWARDS;

  teach.Gestures = class {
    // figure: say(text) writes what goes on, changed() is called when anything has changed, chose()
    // when strokes are for another gesture. others: buttons below the list.
    constructor(figure, others) {
      this.all = []; // { name, nothing, strokes: { path or pictures, events, dropped, canvas } }
      this.chosen = null; // which gesture strokes are for; null: none, so that they are asked about
      this.figure = figure;
      this.rows = element("div", { className: "teach-rows" });
      this.tryIt = element("input", {
        type: "radio",
        name: "teach-for",
        onchange: () => this.choose(null),
      });
      this.more = button("one more", () =>
        this.add({ name: `gesture ${this.gestures.length + 1}`, strokes: [] }),
      );
      this.list = element(
        "div",
        { className: "teach-gestures" },
        this.rows,
        element("label", { className: "teach-gesture teach-try" }, this.tryIt, "try the network"),
        element("div", { className: "interactive-controls" }, this.more, ...others),
      );
    }

    // Those that are to be told apart.
    get gestures() {
      return this.all.filter(({ nothing }) => !nothing);
    }

    get recordsNothing() {
      return Boolean(this.all[this.chosen]?.nothing);
    }

    start(gestures, chosen) {
      this.all = gestures;
      this.choose(chosen);
    }

    // What isn't a gesture stays the last one.
    add(gesture) {
      const place = gesture.nothing ? this.all.length : this.gestures.length;
      this.all.splice(place, 0, gesture);
      this.choose(place);
    }

    // The row of what isn't a gesture, which is made if there is none.
    chooseNothing() {
      const place = this.all.findIndex(({ nothing }) => nothing);
      if (place < 0) this.add({ name: "nothing", nothing: true, strokes: [] });
      else this.choose(place);
    }

    choose(number) {
      this.chosen = number;
      this.show();
      this.figure.chose();
    }

    addReverse(gesture) {
      const strokes = teach
        .used(gesture)
        .map((stroke) => this.figure.seen(teach.toKeep(teach.reversed(stroke))));
      const name = partnerOf(gesture.name.trim());
      this.figure.mine = true;
      this.add({ name, strokes });
      this.figure.say(
        `${name}: ${counted(strokes.length, "stroke")} of ${gesture.name}, from their ` +
          "end to their beginning.",
      );
    }

    show() {
      const { activeElement } = document;
      const place = [...this.rows.querySelectorAll("input, button")].indexOf(activeElement);
      this.rows.replaceChildren(...this.all.map((gesture, number) => this.row(gesture, number)));
      // What now stands in its place.
      if (place >= 0) this.rows.querySelectorAll("input, button")[place]?.focus();
      this.tryIt.checked = this.chosen === null && this.figure.lesson.trained !== null;
      this.more.disabled = this.gestures.length >= MAX_GESTURES;
      this.drawPictures();
      this.figure.changed();
    }

    row(gesture, number) {
      const input = element("input", {
        type: "radio",
        name: "teach-for",
        ariaLabel: `Show ${gesture.name}`,
        checked: this.chosen === number,
      });
      input.onchange = () => this.choose(number);
      const name = element("input", {
        type: "text",
        value: gesture.name,
        maxLength: LONGEST_NAME,
        readOnly: Boolean(gesture.nothing),
        ariaLabel: `Name of gesture ${number + 1}`,
      });
      name.oninput = () => {
        gesture.name = name.value;
        this.figure.changed();
      };
      name.onfocus = () => {
        [this.chosen, input.checked] = [number, true];
      };
      const reverse = button("⇄", () => this.addReverse(gesture));
      const title = `add the reverse of ${gesture.name}`;
      const has = this.all.some((other) => other.name.trim() === partnerOf(gesture.name.trim()));
      Object.assign(reverse, {
        className: "teach-reverse",
        title,
        ariaLabel: title,
        hidden: Boolean(gesture.nothing),
        disabled: has || !teach.used(gesture).length || this.more.disabled,
      });
      const pictures = gesture.strokes.map((stroke, nth) => this.picture(gesture, stroke, nth));
      const row = element(
        "div",
        { className: "teach-gesture" },
        input,
        name,
        reverse,
        element("span", { className: "teach-strokes" }, ...pictures),
      );
      row.style.setProperty("--ink", `var(--interactive-${teach.inkOf(gesture, this.all)})`);
      return row;
    }

    // A button with the picture of a stroke, which throws it away or takes it back.
    picture(gesture, stroke, nth) {
      stroke.canvas = element("canvas");
      const title =
        `${stroke.dropped ? "take back" : "throw away"} stroke ${nth + 1} of ` + `${gesture.name}`;
      const thrown = button("", () => this.turnOver(gesture, stroke));
      thrown.append(stroke.canvas);
      thrown.classList.toggle("is-dropped", Boolean(stroke.dropped));
      return Object.assign(thrown, { title, ariaLabel: title });
    }

    turnOver(gesture, stroke) {
      [stroke.dropped, this.figure.mine] = [!stroke.dropped, true];
      this.show();
      this.tell(gesture);
    }

    // How many strokes of a gesture are there.
    tell(gesture) {
      const { length } = teach.used(gesture);
      const next = gesture.nothing
        ? "That isn’t a gesture."
        : length < 3
          ? "Show it a few times."
          : "Show the next gesture, or train.";
      this.figure.say(`${gesture.name}: ${counted(length, "stroke")}. ${next}`);
    }

    drawPictures() {
      for (const gesture of this.all)
        for (const { canvas, events } of gesture.strokes)
          teach.drawPicture(canvas, events, teach.inkOf(gesture, this.all));
    }
  };
})(window.interactiveFigures);
