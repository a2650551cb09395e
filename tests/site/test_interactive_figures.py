"""What the interactive figures draw in a real browser, what moves them, what they leave alone."""

import json
import re

import numpy as np
import pytest
from book_site import Visit, page_with

from pokersnn_helpers.figures import interactive_sliders as sliding
from pokersnn_helpers.figures.interactive import initial_values

SLIDERS = {
    "pixel": sliding.PIXEL_SLIDERS,
    "neuron": sliding.NEURON_SLIDERS,
    "staircase": sliding.STAIRCASE_SLIDERS,
    "detector": sliding.DETECTOR_SLIDERS,
}
KINDS = ["event-cloud", *SLIDERS]
SCENES = ["card", "motion"]  # with more tests in files of their own
TOLERANCE = 1e-4
SETTLED = (
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame("
    "() => setTimeout(done))))"
)
each_kind = pytest.mark.parametrize("kind", [*KINDS, *SCENES])
each_chart = pytest.mark.parametrize("kind", SLIDERS)
on_each_chart = pytest.mark.parametrize("drawn", SLIDERS, indirect=True)


class Figure:
    """An interactive figure on its page."""

    def __init__(self, reader, kind):
        self.page = reader.read(page_with(kind))  # to its end, so that nothing moves any more
        self.holder = self.page.locator(f".interactive-figure[data-kind={kind}]").first
        self.drawing = self.holder.locator(".interactive-drawing")
        self.summary = self.holder.locator(".interactive-summary")
        self.drawing.scroll_into_view_if_needed()
        drawn = "(d) => d.charts || d.figure || d._fullLayout?.scene?._scene"
        self.page.wait_for_function(drawn, arg=self.drawing.element_handle())

    def settle(self):
        """Wait until what was changed is drawn."""
        self.page.evaluate("() => " + SETTLED)

    def move(self, positions):
        self.holder.evaluate(
            "(holder, positions) => { for (const [name, to] of Object.entries(positions)) {"
            "  const input = holder.querySelector(`input[name=${name}]`);"
            "  input.value = to; input.dispatchEvent(new Event('input')); }"
            f"  return {SETTLED}; }}",
            positions,
        )

    def press(self, name):
        self.holder.get_by_role("button", name=name).click()
        self.settle()

    def series(self):
        """Return what each chart draws: lists of horizontal and vertical places."""
        text = self.drawing.evaluate(
            "(d) => JSON.stringify(d.charts.map(({ data }) => data.map((column) => [...column])))"
        )  # Playwright would send number by number
        return [[np.array(column, float) for column in chart] for chart in json.loads(text)]

    def images(self):
        """Return the charts as images, to see whether they change."""
        return self.drawing.locator("canvas").evaluate_all("all => all.map(c => c.toDataURL())")


@pytest.fixture
def figure(visit):
    return lambda kind, **settings: Figure(visit(**settings), kind)


@pytest.fixture(scope="module")
def drawn(request, browser, address):
    """A figure on its page, shared by the tests that leave it as it is."""
    reader = Visit(browser, address, theme="light")
    yield Figure(reader, request.param)
    reader.context.close()


def stands(sliders):
    """Yield positions of all sliders, and values: at the start, all at an end, each at an end."""
    start = {name: slider.start for name, slider in sliders.items()}
    every = [start]
    for end in ("lowest", "highest"):
        ends = {name: getattr(slider, end) for name, slider in sliders.items()}
        every += [ends, *({**start, name: position} for name, position in ends.items())]
    for positions in every:
        yield positions, {name: sliders[name].value(at) for name, at in positions.items()}


# ---- What is drawn, against Python ----


def test_pixel_agrees_with_python(figure):
    pixel = figure("pixel")
    for linear in (False, True):
        pixel.holder.get_by_label("linear pixel").set_checked(linear)
        for positions, values in stands(sliding.PIXEL_SLIDERS):
            pixel.move(positions)
            trace = sliding.run_pixel(**values, linear=linear)
            title = pixel.drawing.evaluate("(d) => d.charts[1].axes[1].label")
            assert title == ("light" if linear else "ln(light)")
            (times, light), (_, low, high, reference, level), (at, on, off) = pixel.series()
            band = trace.reference - values["threshold"], trace.reference + values["threshold"]
            expected = [trace.times, trace.light, trace.level, trace.reference, *band]
            drawn = [times, light, level, reference, low, high]
            assert np.abs(np.array(drawn) - np.array(expected)).max() < TOLERANCE, values
            assert (on == 1).tolist() == (trace.polarities == 1).tolist()
            assert (off == -1).tolist() == (trace.polarities == 0).tolist()
            assert np.abs(at - trace.event_times).max(initial=0) < TOLERANCE
            count = int(trace.polarities.sum())
            assert pixel.summary.inner_text().endswith(f"→ {count} OFF, then {count} ON")


def test_pixel_says_how_it_counts(figure):
    pixel = figure("pixel")
    for linear, words in (
        (False, "ln(contrast) / threshold = 2.30 / 0.30 = 7.67 → 7 OFF, then 7 ON"),
        (True, "daylight × (1 − 1 / contrast) / threshold = 0.90 / 0.30 = 3.00 → 3 OFF, then 3 ON"),
    ):
        pixel.holder.get_by_label("linear pixel").set_checked(linear)
        pixel.settle()
        assert pixel.summary.inner_text() == f"events per edge = {words}"


def test_neuron_agrees_with_norse(figure):
    neuron = figure("neuron")
    carried = json.loads(neuron.holder.locator("script").text_content())
    start, *others = stands(sliding.NEURON_SLIDERS)
    for seed, some in ((carried["seed"], [*others, start]), (carried["seed"] + 1, [start])):
        arrivals = sliding.random_arrivals(seed)
        for positions, values in some:
            neuron.move(positions)
            inputs, currents, voltages, spiking = neuron.series()
            spikes, voltage, current = sliding.run_neuron(arrivals, **values)
            drawn = [np.nan_to_num(spiking[1]), voltages[1], currents[1]]
            assert np.abs(np.array(drawn) - [spikes, voltage, current]).max() < TOLERANCE, values
            assert set(currents[2]) == set(voltages[2]) == {values["v_th"]}
            with np.errstate(divide="ignore"):
                at = 1000 * arrivals / values["rate"]
            at = at[at < 100]
            assert len(inputs[0]) == len(at)
            assert np.abs(inputs[0] - at).max(initial=0) < TOLERANCE
            assert voltages[0][-1] == pytest.approx(100)
            assert neuron.summary.inner_text().startswith(f"{spikes.sum():.0f} spike")
        neuron.press("new input")


def ball_and_curves(staircase):
    (weights, losses), (_, zero, gradients) = staircase.series()
    marks = staircase.drawing.evaluate("(d) => d.charts.map((chart) => chart.marks[0])")
    (weight, loss, _), (same, gradient, _) = marks
    assert weight == same and not zero.any()
    return (weight, loss, gradient), (weights, losses, gradients)


def test_staircase_agrees_with_autograd(figure):
    staircase = figure("staircase")
    for positions, values in stands(sliding.STAIRCASE_SLIDERS):
        staircase.move(positions)
        ball, (weights, losses, gradients) = ball_and_curves(staircase)
        assert ball[0] == pytest.approx(values.pop("weight"))
        python = sliding.run_staircase(np.append(weights, ball[0]), **values)
        np.testing.assert_array_equal([*losses, ball[1]], python.loss)
        assert np.abs([*gradients, ball[2]] - python.gradient).max() < TOLERANCE
        text = staircase.summary.inner_text()
        assert f": {python.spikes[-1]:.0f} spike" in text and "true gradient 0, " in text
        assert f"surrogate gradient {python.gradient[-1]:.1f}.".replace("-", "−") in text


def test_ball_moves_along_the_surrogate_gradient_only(figure):
    staircase = figure("staircase")
    start = initial_values(sliding.STAIRCASE_SLIDERS)
    weight = start.pop("weight")
    image = staircase.images()
    staircase.press("step against the true gradient")
    assert ball_and_curves(staircase)[0][0] == weight and staircase.images() == image
    assert "gradient is 0" in staircase.summary.inner_text()
    for _ in range(20):
        staircase.press("step against the surrogate gradient")
        gradient = sliding.run_staircase(np.array([weight]), **start).gradient[0]
        longest = sliding.STAIRCASE.longest_step
        step = np.clip(-sliding.STAIRCASE.learning_rate * gradient, -longest, longest)
        weight = np.clip(weight + step, 0, sliding.STAIRCASE_SLIDERS["weight"].highest)
        (there, loss, _), _ = ball_and_curves(staircase)
        assert there == pytest.approx(weight, abs=1e-9)
    assert loss == 0 and staircase.images() != image
    staircase.press("reset")
    assert ball_and_curves(staircase)[0][0] == initial_values(sliding.STAIRCASE_SLIDERS)["weight"]


def test_detector_agrees_with_norse(figure):
    detector = figure("detector")
    for direction, back in (sliding.DIRECTIONS, sliding.DIRECTIONS[::-1]):
        for positions, values in stands(sliding.DETECTOR_SLIDERS):
            found = {
                way: sliding.run_detector(**values, direction=way) for way in sliding.DIRECTIONS
            }
            detector.move(positions)
            inputs, (times, other, voltage, threshold, spikes) = detector.series()
            assert np.abs(voltage - found[direction][1]).max() < TOLERANCE, values
            assert np.abs(other - found[back][1]).max() < TOLERANCE, values
            np.testing.assert_array_equal(np.nan_to_num(spikes), found[direction][0])
            assert times[-1] == pytest.approx(40)
            assert set(threshold) == {sliding.DETECTOR.threshold}
            arrived = sliding.detector_arrivals(values["delay"], values["speed"], direction)
            for at, line in zip(arrived, inputs[1:], strict=True):
                assert inputs[0][line == 1] == pytest.approx(at)
            counts = [int(found[way][0].sum()) for way in sliding.DIRECTIONS]
            for way, count in zip(sliding.DIRECTIONS, counts, strict=True):
                assert f"{way}: {count or 'no'} spike" in detector.summary.inner_text()
            verdict = "can't tell" if counts[0] == counts[1] else "neuron tells"
            assert verdict in detector.summary.inner_text()
        detector.press("edge moves")


# ---- Keyboard, themes, scrolling ----


@each_chart
def test_chart_is_redrawn_as_each_slider_moves_by_keyboard(kind, figure):
    chart = figure(kind)
    for name, slider in SLIDERS[kind].items():
        before = chart.images()
        chart.holder.get_by_role("slider", name=slider.label).focus()
        chart.page.keyboard.press("ArrowLeft")
        chart.settle()
        moved = chart.holder.locator(f"input[name={name}]")
        assert float(moved.input_value()) == pytest.approx(slider.start - slider.step)
        assert moved.get_attribute("aria-valuetext") == (
            f"{slider.value(slider.start - slider.step):.{slider.digits}f} {slider.unit}".strip()
        )
        assert chart.images() != before, name


@on_each_chart
def test_chart_follows_the_theme(drawn):
    light = drawn.images()
    drawn.page.emulate_media(color_scheme="dark")
    drawn.page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    drawn.settle()
    assert all(before != after for before, after in zip(light, drawn.images(), strict=True))
    drawn.page.emulate_media(color_scheme="light")
    drawn.page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    drawn.settle()
    assert drawn.images() == light


@pytest.mark.parametrize("drawn", [*KINDS, "card"], indirect=True)  # the motion's pad doesn't
def test_wheel_and_finger_scroll_the_page(drawn):
    drawn.drawing.scroll_into_view_if_needed()
    box = drawn.drawing.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drawn.page.mouse.move(x, y)
    before = drawn.page.evaluate("scrollY")
    way = -1 if before > 200 else 1
    drawn.page.mouse.wheel(0, 100 * way)
    wheeled = before + 100 * way
    drawn.page.wait_for_function(f"scrollY === {wheeled}", timeout=10_000)
    devtools = drawn.page.context.new_cdp_session(drawn.page)
    moves = [("touchMove", [{"x": x, "y": y - way * moved}]) for moved in range(15, 165, 15)]
    for kind, points in [("touchStart", [{"x": x, "y": y}]), *moves, ("touchEnd", [])]:
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        drawn.page.wait_for_timeout(16)
    drawn.page.wait_for_function(f"Math.abs(scrollY - {wheeled}) > 100", timeout=10_000)


@each_kind
def test_figure_fits_a_phone_with_text_that_can_be_read(kind, figure):
    drawn = figure(kind, width=390)
    assert drawn.holder.bounding_box()["width"] <= 390
    assert drawn.page.evaluate("document.documentElement.scrollWidth") <= 390
    for canvas in drawn.drawing.locator("canvas").all():
        box = canvas.bounding_box()
        assert box["width"] > 100 and 0 <= box["x"] <= 390 - box["width"]
    if kind in SLIDERS:
        fonts = drawn.drawing.evaluate(
            "(d) => d.charts.flatMap(({ axes }) => axes.map((a) => a.font[0]))"
        )
        ratio = drawn.page.evaluate("devicePixelRatio")
        assert all(int(re.match(r"(\d+)px", font)[1]) / ratio >= 12 for font in fonts)
        assert all("Inter" in font for font in fonts)


@pytest.mark.parametrize(("drawn", "most"), [("pixel", 480), ("motion", 800)], indirect=["drawn"])
def test_figure_is_low_enough_for_the_screen(drawn, most):
    assert drawn.holder.bounding_box()["height"] <= most


# ---- The cloud ----


def test_cloud_shows_the_recording_chosen(figure, simulated):
    cloud = figure("event-cloud")
    for name, number in (("spade", 1), ("heart", 3)):
        cloud.page.get_by_label("Class").select_option(name)
        cloud.page.get_by_label("Recording").select_option(str(number))
        target = simulated.classes.index(name)
        events = [events for events, label in simulated.test if label == target][number - 1]
        traces = cloud.drawing.evaluate(
            "d => d.data.map(({x, y, z, marker}) => ({x, y, z, colour: marker.color}))"
        )
        for trace, polarity in zip(traces, (1, 0), strict=True):
            some = events[events["p"] == polarity]
            np.testing.assert_allclose(trace["x"], some["t"] / 1000)
            np.testing.assert_array_equal(trace["y"], some["x"])
            np.testing.assert_array_equal(trace["z"], some["y"])
        assert traces[0]["colour"] != traces[1]["colour"]


def eye(cloud):
    camera = "d => d._fullLayout.scene._scene.getCamera().eye"
    return np.array([cloud.drawing.evaluate(camera)[axis] for axis in "xyz"])


def angles(cloud):
    x, y, z = eye(cloud)
    return np.rad2deg([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])


def wait_until(page, condition):
    for _ in range(50):  # a busy machine needs a while to draw
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError


def test_cloud_turns_by_mouse_and_by_slider(figure):
    cloud = figure("event-cloud")
    before, image = eye(cloud), cloud.drawing.screenshot()
    cloud.drawing.hover()  # once it stays in its place: images above it may still be loading
    box = cloud.drawing.bounding_box()
    cloud.settle()
    cloud.page.mouse.down()
    # Hardly up: where images are slow, Plotly turns further, and at the pole no slider follows.
    cloud.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.48 * box["height"])
    cloud.settle()
    cloud.page.mouse.up()
    sliders = [cloud.holder.locator(f"input[name={name}]") for name in ("turn", "tilt")]

    def sliders_follow():
        apart = angles(cloud) - [float(slider.input_value()) for slider in sliders]
        return np.abs(eye(cloud) - before).max() > 0.1 and np.abs(apart).max() <= 2.5

    wait_until(cloud.page, sliders_follow)
    assert cloud.drawing.screenshot() != image
    distance = np.linalg.norm(eye(cloud))
    for slider, key in zip(sliders, ("Home", "End"), strict=True):
        slider.focus()
        cloud.page.keyboard.press(key)
    wait_until(cloud.page, lambda: np.abs(np.abs(angles(cloud)) - [180, 85]).max() <= 0.1)
    assert np.linalg.norm(eye(cloud)) == pytest.approx(distance, rel=1e-3)


