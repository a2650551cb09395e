"""Teach it yours in a browser: what the tests of its page do there, and read."""

import numpy as np
from book_site import page_with

from eventdesk.models.layered import LayerThenSNN
from pokersnn_helpers import load_checkpoint

KIND = "teach"
MOVES = 6  # of the mouse, from one corner to the next


EXAMPLES = ("tick", "tick, backwards", "zed", "zed, backwards", "circle", "circle, backwards")


def button(page, name):
    return page.locator("[data-kind=teach]").get_by_role("button", name=name, exact=True)


def unfold(page):
    """Show what is rarely used, too."""
    page.locator(".teach-more").evaluate("(folded) => { folded.open = true; }")


def press_now(page, name):
    if not button(page, name).is_visible():
        unfold(page)
    button(page, name).click()


def press(page, name):
    press_now(page, name)
    page.clock.run_for(50)


def act_on_stroke(page, act, stroke):
    press(page, stroke)
    press(page, act)


def said(page):
    return page.locator("[data-kind=teach] [aria-live].interactive-said").text_content()


def draw(page, places, lasts=400):
    """Press the mouse, draw a line through places of the pad in so many ms, and let go."""
    drag(page, places, lasts)
    page.mouse.up()
    page.clock.run_for(300)


def drag(page, places, lasts=400):
    """Do the same without letting go."""
    page.locator(".teach-pad").scroll_into_view_if_needed()
    box = page.locator(".teach-pad").bounding_box()
    share = np.linspace(0, len(places) - 1, MOVES * (len(places) - 1) + 1)
    path = [np.interp(share, range(len(places)), axis) for axis in np.transpose(places)]
    start, *line = (np.transpose(path) + 17.5) / 35 * box["width"] + [box["x"], box["y"]]
    page.mouse.move(*start)
    page.mouse.down()
    for place in line:
        page.clock.run_for(round(lasts / len(line)))
        page.mouse.move(*place)
    page.clock.run_for(round(lasts / len(line)))


def wobbly(rng, backwards=False):
    """Return a line across the pad, there or back, as a hand would draw it."""
    line = np.array([[-11, 0], [0, 3], [11, 0]]) + rng.normal(0, 1.2, (3, 2))
    return line[::-1] if backwards else line


def weights_of(page):
    """Return a hash of both networks' weights."""
    return page.evaluate(
        "() => teaching.lesson.trained.lesson.weights.map((some) =>"
        "  [...new Uint32Array(some.slice().buffer)]"
        "    .reduce((hash, word) => Math.imul(hash ^ word, 16777619), 7))"
    )


def strokes_of(page):
    """Return the names of the gestures, and what is kept of their strokes."""
    return page.evaluate(
        "() => teaching.gestures.all.map(({ name, strokes }) =>"
        "  [name, ...strokes.map(({ code, dropped }) => `${code} ${Boolean(dropped)}`)])"
    )


def wait_until_all_is_kept(page):
    all_kept = "!teaching.keeping && teaching.edits === teaching.kept"
    page.wait_for_function(f"teaching.phase === 'ready' && {all_kept}")


def hears(page, words):
    said = "document.querySelector('[data-kind=teach] .interactive-said').textContent"
    page.wait_for_function(f"{said}.includes('{words}')")


def address_of(page):
    return page.reader.address + page_with(KIND)


def show(page, address):
    page.goto("about:blank")
    page.goto(address)
    page.locator("[data-kind=teach]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-kind=teach].is-interactive")


def open_again(page):
    show(page, address_of(page))
    page.clock.run_for(50)


NO_END = """  // the page never hears that it has learnt, so that a test that stops it may be slow
window.Worker = class extends Worker {
  set onmessage(hear) { super.onmessage = (event) => event.data.done || hear(event); }
};
"""


def hears_no_end(page):
    page.evaluate(f"() => {{ {NO_END} }}")


def say_yes(page):
    """Agree to the next question of the page."""
    page.once("dialog", lambda dialog: dialog.accept())


def say_no(page):
    page.once("dialog", lambda dialog: dialog.dismiss())


def wait_until_it_learns(page):
    page.wait_for_function("teaching.lesson.training?.progress.length > 1")


def wait_for_weights(page):
    page.wait_for_function("teaching.lesson.training.progress.at(-1)?.weights", timeout=300_000)


def name_field(page, gesture):
    return page.get_by_role("textbox", name=f"Name of gesture {gesture}")


def downloaded_network(page):
    with page.expect_download() as download:
        press(page, "download network")
    return load_checkpoint(download.value.path(), "cpu", LayerThenSNN)


def teach_two_directions(page):
    """Show two gestures that differ in direction only, and train for a moment."""
    rng = np.random.default_rng(3)
    press(page, "teach it yours")
    for gesture in range(2):
        if gesture:
            page.get_by_role("radio", name="Show gesture 2").check()
        for _ in range(2):
            draw(page, wobbly(rng, backwards=gesture == 1))
    hears_no_end(page)
    press(page, "train")
    wait_for_weights(page)
    press(page, "stop")


CAMERA = """  // which sees a dark hand that goes right in 24 pictures, rests for 45, and comes back
window.streams = [];
navigator.mediaDevices.getUserMedia = async () => {
  await new Promise((done) => setTimeout(done, 100));
  const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
  const pen = canvas.getContext("2d");
  let picture = 0;
  setInterval(() => {
    for (let block = 0; block < 300; block++) {
      pen.fillStyle = `hsl(0 0% ${45 + (7 * block ** 2) % 20}%)`;
      pen.fillRect(8 * (block % 20), 8 * Math.floor(block / 20), 8, 8);
    }
    const at = picture++ % 138;
    const way = Math.min(Math.max(at - 45, 0), 24) - Math.max(at - 114, 0);
    pen.fillStyle = "black";
    pen.beginPath();
    pen.arc(45 + 3 * way, 60, 20, 0, 7);
    pen.fill();
  }, 33);
  streams.push(canvas.captureStream(30));
  return streams.at(-1);
};
"""


SLOW_STORE = """  // whose every answer takes so many ms
let store;
const late = (act) => (...all) => new Promise((go) => setTimeout(go, MS)).then(() => act(...all));
Object.defineProperty(window, "idbKeyval", {
  get: () => store && new Proxy(store, { get: (real, name) =>
    ["get", "update"].includes(name) ? late(real[name]) : real[name] }),
  set: (real) => { store = real; },
});
"""


def add_stroke(page, gesture):
    """Draw one for a gesture at once, to its end: what the page has left to do isn't waited for."""
    page.evaluate(
        "(gesture) => { teaching.pad.complete();"
        "  teaching.gestures.choose(gesture);"
        "  teaching.trials.begin([0, 0]);"
        "  for (let step = 1; step <= 60; step++) teaching.trials.advance([step / 4, step / 9]);"
        "  teaching.trials.end();"
        "  teaching.trials.complete(); }",
        gesture,
    )


def counts_of(page):
    return [len(strokes) for _, *strokes in strokes_of(page)]
