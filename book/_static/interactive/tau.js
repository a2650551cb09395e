// The neuron of chapter 3, whose input is a recording's events: times, in s.
(({ kinds, loadParts }) => {
  kinds.tau = async (content, controls, drawing) => {
    await loadParts("neuron");
    return kinds.neuron(content, controls, drawing);
  };
})(window.interactiveFigures);