def test_cloud_keeps_its_view_and_rests_while_out_of_sight(figure):
    cloud = figure("event-cloud")
    cloud.move({"turn": 30})
    before = eye(cloud)
    cloud.page.evaluate(
        "() => { const request = requestAnimationFrame; window.images = 0;"
        "  window.requestAnimationFrame = (f) => { window.images += 1; return request(f); }; }"
    )
    cloud.page.wait_for_timeout(300)
    assert cloud.page.evaluate("images") > 0
    away = "scrollTo(0, scrollY < 1200 ? document.body.scrollHeight : 0)"
    cloud.page.evaluate(away)
    cloud.page.wait_for_timeout(300)
    cloud.page.evaluate("images = 0")
    cloud.page.wait_for_timeout(300)
    assert cloud.page.evaluate("images") == 0
    cloud.drawing.scroll_into_view_if_needed()
    cloud.page.wait_for_function("document.querySelector('.interactive-drawing canvas')")
    cloud.page.wait_for_timeout(500)
    assert eye(cloud) == pytest.approx(before)


# ---- Where a figure can't be drawn ----

IMAGE = "> img, figure"


@pytest.mark.parametrize("drawn", [*KINDS, *SCENES], indirect=True)
def test_image_stands_in_on_paper(drawn):
    image = drawn.holder.locator(IMAGE)
    assert image.is_hidden()
    drawn.page.emulate_media(media="print")
    assert image.is_visible() and drawn.drawing.is_hidden()
    drawn.page.emulate_media(media="screen")


