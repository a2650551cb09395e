// An answer, traced: a reader points at a spike, a neuron or a voltage, and sees which events led to
// it, through which weights, and what it added to which voltage. Meanwhile time stands still.
(({ clamp, colour, counted, fromHTML, number, card, shared, SIDE }) => {
  const INVITATION = "Trace an answer: point at a spike, a neuron or a voltage.";
  const PARTS = `<div class="card-trace">
      <svg class="card-balance" aria-hidden="true" data-part="balance"></svg>
      <svg class="card-added" aria-hidden="true" data-part="gains"></svg>
      <p data-part="words"></p>
    </div>
    <svg class="card-threads" aria-hidden="true" data-part="threads"></svg>`;
  const SLIDER = {
    tabIndex: 0,
    role: "slider",
    ariaLabel: "A spike to trace",
    ariaDescription: "Left and right: its time. Up and down: its neuron. Escape: none.",
    ariaValueMin: 0,
    ariaValueMax: 0,
    ariaValueNow: 0,
    ariaValueText: "none",
  };
  const THREADS = 16; // events whose way is drawn

  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const largest = (values) => values.indexOf(Math.max(...values));
  const signed = (value) => (value > 0 ? "+" : "") + number(value, 2);

  function nearest(places, [x, y]) {
    const distances = places.map((place) => Math.hypot(place.x - x, place.y - y));
    return places[distances.indexOf(Math.min(...distances))];
  }

  card.Tracing = class {
    pointed = null; // { show, neuron, now }
    kept = false; // once the pointer has left

    // table: { network, order, suits, show }, where show.steps are what there is to trace; start()
    // is called when nothing is traced any more. figure.change(): something else is.
    constructor({ drawing, canvases, table }) {
      const { content, ...parts } = fromHTML(PARTS);
      Object.assign(this, { drawing, canvases, table, ...parts });
      drawing.append(content);
      for (const name of ["raster", "neurons", "voltages"]) this.follow(name);
      this.addKeys();
    }

    // ---- Hands and keys ----

    follow(name) {
      const canvas = this.canvases[name];
      const point = (event) => {
        if (this.table.show?.steps.length) this.point(this[name](shared.placeIn(canvas, event)));
      };
      canvas.onpointermove = (event) => {
        if (!this.kept || event.buttons) point(event);
      };
      canvas.onpointerdown = (event) => {
        this.kept = true;
        point(event);
      };
      canvas.onpointerleave = () => {
        if (!this.kept) this.release();
      };
    }

    // The spike that is nearest to a place.
    raster(place) {
      const { first, at, y } = this.axes.raster;
      const spikes = this.table.show.steps.flatMap((step, now) =>
        step.spikes.map((neuron) => ({ neuron, now, x: at(now + 0.5), y: y(neuron) })),
      );
      return nearest(
        spikes.filter(({ now }) => now >= first),
        place,
      );
    }

    // The neuron that is nearest, at its last spike.
    neurons(place) {
      const { steps } = this.table.show;
      const middles = this.axes.neurons.map(([x, y], neuron) => ({ neuron, x, y }));
      const { neuron } = nearest(middles, place);
      const last = steps.findLastIndex(({ spikes }) => spikes.includes(neuron));
      return { neuron, now: last < 0 ? steps.length - 1 : last };
    }

    // The moment, and the neuron that has added most to what is then the highest voltage.
    voltages([x]) {
      const { show, network } = this.table;
      const { first, at } = this.axes.voltages;
      const later = Math.floor((x - at(first)) / (at(first + 1) - at(first)));
      const now = clamp(first + later, first, show.steps.length - 1);
      const leader = largest(show.steps[now].voltages);
      const neurons = [...network.z.keys()];
      const added = (neuron) => card.whatItAdded(network, show.steps, neuron, now)[leader];
      return { neuron: largest(neurons.map(added)), now };
    }

    // With keys, the raster is a slider that goes in two directions.
    addKeys() {
      const raster = Object.assign(this.canvases.raster, SLIDER);
      raster.onkeydown = (event) => {
        const way = shared.ARROWS[event.key];
        if (event.key === "Escape") this.release();
        if (!way || !this.table.show?.steps.length) return;
        event.preventDefault();
        this.kept = true;
        this.point(this.isTraced() ? this.beside(way) : this.voltages([Infinity]));
      };
    }

    beside([later, below]) {
      const { order, show } = this.table;
      const { neuron, now } = this.pointed;
      const row = order.findIndex((one) => one.neuron === neuron) + below;
      return {
        neuron: order[clamp(row, 0, order.length - 1)].neuron,
        now: clamp(now + later, 0, show.steps.length - 1),
      };
    }

    point(place) {
      if (!place) return; // there is no spike yet
      this.pointed = { show: this.table.show, ...place };
      this.table.figure.change();
    }

    release() {
      this.pointed = null;
      this.kept = false;
      this.table.start();
    }

    // Not once another card is there.
    isTraced() {
      return this.pointed !== null && this.pointed.show === this.table.show;
    }

    // ---- What is seen ----

    // What is known of the spike that a reader points at, or null.
    look() {
      const traced = this.isTraced();
      this.drawing.classList.toggle("is-traced", traced);
      if (!traced) return null;
      const { network } = this.table;
      const { show, neuron, now } = this.pointed;
      const { steps } = show;
      const { events, others } = card.whatReached(network, steps, neuron, now);
      const parts = [...events.values()];
      const up = total(parts.filter((part) => part > 0));
      const down = total(parts.filter((part) => part < 0));
      const spikes = steps.slice(0, now + 1).filter((step) => step.spikes.includes(neuron)).length;
      const added = steps
        .slice(0, now + 1)
        .map((_, step) => card.whatItAdded(network, steps, neuron, step));
      const { output } = this.table.order.find((one) => one.neuron === neuron);
      const voltage = up + down + others;
      const spike = steps[now].spikes.includes(neuron);
      return {
        ...{ step: steps[now], steps, neuron, now, output, events, up, down, others, voltage },
        ...{ spike, spikes, added },
      };
    }

    // axes: where things are, as those that draw the panels return it.
    draw(traced, axes) {
      this.axes = axes;
      const { threads, balance, gains, words, canvases, table } = this;
      const isShown = canvases.window.clientWidth > 0; // nothing has a place while it is folded
      threads.innerHTML = traced && isShown ? this.ways(traced) : "";
      balance.innerHTML = traced ? this.weighed(traced) : "";
      gains.innerHTML = traced ? this.gained(traced) : "";
      words.innerHTML = traced ? this.sentence(traced) : table.show ? INVITATION : "";
      Object.assign(canvases.raster, {
        ariaValueMax: table.show?.steps.length ?? 0,
        ariaValueNow: traced ? traced.now + 1 : 0,
        ariaValueText: traced ? words.textContent : "none",
      });
    }

    sentence({ now, output, up, down, others, spike, spikes, added }) {
      const gains = added[now];
      const { suits } = this.table;
      const glyph = (place) => card.GLYPHS[suits[place]] ?? "no suit";
      const most = largest(gains);
      const least = largest(gains.map((gain) => -gain));
      const effect = `${counted(spikes, "spike")} so far: ${signed(gains[most])} to ${glyph(most)},
        ${signed(gains[least])} to ${glyph(least)}.`;
      return `${now + 1} ms, a neuron for ${glyph(output)}:
        <b class="card-up">positive weights</b> add ${number(up, 2)} to its voltage,
        <b class="card-down">negative</b> ones take ${number(-down, 2)}, and other neurons bring
        ${signed(others)}. It ${spike ? "spikes" : "stays silent"}. ${spikes ? effect : ""}`;
    }

    // Its voltage as a sum: up, down, and what other neurons bring, line by line.
    weighed({ up, down, voltage, spike }) {
      const { clientWidth: width } = this.balance;
      const { v_th } = this.table.network.constants;
      const lowest = Math.min(0, voltage, up + down);
      const highest = Math.max(up, voltage, v_th);
      const x = (value) => 6 + ((value - lowest) / (highest - lowest)) * (width - 50);
      const level = x(v_th);
      const ink = colour("text");
      return `${label(0, "its voltage")}
        ${bar(x(0), x(up), 0)}${bar(x(up), x(up + down), 1)}${bar(x(up + down), x(voltage), 2)}
        <path d="M${level} 15V51" stroke="${ink}" stroke-dasharray="3 2"/>
        ${label(level, "threshold", 61)}
        <circle cx="${x(voltage)}" cy="44" r="4.5" stroke="${ink}" stroke-width="1.5"
          fill="${spike ? ink : colour("background")}"/>
        <text x="${x(Math.max(voltage, up + down)) + 9}" y="48" fill="${ink}">${number(voltage, 2)}</text>`;
    }

    // What its spikes have added to each voltage.
    gained({ now, added }) {
      const most = Math.max(...added[now].map(Math.abs)) || 1;
      const half = (this.gains.clientWidth - 24) / 2;
      const { suits } = this.table;
      const lines = added[now].map((gain, line) => {
        const ink = colour(suits[line]);
        const y = 27 + 11 * line;
        return `<text x="0" y="${y}" fill="${ink}">${card.GLYPHS[suits[line]]}</text>
          ${bar(24 + half, 24 + half + (gain / most) * half, line, ink)}`;
      });
      const zero = `<path d="M${24 + half} 15V62" stroke="${colour("grey")}"/>`;
      return `${label(0, "added to")}${lines.join("")}${zero}`;
    }

    // The way from events to the neuron, to its spike, and to the voltages.
    ways({ steps, neuron, now, output, events, added }) {
      const { canvases, axes } = this;
      const { suits } = this.table;
      const on = (name, [x, y]) => [canvases[name].offsetLeft + x, canvases[name].offsetTop + y];
      const side = canvases.window.clientWidth / SIDE;
      const strongest = [...events]
        .sort(([, one], [, other]) => Math.abs(other) - Math.abs(one))
        .slice(0, THREADS);
      const ink = colour(suits[output] ?? "grey");
      const disc = on("neurons", axes.neurons[neuron]);
      const cell = on("raster", [axes.raster.at(now + 0.5), axes.raster.y(neuron)]);
      const { at, y, first } = axes.voltages;
      const value = (place) => on("voltages", [at(now + 1), y(steps[now].voltages[place])]);
      const threads = strongest.map(([input, part]) => {
        const pixel = input % SIDE ** 2;
        const from = [(pixel % SIDE) + 0.5, Math.floor(pixel / SIDE) + 0.5].map(
          (one) => one * side,
        );
        const share = Math.abs(part / strongest[0][1]);
        return way(
          on("window", from),
          disc,
          colour(part > 0 ? "accent" : "grey"),
          0.5 + 1.5 * share,
        );
      });
      const most = largest(added[now].map(Math.abs));
      const [, top] = on("voltages", [0, 0]);
      const marks = suits.map((suit, place) => {
        const [right, height] = value(place);
        const after = steps
          .slice(first, now + 1)
          .map(({ voltages }, nth) =>
            on("voltages", [at(first + nth + 1), y(voltages[place])]).join(),
          );
        const without = steps
          .slice(first, now + 1)
          .map(({ voltages }, nth) =>
            on("voltages", [
              at(first + nth + 1),
              y(voltages[place] - added[first + nth][place]),
            ]).join(),
          );
        return `<polygon points="${[...after, ...without.reverse()].join(" ")}"
            fill="${colour(suit)}" fill-opacity="0.4"/>
          <circle cx="${right}" cy="${height}" r="3" fill="${colour(suit)}"/>`;
      });
      return `${threads.join("")}${way(disc, cell, ink, 2)}${way(cell, value(most), ink, 2)}
        <path d="M${value(0)[0]} ${top}V${top + canvases.voltages.clientHeight - 16}"
          stroke="${colour("grey")}"/>
        ${marks.join("")}
        <circle cx="${disc[0]}" cy="${disc[1]}" r="9" stroke="${colour("text")}" stroke-width="2"/>
        <rect x="${cell[0] - 5}" y="${cell[1] - 4}" width="10" height="8" rx="2"
          stroke="${colour("text")}" stroke-width="2"/>`;
    }
  };

  const label = (x, text, y = 10) =>
    `<text x="${x}" y="${y}" fill="${colour("grey")}">${text}</text>`;

  // A bar in one of the lines below a label, hollow where it goes to the left.
  function bar(from, to, line, ink = colour(to > from ? "accent" : "grey")) {
    const hollow = to > from ? "" : `fill-opacity="0.15" stroke="${ink}"`;
    return `<rect x="${Math.min(from, to)}" y="${18 + 11 * line}" height="8"
      width="${Math.max(Math.abs(to - from), 1)}" fill="${ink}" ${hollow}/>`;
  }

  // A line that leaves one place and reaches another in the direction that they are further apart.
  function way([x, y], [toX, toY], ink, width) {
    const level = Math.abs(toX - x) > Math.abs(toY - y);
    const bend = level
      ? `${(x + toX) / 2} ${y} ${(x + toX) / 2} ${toY}`
      : `${x} ${(y + toY) / 2} ${toX} ${(y + toY) / 2}`;
    return `<path d="M${x} ${y}C${bend} ${toX} ${toY}" stroke="${ink}" stroke-width="${width}"/>`;
  }
})(interactiveFigures);
