// What a network has answered to a recording, both of which the page carries.
(({ oncePerImage, card, shared, SIDE }) => {
  const ABOUT = "A recording, and the neurons, spikes and voltages of the network that answers it";
  const PANELS = {
    window: card.WINDOW,
    raster: "spikes of the hidden neurons",
    neurons: "hidden neurons",
    voltages: "four voltages",
  };
  const PIXELS = SIDE ** 2;

  // The page carries the weights of those inputs alone that something came through.
  card.networkOf = ({ inputs, layers, constants }) => {
    const network = new card.Network({ layers, constants });
    const { hidden, input } = network;
    const rows = new Float64Array(2 * PIXELS * hidden);
    inputs.forEach((place, row) => {
      rows.set(input.rows.subarray(row * hidden, (row + 1) * hidden), place * hidden);
    });
    input.rows = rows;
    return network;
  };

  card.Answer = class {
    redraw = oncePerImage(() => this.draw());
    glow = new shared.Glow();

    // content: { suits, inputs, layers, constants, counts }, the last one as pairs of an input and
    // its events, step by step.
    constructor(content, drawing) {
      const { suits, counts } = content;
      const network = card.networkOf(content);
      const order = shared.sortByVote(network.votes());
      const show = (this.show = new shared.Steps(network));
      for (const each of counts) {
        show.counts = new Map(each);
        show.step();
        show.steps.at(-1).counts = each;
        for (const [input, count] of each)
          this.glow.sum[Math.floor(input / PIXELS)][input % PIXELS] += count;
      }
      this.change = this.redraw;
      this.table = { network, order, suits, show, figure: this, start: this.redraw };
      this.canvases = shared.panels(drawing, ABOUT, PANELS, "card");
      this.tracing = new card.Tracing({ drawing, canvases: this.canvases, table: this.table });
      shared.keepDrawn(drawing, this.redraw);
      this.draw();
      const middle = this.canvases.voltages.clientWidth / 2;
      this.tracing.point(this.tracing.voltages([middle])); // so that one is seen at once
    }

    draw() {
      const { canvases, show, tracing, glow } = this;
      const { network, order, suits } = this.table;
      const { steps } = show;
      const highest = suits.map((_, output) => Math.max(...steps.map((step) => step.voltages[output])));
      const leader = suits[shared.leading(highest)];
      const traced = tracing.look();
      if (traced) card.drawReached(canvases.window, traced.events);
      else shared.drawWindow(canvases.window, glow, 1);
      const seen = traced ? [traced.step] : steps;
      const lit = new Float32Array(network.hidden);
      for (const { spikes } of seen) for (const neuron of spikes) lit[neuron] += 1 / seen.length;
      tracing.draw(traced, {
        neurons: card.drawNeurons(canvases.neurons, order, suits, lit),
        raster: shared.drawRaster(canvases.raster, order, suits, steps, steps.length),
        voltages: card.drawVoltages(canvases.voltages, suits, steps, leader, steps.length),
      });
    }
  };
})(interactiveFigures);
