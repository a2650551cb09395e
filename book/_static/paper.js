// Paper is white: print in the light theme, whichever theme the reader has on the screen.
(() => {
  const page = document.documentElement;
  let onScreen = null;

  function show(printed) {
    if (printed === (onScreen !== null)) return;
    if (printed) onScreen = page.dataset.theme;
    page.dataset.theme = printed ? "light" : onScreen;
    if (printed) for (const image of document.images) image.loading = "eager";
    if (!printed) onScreen = null;
  }

  matchMedia("print").addEventListener("change", (print) => show(print.matches));
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show(false));
})();
