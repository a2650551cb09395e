"""Train the two models of "Your finger is the scene": python tools/motion_network.py.

A network that detects motion and a model that sees only the sum of the events learn from the same
simulated films: random dots, discs that go past or circle, and strokes as a hand makes them, in any
heading. Polarities are merged, so only time tells a motion from its opposite. The weights are
rounded to int8, with a scale per neuron, and written to one script together with the constants of
the camera, which the page needs too. What is printed is measured with the rounded weights, on
strokes and films of other seeds. All of it takes about ten minutes of one core.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from card_network import neuron_constants, packed, smooth, unpacked, write
from card_network import read as read_from

from benchmarks.motions import MotionDetector, film_dots
from pokersnn_helpers import Classifier, Recordings, evaluate, make_loader, train_classifier
from pokersnn_helpers.pokerdvs import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation import motions as simulated
from pokersnn_helpers.simulation.cards import CAMERA
from pokersnn_helpers.study.models import CNN
from pokersnn_helpers.study.perturbations import replaced

OUTPUT = Path(__file__).parents[1] / "book/_static/interactive/motion/data.js"
read = partial(read_from, OUTPUT)
SEED = 0
MOTIONS, OPPOSITE = simulated.MOTIONS[:6], simulated.OPPOSITE[:6]  # those of the page
STROKES, DOTS, DISCS = 1200, 180, 180
TIME_WINDOW = round(1e6 * MotionDetector.dt)  # µs
# A disc that rests makes only ON events when it leaves, and only OFF events where it comes to rest.
# The fitted camera sends twice as many ON events, so that a sum would show where a stroke began.
THRESHOLD = (CAMERA.on_threshold + CAMERA.off_threshold) / 2
HAND_CAMERA = replace(CAMERA, on_threshold=THRESHOLD, off_threshold=THRESHOLD)
SENSOR_SIZE = (*POKERDVS_SENSOR_SIZE[:2], 1)  # polarities are merged
RADIUS = 4.5  # pixels of the disc on the page
SLOW_MOTION = 30  # a second of the hand is 33 ms before the camera
# Of a logistic regression, an MLP and a CNN on the sum, the CNN is least surprised by new strokes.
TIME_BLIND = partial(CNN, channels=8, sensor_size=SENSOR_SIZE, output_size=len(MOTIONS))
LAYERS = {
    "filters": "filters.weight",
    "input": "snn.lif0.input_weights",
    "recurrent": "snn.lif0.recurrent_weights",
    "readout": "snn.linear.weight",
}
BLIND = {"first": "body.0.weight", "second": "body.2.weight", "readout": "body.5.weight"}
# How a hand moves the disc. Unlike the simulator's constants, this was chosen and not fitted.
EDGE = 17  # pixels from the middle that the disc's centre reaches
LASTS = (10, 80)  # ms, from where to where
FASTEST_TURN = 13  # ms
LENGTHS, SLANT, BEND = (12, 34), 0.35, 0.15  # pixels; rad; share of the length
QUARTERS = ("right", "down", "left", "up")  # y points down
TURNS, RADII, STRETCH, DRIFT = (0.75, 2.5), (5, 12), 0.12, 4  # of circles, in pixels
WOBBLE = 0.5  # pixels, every 6 ms


def nearly_straight(rng: np.random.Generator) -> float:
    """Draw by how many rad the heading of a line differs from that of its motion."""
    return rng.uniform(-SLANT, SLANT)


def any_heading(rng: np.random.Generator) -> float:
    """Draw it so that every heading is as likely, and halfway both motions are."""
    return rng.uniform(-math.pi / 4, math.pi / 4) + nearly_straight(rng)


def diagonal(rng: np.random.Generator) -> float:
    """Draw it halfway to the next motion in ``QUARTERS``."""
    return math.pi / 4 + rng.uniform(-0.1, 0.1)


def draw_stroke(
    motion: str, rng: np.random.Generator, slant: Callable = nearly_straight
) -> np.ndarray:
    """Draw how a hand moves the disc: anywhere, unevenly, along no perfect line or circle.

    Returns:
        As ``random_path`` does it: x and y in pixels from the middle, every 0.1 ms, (2, frames).
    """
    circular = motion in MOTIONS[4:]
    turns = rng.uniform(*TURNS)
    shortest, longest = (max(LASTS[0], FASTEST_TURN * turns) if circular else LASTS[0]), LASTS[1]
    lasts = math.exp(rng.uniform(math.log(shortest), math.log(longest)))
    time = np.arange(0, lasts, simulated.FRAME_INTERVAL / 1000)
    pace = _wavy(rng.uniform(0.3, 1.3, 6), len(time))
    pace *= np.minimum(np.minimum(time, time[::-1]) / 2, 1) + 0.05  # from rest to rest
    share = np.cumsum(pace) / pace.sum()
    path = _circle(motion, turns, share, rng) if circular else _line(motion, share, slant(rng), rng)
    wobble = rng.normal(0, WOBBLE, (2, 3 + round(lasts / 6)))
    path = path + [_wavy(some, len(time)) for some in wobble]
    return np.array([smooth(_on_the_pad(places, rng)) for places in path])


def _wavy(values: np.ndarray, count: int) -> np.ndarray:
    return np.interp(np.linspace(0, len(values) - 1, count), np.arange(len(values)), values)


def _circle(motion: str, turns: float, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = 2 * np.pi * (turns * share + rng.random())
    angle = -angle if motion == "counterclockwise" else angle
    radii = rng.uniform(*RADII) * np.exp(rng.normal(0, STRETCH, (2, 1)))
    return radii * [np.cos(angle), np.sin(angle)] + rng.uniform(-DRIFT, DRIFT, (2, 1)) * share


def _line(motion: str, share: np.ndarray, slant: float, rng: np.random.Generator) -> np.ndarray:
    heading = QUARTERS.index(motion) * np.pi / 2 + slant
    length = rng.uniform(*LENGTHS)
    along, aside = length * share, 4 * length * rng.uniform(-BEND, BEND) * share * (1 - share)
    sine, cosine = np.sin(heading), np.cos(heading)
    return np.array([along * cosine - aside * sine, along * sine + aside * cosine])


def _on_the_pad(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move places along one axis to anywhere on the pad, or to its middle if they don't fit."""
    room = np.sort([-EDGE - places.min(), EDGE - places.max()])
    fits = np.ptp(places) <= 2 * EDGE
    return places + (rng.uniform(*room) if fits else room.mean())