def test_image_stands_in_without_webgl(visit):
    reader = visit()
    reader.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind.includes('webgl') ? null : get.call(this, kind, ...more); };"
    )
    expect_only_the_image(reader, "event-cloud")
    assert reader.problems == []


LIBRARIES = {
    "event-cloud": "vendor/plotly-gl3d.min.js",
    "pixel": "vendor/uPlot.iife.min.js",
    "staircase": "interactive/staircase.js",
    "card": "interactive/card/data.js",
    "motion": "interactive/motion/data.js",
}


@pytest.mark.parametrize("kind", LIBRARIES)
@pytest.mark.parametrize("body", [None, "<h1>Blocked</h1>", "/* nothing */"])
def test_image_stands_in_without_the_library_or_the_script(kind, body, visit):
    reader = visit()
    answer = (lambda route: route.fulfill(body=body)) if body else (lambda route: route.abort())
    reader.page.route(f"**/{LIBRARIES[kind]}*", answer)
    expect_only_the_image(reader, kind)


SHORT = {"t": "", "x": "AAA=", "y": "AAA="}  # places of an event without its time
DAMAGED = {
    "event-cloud": [
        {"recordings": {"club": [{"ON": {"t": "?"}, "OFF": {}}]}},
        {"recordings": {"club": [{"ON": SHORT, "OFF": SHORT}]}},
    ],
    "pixel": [{"duration": 1e9}, {"dt": 0}, {"sliders": None}],
    "neuron": [{"steps": 5e7}, {"dt": 0}, {"seed": None}],
    "staircase": [{"duration": 1e9}, {"input": None}, {"sliders": None}],
    "detector": [{"duration": 1e9}, {"dt": 0}, {"sliders": None}],
}


