"""Your finger is the scene: what the page computes, against Python, and what moves the figure."""

import math
from copy import deepcopy
from dataclasses import replace

import book_site as site
import motion_network
import numpy as np
import pytest
from book_site import FIGURE, Middle, said, state
from motion_network import MOTIONS, OPPOSITE

from pokersnn_helpers import to_frames
from pokersnn_helpers.simulation.motions import COURSES, film_path, random_path

KIND = "motion"
SETUP = (
    "const { motion, motionData, shared, mulberry32 } = window.interactiveFigures;"
    "const { settings } = motionData, per = settings.frame_interval / 1000 * settings.slow_motion;"
)
BACK = {name: MOTIONS[other] for name, other in zip(MOTIONS, OPPOSITE, strict=True)}


# ---- What is computed, against Python ----


@pytest.fixture(scope="module")
def films():
    return motion_network.film_strokes(12, seed=9)


@pytest.fixture(scope="module")
def models():
    return motion_network.models(motion_network.read())


def as_frames(events):
    return to_frames(events, motion_network.TIME_WINDOW, motion_network.SENSOR_SIZE)


def test_network_agrees_with_motion_detector(still, films, models):
    detector = deepcopy(models[0].snn).double()
    frames = [as_frames(events) for events in films.events]
    site.assert_same_network(still, KIND, detector, frames, lambda recording: recording.snn)


@pytest.mark.parametrize("motion", MOTIONS)
def test_scene_and_camera_agree_with_film_path(motion, still):
    camera = replace(motion_network.HAND_CAMERA, **site.NO_CHANCE)
    path = random_path(motion, np.random.default_rng(4))
    expected = film_path(path, 4.5, Middle(np.random.PCG64(0)), camera=camera)
    events = still.evaluate(
        "({ camera, path }) => {" + SETUP + "const [from, ...rest] = path;"
        "const stroke = new motion.Stroke({ settings: { ...settings, camera }, from, random: null,"
        "  network: new motion.Network(motionData), blind: new motion.TimeBlind(motionData) });"
        "return rest.flatMap((place) => stroke.advance(place)); }",
        {"camera": vars(camera), "path": path.T.tolist()},
    )
    t, x, y, p = np.array(events, int).T
    assert len(expected) > 300 and (p == 1).all()  # the polarities are merged
    site.assert_same_events({"t": t, "x": x, "y": y}, expected)


def test_stroke_answers_as_the_classifiers_do(still, films, models):
    """Its bins are those of Python, and end with a fixed silence after the last event."""
    equal = motion_network.read()["settings"]["equal"]
    strokes = still.evaluate(
        "(films) => {" + SETUP + "const network = new motion.Network(motionData);"
        "const blind = new motion.TimeBlind(motionData), from = [0, 0], step = network.step;"
        "let bins; network.step = (counts) => {"
        "  bins.push(Array.from({ length: 35 ** 2 }, (_, pixel) => counts.get(pixel) ?? 0));"
        "  return step.call(network, counts); };"
        "return films.map((events) => { bins = [];"
        "  const stroke = new motion.Stroke({ settings, network, blind, random: null, from });"
        "  stroke.camera = { film: () => events }; stroke.advance(from); stroke.finish();"
        "  const answers = [stroke.answer, stroke.blindAnswer].map((answer) =>"
        "    Object.fromEntries((answer ?? []).map(({ name, share }) => [name, share])));"
        "  return { bins, answers }; }); }",
        [events.tolist() for events in films.events],
    )
    for events, stroke in zip(films.events, strokes, strict=True):
        frames = as_frames(events).flatten(1).tolist()
        assert stroke["bins"][: len(frames)] == frames
        assert not np.any(stroke["bins"][len(frames) :])
    for number, model in enumerate(models):
        logs = motion_network.log_probabilities(model, films)
        said = motion_network.answers(logs, equal)
        for stroke, answers, shares in zip(strokes, said, np.exp(logs), strict=True):
            expected = {MOTIONS[output]: shares[output] for output in np.flatnonzero(answers)}
            assert stroke["answers"][number] == pytest.approx(expected, abs=1e-2)