def film_strokes(
    count: int,
    seed: int,
    *,
    slant: Callable = nearly_straight,
    motions: tuple[str, ...] = MOTIONS,
    backwards: bool = False,
) -> Recordings:
    """Film strokes of a hand, as ``film_motions`` films the motions, with merged polarities."""
    rng = np.random.default_rng(seed)
    events, targets = [], [MOTIONS.index(motions[n % len(motions)]) for n in range(count)]
    for target in targets:
        path = draw_stroke(MOTIONS[target], rng, slant)
        way = path[:, ::-1] if backwards else path
        radius = rng.uniform(RADIUS - 1, RADIUS + 1)
        events.append(simulated.film_path(way, radius, rng.spawn(1)[0], camera=HAND_CAMERA))
    return merged(Recordings(events, targets, MOTIONS, POKERDVS_SENSOR_SIZE))


def merged(films: Recordings) -> Recordings:
    """Take the polarity from events, for a sensor of one, and keep the motions of the page."""
    kept = [(replaced(events, p=0), target) for events, target in films if target < len(MOTIONS)]
    return Recordings(*zip(*kept, strict=True), MOTIONS, SENSOR_SIZE)


def films_to_learn_from(seed: int) -> Recordings:
    """Film strokes, dots and discs, and add their mirrored copies."""
    strokes = film_strokes(STROKES, 100 + seed, slant=any_heading)
    others = film_dots(DOTS, 200 + seed) + simulated.film_motions(DISCS, 300 + seed)
    return simulated.with_mirrored_copies(strokes + merged(others))


def train(films: Recordings, seed: int) -> tuple[MotionDetector, CNN]:
    """Train both models."""
    how = {"time_window": TIME_WINDOW, "augment": None, "learning_rate": 0.004}
    spiking, time_blind = (
        train_classifier(films, seed, "cpu", network=network, epochs=epochs, **how)[0].snn
        for network, epochs in ((MotionDetector, 4), (TIME_BLIND, 2))
    )
    return spiking, time_blind


def carried(spiking: MotionDetector, time_blind: CNN) -> dict:
    """Return both models as the page carries them."""
    return {
        "constants": neuron_constants(spiking.snn),
        "late": list(spiking.late),
        "layers": packed(spiking, LAYERS),
        "blind": packed(time_blind, BLIND),
    }


