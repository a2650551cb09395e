"""Your finger is the scene: what the page computes, against Python, and what moves the figure."""

import math
from copy import deepcopy
from dataclasses import replace

import book_site as site
import motion_network
import numpy as np
import pytest
from book_site import FIGURE, said, state
from motion_network import MOTIONS, OPPOSITE
from test_interactive import Middle

from pokersnn_helpers import to_frames
from pokersnn_helpers.simulation.motions import FRAME_INTERVAL, film_path, random_path

KIND = "motion"
SETUP = (
    "const { motion, motionData, shared, mulberry32 } = window.interactiveFigures;"
    "const { settings } = motionData, per = settings.frame_interval / 1000 * settings.slow_motion;"
)
BACK = {name: MOTIONS[other] for name, other in zip(MOTIONS, OPPOSITE, strict=True)}


@pytest.fixture
def figure(visit):
    return lambda **settings: visit(**settings).show_in_its_own_time(KIND)


# ---- What is computed, against Python ----


@pytest.fixture(scope="module")
def films():
    return motion_network.film_strokes(12, seed=9)


@pytest.fixture(scope="module")
def models():
    return motion_network.models(motion_network.read())


def as_frames(events, time_window=motion_network.TIME_WINDOW):
    return to_frames(events, time_window, motion_network.SENSOR_SIZE)


def test_network_agrees_with_motion_detector(still, films, models):
    detector = deepcopy(models[0].snn).double()
    films = [as_frames(events) for events in films.events]
    site.assert_same_network(still, KIND, detector, detector.snn, films)


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


@pytest.mark.parametrize("motion", MOTIONS)
def test_motions_shown_by_themselves_are_those_of_python(motion, still):
    """Their places are those of ``random_path`` for some duration, place, distance and turns."""
    paths = still.evaluate(
        "(name) => {" + SETUP + "const random = mulberry32(3);"
        "return Array.from({ length: 30 }, () => motion.drawPath(name, random, settings)); }",
        motion,
    )
    lasts = np.array([len(path) for path in paths]) * FRAME_INTERVAL / 1000
    shortest, longest = motion_network.simulated.DURATION
    assert shortest <= lasts.min() < shortest + 5 and longest - 5 < lasts.max() <= longest + 0.1
    for path in map(np.array, paths):
        if motion in MOTIONS[:4]:
            along = 0 if motion in ("left", "right") else 1
            ends = path[[0, -1], along] * (1 if motion in ("right", "down") else -1)
            assert ends == pytest.approx([-25, 25], abs=0.3)
            assert np.ptp(path[:, 1 - along]) == 0 and abs(path[0, 1 - along]) <= 8
        else:
            steps = np.diff(path, axis=0)
            turned = np.sign(steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0])
            assert (turned == (1 if motion == "clockwise" else -1)).all()


def test_stroke_answers_as_the_classifiers_do(still, films, models):
    """Its bins are those of Python, and end with a fixed silence after the last event."""
    equal = motion_network.read()["settings"]["equal"]
    expected = [np.exp(motion_network.log_probabilities(model, films)) for model in models]
    found = still.evaluate(
        "(films) => {" + SETUP + "const network = new motion.Network(motionData);"
        "const blind = new motion.TimeBlind(motionData), from = [0, 0], step = network.step;"
        "let bins; network.step = (counts) => { bins.push(Object.fromEntries(counts));"
        "  return step.call(network, counts); };"
        "return films.map((events) => { bins = [];"
        "  const stroke = new motion.Stroke({ settings, network, blind, random: null, from });"
        "  stroke.camera = { film: () => events }; stroke.advance(from); stroke.finish();"
        "  return { bins, answers: [stroke.answer, stroke.blindAnswer] }; }); }",
        [np.stack([events[field] for field in "txyp"], 1).tolist() for events in films.events],
    )
    for number, (events, stroke) in enumerate(zip(films.events, found, strict=True)):
        frames = as_frames(events).flatten(1)
        bins = [
            {str(i): int(counts[i]) for i in np.flatnonzero(counts)} for counts in frames.numpy()
        ]
        assert stroke["bins"][: len(bins)] == bins and not any(stroke["bins"][len(bins) :])
        for answer, shares in zip(stroke["answers"], expected, strict=True):
            said = motion_network.answers(np.log(shares[number, None]), equal)[0]
            names = [one["name"] for one in answer or []]
            assert names == [MOTIONS[output] for output in np.flatnonzero(said)]
            parts = [one["share"] for one in answer or []]
            assert parts == pytest.approx(shares[number, said].tolist(), abs=1e-2)


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