def test_what_a_network_does_long_after_a_stroke_changes_no_answer(still):
    """It comes round to the right only while the hand rests."""
    answers = still.evaluate(
        "() => {" + SETUP + "let step = 0;"
        "const network = { reset() {}, z: [], step: () => [5, step++ / 2, 0, 0, 0, 0] };"
        "const blind = { values: () => [5, 0, 0, 0, 0, 0] }, from = [0, 0];"
        "const stroke = new motion.Stroke({ settings, network, blind, random: null, from });"
        "for (const events of [[[1, 2, 3, 1]], ...Array(400).fill([])]) {"
        "  stroke.camera = { film: () => events }; stroke.advance(from); }"
        "const names = stroke.answer.map(({ name }) => name);"
        "return { ends: stroke.ends, steps: stroke.steps.length, names }; }"
    )
    assert answers["steps"] > 2 * answers["ends"] and answers["names"] == ["left"]


# ---- Hands: a path of a second, reported every 8 to 16 ms ----


def scripted(motion, rng):
    """Return reports [time, x, y] of a straight or circular path, jittered in speed and shape."""
    time = np.cumsum(rng.uniform(8, 16, 83))
    pace = np.interp(time, np.linspace(0, 1000, 6), rng.uniform(0.5, 1.5, 6))
    share = np.cumsum(pace) / pace.sum()
    x, y, sense = COURSES[motion]
    if sense:
        angle = 2 * np.pi * (rng.uniform(0.9, 2) * share + rng.random())
        radii = rng.uniform(6, 12) * rng.uniform(0.85, 1.15, (2, 1))
        path = radii * [np.cos(angle), sense * np.sin(angle)]
    else:
        slant = rng.uniform(-0.25, 0.25)
        course = np.array([[x - slant * y], [y + slant * x]])
        path = course * rng.uniform(14, 32) * share
    path = path + rng.normal(0, 0.1, path.shape)
    path += [[motion_network.on_the_pad(places, rng)[0] - places[0]] for places in path]
    return np.stack([time, *path], axis=1).tolist()


STROKES = (
    "(tries) => {" + SETUP + "const blind = new motion.TimeBlind(motionData);"
    "const network = new motion.Network(motionData);"
    "const names = (answer) => (answer ?? []).map(({ name }) => name);"
    "return tries.map((reports, seed) => {"
    "  const [start, ...from] = reports[0], path = [from];"
    "  const hand = new motion.Hand(start - 16, from);"
    "  for (const [time, ...place] of reports) hand.report(time, place);"
    "  for (let time = start - 16; time < reports.at(-1)[0] + 60; time += per)"
    "    path.push(hand.follow(time, per));"
    "  const [there, back] = [path, [...path].reverse()].map(([from, ...places]) => {"
    "    const random = mulberry32(seed);"
    "    const stroke = new motion.Stroke({ settings, network, blind, random, from });"
    "    for (const place of [...places, ...Array(80).fill(places.at(-1))]) stroke.advance(place);"
    "    stroke.finish(); return stroke; });"
    "  return { there: names(there.answer), back: names(back.answer),"
    "    jump: Math.max(...path.slice(1).map("
    "      ([x, y], at) => Math.hypot(x - path[at][0], y - path[at][1]))),"
    "    sum: [there.blindAnswer, back.blindAnswer].map(names) }; }); }"
)


@pytest.fixture(scope="module")
def strokes(still):
    rng = np.random.default_rng(1)
    names = [MOTIONS[number % 6] for number in range(50)]
    found = still.evaluate(STROKES, [scripted(name, rng) for name in names])
    return list(zip(names, found, strict=True))


