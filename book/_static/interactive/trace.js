// Trace an answer: a recording that a network has answered, at rest. card/tracing.js traces it, as it
// does for the landing page's card.
(({ kinds, loadParts, card }) => {
  kinds.trace = async (content, controls, drawing) => {
    await loadParts("shared/snn shared/drawing card/scene card/show");
    await loadParts("card/trace card/drawing card/tracing card/answer");
    return { figure: new card.Answer(content, drawing) };
  };
})(interactiveFigures);
