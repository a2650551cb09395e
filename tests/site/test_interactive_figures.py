"""What the interactive figures draw in a real browser, what moves them, what they leave alone."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from book_site import SETTLED, Visit, page_with, touch
from page_models import Middle

from benchmarks.gradients import factor
from pokersnn_helpers.figures.interactive import ALTERNATIVE_TEXTS
from pokersnn_helpers.simulation import EventCamera
from pokersnn_helpers.system.norse_cells import (
    LIFFeedForwardState,
    LIFParameters,
    lif_feed_forward_step,
)

SLIDING = list(ALTERNATIVE_TEXTS)
KINDS = ["event-cloud", *SLIDING]
SCENES = ["card", "motion", "trace"]  # with more tests in files of their own


def on(*kinds):
    """Run a test on the page of each of these figures."""
    return pytest.mark.parametrize("figure", kinds, indirect=True)


class Figure:
    """An interactive figure on its page."""

    def __init__(self, reader, kind):
        self.kind = kind
        self.page = reader.read(page_with(kind))  # to its end, so that nothing moves any more
        self.holder = self.page.locator(f".interactive-figure[data-kind={kind}]").first
        self.drawing = self.holder.locator(".interactive-drawing")
        self.summary = self.holder.locator(".interactive-summary")
        self.drawing.scroll_into_view_if_needed()
        drawn = "(d) => d.charts || d.figure || d.view"
        self.page.wait_for_function(drawn, arg=self.drawing.element_handle())
        self.start = self.read_sliders("value")

    def settle(self):
        """Wait until what was changed is drawn."""
        self.page.evaluate("() => " + SETTLED)

    def follow_theme(self, theme):
        self.page.emulate_media(color_scheme=theme)
        self.page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
        self.settle()

    def move(self, positions):
        self.holder.evaluate(
            "(holder, positions) => { for (const [name, to] of Object.entries(positions)) {"
            "  const input = holder.querySelector(`input[name=${name}]`);"
            "  input.value = to; input.dispatchEvent(new Event('input')); }"
            f"  return {SETTLED}; }}",
            positions,
        )

    def read_sliders(self, what):
        """Return a number of each slider by name: where it stands, "min", "max" or "step"."""
        read = "(all, what) => Object.fromEntries(all.map((one) => [one.name, Number(one[what])]))"
        return self.holder.locator("input[type=range]").evaluate_all(read, what)

    def stands(self):
        """Move to positions and yield values: at the start, all at an end, each at an end."""
        ends = [self.read_sliders(end) for end in ("min", "max")]
        stands = [self.start, *ends]
        for end in ends:
            stands += [self.start | {name: position} for name, position in end.items()]
        for positions in stands:
            self.move(positions)
            yield {name: self.value(name, position) for name, position in positions.items()}

    def value(self, name, position):
        return 10**position if name in ("daylight", "beta", "input", "spikes") else position

    def press(self, name):
        press = f"(button) => {{ button.click(); return {SETTLED}; }}"
        self.holder.get_by_role("button", name=name).evaluate(press)

    def series(self):
        """Return what each chart draws: lists of horizontal and vertical places."""
        text = self.drawing.evaluate(
            "(d) => JSON.stringify(d.charts.map(({ data }) => data.map((column) => [...column])))"
        )  # Playwright would send number by number
        return [[np.array(column, float) for column in chart] for chart in json.loads(text)]

    def images(self):
        """Return the charts as images, to see whether they change."""
        return self.drawing.locator("canvas").evaluate_all("all => all.map(c => c.toDataURL())")


@pytest.fixture(scope="module")
def figure(request, browser, address):
    """A figure on its page, of which the tests only move the controls."""
    reader = Visit(browser, address, theme="light")
    yield Figure(reader, request.param)
    reader.context.close()


# ---- What is drawn, against the camera's simulator and Norse ----


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@on("pixel")
@pytest.mark.parametrize(
    ("linear", "title", "words"),
    [
        (True, "light", "daylight × (1 − 1 / contrast) / threshold = 0.90 / 0.30 = 3.00"),
        (False, "ln(light)", "ln(contrast) / threshold = 2.30 / 0.30 = 7.67"),  # as at first
    ],
)
def test_pixel_sends_the_events_of_an_event_camera(linear, title, words, figure):
    """The camera's level falls and rises a hair further: else rounding decides on events."""
    figure.holder.get_by_label("linear pixel").set_checked(linear)
    figure.move(figure.start)
    assert figure.summary.inner_text().startswith(f"events per edge = {words} →")
    assert figure.drawing.evaluate("(d) => d.charts[1].axes[1].label") == title
    for values in figure.stands():
        threshold = values["threshold"]
        (times, light), (_, low, high, reference, level), (at, on, off) = figure.series()
        darkest = values["daylight"] / values["contrast"]
        assert_close([light.max(), light.min()], [values["daylight"], darkest])
        assert_close(level, light if linear else np.log(light))
        assert_close([low, high], [reference - threshold, reference + threshold])
        assert np.abs(reference - level).max() < 1.001 * threshold
        falls = 1e-4 * (level - level[0])
        film = level + np.where(times < 10, falls, 1e-3 * threshold)
        camera = EventCamera(threshold, threshold)
        interval = 1000 * (times[1] - times[0])
        events = camera.record(film.reshape(-1, 1, 1), interval, Middle(np.random.PCG64(0)))
        assert (on == 1).tolist() == (events["p"] == 1).tolist()
        assert (off == -1).tolist() == (events["p"] == 0).tolist()
        delays = np.abs(events["t"] / 1000 - at)  # those after a hair come sooner
        assert (delays > 2e-3).sum() <= 2
        assert delays.max(initial=0) < 0.1
        count = int(events["p"].sum())
        assert figure.summary.inner_text().endswith(f"→ {count} OFF, then {count} ON")


