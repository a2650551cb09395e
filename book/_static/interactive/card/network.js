// The book's network: class SNN of pokersnn_helpers/snn.py, on the events of a card.
(() => {
  const { shared, card } = window.interactiveFigures;

  card.Network = class extends shared.SpikingLayers {
    constructor({ layers: { input, recurrent, readout }, constants }) {
      super(shared.unpack(recurrent), shared.unpack(readout), constants);
      this.input = shared.unpack(input);
    }

    // counts: events by input, polarity × 35 × 35 + y × 35 + x, as a Map.
    step(counts) {
      return super.step(shared.multiply(this.input, counts));
    }
  };
})();
