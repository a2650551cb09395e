// The list of gestures: a row for each, with what strokes are for, its name, and its strokes.
(({ button, counted, element, fromHTML, teach }) => {
  const BACKWARDS = ", backwards";
  // None is the accent, in which strokes and events are drawn.
  const COLOURS = ["heart", "spade", "diamond", "club", "OFF", "brown", "ON", "olive"];

  const LIST = `
    <div class="teach-gestures" role="radiogroup" aria-label="What strokes are for" data-part="list">
      <div class="teach-rows" data-part="rows"></div>
      <label class="teach-gesture teach-try">
        <input type="radio" name="teach-for" data-part="tryIt">try the network
      </label>
      <div class="interactive-controls"><button data-part="more">add a gesture</button></div>
    </div>`;

  const ROW = `
    <div class="teach-gesture" data-part="row">
      <input type="radio" name="teach-for" data-part="radio">
      <input type="text" maxlength="${teach.MOST.name}" data-part="field">
      <span class="teach-row-buttons">
        <button data-part="reverse">⇄</button>
        <button data-part="remove">✕</button>
      </span>
      <span class="teach-strokes" data-part="strokes"></span>
    </div>`;
  const ACTIONS = `
    <span class="teach-actions">
      <button data-part="turn"></button>
      <select aria-label="Move the stroke" data-part="to"><option>move to …</option></select>
    </span>`;

  function titled(one, title) {
    one.title = one.ariaLabel = title;
  }

  // Those that are to be told apart.
  teach.wanted = (gestures) => gestures.filter(({ nothing }) => !nothing);

  teach.used = ({ strokes }) => strokes.filter((stroke) => !stroke.dropped);

  const partnerOf = (name) =>
    name.endsWith(BACKWARDS)
      ? name.slice(0, -BACKWARDS.length)
      : name.slice(0, teach.MOST.name - BACKWARDS.length).trim() + BACKWARDS;

  teach.Gestures = class {
    all = []; // { name, nothing, strokes: { path or pictures, events, dropped, canvas } }
    chosen = null; // which gesture strokes are for; null: none, they are asked about
    picked = null; // a stroke that one may throw away or move

    // figure: say(text) writes what goes on, changed() is called when anything has changed, chose()
    // when strokes are for another gesture. The buttons of its recorder stand below the list.
    constructor(figure) {
      Object.assign(this, { figure }, fromHTML(LIST));
      this.tryIt.onchange = () => this.choose(null);
      this.more.onclick = () => {
        const name = teach.ownName(`gesture ${this.count + 1}`, this.namesBut(null));
        const gesture = { name, strokes: [] };
        this.tell(gesture);
        this.add(gesture);
      };
      this.more.after(figure.recorder.content);
    }

    // How many are to be told apart.
    get count() {
      return teach.wanted(this.all).length;
    }

    get isFull() {
      return this.count >= teach.MOST.gestures;
    }

    get current() {
      return this.all[this.chosen];
    }

    inkOf(gesture) {
      return gesture.nothing ? "grey" : (COLOURS[this.all.indexOf(gesture)] ?? "grey");
    }

    namesBut(gesture) {
      return this.all.filter((other) => other !== gesture).map(({ name }) => name);
    }

    start(gestures, chosen) {
      this.all = gestures;
      this.picked = null;
      this.choose(chosen);
    }

    // The reverse of a gesture, if there is one.
    partnerOf({ name }) {
      return this.all.find((other) => other.name === partnerOf(name));
    }

    // What isn't a gesture stays the last one.
    add(gesture) {
      const place = gesture.nothing ? this.all.length : this.count;
      this.all.splice(place, 0, gesture);
      this.choose(place);
    }

    // The row of what isn't a gesture, which is made if there is none.
    chooseNothing() {
      const place = this.all.findIndex(({ nothing }) => nothing);
      if (place >= 0) return this.choose(place);
      const name = teach.ownName("no gesture", this.namesBut(null));
      this.add({ name, nothing: true, strokes: [] });
    }

    choose(number) {
      this.figure.trials.complete();
      this.chosen = number;
      this.show();
      this.figure.chose();
    }

    // Why there is no room for so many strokes more; an empty text if there is.
    noRoom(gesture, strokes) {
      const { MOST } = teach;
      if (gesture.strokes.length + strokes.length > MOST.strokes)
        return `${gesture.name} has as many strokes as there is room for, ${MOST.strokes}.`;
      if (teach.picturesOf([...this.all, { strokes }]) > MOST.films)
        return "There is no room for more films: delete a gesture that you don’t need.";
      const clear = strokes.every(({ events }) => !events || teach.isClear(events));
      return clear ? "" : "That is hardly an event, or too many: it isn’t kept.";
    }

    // Whether strokes were added to a gesture; if there is no room, that is said.
    put(gesture, strokes) {
      const problem = this.noRoom(gesture, strokes);
      if (problem) this.figure.say(problem);
      else gesture.strokes.push(...strokes);
      return !problem;
    }

    addReverse(gesture) {
      const strokes = teach
        .used(gesture)
        .map((stroke) => teach.seen(teach.toKeep(teach.reversed(stroke))));
      const reverse = { name: partnerOf(gesture.name), strokes: [] };
      if (!this.put(reverse, strokes)) return;
      this.add(reverse);
      const count = `${counted(strokes.length, "stroke")} of ${gesture.name}`;
      this.figure.say(`${reverse.name}: ${count}, from their end to their beginning.`);
    }

    remove(gesture) {
      const { length } = gesture.strokes;
      const question = `Delete ${gesture.name} and its ${counted(length, "stroke")}?`;
      if (length && !confirm(question)) return;
      this.all = this.all.filter((other) => other !== gesture);
      this.choose(null);
    }

    show() {
      const { activeElement } = document;
      const controls = () => [...this.rows.querySelectorAll("input, button, select")];
      const place = controls().indexOf(activeElement);
      this.rows.replaceChildren(...this.all.map((gesture, number) => this.row(gesture, number)));
      const now = controls()[place]; // what now stands in its place
      now?.focus();
      const { selectionStart, selectionEnd } = activeElement;
      if (now?.type === "text") now.setSelectionRange(selectionStart, selectionEnd);
      this.tryIt.checked = this.chosen === null && this.figure.lesson.trained !== null;
      this.more.disabled = this.isFull;
      this.drawPictures();
      this.figure.changed();
    }

    row(gesture, number) {
      const { row, radio, field, reverse, remove, strokes } = fromHTML(ROW);
      const { name, nothing } = gesture;
      radio.ariaLabel = `Show ${name}`;
      radio.checked = this.chosen === number;
      radio.onchange = () => {
        this.tell(gesture);
        this.choose(number);
      };
      this.listen(field, radio, gesture, number);
      titled(reverse, `add the reverse of ${name}`);
      reverse.onclick = () => this.addReverse(gesture);
      reverse.hidden = nothing;
      reverse.disabled = this.partnerOf(gesture) || !teach.used(gesture).length || this.isFull;
      titled(remove, `delete ${name}`);
      remove.onclick = () => this.remove(gesture);
      remove.disabled = this.count < 2 && !nothing;
      this.fill(strokes, gesture);
      if (gesture.strokes.includes(this.picked)) row.append(this.actions(gesture));
      row.style.setProperty("--ink", `var(--interactive-${this.inkOf(gesture)})`);
      return row;
    }

    // The field of a name, which holds only one that no other gesture has.
    listen(field, radio, gesture, number) {
      field.value = gesture.name;
      field.readOnly = gesture.nothing;
      field.ariaLabel = `Name of gesture ${number + 1}`;
      // Not by the tab key alone, which only passes.
      const choose = () => {
        this.chosen = number;
        radio.checked = true;
        this.figure.chose();
      };
      field.onclick = choose;
      field.oninput = () => {
        const name = field.value.replace(/\p{Cc}/gu, " ").trim();
        const taken = this.namesBut(gesture).includes(name);
        field.ariaInvalid = String(taken || !name);
        if (taken)
          this.figure.say(`Another gesture is called ${name}: give this one its own name.`);
        else if (!name) this.figure.say("A gesture needs a name.");
        else gesture.name = name;
        this.figure.changed();
        choose();
      };
      // With the name that it has, once the tab key or a click that ends the typing is through.
      field.onchange = () => {
        field.value = gesture.name;
        const { rows } = this;
        const show = () => setTimeout(() => this.show());
        if (rows.querySelector(":active")) rows.addEventListener("click", show, { once: true });
        else show();
      };
    }

    // Pictures of strokes, as one stop of the tab key; arrow keys go on to the next.
    fill(holder, gesture) {
      const pictures = gesture.strokes.map((stroke, nth) => this.picture(gesture, stroke, nth));
      holder.append(...pictures);
      holder.onkeydown = ({ key }) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
        if (step) pictures[pictures.indexOf(document.activeElement) + step]?.focus();
      };
    }

    // A button with the picture of a stroke, which offers what can be done with it.
    picture(gesture, stroke, nth) {
      stroke.canvas = element("canvas");
      const picture = button("", () => {
        this.picked = this.picked === stroke ? null : stroke;
        this.show();
      });
      titled(picture, `stroke ${nth + 1} of ${gesture.name}`);
      picture.append(stroke.canvas);
      picture.tabIndex = nth ? -1 : 0;
      picture.ariaExpanded = String(this.picked === stroke);
      picture.classList.toggle("is-dropped", Boolean(stroke.dropped));
      return picture;
    }

    // What can be done with the stroke that is picked.
    actions(gesture) {
      const stroke = this.picked;
      const others = this.all.filter((other) => other !== gesture);
      const { content, turn, to } = fromHTML(ACTIONS);
      turn.textContent = stroke.dropped ? "take back" : "throw away";
      turn.onclick = () => this.turnOver(gesture, stroke);
      to.append(...others.map(({ name }) => new Option(name)));
      to.onchange = () => this.move(stroke, gesture, others[to.selectedIndex - 1]);
      return content;
    }

    turnOver(gesture, stroke) {
      stroke.dropped = !stroke.dropped;
      this.unpick();
      this.tell(gesture);
    }

    move(stroke, from, to) {
      const { strokes } = from;
      from.strokes = strokes.filter((one) => one !== stroke);
      const moves = this.put(to, [stroke]);
      if (!moves) from.strokes = strokes;
      this.unpick();
      if (moves) this.tell(to);
    }

    unpick() {
      this.picked = null;
      this.show();
    }

    // How many strokes of a gesture are there.
    tell(gesture) {
      const { length } = teach.used(gesture);
      const enough = length < 3 ? "Show it a few times." : "Show the next gesture, or train.";
      const next = gesture.nothing ? "That isn’t a gesture." : enough;
      this.figure.say(`${gesture.name}: ${counted(length, "stroke")}. ${next}`);
    }

    drawPictures() {
      for (const gesture of this.all) {
        const ink = this.inkOf(gesture);
        for (const { canvas, events } of gesture.strokes) teach.drawPicture(canvas, events, ink);
      }
    }
  };
})(interactiveFigures);
