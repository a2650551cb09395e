"""Teach it yours without a page: its scripts and a store in Node.js, and strokes by script."""

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


def run(body, **values):
    """Return what a JavaScript function body returns, with values by name."""
    inside = f"return (async () => {{ {body} }})();"  # where it may use names of the tools anew
    return in_node.run(SCRIPTS, TOOLS + inside, **values)