def scripted(motion, rng, lasts=1000, slant=None):
    """Return reports [time, x, y] of a straight or circular path, jittered in speed and shape."""
    time = np.cumsum(rng.uniform(8, 16, round(lasts / 12)))
    pace = np.interp(time, np.linspace(0, lasts, 6), rng.uniform(0.5, 1.5, 6))
    share = np.cumsum(pace) / pace.sum()
    if motion in MOTIONS[4:]:
        radii = rng.uniform(6, 12) * rng.uniform(0.85, 1.15, 2)
        angle = 2 * np.pi * (rng.uniform(0.9, 2) * share + rng.random())
        angle = -angle if motion == "counterclockwise" else angle
        path = radii[:, None] * [np.cos(angle), np.sin(angle)]
    else:
        heading = {"right": 0, "down": 1, "left": 2, "up": 3}[motion] * np.pi / 2
        heading += rng.uniform(-0.25, 0.25) if slant is None else slant
        along = rng.uniform(14, 32) * share
        aside = 4 * rng.uniform(-0.1, 0.1) * along * (1 - share)
        sine, cosine = math.sin(heading), math.cos(heading)
        path = np.array([along * cosine - aside * sine, along * sine + aside * cosine])
    path += rng.normal(0, 0.1, path.shape)
    path += [[motion_network.on_the_pad(places, rng)[0] - places[0]] for places in path]
    return np.stack([time, *path], axis=1).tolist()


