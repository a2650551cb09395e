// Teach it yours: strokes or a webcam's gestures become events, a network learns them in this page,
// and answers while you move. The folder teach holds the parts, of which teach/figure.js puts the
// others together.
(({ kinds, loadParts, teach }) => {
  const PARTS =
    "teach/data motion/data ../vendor/fflate ../vendor/idb-keyval shared/camera shared/snn " +
    "shared/drawing motion/scene motion/stroke motion/drawing motion/pad teach/network " +
    "teach/strokes teach/training teach/lesson teach/pad teach/webcam teach/files teach/keep " +
    "teach/drawing teach/gestures teach/trials teach/watching teach/ghost teach/challenge teach/recorder teach/controls " +
    "teach/figure";

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
    await loadParts(PARTS);
    if (!interactiveFigures.motionData) throw new Error("motion/data.js is damaged");
    const figure = new teach.Figure(drawing, controls);
    addEventListener("hashchange", () => {
      if (!location.hash || location.hash.startsWith(teach.LINK)) location.reload();
    });
    await figure.begin(await teach.opening(linkOf(location)));
    return { figure };
  };
})(interactiveFigures);
