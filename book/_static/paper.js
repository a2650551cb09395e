// Paper is white and can't be clicked: print in the light theme, with all that is folded open.
(() => {
  const page = document.documentElement;
  let onScreen = null;
  let folded = [];

  function show(printed) {
    if (printed === (onScreen !== null)) return;
    if (printed) onScreen = page.dataset.theme;
    page.dataset.theme = printed ? "light" : onScreen;
    if (printed) for (const image of document.images) image.loading = "eager";
    if (printed) folded = [...document.querySelectorAll(".bd-article details:not([open])")];
    for (const details of folded) details.open = printed;
    if (!printed) onScreen = null;
  }

  matchMedia("print").addEventListener("change", (print) => show(print.matches));
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show(false));
})();
