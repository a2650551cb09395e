"""Teach it yours without a page: its scripts in Node.js, a store, and a figure nobody sees."""

import in_node
from in_node import ROOT, read_scripts

# A store that is a Map, and no other tab.
STORE = """
globalThis.BroadcastChannel = undefined;
globalThis.stored = new Map();
const read = async (place) => structuredClone(stored.get(place));
globalThis.idbKeyval = {
  createStore: () => stored,
  get: read,
  set: async (place, content) => { stored.set(place, structuredClone(content)); },
  update: async (place, change) => { stored.set(place, change(await read(place))); },
  del: async (place) => { stored.delete(place); },
  entries: async () => [...stored],
};
"""
SCRIPTS = [
    STORE,
    *read_scripts(
        *("interactive_figures", "vendor/fflate", "interactive/shared/camera"),
        *("interactive/shared/snn", "interactive/shared/drawing", "interactive/motion/data"),
        "interactive/teach/data",
        *("interactive/motion/scene", "interactive/teach/network", "interactive/teach/strokes"),
        *("interactive/teach/training", "interactive/teach/lesson", "interactive/teach/webcam"),
        *("interactive/teach/files", "interactive/teach/keep", "interactive/teach/gestures"),
        *("interactive/teach/challenge", "interactive/motion/stroke", "interactive/teach/trials"),
        *("interactive/teach/watching", "interactive/teach/ghost"),
    ),
    (ROOT / "benchmarks/teach_hands.js").read_text(encoding="utf-8"),
]
TOOLS = """
const { teach, shared, motionData, mulberry32 } = window.interactiveFigures;
const hand = mulberry32(3);
const draw = (name) =>
  teach.toKeep({ path: hands.draw(hands.sets["six strokes in pairs"][name], hand) });
const drawn = (name, count) => Array.from({ length: count }, () => draw(name));
const settings = { seed: 7, without: ["delays"] };
const gestures = () => ["tick", "zed"].map((name) => ({ name, strokes: drawn(name, 3) }));
const packed = teach.packed(gestures(), settings);
const { seen } = teach;
const compared = (record, target) => teach.toCompare({ ...seen(record), target });
const weightsOf = (outputs) =>
  Object.values(teach.networks(outputs, 0)).map(({ weights }) => weights.all);
const sure = (output) => ({ output, shares: [0, 1].map((at) => Number(at === output)) });
const refuses = (act) => { try { act(); return false; } catch { return true; } };
"""

# Elements that hold what they are given, and show nothing.
PAGE = """
globalThis.Unseen = class {
  style = { setProperty() {} };
  classList = { toggle() {} };
  dataset = {};
  width = 1;
  get content() { return Object.assign(new Unseen(), { html: this.innerHTML }); }
  get parentElement() { return new Unseen(); }
  querySelectorAll(what) {
    if (what !== "[data-part]") return [];
    const parts = [...this.html.matchAll(/data-part="(\\w+)"/g)];
    return parts.map(([, part]) => Object.assign(new Unseen(), { dataset: { part } }));
  }
  getContext() {
    return new Proxy({}, { get: () => () => ({ width: 0 }), set: () => true });
  }
};
for (const name of "after append click focus querySelector replaceChildren select".split(" "))
  Unseen.prototype[name] = () => {};
class Watcher { observe() {} }
Object.assign(document, {
  createElement: () => new Unseen(), body: new Unseen(), documentElement: new Unseen(),
  activeElement: new Unseen(), querySelector: () => null,
});
Object.assign(globalThis, {
  IntersectionObserver: Watcher, MutationObserver: Watcher, ResizeObserver: Watcher,
  devicePixelRatio: 1, Option: Unseen, addEventListener() {}, location: new URL("http://localhost/teach.html"),
  matchMedia: () => ({ matches: true }), // less motion: what the page draws is there at once
  getComputedStyle: () => ({ getPropertyValue: () => "" }),
  requestAnimationFrame: (act) => setTimeout(act),
});
"""
FIGURE = [
    SCRIPTS[0],
    PAGE,
    *SCRIPTS[1:],
    *read_scripts(
        *("interactive/motion/drawing", "interactive/motion/pad", "interactive/teach/pad"),
        *("interactive/teach/drawing", "interactive/teach/recorder", "interactive/teach/controls"),
        "interactive/teach/figure",
    ),
]
# Tabs with the page, whose network learns a little, and not beside it; what it asks, and saves.
TAB = """
const whole = { ...teach.TRAINING };
Object.assign(teach.TRAINING, { copies: 4, steps: 32 });
const inWorker = teach.trainInWorker;
let ends = true; // whether the page hears that it has learnt
teach.trainInWorker = (request, told) => {
  const news = teach.train(request);
  const going = setInterval(() => {
    const { value, done } = news.next();
    if (!done) return told.progress(value);
    clearInterval(going);
    if (ends) told.done();
  });
  return () => clearInterval(going);
};
const asked = [];
let agrees = true;
globalThis.confirm = (text) => { asked.push(text); return agrees; };
const saved = {};
teach.save = (blob, name) => { saved[name] = blob; };
const base64 = async (blob) => Buffer.from(await blob.arrayBuffer()).toString("base64");
const tab = async (hash = "") => {
  const figure = new teach.Figure(new Unseen(), new Unseen());
  await figure.begin(await teach.opening(hash));
  return figure;
};
const until = async (holds) => {
  while (!holds()) await new Promise((goOn) => setTimeout(goOn, 1));
};
const allKept = (figure) => until(() =>
  figure.phase === "ready" && !figure.keeping && figure.edits === figure.kept);
const aloud = ({ controls }) => controls.said.textContent;
const counts = ({ gestures }) => gestures.all.map(({ strokes }) => strokes.length);
const kept = ({ gestures }) => gestures.all.map(({ name, strokes }) =>
  [name, ...strokes.map(({ code, dropped }) => `${code} ${Boolean(dropped)}`)]);
const stroke = (figure, places) => {
  figure.trials.begin(places[0]);
  for (const place of places.slice(1)) figure.trials.advance(place);
  figure.trials.end();
  figure.trials.complete();
};
const line = Array.from({ length: 61 }, (_, step) => [step / 4, step / 9]);
const zigzag = [[0, -10], [9, -4], [-9, 0], [9, 4], [0, 10], [-9, 4]];
const zed = [[-9, -9], [9, -9], [-9, 9], [9, 9]];
// Draw one for a gesture, or for none.
const add = (figure, gesture) => { figure.gestures.choose(gesture); stroke(figure, line); };
"""


def run(body, **values):
    """Return what a JavaScript function body returns, with values by name."""
    inside = f"return (async () => {{ {body} }})();"  # where it may use names of the tools anew
    return in_node.run(SCRIPTS, TOOLS + inside, **values)


def run_figure(body, **values):
    """Return what a function body returns that opens the page in tabs, which nobody sees."""
    inside = f"return (async () => {{ {body} }})();"
    return in_node.run(FIGURE, TOOLS + TAB + inside, **values)