def lif_traces(arrivals, dt, steps, weight, tau_mem, tau_syn, v_th):
    """Run Norse's neuron: times in ms; returns spikes, voltages and currents, (3, steps)."""
    jumps = np.zeros(steps)
    np.add.at(jumps, np.floor(np.array(arrivals) / dt + 1e-6).astype(int), weight)
    parameters = LIFParameters(1000 / tau_syn, 1000 / tau_mem, v_th=v_th)
    state = LIFFeedForwardState(*torch.zeros(2, dtype=torch.float64))
    trace = []
    for jump in torch.tensor(jumps):
        spike, state = lif_feed_forward_step(jump, state, parameters, dt / 1000)
        trace.append([spike, *state])
    return np.array(trace).T


@on("neuron")
def test_neuron_agrees_with_norse(figure):
    drawn = []
    for _ in range(2):
        for values in figure.stands():
            rate = values.pop("rate")
            inputs, currents, voltages, spiking = figure.series()
            arrivals = inputs[0]
            drawn.append(arrivals * rate)
            spikes, voltage, current = lif_traces(arrivals, 0.1, 1000, 0.05, **values)
            assert_close(np.nan_to_num(spiking[1]), spikes)
            assert_close([voltages[1], currents[1]], [voltage, current])
            assert set(currents[2]) == set(voltages[2]) == {values["v_th"]}
            assert voltages[0][-1] == pytest.approx(100)
            assert len(arrivals) == pytest.approx(rate / 10, abs=4 * np.sqrt(rate / 10))
            assert figure.summary.inner_text().startswith(f"{spikes.sum():.0f} spike")
        figure.press("new input")
    first, again = drawn[0], drawn[len(drawn) // 2]
    assert not np.isin(again, first).any()
    for arrivals in drawn[: len(drawn) // 2]:  # another rate compresses or stretches the input
        both = min(len(arrivals), len(first))
        assert_close(arrivals[:both], first[:both])


INPUT = (2.5, 5.5, 7.5, 14.5, 16.5, 21.5, 23.5, 25.5, 33.5, 35.5)  # ms


def staircase(weights, beta, dt):
    """Run the neuron by autograd: spikes, loss and gradient for each weight."""
    weight = torch.tensor(weights, requires_grad=True)
    v = i = spikes = torch.zeros_like(weight)
    arrivals = {int(time / dt) for time in INPUT}
    for step in range(int(45 / dt)):
        i = i + weight * (step in arrivals)
        v = v + dt / 10 * (i - v)
        i = i - dt / 10 * i
        above = v - 0.3
        smooth = above / (1 + beta * above.abs())  # whose derivative is the surrogate
        spike = (above > 0) + (smooth - smooth.detach())  # 0 or 1, with that derivative
        v = (1 - spike) * v
        spikes = spikes + spike
    loss = (spikes - 4) ** 2
    (gradient,) = torch.autograd.grad(loss.sum(), weight)
    return spikes.detach().numpy(), loss.detach().numpy(), gradient.numpy()


def ball_and_curves(figure):
    (weights, losses), (_, zero, gradients) = figure.series()
    marks = figure.drawing.evaluate("(d) => d.charts.map((chart) => chart.marks[0])")
    (weight, loss, _), (same, gradient, _) = marks
    assert weight == same
    assert not zero.any()
    return (weight, loss, gradient), (weights, losses, gradients)


@on("staircase")
def test_staircase_agrees_with_autograd(figure):
    for values in figure.stands():
        (weight, loss, gradient), (weights, losses, gradients) = ball_and_curves(figure)
        assert weight == pytest.approx(values.pop("weight"))
        spikes, expected_losses, expected = staircase(np.append(weights, weight), **values)
        np.testing.assert_array_equal([*losses, loss], expected_losses)
        assert_close([*gradients, gradient], expected)
        text = figure.summary.inner_text()
        assert f": {spikes[-1]:.0f} spike" in text
        written = f"{expected[-1]:.1f}".replace("-", "−")
        assert f"surrogate gradient {written}." in text


@on("staircase")
def test_ball_moves_along_the_surrogate_gradient_only(figure):
    figure.move(figure.start)
    (first, _, _), _ = ball_and_curves(figure)
    figure.press("step against the true gradient")
    assert ball_and_curves(figure)[0][0] == first
    assert "gradient is 0" in figure.summary.inner_text()
    for _ in range(20):
        (weight, _, gradient), _ = ball_and_curves(figure)
        figure.press("step against the surrogate gradient")
        (ball, loss, _), _ = ball_and_curves(figure)
        assert (ball - weight) * gradient <= 0
        assert abs(ball - weight) <= 0.05 + 1e-9
    assert loss == 0
    figure.press("reset")
    assert ball_and_curves(figure)[0][0] == first


@on("gradient")
def test_gradient_grows_by_the_largest_eigenvalue_and_clipping_makes_all_of_it_smaller(figure):
    for values in figure.stands():
        (weights, factors, _), (_, sizes, clipped) = figure.series()
        slope, share = values["slope"], 1 / values["tau"]
        assert_close(factors, [factor(weight, slope, share) for weight in weights])
        now = factor(values["weight"], slope, share)
        assert f"× {now:.2f} per step" in figure.summary.inner_text()
        if values["weight"] * slope > 2 * share:  # else the other eigenvalue is as large for long
            assert sizes[0] - sizes[1] == pytest.approx(np.log10(now), abs=0.02)
        norm = np.linalg.norm(10**sizes)
        acts = "leaves it alone" not in figure.summary.inner_text()
        assert acts == (norm > 0.3)
        if acts:
            assert_close(clipped, sizes + np.log10(0.3 / norm))


@on("detector")
def test_detector_agrees_with_norse(figure):
    for ways in (("right", "left"), ("left", "right")):
        for values in figure.stands():
            delay, speed, tau = values.values()
            arrivals = {"right": [2 + delay, 2 + 1 / speed], "left": [2 + 1 / speed + delay, 2]}
            inputs, (times, other, voltage, threshold, spikes) = figure.series()
            expected = {
                name: lif_traces(heard, 0.05, 800, 1, tau, tau, 0.6)
                for name, heard in arrivals.items()
            }
            way, back = ways
            drawn = [np.nan_to_num(spikes), voltage, other]
            assert_close(drawn, [*expected[way][:2], expected[back][1]])
            assert times[-1] == pytest.approx(40)
            assert set(threshold) == {0.6}
            for arrival, line in zip(arrivals[way], inputs[1:], strict=True):
                assert inputs[0][~np.isnan(line)].max() == pytest.approx(arrival)
            text = figure.summary.inner_text()
            counts = {name: int(traces[0].sum()) for name, traces in expected.items()}
            assert all(f"{name}: {count or 'no'} spike" in text for name, count in counts.items())
            assert ("neuron tells" if len({*counts.values()}) > 1 else "can't tell") in text
        figure.press("edge moves")


# ---- Keyboard, themes, scrolling ----


@on(*SLIDING)
def test_chart_is_redrawn_as_each_slider_moves_by_keyboard(figure):
    figure.move(figure.start)
    for name, step in figure.read_sliders("step").items():
        before = figure.images()
        slider = figure.holder.locator(f"input[name={name}]")
        slider.press("ArrowLeft")
        figure.settle()
        moved = figure.start[name] - step
        assert float(slider.input_value()) == pytest.approx(moved)
        told = slider.get_attribute("aria-valuetext")
        value = float(told.split()[0].rstrip("%°").replace("−", "-"))
        assert value == pytest.approx(figure.value(name, moved), abs=0.051)
        assert figure.images() != before, name


@on(*SLIDING)
def test_chart_follows_the_theme(figure):
    light = figure.images()
    figure.follow_theme("dark")
    for before, after in zip(light, figure.images(), strict=True):
        assert before != after
    figure.follow_theme("light")
    assert figure.images() == light


@on(*KINDS, "card", "trace")  # the motion's pad doesn't
def test_wheel_and_finger_scroll_the_page(figure):
    page = figure.page
    figure.drawing.scroll_into_view_if_needed()
    box = figure.drawing.bounding_box()
    x = box["x"] + box["width"] / 2
    y = box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    before = page.evaluate("scrollY")
    way = -1 if before > 200 else 1
    page.mouse.wheel(0, 100 * way)
    page.wait_for_function(f"scrollY === {before + 100 * way}")
    places = [(x, y - way * moved) for moved in range(0, 165, 15)]
    touch(page, places, page.wait_for_timeout)
    page.wait_for_function(f"Math.abs(scrollY - {before + 100 * way}) > 100")


@on(*KINDS, *SCENES)
def test_figure_fits_a_screen_and_a_phone_with_text_that_can_be_read(figure):
    height = figure.holder.bounding_box()["height"]
    assert height <= (500 if figure.kind == "pixel" else 800)
    figure.page.set_viewport_size({"width": 390, "height": 900})
    assert figure.drawing.locator("canvas").count() > 0
    fits = (
        "(holder) => ['canvas', 'label, label > *'].every((kind) =>"
        " [...holder.querySelectorAll(kind)].every((one) => {"
        "  const { left, right, width } = one.getBoundingClientRect();"
        "  return left >= 0 && right <= 390 && (width > 100 || kind !== 'canvas'); }))"
    )
    figure.page.wait_for_function(fits, arg=figure.holder.element_handle(), polling=100)
    if figure.kind in SLIDING:
        fonts = "(d) => d.charts.flatMap(({ axes }) => axes.map(({ font }) => parseInt(font[0])))"
        ratio = figure.page.evaluate("devicePixelRatio")
        assert min(figure.drawing.evaluate(fonts)) / ratio >= 12
    figure.page.set_viewport_size({"width": 1280, "height": 900})
    figure.settle()


# ---- The cloud ----


@on("event-cloud")
def test_cloud_shows_the_recording_chosen(figure, simulated):
    for name, number in (("spade", 1), ("heart", 3)):
        figure.page.get_by_label("Class").select_option(name)
        figure.page.get_by_label("Recording").select_option(str(number))
        first = simulated.test.targets.index(simulated.classes.index(name))
        events = simulated.test.events[first + number - 1]
        shown = figure.drawing.evaluate("d => d.events()")
        for polarity, code in (("ON", 1), ("OFF", 0)):
            found = [each["where"] for each in shown if each["polarity"] == polarity]
            expected = events[events["p"] == code]
            assert_close(np.transpose(found), [expected["t"] / 1000, expected["x"], expected["y"]])


@on("event-cloud")
def test_cloud_is_turned_by_sliders_and_these_follow_a_mouse(figure):
    level = figure.drawing.evaluate("d => d.view()")["tilt"]
    before = figure.images()
    box = figure.drawing.locator("canvas").bounding_box()
    figure.page.mouse.move(box["x"] + 150, box["y"] + 150)
    figure.page.mouse.down()
    figure.page.mouse.move(box["x"] + 190, box["y"] + 170)
    figure.page.mouse.up()
    figure.settle()
    view = figure.drawing.evaluate("d => d.view()")
    assert view["turn"] == -85
    assert view["tilt"] > level  # by how much depends on what is still loading above the figure
    assert figure.holder.locator("input[name=turn]").input_value() == "-85"
    figure.holder.locator("input[name=tilt]").press("End")
    figure.settle()
    assert figure.drawing.evaluate("d => d.view()") == {"turn": -85, "tilt": 85}
    assert figure.images() != before


@on("event-cloud")
def test_cloud_names_the_event_under_the_mouse(figure):
    box = figure.drawing.locator("canvas").bounding_box()
    pictures = []
    for share in (0.01, 0.5):
        figure.page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        figure.settle()
        pictures.append(figure.images())
    assert pictures[0] != pictures[1]


# ---- Where a figure can't be drawn ----

IMAGE = "> img, figure"


@on(*KINDS, *SCENES)
def test_image_stands_in_on_paper(figure):
    image = figure.holder.locator(IMAGE)
    assert image.is_hidden()
    figure.page.emulate_media(media="print")
    assert image.is_visible()
    assert figure.drawing.is_hidden()
    figure.page.emulate_media(media="screen")


LIBRARIES = {
    "event-cloud": "interactive/shared/drawing.js",
    "pixel": "vendor/uPlot.iife.min.js",
    "staircase": "interactive/staircase.js",
    "card": "interactive/card/data.js",
    "motion": "interactive/motion/data.js",
}


def a_page(route):
    route.fulfill(body="<h1>")


def nothing(route):
    route.abort()


@pytest.mark.parametrize("kind, answer", [*product(LIBRARIES, [a_page]), ("pixel", nothing)])
def test_image_stands_in_without_the_library_or_the_script(kind, answer, visit):
    reader = visit()
    reader.page.route(f"**/{LIBRARIES[kind]}*", answer)
    reader.page.goto(reader.address + page_with(kind))
    holder = reader.page.locator(f"[data-kind={kind}]").first
    holder.scroll_into_view_if_needed()
    decided = "(holder) => holder.matches('.is-image, .is-interactive')"
    reader.page.wait_for_function(decided, arg=holder.element_handle())
    assert holder.locator(IMAGE).is_visible()
    assert holder.locator(".interactive-drawing").count() == 0
    assert holder.locator(".interactive-controls > *").count() == 0
    assert "can’t be used here" in holder.locator(".interactive-failed").text_content()
    assert any(problem.startswith("console: ") for problem in reader.problems)
    uncaught = {problem for problem in reader.problems if problem.startswith("uncaught")}
    assert uncaught <= {"uncaught: Unexpected token '<'"}  # of a page in a library's place
