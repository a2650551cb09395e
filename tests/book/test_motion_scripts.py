"""The scripts of Your finger is the scene, run by Node.js: what they compute, against Python."""

import math
from copy import deepcopy
from dataclasses import replace

import motion_network
import numpy as np
import pytest
from in_node import needs_node, read_scripts, run
from motion_network import MOTIONS, OPPOSITE
from page_models import NO_CHANCE, Middle, assert_same_events, assert_same_network
from scripted_hand import scripted

from pokersnn_helpers import to_frames
from pokersnn_helpers.simulation.motions import film_path, random_path

pytestmark = needs_node
SCRIPTS = read_scripts(
    *("interactive_figures", "interactive/motion/data", "interactive/shared/camera"),
    *("interactive/shared/snn", "interactive/motion/scene", "interactive/motion/network"),
    "interactive/motion/stroke",
)
SETUP = (
    "const { motion, motionData, shared, mulberry32 } = window.interactiveFigures;"
    "const { settings } = motionData;"
)
BACK = {name: MOTIONS[other] for name, other in zip(MOTIONS, OPPOSITE, strict=True)}


@pytest.fixture(scope="module")
def films():
    return motion_network.film_strokes(12, seed=9)


@pytest.fixture(scope="module")
def models():
    return motion_network.models(motion_network.read())


def as_frames(events):
    return to_frames(events, motion_network.TIME_WINDOW, motion_network.SENSOR_SIZE)


def test_network_agrees_with_motion_detector(films, models):
    detector = deepcopy(models[0].snn).double()
    frames = [as_frames(events) for events in films.events]
    assert_same_network(SCRIPTS, "motion", detector, frames, lambda recording: recording.snn)


@pytest.mark.parametrize("motion", MOTIONS)
def test_scene_and_camera_agree_with_film_path(motion):
    camera = replace(motion_network.HAND_CAMERA, **NO_CHANCE)
    path = random_path(motion, np.random.default_rng(4))
    expected = film_path(path, 4.5, Middle(np.random.PCG64(0)), camera=camera)
    events = run(
        SCRIPTS,
        SETUP + "const [from, ...rest] = path;"
        "const stroke = new motion.Stroke({ settings: { ...settings, camera }, from, random: null,"
        "  network: new motion.Network(motionData), blind: new motion.TimeBlind(motionData) });"
        "return rest.flatMap((place) => stroke.advance(place));",
        camera=vars(camera),
        path=path.T.tolist(),
    )
    t, x, y, p = np.array(events, int).T
    assert len(expected) > 300 and (p == 1).all()  # the polarities are merged
    assert_same_events({"t": t, "x": x, "y": y}, expected)


def test_stroke_answers_as_the_classifiers_do(films, models):
    """Its bins are those of Python, and end with a fixed silence after the last event."""
    equal = motion_network.read()["settings"]["equal"]
    strokes = run(
        SCRIPTS,
        SETUP + "const network = new motion.Network(motionData);"
        "const blind = new motion.TimeBlind(motionData), from = [0, 0], step = network.step;"
        "let bins; network.step = (counts) => {"
        "  bins.push(Array.from({ length: 35 ** 2 }, (_, pixel) => counts.get(pixel) ?? 0));"
        "  return step.call(network, counts); };"
        "return films.map((events) => { bins = [];"
        "  const stroke = new motion.Stroke({ settings, network, blind, random: null, from });"
        "  stroke.camera = { film: () => events }; stroke.advance(from); stroke.finish();"
        "  const answers = [stroke.answer, stroke.blindAnswer].map((answer) =>"
        "    Object.fromEntries((answer ?? []).map(({ name, share }) => [name, share])));"
        "  return { bins, answers }; });",
        films=[events.tolist() for events in films.events],
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


def test_what_a_network_does_long_after_a_stroke_changes_no_answer():
    """It comes round to the right only while the hand rests."""
    answers = run(
        SCRIPTS,
        SETUP + "let step = 0;"
        "const network = { reset() {}, z: [], step: () => [5, step++ / 2, 0, 0, 0, 0] };"
        "const blind = { values: () => [5, 0, 0, 0, 0, 0] }, from = [0, 0];"
        "const stroke = new motion.Stroke({ settings, network, blind, random: null, from });"
        "for (const events of [[[1, 2, 3, 1]], ...Array(400).fill([])]) {"
        "  stroke.camera = { film: () => events }; stroke.advance(from); }"
        "const names = stroke.answer.map(({ name }) => name);"
        "return { ends: stroke.ends, steps: stroke.steps.length, names };",
    )
    assert answers["steps"] > 2 * answers["ends"] and answers["names"] == ["left"]


STROKES = (
    SETUP + "const blind = new motion.TimeBlind(motionData);"
    "const per = settings.frame_interval / 1000 * settings.slow_motion;"
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
    "    sum: [there.blindAnswer, back.blindAnswer].map(names) }; });"
)


@pytest.fixture(scope="module")
def strokes():
    rng = np.random.default_rng(1)
    names = [MOTIONS[number % 6] for number in range(50)]
    found = run(SCRIPTS, STROKES, tries=[scripted(name, rng) for name in names])
    return list(zip(names, found, strict=True))


def test_network_tells_a_scripted_path_from_its_reverse_and_the_sum_does_not(strokes):
    assert sum(stroke["there"] == [name] for name, stroke in strokes) >= 48
    assert sum(stroke["back"] == [BACK[name]] for name, stroke in strokes) >= 48
    sums = [(name, *stroke["sum"]) for name, stroke in strokes]
    assert sum(set(there) == {name, BACK[name]} for name, there, _ in sums) >= 40
    assert sum(there == back for _, there, back in sums) >= 40


def test_the_disc_follows_a_hand_as_if_it_had_a_mass():
    places = run(
        SCRIPTS,
        SETUP + "const hand = new motion.Hand(0, [0, 0]); hand.report(1, [10, 0]);"
        "return [1, 2, 3].map(() => hand.follow(50, 12)[0]);",
    )
    assert places == pytest.approx([10 * (1 - math.exp(-time)) for time in (1, 2, 3)])


def test_a_hand_makes_no_jumps(strokes):
    assert max(stroke["jump"] for _, stroke in strokes) < 1.5  # pixels from frame to frame