STROKES = (
    "(tries) => {" + SETUP + "const blind = new motion.TimeBlind(motionData);"
    "const network = new motion.Network(motionData), timed = network.step.bind(network);"
    "let spent = 0; network.step = (counts) => { const began = performance.now();"
    "  const voltages = timed(counts); spent += performance.now() - began; return voltages; };"
    "const names = (answer) => (answer ?? []).map(({ name }) => name);"
    "return tries.map((reports, seed) => {"
    "  const [start, ...from] = reports[0], path = [from];"
    "  const hand = new motion.Hand(start - 16, from);"
    "  for (const [time, ...place] of reports) hand.report(time, place);"
    "  for (let time = start - 16; time < reports.at(-1)[0] + 60; time += per)"
    "    path.push(hand.follow(time, per));"
    "  const began = performance.now(); spent = 0;"
    "  const [there, back] = [path, [...path].reverse()].map(([from, ...places]) => {"
    "    const random = mulberry32(seed);"
    "    const stroke = new motion.Stroke({ settings, network, blind, random, from });"
    "    for (const place of [...places, ...Array(80).fill(places.at(-1))]) stroke.advance(place);"
    "    stroke.finish(); return stroke; });"
    "  const ms = 1000 * (performance.now() - began) / (there.time + back.time);"
    "  const step = spent / (there.steps.length + back.steps.length);"
    "  return { ms, step, there: names(there.answer), back: names(back.answer),"
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
    assert sum(one["there"] == [name] for name, one in strokes) >= 48
    assert sum(one["back"] == [BACK[name]] for name, one in strokes) >= 48
    assert sum(set(one["sum"][0]) == {name, BACK[name]} for name, one in strokes) >= 40
    assert sum(one["sum"][0] == one["sum"][1] for _, one in strokes) >= 40


def test_diagonal_paths_lie_between_two_motions(still):
    rng = np.random.default_rng(2)
    paths = [scripted("right", rng, slant=quarters * np.pi / 4) for quarters in (1, 3, 5, 7) * 6]
    ways = [["right", "down"], ["left", "down"], ["left", "up"], ["right", "up"]] * 6
    both = list(zip(ways, still.evaluate(STROKES, paths), strict=True))
    assert sum(one["there"] == way for way, one in both) >= 16
    assert sum(len(one["there"]) and set(one["there"]) <= set(way) for way, one in both) >= 22


def test_the_disc_follows_a_hand_as_if_it_had_a_mass(still):
    places = still.evaluate(
        "() => {" + SETUP + "const hand = new motion.Hand(0, [0, 0]); hand.report(1, [10, 0]);"
        "return [1, 2, 3].map(() => hand.follow(50, 12)[0]); }"
    )
    assert places == pytest.approx([10 * (1 - math.exp(-time)) for time in (1, 2, 3)])


def test_a_hand_makes_no_jumps_and_a_step_is_fast(strokes):
    assert max(one["jump"] for _, one in strokes) < 1.5  # pixels from frame to frame
    # Of the quickest: the others were held up by what else this computer does.
    ms, step = (min(one[name] for _, one in strokes) for name in ("ms", "step"))
    print(f"a step of the network: {step:.2f} ms; all that 1 ms of film needs: {ms:.2f} ms")
    assert step < 1 and ms < 2


# ---- The figure ----


def run_to_end(page):
    """Let time pass until the stroke has ended and is drawn."""
    page.clock.run_for(100)
    site.run_until(lambda: not state(page).moving, page)
    page.clock.run_for(50)
    return state(page)


def cells(page):
    """Return what the score says: forwards, then backwards, each of the network and the sum."""
    return page.locator(".motion-score td .motion-said").all_text_contents()


def move_mouse(page, reports):
    """Move the mouse across the pad as scripted."""
    box = page.locator(".motion-pad").bounding_box()
    before = 0
    for time, *place in reports:
        x, y = ((each + 17.5) / 35 * box["width"] for each in place)
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.clock.run_for(round(time - before))
        before = time


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


def test_a_mouse_that_comes_in_elsewhere_is_no_movement_and_buttons_work_out_of_sight(figure):
    page = figure()
    run_to_end(page)
    box = page.locator(".motion-pad").bounding_box()
    for share in (0.2, 0.8, 0.2):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.move(box["x"] - 20, box["y"] + 0.5 * box["height"])
        page.clock.run_for(100)
        assert not state(page).moving
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{FIGURE}.state().visible")
    page.evaluate("document.querySelector('[aria-label=\"Show down\"]').click()")
    assert "The network says down" in said(page)
    page.evaluate("document.querySelector('.motion-backwards').click()")
    assert "The network says down, then up: it has turned round." in said(page)
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

    def drag(selector, way):
        box = page.locator(selector).bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
        site.touch(page, places, page.clock.run_for)

    before = page.evaluate("scrollY")
    drag(".motion-pad", [(0.5, 0.9 - 0.8 * share) for share in np.linspace(0, 1, 50)])
    run_to_end(page)
    assert cells(page)[0] == "up" and page.evaluate("scrollY") == before
    drag(".motion-window", [(0.5, 0.9 - 0.8 * share) for share in np.linspace(0, 1, 20)])
    page.wait_for_function(f"scrollY - {before} > 80")


def test_nothing_runs_out_of_sight(figure):
    page = figure()
    page.clock.run_for(200)
    assert state(page).moving and state(page).ticking
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{FIGURE}.state().visible")
    page.clock.run_for(100)
    before = state(page)
    assert before.moving and not before.ticking
    page.clock.run_for(1000)
    assert state(page).time == before.time
    page.locator("[data-kind=motion]").scroll_into_view_if_needed()
    page.wait_for_function(f"{FIGURE}.state().visible")
    run_to_end(page)
