// Show it a card: a simulated pip moves before a simulated camera, and a trained network answers.
// The folder card holds the parts, of which card/figure.js puts the others together.
(({ kinds, loadParts, card }) => {
  kinds.card = async (content, controls, drawing) => {
    await loadParts("shared/camera shared/snn shared/drawing card/data card/scene card/show");
    if (!interactiveFigures.cardData) throw new Error("card/data.js is damaged");
    await loadParts("card/trace card/drawing card/table card/tracing card/figure");
    return { figure: new card.Figure(controls, drawing, content) };
  };
})(interactiveFigures);
