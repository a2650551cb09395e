"""The scripts of Show it a card, run by Node.js: what they compute, against Python."""

import json
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
import torch
from in_node import needs_node, read_scripts, run
from page_models import NO_CHANCE, Middle, assert_same_events, assert_same_network

from benchmarks import page_networks
from pokersnn_helpers import SNN, Classifier, first_of_each_class, to_frames
from pokersnn_helpers.events.recordings import POKERDVS_CLASSES
from pokersnn_helpers.figures.interactive import interactive_trace
from pokersnn_helpers.networks.classifier import unique_argmax
from pokersnn_helpers.simulation import EventCamera, cards

pytestmark = needs_node
SCRIPTS = read_scripts(
    *("interactive_figures", "interactive/card/data", "interactive/shared/camera"),
    *("interactive/shared/snn", "interactive/card/scene", "interactive/card/show"),
    "interactive/card/trace",
)
SETUP = (
    "const { card, cardData, mulberry32, shared } = window.interactiveFigures;"
    "const { simulator, settle } = cardData;"
)
SURE = 0.95
CERTAIN = replace(cards.CAMERA, **NO_CHANCE)


def drawn_card(suit, seed=3):
    """Draw a card, and return it with its motion, the rows that are filmed, and the film."""
    card = cards._draw(suit, np.random.default_rng(seed), spread=1)
    motion = cards._move(card)
    first = int(motion.way.min()) - 3
    last = int(motion.way.max() + card.y) + 16
    rows = np.arange(first, last + 1)
    return card, motion, rows, cards._log_frames(suit, card, motion, rows)


def test_network_agrees_with_snn(simulated):
    frames = [to_frames(events) for events, _ in first_of_each_class(simulated.test)]
    snn = page_networks.unpacked(page_networks.read()["layers"]).double()
    assert_same_network(SCRIPTS, "card", snn, frames)


def test_network_of_a_chapter_agrees_with_it(simulated):
    torch.manual_seed(1)
    classifier = Classifier(SNN())
    state = {name: weights.clone() for name, weights in classifier.snn.state_dict().items()}
    content = interactive_trace(classifier, simulated, "heart").content
    for layer, name in page_networks.LAYERS.items():
        scale = torch.tensor(content["layers"][layer]["scale"])[:, None]
        steps = np.frombuffer(b64decode(content["layers"][layer]["weights"]), np.int8)
        carried = content["inputs"] if layer == "input" else slice(None)
        weights = state[name][:, carried]
        rounded = torch.tensor(steps).reshape(weights.shape) * scale
        assert (rounded - weights).abs().max() < 0.51 * scale.max()
        state[name][:, carried] = rounded
    classifier.snn.load_state_dict(state)
    events = simulated.test.events[simulated.test.targets.index(1)]
    frames = classifier.append_silence(to_frames(events).unsqueeze(1))[0][:, 0]
    counts = [
        [[place, int(step[place])] for place in step.nonzero()[:, 0].tolist()]
        for step in frames.flatten(1)
    ]
    assert content["counts"] == counts
    carrying = (
        "interactiveFigures.trace = { Network: function (carried) {"
        "  return interactiveFigures.card.networkOf(carried); } };"
        f"interactiveFigures.traceData = {json.dumps(content)};"
    )
    scripts = [*SCRIPTS, *read_scripts("interactive/card/answer"), carrying]
    assert_same_network(scripts, "trace", classifier.snn.double(), [frames])


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
@pytest.mark.parametrize(
    "camera",
    [CERTAIN, EventCamera(0.2, 0.25), EventCamera(0.11, 0.07, refractory_period_us=70)],
)
def test_scene_and_camera_agree_with_those_of_cards(suit, camera):
    card, motion, rows, frames = drawn_card(suit)
    expected = camera.record(frames, cards.FRAME_INTERVAL, Middle(np.random.PCG64(0)))
    events = run(
        SCRIPTS,
        SETUP + "const events = [];"
        "const camera = new shared.EventCamera(settings, 35, rows, null);"
        "times.forEach((time, number) => {"
        "  const light = card.filmInto(new Float32Array(35 * rows),"
        "    card.poseAt(drawn, time, simulator), first, rows, 35, simulator);"
        "  if (number) events.push(...camera.film(light, interval));"
        "  else camera.start(light, -2000); });"  # before 0, as for a card that is thrown
        "return events.map(([t, ...more]) => [t + 2000, ...more]);",
        settings=vars(camera),
        drawn=vars(card) | {"suit": suit},
        times=motion.time.tolist(),
        first=int(rows[0]),
        rows=len(rows),
        interval=cards.FRAME_INTERVAL,
    )
    columns = dict(zip("txyp", np.array(events, int).T, strict=True))
    assert len(expected) > 1000
    assert_same_events(columns, expected)
    assert (np.diff(columns["t"]) >= 0).all()


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
def test_window_follows_events_as_in_cards(suit):
    *_, rows, frames = drawn_card(suit)
    events = cards.CAMERA.record(frames, cards.FRAME_INTERVAL, np.random.default_rng(0))
    events["y"] += rows[0]
    events = events[events["t"] >= cards.LEAD_IN]
    expected = cards._track(events.copy(), suit)
    windowed = run(
        SCRIPTS,
        SETUP + "const tracker = new card.Tracker(suit, simulator);"
        "return events.map((one) => tracker.follow(one)).filter(Boolean);",
        suit=suit,
        events=events.tolist(),
    )
    assert windowed == np.array(expected.tolist()).tolist()


