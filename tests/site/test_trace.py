"""An answer traced by mouse, finger and keys, on the landing page's card and in a chapter."""

import re

import pytest
from book_site import touch

DRAWING = "document.querySelector('[data-kind={}] .interactive-drawing')"
SAID = re.compile(
    r"(\d+) ms, a neuron for [♣♥♦♠]\ufe0e: positive weights add ([\d.]+) to its voltage, "
    r"negative ones take ([\d.−]+), and other neurons bring ([+−]?[\d.]+)\. "
    r"It (spikes|stays silent)\."
)


class Traced:
    """An answer that is complete, on its page."""

    def __init__(self, page, kind):
        self.page = page
        self.drawing = page.locator(f"[data-kind={kind}] .interactive-drawing")
        self.raster = self.drawing.locator(".card-raster")
        self.tracing = f"{DRAWING.format(kind)}.figure.tracing"
        page.wait_for_function(f"{self.tracing}.table.show?.steps.length > 20")
        page.wait_for_function(f"{self.tracing}.axes")

    def words(self):
        return " ".join(self.drawing.locator(".card-trace p").inner_text().split())

    def place(self, panel, x, y):
        """Return where a point of a panel is, by its shares of width and height."""
        self.raster.scroll_into_view_if_needed()
        box = self.drawing.locator(f".card-{panel}").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def pointed(self):
        return self.page.evaluate(
            f"() => {{ const {{ pointed }} = {self.tracing};"
            " return pointed && [pointed.neuron, pointed.now]; }"
        )

    def await_words(self, pattern):
        text = self.drawing.locator(".card-trace p")
        self.page.wait_for_function(
            "([text, pattern]) => new RegExp(pattern).test(text.textContent)",
            arg=[text.element_handle(), pattern],
        )
        return self.words()


@pytest.fixture(params=["card", "trace"])
def traced(request, visit):
    reader = visit(reduced_motion="reduce")  # a card is complete at once
    yield Traced(reader.show(request.param), request.param)
    assert not reader.problems


def parts(words):
    """Return the moment, and whether what is said of the neuron's voltage makes it spike."""
    found = SAID.match(words)
    assert found, words
    up, down, others = (float(found[n].replace("−", "-")) for n in (2, 3, 4))
    return int(found[1]), up - down + others, found[5] == "spikes"


def test_a_mouse_shows_what_reached_a_neuron_and_lets_go(traced):
    traced.page.mouse.move(*traced.place("raster", 0.5, 0.5))
    _, voltage, spikes = parts(traced.await_words("positive weights"))
    assert spikes and voltage > 0.28  # the threshold is 0.3, and three numbers are rounded
    threads = traced.drawing.locator(".card-threads path")
    assert threads.count() > 5
    before = traced.pointed()
    traced.page.mouse.move(*traced.place("raster", 0.8, 0.2))
    traced.page.wait_for_function(f"{traced.tracing}.pointed?.now > {before[1]}")
    assert parts(traced.words())
    traced.page.mouse.move(*traced.place("voltages", 0.5, 1.6))
    traced.await_words("Trace an answer: point at")
    assert traced.pointed() is None and threads.count() == 0


def test_a_moment_of_the_voltages_names_who_added_most(traced):
    traced.page.mouse.move(*traced.place("voltages", 0.6, 0.5))
    parts(traced.await_words("positive weights"))
    most = traced.page.evaluate(
        f"() => {{ const {{ table, pointed }} = {traced.tracing}, {{ network, show }} = table;"
        " const { voltages } = show.steps[pointed.now];"
        " const leads = voltages.indexOf(Math.max(...voltages));"
        " const added = [...network.z.keys()].map((neuron) => interactiveFigures.card.whatItAdded("
        "   network, show.steps, neuron, pointed.now)[leads]);"
        " return added.indexOf(Math.max(...added)); }"
    )
    assert traced.pointed()[0] == most


def test_a_finger_chooses_a_neuron_that_stays(traced):
    place = traced.place("neurons", 0.5, 0.5)
    touch(traced.page, [place, place], traced.page.wait_for_timeout)
    parts(traced.await_words("positive weights"))
    before = traced.pointed()
    traced.page.mouse.move(*traced.place("raster", 0.9, 0.9))
    traced.page.mouse.move(*traced.place("voltages", 0.5, 1.6))
    assert traced.pointed() == before


def test_keys_go_from_moment_to_moment_and_from_neuron_to_neuron(traced):
    traced.raster.focus()
    traced.page.keyboard.press("Escape")
    traced.await_words("Trace an answer: point at")
    traced.page.keyboard.press("ArrowLeft")  # begins at the end
    last, _, _ = parts(traced.await_words("positive weights"))
    traced.page.keyboard.press("ArrowLeft")
    traced.await_words(f"^{last - 1} ms")
    neuron, _ = traced.pointed()
    traced.page.keyboard.press("ArrowDown")
    traced.page.wait_for_function(f"{traced.tracing}.pointed.neuron !== {neuron}")
    told = traced.raster.get_attribute("aria-valuetext")
    assert " ".join(told.split()) == traced.words()
    assert traced.raster.get_attribute("aria-valuenow") == str(last - 1)
