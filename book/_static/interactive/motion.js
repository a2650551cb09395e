// Your finger is the scene: a disc follows the hand before a simulated camera, and a trained
// network says which way it moves, while a model that sees only the sum of the events can't. The
// folder motion holds the parts, of which motion/figure.js puts the others together.
(({ kinds, loadParts, motion }) => {
  kinds.motion = async (content, controls, drawing) => {
    await loadParts(
      "shared/camera shared/snn shared/drawing motion/data motion/scene motion/network motion/stroke",
    );
    if (!interactiveFigures.motionData) throw new Error("motion/data.js is damaged");
    await loadParts("motion/drawing motion/pad motion/figure");
    return { figure: new motion.Figure(controls, drawing) };
  };
})(interactiveFigures);