def test_network_tells_a_scripted_path_from_its_reverse_and_the_sum_does_not(strokes):
    assert sum(stroke["there"] == [name] for name, stroke in strokes) >= 48
    assert sum(stroke["back"] == [BACK[name]] for name, stroke in strokes) >= 48
    sums = [(name, *stroke["sum"]) for name, stroke in strokes]
    assert sum(set(there) == {name, BACK[name]} for name, there, _ in sums) >= 40
    assert sum(there == back for _, there, back in sums) >= 40


def test_the_disc_follows_a_hand_as_if_it_had_a_mass(still):
    places = still.evaluate(
        "() => {" + SETUP + "const hand = new motion.Hand(0, [0, 0]); hand.report(1, [10, 0]);"
        "return [1, 2, 3].map(() => hand.follow(50, 12)[0]); }"
    )
    assert places == pytest.approx([10 * (1 - math.exp(-time)) for time in (1, 2, 3)])


def test_a_hand_makes_no_jumps(strokes):
    assert max(stroke["jump"] for _, stroke in strokes) < 1.5  # pixels from frame to frame


# ---- The figure ----


def run_to_end(page):
    """Let time pass until the stroke has ended and is drawn."""
    page.clock.run_for(100)
    site.run_until(lambda: not state(page).moving, page)
    page.clock.run_for(50)
    return state(page)


def cells(page):
    """Return what the score says: forwards, then backwards, each of the network and the sum."""
    return page.locator(".motion-score td .interactive-said").all_text_contents()


def move_mouse(page, reports):
    """Move the mouse across the pad as scripted."""
    times, *places = zip(*reports, strict=True)
    places = site.on_the_page(page, ".motion-pad", zip(*places, strict=True))
    for wait, place in zip(np.diff(times, prepend=0), places, strict=True):
        page.mouse.move(*place)
        page.clock.run_for(round(wait))


def pixels_with_events(page):
    """Count what isn't transparent in the window of the camera's events."""
    return page.locator(".motion-window").evaluate(
        "(window) => { const { width, height } = window;"
        "return window.getContext('2d').getImageData(0, 0, width, height)"
        "  .data.filter((value, at) => at % 4 === 3 && value).length; }"
    )


def test_a_motion_is_shown_once_by_itself_and_the_answer_said(figure):
    page = figure()
    assert state(page).moving and not pixels_with_events(page)
    page.clock.run_for(1000)
    assert pixels_with_events(page) > 20
    run_to_end(page)
    assert said(page) == page.locator(".motion-summary").text_content()
    forwards, _, *backwards = cells(page)
    assert forwards in MOTIONS and backwards == ["not yet", "not yet"]
    page.clock.run_for(200)
    assert not state(page).ticking
    assert not page.reader.problems


def test_backwards_turns_the_answer_round_and_both_stay(figure):
    page = figure(reduced_motion="reduce")
    for motion in MOTIONS:
        page.get_by_role("button", name=f"Show {motion}", exact=True).click()
        assert not state(page).moving  # at once: nothing has moved
        page.clock.run_for(50)
        assert cells(page)[::2] == [motion, "not yet"]
        page.get_by_role("button", name="play it backwards").click()
        page.clock.run_for(50)
        assert cells(page)[::2] == [motion, BACK[motion]]
        assert page.locator(".motion-score td.is-opposite").count() >= 2
        assert f"The network says {motion}, then {BACK[motion]}: it has turned round." in said(page)