def test_answer_and_when_it_is_sure_agree_with_python_where_voltages_are_equal():
    rng = np.random.default_rng(0)
    films = torch.tensor(rng.integers(-3, 4, (50, 4, 4)))  # so few that some are equal
    answered = run(
        SCRIPTS,
        SETUP + "return films.map((film) => {"
        "  const steps = film.map((voltages) => ({ voltages }));"
        "  steps.push({ voltages: [9, 0, 0, 0] });"  # after the recording's end
        "  return card.Show.prototype.answer.call({ simulator, steps, ends: 4 }); });",
        films=films.tolist(),
    )
    for voltages, found in zip(films, answered, strict=True):
        highest = voltages.cummax(dim=0).values
        answers = [[*POKERDVS_CLASSES, None][place] for place in unique_argmax(highest)]
        probable = highest.double().softmax(dim=1).amax(dim=1) >= SURE
        assert found["suit"] == answers[-1]
        if not probable.any():
            assert found["sure"] is None
            continue
        first = int(probable.int().argmax())
        assert found["sure"]["suit"] == answers[first]
        assert found["sure"]["after"] == first + 1


def thrown(count, *changes):
    """Return what was seen of cards that were thrown, with switches that are on."""
    return run(
        SCRIPTS,
        SETUP + "const network = new card.Network(cardData); const random = mulberry32(7);"
        "return Array.from({ length: count }, (_, number) => {"
        "  const suit = simulator.suits[number % 4];"
        "  const show = card.Show.thrown("
        "    { simulator, settle, network, random, suit, changes: new Set(changes) });"
        "  while (show.stage !== 'done') show.advance();"
        "  return { ...show.answer(), all: show.eventCount, spikes: show.spikeCount }; });",
        count=count,
        changes=changes,
    )


@pytest.fixture(scope="module")
def shows():
    """What was seen of a hundred cards that were thrown without a change."""
    return thrown(100)


def test_thrown_cards_are_classified(shows):
    right = np.array([show["suit"] for show in shows]) == np.resize(POKERDVS_CLASSES, len(shows))
    assert right.sum() >= 95
    first_right = [show["sure"]["suit"] == show["suit"] for show in shows if show["sure"]]
    assert len(first_right) >= 95
    assert np.mean(first_right) >= 0.95


@pytest.mark.parametrize(
    ("change", "share"),
    [("shuffle", 1), ("merge", 1), ("half", 0.5), ("noise", 2), ("no-recurrence", 1)],
)
def test_switches_change_the_events_as_they_say(change, share, shows):
    before = shows[:40]
    after = thrown(40, change)
    count = sum(show["all"] for show in before)
    assert sum(show["all"] for show in after) / count == pytest.approx(share, rel=0.2)
    assert [show["spikes"] for show in before] != [show["spikes"] for show in after]


# What a neuron's voltage consists of, and what its spikes have added, in some steps of a card.
TRACE = (
    "const network = new card.Network(cardData); const random = mulberry32(7);"
    "const what = { simulator, settle, network, random, suit, changes: new Set(changes) };"
    "const show = card.Show.thrown(what);"
    "const before = [];"  # the voltages of the hidden neurons before a reset, step by step
    "const step = network.step;"
    "network.step = function (counts) {"
    "  const voltages = step.call(network, counts);"
    "  before.push(Array.from(network.u));"
    "  return voltages; };"
    "while (show.stage !== 'done') show.advance();"
    "const { steps } = show;"
    "const neurons = [...network.z.keys()];"
    "return [2, 9, steps.length - 1].map((now) => ({"
    "  before: before[now], voltages: steps[now].voltages,"
    "  others: neurons.map((neuron) => card.whatReached(network, steps, neuron, now).others),"
    "  events: neurons.map((neuron) =>"
    "    [...card.whatReached(network, steps, neuron, now).events.values()]),"
    "  added: neurons.map((neuron) => card.whatItAdded(network, steps, neuron, now)) }));"
)


def test_parts_that_reached_a_neuron_sum_to_its_voltage():
    for step in run(SCRIPTS, SETUP + TRACE, suit="heart", changes=[]):
        events = np.array([sum(parts) for parts in step["events"]])
        np.testing.assert_allclose(events + step["others"], step["before"], atol=1e-9)
        assert np.abs(step["others"]).max() > 0.01


def test_without_recurrence_no_other_neuron_reaches_one():
    for step in run(SCRIPTS, SETUP + TRACE, suit="heart", changes=["no-recurrence"]):
        events = np.array([sum(parts) for parts in step["events"]])
        np.testing.assert_allclose(events, step["before"], atol=1e-9)
        assert not np.any(step["others"])


def test_what_all_neurons_added_sums_to_the_voltages():
    for step in run(SCRIPTS, SETUP + TRACE, suit="spade", changes=[]):
        added = np.sum(step["added"], axis=0)
        np.testing.assert_allclose(added, step["voltages"], atol=1e-9)
