// The book's network: class SNN of pokersnn_helpers/snn.py, on the events of a card.
(() => {
  const { shared } = window.interactiveFigures;
  const card = (window.interactiveFigures.card ??= {});

  card.Network = class extends shared.SpikingLayers {
    constructor({ layers, constants }) {
      super(layers, constants);
      this.input = new shared.LayerOfEvents(layers.input);
    }

    // counts: events by input, polarity × 35 × 35 + y × 35 + x, as a Map.
    step(counts) {
      return super.step(this.input.sum(counts));
    }
  };
})();
