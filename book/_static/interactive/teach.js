// Teach it yours: strokes or a webcam's gestures become events, a network learns them in this page,
// and answers while you move. The folder teach holds the parts, of which teach/figure.js puts the
// others together.
(({ kinds, load, loadParts, teach }) => {
  kinds.teach = async (content, controls, drawing) => {
    await loadParts(
      "shared/camera",
      "shared/snn",
      "shared/drawing",
      "motion/data",
      "motion/scene",
      "motion/stroke",
      "motion/drawing",
      "motion/pad",
    );
    if (!window.interactiveFigures.motionData) return null;
    await Promise.all([load("vendor/fflate.js"), load("vendor/idb-keyval.js")]);
    await loadParts(
      "teach/network",
      "teach/strokes",
      "teach/training",
      "teach/lesson",
      "teach/pad",
      "teach/webcam",
      "teach/files",
      "teach/keep",
    );
    await loadParts("teach/drawing", "teach/gestures", "teach/trials", "teach/figure");
    window.addEventListener("hashchange", () => {
      if (location.hash.startsWith(teach.LINK)) location.reload();
    });
    return { figure: new teach.Figure(controls, drawing, await teach.opening(location.hash)) };
  };
})(window.interactiveFigures);