@pytest.mark.parametrize(("width", "motion"), [(390, "up"), (1280, "clockwise")])
def test_a_mouse_that_moves_is_answered_and_a_click_plays_it_backwards(width, motion, figure):
    page = figure(width=width)
    run_to_end(page)
    move_mouse(page, scripted(motion, np.random.default_rng(8)))
    assert state(page).moving  # and the network answers meanwhile
    assert " so far, after " in page.locator(".motion-summary").text_content()
    assert run_to_end(page).direction == "forwards"
    assert cells(page)[0] == motion
    for pressed, direction in ((350, "forwards"), (250, "backwards")):  # ms; long is no click
        page.mouse.down()
        page.clock.run_for(pressed)
        page.mouse.up()
        page.clock.run_for(50)
        assert state(page).direction == direction
    assert state(page).moving
    run_to_end(page)
    assert cells(page)[::2] == [motion, BACK[motion]]
    assert not page.reader.problems


def test_what_comes_before_the_first_frame_is_answered(figure):
    page = figure()
    run_to_end(page)
    page.locator(".motion-grip").focus()
    for then, expected in (
        ("b", ["right", "left"]),
        (".motion-backwards", ["right", "left"]),
        ("ArrowUp", ["up", "not yet"]),
        ("[aria-label='Show up']", ["up", "not yet"]),
    ):
        page.evaluate(  # both before an image is drawn; what is no selector is a key
            "(then) => { const find = (selector) => document.querySelector(selector);"
            "find(\"[aria-label='Show right']\").click();"
            "if (/^\\w+$/.test(then)) find('.motion-grip').dispatchEvent("
            "  new KeyboardEvent('keydown', { key: then, bubbles: true }));"
            "else find(then).click(); }",
            then,
        )
        page.clock.run_for(200)
        page.keyboard.up("ArrowUp")
        run_to_end(page)
        assert cells(page)[::2] == expected, then
    assert not page.reader.problems


def test_a_mouse_that_comes_in_elsewhere_is_no_movement(figure):
    page = figure()
    run_to_end(page)
    box = page.locator(".motion-pad").bounding_box()
    middle = box["y"] + 0.5 * box["height"]
    for share in (0.2, 0.8, 0.2):
        page.mouse.move(box["x"] + share * box["width"], middle)
        page.mouse.move(box["x"] - 20, middle)
        page.clock.run_for(100)
        assert not state(page).moving
    assert not page.reader.problems


def test_keys_move_the_disc_and_play_backwards(figure):
    page = figure(reduced_motion="reduce")
    page.get_by_role("button", name="Show right").click()  # it leaves: keys begin in the middle
    page.locator(".motion-grip").focus()
    page.keyboard.down("ArrowDown")
    page.clock.run_for(500)
    assert state(page).moving
    page.keyboard.up("ArrowDown")
    run_to_end(page)
    assert cells(page)[0] == "down"
    page.keyboard.press("b")
    page.clock.run_for(50)
    assert cells(page)[::2] == ["down", "up"]
    page.keyboard.press("ArrowUp")  # a short press is a stroke, too
    page.clock.run_for(200)
    assert state(page).moving
    run_to_end(page)
    assert cells(page)[0] == "up"


def test_a_finger_moves_the_disc_on_the_pad_and_scrolls_beside_it(figure):
    page = figure(width=390, has_touch=True)
    run_to_end(page)
    before = page.evaluate("scrollY")
    for panel in (".motion-pad", ".motion-window"):
        assert page.evaluate("scrollY") == before
        box = page.locator(panel).bounding_box()
        x = box["x"] + 0.5 * box["width"]
        shares = np.linspace(0.9, 0.1, 50)
        site.touch(
            page, [(x, box["y"] + share * box["height"]) for share in shares], page.clock.run_for
        )
        run_to_end(page)
    assert cells(page)[0] == "up"
    page.wait_for_function(f"scrollY - {before} > 80")


def test_nothing_runs_out_of_sight(figure):
    page = figure()
    page.clock.run_for(200)
    assert state(page).moving and state(page).ticking
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{FIGURE}.visible")
    site.assert_nothing_runs(page)
    assert state(page).moving
    page.locator("[data-kind=motion]").scroll_into_view_if_needed()
    page.wait_for_function(f"{FIGURE}.visible")
    run_to_end(page)
