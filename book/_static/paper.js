// Paper is white and can't be clicked: print in the light theme, with all that is folded open, and
// say below the picture of an interactive figure where it moves.
(() => {
  const page = document.documentElement;
  let onScreen = null;
  let folded = [];
  let notes = [];

  function whereItMoves(figure) {
    const published = document.querySelector("link[rel=canonical]");
    if (!published) return [];
    const note = document.createElement("p");
    const link = document.createElement("a");
    // A query, since tools/release.py leads links to a page to where that page is printed.
    link.href = `${published.href}?moving#${figure.closest("section[id]").id}`;
    link.textContent = published.href;
    note.className = "paper-note";
    note.append("This figure moves at ", link);
    figure.append(note);
    return [note];
  }

  function show(printed) {
    if (printed === (onScreen !== null)) return;
    if (printed) onScreen = page.dataset.theme;
    page.dataset.theme = printed ? "light" : onScreen;
    if (printed) for (const image of document.images) image.loading = "eager";
    if (printed) folded = [...document.querySelectorAll(".bd-article details:not([open])")];
    for (const details of folded) details.open = printed;
    if (printed)
      notes = [...document.querySelectorAll(".interactive-figure")].flatMap(whereItMoves);
    else for (const note of notes) note.remove();
    if (!printed) onScreen = null;
  }

  matchMedia("print").addEventListener("change", (print) => show(print.matches));
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show(false));
})();
