// Teach it yours: strokes or a webcam's gestures become events, a network learns them in this page,
// and answers while you move. The folder teach holds the parts, of which teach/figure.js puts the
// others together.
(({ kinds, load, loadParts, teach }) => {
  const SHARED = ["shared/camera", "shared/snn", "shared/drawing", "motion/data", "motion/scene"];
  const MOTION = ["motion/stroke", "motion/drawing", "motion/pad"];
  const LEARNING = ["teach/network", "teach/strokes", "teach/training", "teach/lesson"];
  const PARTS =
    "data pad webcam files keep drawing gestures trials challenge recorder controls figure";

  // The link that this tab was opened by, which an address of a section doesn't show any more.
  function linkOf({ hash }) {
    try {
      if (!hash || hash.startsWith(teach.LINK)) sessionStorage.setItem("teach", hash);
      return sessionStorage.getItem("teach") ?? "";
    } catch {
      return hash;
    }
  }

  kinds.teach = async (content, controls, drawing) => {
    await loadParts(...SHARED, ...MOTION);
    if (!window.interactiveFigures.motionData) return null;
    await Promise.all([load("vendor/fflate.js"), load("vendor/idb-keyval.js")]);
    await loadParts(...LEARNING, ...PARTS.split(" ").map((name) => `teach/${name}`));
    const beginning = await teach.opening(linkOf(location));
    window.addEventListener("hashchange", () => {
      if (!location.hash || location.hash.startsWith(teach.LINK)) location.reload();
    });
    const figure = new teach.Figure(controls, drawing, beginning);
    await figure.begin(beginning);
    return { figure };
  };
})(window.interactiveFigures);