CUT = ["", '{"sliders": {', "null", "[1]", '"text"', "<h1>", "{}"]


@pytest.mark.parametrize("kind", KINDS)
def test_image_stands_in_for_json_that_was_cut_or_damaged(kind, visit):
    changes = json.dumps(DAMAGED[kind])
    damaged = f"{changes}.map((change) => JSON.stringify({{ ...JSON.parse(text), ...change }}))"
    reader = visit()
    put_copies_in_place(reader, kind, f"(text) => [...{json.dumps(CUT)}, ...{damaged}]")
    expect_only_the_image(reader, kind, copies=len(CUT) + len(DAMAGED[kind]))
    assert reader.problems == []


def put_copies_in_place(reader, kind, texts):
    """Put copies of a figure in its place, before its script runs, that carry these texts."""
    reader.page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => {"
        f"  const holder = document.querySelector('[data-kind={kind}]');"
        f"  const texts = ({texts})(holder.querySelector('script').textContent);"
        "  holder.replaceWith(...texts.map((text) => {"
        "    const copy = holder.cloneNode(true);"
        "    copy.querySelector('script').textContent = text;"
        "    return copy; })); }, { capture: true });"
    )


def expect_only_the_image(reader, kind, copies=1):
    reader.page.goto(reader.address + page_with(kind))
    holders = reader.page.locator(f"[data-kind={kind}]")
    for number in range(copies):
        holder = holders.nth(number)
        holder.scroll_into_view_if_needed()
        reader.page.wait_for_function(
            "(holder) => holder.matches('.is-image, .is-interactive')", arg=holder.element_handle()
        )
        assert holder.locator(IMAGE).is_visible()
        assert holder.locator(".interactive-drawing").count() == 0
        assert holder.locator(".interactive-controls > *").count() == 0
    uncaught = [problem for problem in reader.problems if problem.startswith("uncaught")]
    assert set(uncaught) <= {"uncaught: Unexpected token '<'"}  # of a page in a library's place
