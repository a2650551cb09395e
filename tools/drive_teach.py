"""Click and draw on *Teach it yours* at random moments, and count what it loses.

Usage: python -m tools.drive_teach --steps 10000 --seed 1

Rounds of 200 steps, in one tab and in two, with a store that answers after 0 to 5 s, while the page
opens, trains and follows the other tab. Strokes must be kept, or set aside, or wait for a name, but
for those that a visitor has agreed to throw away.
"""

import argparse
import random
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from benchmarks.teach import PAGE, STATIC

STEPS = 200  # of a round
PATIENCE = 60_000  # ms until everything must have been kept
QUICKER = {r"copies: \d+": "copies: 2", r"steps: \d+": "steps: 16"}  # so that trainings end, too
BEFORE = """  // a store that is late, and a visitor who seldom agrees to throw something away
let store;
let state = SEED;
const chance = () => (state = (48271 * state) % 2147483647) / 2147483647;
const late = (act) => (...all) => new Promise((go) => setTimeout(go, SLOW * chance()))
  .then(() => act(...all));
Object.defineProperty(window, "idbKeyval", {
  get: () => store && new Proxy(store, { get: (real, name) =>
    ["get", "update"].includes(name) ? late(real[name]) : real[name] }),
  set: (real) => { store = real; },
});
window.thrown = [];
window.figureNow = () => document.querySelector(".interactive-drawing")?.figure;
window.codesOf = (gestures) => gestures.flatMap(({ strokes }) => strokes.map(({ code }) => code));
window.confirm = (text) => {
  const yes = chance() < (text.startsWith("Another tab") ? 0.5 : 0.05);
  const [, name] = /^Delete (.*) and its/.exec(text) ?? [];
  const { all } = figureNow()?.gestures ?? { all: [] };
  const gone = text.startsWith("This throws") ? all : all.filter((one) => one.name === name);
  if (yes) window.thrown.push(...codesOf(gone));
  return yes;
};
"""
STEP = """([kind, seed]) => {  // what a hand does, where an element lets it
  const { mulberry32 } = window.interactiveFigures;
  const random = mulberry32(seed);
  const any = (list) => list[Math.floor(random() * list.length)];
  const free = (one) => !one.closest("[inert]") && !one.disabled && one.checkVisibility();
  const inside = (what) => [...document.querySelectorAll(`.interactive-figure ${what}`)]
    .filter(free);
  const figure = figureNow();
  if (kind === "stroke") {
    const [grip] = inside(".motion-grip");
    if (!grip || !figure) return null;
    const { trials, pad } = figure;
    pad.complete();
    const before = codesOf(figure.gestures.all).length + trials.waiting.length;
    const [x, y] = [9 * random() - 15, 9 * random() - 15];
    trials.begin([x, y]);
    for (let step = 1; step < 24; step++)
      trials.advance([x + step * (0.3 + 0.6 * random()), y + 9 * Math.sin(step / 3 + x)]);
    trials.end();
    trials.complete();
    const now = [...figure.gestures.all.flatMap(({ strokes }) => strokes), ...trials.waiting];
    return now.length > before ? trials.last.code : null;
  }
  if (kind === "name") {
    const field = any(inside(".teach-gesture [type=text]:not([readonly])"));
    if (!field) return null;
    field.onclick();
    field.value = `name ${Math.floor(100 * random())}`;
    field.oninput();
    field.onchange();
    return null;
  }
  const leaves = /download|open strokes|webcam|copy/;
  const controls = inside("button, input[type=radio], input[type=checkbox], summary")
    .filter((one) => !leaves.test(one.textContent) && one.className !== "motion-grip");
  any(controls)?.click();
  return null;
}"""
QUIET = """() => { const figure = figureNow();
  return figure && figure.phase === "ready" && !figure.keeping && figure.edits === figure.kept
    && !figure.lesson.goesOn; }"""
LEFT = """async () => {  // every stroke that is kept, set aside, shown or waits
  const { teach } = window.interactiveFigures;
  const { gestures, trials } = figureNow();
  const kept = (await teach.kept(""))?.packed.gestures ?? [];
  const aside = (await teach.allAside()).flatMap(([, content]) => content.packed.gestures);
  const codes = codesOf([...kept, ...aside]);
  return { stored: codes, waiting: trials.waiting.map((stroke) => stroke.code),
    shown: codesOf(gestures.all) };
}"""


def send(route):
    """Serve the figure, whose trainings are short."""
    path = urlsplit(route.request.url).path[1:]
    if not path:
        route.fulfill(body=PAGE, content_type="text/html; charset=utf-8")
    elif path.endswith("teach/training.js"):
        text = (STATIC / path).read_text(encoding="utf-8")
        for long, short in QUICKER.items():
            text = re.sub(long, short, text, count=1)
        route.fulfill(body=text, content_type="text/javascript")
    else:
        route.fulfill(path=Path(STATIC / path))


def drive(context, chance, tabs):
    """Do a round of steps.

    Returns:
        Strokes that were drawn and never thrown away, and those of them that are nowhere.
    """
    before = BEFORE.replace("SLOW", str(chance.choice([0, 300, 2000, 5000])))
    context.add_init_script(before.replace("SEED", str(chance.randrange(1, 2**31 - 1))))
    context.route("http://localhost/**", send)
    pages = [context.new_page() for _ in range(tabs)]
    for page in pages:
        page.goto("http://localhost/")
    drawn = set()
    for _ in range(STEPS):
        page = chance.choice(pages)
        kind = chance.choices(["click", "stroke", "name", "reload"], [60, 35, 4, 1])[0]
        if kind == "reload":
            reload(page, drawn)
        elif page.evaluate("Boolean(window.figureNow && window.interactiveFigures?.teach.toKeep)"):
            code = page.evaluate(STEP, [kind, chance.getrandbits(31)])
            drawn |= {code} - {None}
        forget(page, drawn)
        page.wait_for_timeout(chance.choice([0, 0, 10, 100]))
    for page in pages:
        page.wait_for_function(QUIET, timeout=PATIENCE)
        forget(page, drawn)
    left = [page.evaluate(LEFT) for page in pages]
    found = {code for each in left for code in each["stored"] + each["waiting"]}
    return drawn, drawn - found


def reload(page, drawn):
    """Load the page anew, unless the browser would ask first."""
    forget(page, drawn)
    asks = "() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    if not page.evaluate(asks):
        page.goto("http://localhost/")


def forget(page, drawn):
    """Leave out what somebody has agreed to throw away."""
    drawn -= {*page.evaluate("() => (window.thrown ?? []).splice(0)")}


def main():
    """Print how many strokes were drawn and lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    drawn = lost = 0
    with sync_playwright() as playwright:
        found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for number in range(-(-options.steps // STEPS)):
            seed = options.seed + number
            context = browser.new_context()
            kept, missing = drive(context, random.Random(seed), 1 + number % 2)
            context.close()
            drawn += len(kept)
            lost += len(missing)
            print(f"seed {seed}: {len(kept)} strokes, {len(missing)} lost", flush=True)
        browser.close()
    print(f"{options.steps} steps: {drawn} strokes must be kept, {lost} are lost")
    raise SystemExit(lost > 0)


if __name__ == "__main__":
    main()