def models(document: dict) -> tuple[Classifier, Classifier]:
    """Make the two models whose weights the page carries."""
    classifier = partial(Classifier, classes=MOTIONS, sensor_size=SENSOR_SIZE)
    spiking = classifier(unpacked(document["layers"], MotionDetector, LAYERS))
    return spiking, classifier(unpacked(document["blind"], TIME_BLIND, BLIND))


def settings() -> dict:
    """Return what the page needs to move the disc and to film it."""
    return {
        "classes": MOTIONS,
        "opposite": OPPOSITE,
        "camera": vars(HAND_CAMERA),
        "duration": simulated.DURATION,
        "frame_interval": simulated.FRAME_INTERVAL,
        "radius": RADIUS,
        "slow_motion": SLOW_MOTION,
        "time_window": TIME_WINDOW,
        "settle_steps": Classifier(MotionDetector(), classes=MOTIONS).settle_steps,
    }


def log_probabilities(classifier: Classifier, films: Recordings) -> np.ndarray:
    """Ask a model about films: (films, classes)."""
    loader = make_loader(films, time_window=TIME_WINDOW, sparse=True)
    return evaluate(classifier, loader, "cpu").log_probabilities.numpy()


def answers(log_probabilities: np.ndarray, equal: float) -> np.ndarray:
    """Return which classes answer, (films, classes).

    It is the class that leads and, of two lines or two circles, also a second one that is at least
    ``equal`` times as likely. Where more are, there is no answer.
    """
    leading = log_probabilities - log_probabilities.max(axis=1, keepdims=True) >= math.log(equal)
    circular = np.arange(len(MOTIONS)) >= 4
    leading &= circular == circular[log_probabilities.argmax(axis=1)][:, None]
    return leading & (leading.sum(axis=1, keepdims=True) <= 2)


def share(log_probabilities: np.ndarray, equal: float, *targets: np.ndarray) -> float:
    """Return how often exactly these classes answer."""
    expected = sum(np.eye(len(MOTIONS), dtype=bool)[each] for each in targets)
    return float((answers(log_probabilities, equal) == expected).all(axis=1).mean())


def film_diagonals(count: int, seed: int) -> tuple[Recordings, np.ndarray]:
    """Film strokes halfway between two motions. Returns also the second one of each."""
    films = film_strokes(count, seed, slant=diagonal, motions=MOTIONS[:4])
    after = [MOTIONS.index(QUARTERS[(QUARTERS.index(name) + 1) % 4]) for name in MOTIONS[:4]]
    return films, np.take(after, films.targets)


def choose_equal(spiking: Classifier, count: int = 240) -> float:
    """Choose what counts as about equal: the least at which 99% of straight strokes have one."""
    films = film_strokes(count, 1200)
    found = log_probabilities(spiking, films)
    tried = np.arange(0.1, 1, 0.05).round(2).tolist()
    return next(each for each in tried if share(found, each, np.array(films.targets)) >= 0.99)


def measure(spiking: Classifier, time_blind: Classifier, equal: float, count: int = 240) -> dict:
    """Ask about strokes and films of other seeds than those of training and of choosing."""
    found = {}
    for name, film in (
        ("strokes", partial(film_strokes, count, 1300 + SEED)),
        ("discs", lambda **way: merged(simulated.film_motions(count // 2, 1400 + SEED, **way))),
        ("dots", lambda **way: merged(film_dots(count // 2, 1500 + SEED, **way))),
    ):
        there, back = film(), film(backwards=True)
        targets = np.array(there.targets)
        opposite = np.take(OPPOSITE, targets)
        for films, way, expected in ((there, "", targets), (back, "_backwards", opposite)):
            said = log_probabilities(spiking, films)
            found[f"spiking_{name}{way}"] = share(said, equal, expected)
            said = log_probabilities(time_blind, films)
            found[f"time_blind_{name}{way}"] = share(said, equal, expected)
            found[f"time_blind_{name}{way}_either"] = share(said, equal, targets, opposite)
    films, second = film_diagonals(count, 1600 + SEED)
    said = log_probabilities(spiking, films)
    return found | {"spiking_diagonals": share(said, equal, np.array(films.targets), second)}


def main() -> None:
    """Train, measure, write and print."""
    films = films_to_learn_from(SEED)
    document = carried(*train(films, SEED))
    spiking, time_blind = models(document)
    equal = choose_equal(spiking)
    measured = measure(spiking, time_blind, equal)
    chosen = settings() | {"equal": equal}
    document = {"seed": SEED, "measured": measured, "settings": chosen} | document
    write(OUTPUT, "motion", document)


if __name__ == "__main__":
    main()
