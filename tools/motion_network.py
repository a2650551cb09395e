"""Train the two models of "Your finger is the scene": python tools/motion_network.py.

A network that detects motion and a model that sees only the sum of the events learn from the same
simulated films: random dots, discs that go past or circle, and strokes as a hand makes them, in any
heading. Polarities are merged, so only time tells a motion from its opposite. The weights are
rounded to int8, with a scale per neuron, and written to one script together with the constants of
the camera, which the page needs too. What is printed is measured with the rounded weights, on
strokes of other seeds. All of it takes about ten minutes of one core.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from card_network import smooth
from numpy import ndarray
from numpy.random import Generator

from benchmarks.motions import MotionDetector, film_dots
from benchmarks.page_networks import packed, unpacked, write
from benchmarks.page_networks import read as read_from
from eventdesk.evidence.perturbations import replaced
from eventdesk.models.ordinary import CNN
from pokersnn_helpers import Classifier, Recordings, evaluate, make_loader, train_classifier
from pokersnn_helpers.events.recordings import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.figures.interactive import neuron_constants
from pokersnn_helpers.simulation import motions as simulated
from pokersnn_helpers.simulation.camera import FRAME_INTERVAL
from pokersnn_helpers.simulation.cards import CAMERA

OUTPUT = Path(__file__).parents[1] / "book/_static/interactive/motion/data.js"
read = partial(read_from, OUTPUT)
SEED = 0
MOTIONS = simulated.MOTIONS[:6]  # those of the page
OPPOSITE = simulated.OPPOSITE[:6]
STROKES = 1200
OTHERS = 180  # films of dots, and of discs
TIME_WINDOW = round(1e6 * MotionDetector.dt)  # µs
DETECTOR = partial(MotionDetector, stride=2, gain=1)
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
LENGTHS = (12, 34)  # pixels
SLANT = 0.35  # rad
BEND = 0.15  # share of the length
QUARTERS = ("right", "down", "left", "up")  # y points down
TURNS = (0.75, 2.5)  # of circles
RADII = (5, 12)  # pixels
STRETCH = 0.12
DRIFT = 4  # pixels
WOBBLE = 0.5  # pixels, every 6 ms


def nearly_straight(rng: Generator) -> float:
    """Draw by how many rad the heading of a line differs from that of its motion."""
    return rng.uniform(-SLANT, SLANT)


def any_heading(rng: Generator) -> float:
    """Draw it so that every heading is as likely, and halfway both motions are."""
    return rng.uniform(-math.pi / 4, math.pi / 4) + nearly_straight(rng)


def draw_stroke(motion: str, rng: Generator, slant: Callable = nearly_straight) -> ndarray:
    """Draw how a hand moves the disc: anywhere, unevenly, along no perfect line or circle.

    Returns:
        As ``random_path`` does it: x and y in pixels from the middle, every 0.1 ms, (2, frames).
    """
    circular = motion in MOTIONS[4:]
    turns = rng.uniform(*TURNS)
    shortest, longest = LASTS
    if circular:
        shortest = max(shortest, FASTEST_TURN * turns)
    duration = math.exp(rng.uniform(math.log(shortest), math.log(longest)))
    time = np.arange(0, duration, FRAME_INTERVAL / 1000)
    pace = wavy(rng.uniform(0.3, 1.3, 6), len(time))
    to_an_end = np.minimum(time, time[::-1])
    pace *= np.minimum(to_an_end / 2, 1) + 0.05  # from rest to rest
    share = np.cumsum(pace) / pace.sum()
    path = circle(motion, turns, share, rng) if circular else line(motion, share, slant(rng), rng)
    wobble = rng.normal(0, WOBBLE, (2, 3 + round(duration / 6)))
    path = path + [wavy(values, len(time)) for values in wobble]
    return np.array([smooth(on_the_pad(places, rng)) for places in path])


def wavy(values: ndarray, count: int) -> ndarray:
    """Interpolate between values, at so many places."""
    places = np.linspace(0, len(values) - 1, count)
    return np.interp(places, np.arange(len(values)), values)


def circle(motion: str, turns: float, share: ndarray, rng: Generator) -> ndarray:
    """Go along an ellipse that drifts; ``share`` is how much of it has passed."""
    angle = 2 * np.pi * (turns * share + rng.random())
    if motion == "counterclockwise":
        angle = -angle
    radii = rng.uniform(*RADII) * np.exp(rng.normal(0, STRETCH, (2, 1)))
    drift = rng.uniform(-DRIFT, DRIFT, (2, 1))
    return radii * [np.cos(angle), np.sin(angle)] + drift * share


def line(motion: str, share: ndarray, slant: float, rng: Generator) -> ndarray:
    """Go along a line that bends."""
    heading = QUARTERS.index(motion) * np.pi / 2 + slant
    length = rng.uniform(*LENGTHS)
    along = length * share
    aside = 4 * length * rng.uniform(-BEND, BEND) * share * (1 - share)
    sine = np.sin(heading)
    cosine = np.cos(heading)
    return np.array([along * cosine - aside * sine, along * sine + aside * cosine])


def on_the_pad(places: ndarray, rng: Generator) -> ndarray:
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
    targets = [MOTIONS.index(motions[number % len(motions)]) for number in range(count)]
    events = []
    for target in targets:
        path = draw_stroke(MOTIONS[target], rng, slant)
        if backwards:
            path = path[:, ::-1]
        radius = rng.uniform(RADIUS - 1, RADIUS + 1)
        of_camera = rng.spawn(1)[0]
        events.append(simulated.film_path(path, radius, of_camera, camera=HAND_CAMERA))
    return merged(Recordings(events, targets, MOTIONS, POKERDVS_SENSOR_SIZE))


def merged(films: Recordings) -> Recordings:
    """Take the polarity from events, for a sensor of one, and keep the motions of the page."""
    events = []
    targets = []
    for film, target in films:
        if target < len(MOTIONS):
            events.append(replaced(film, p=0))
            targets.append(target)
    return Recordings(events, targets, MOTIONS, SENSOR_SIZE)


def films_to_learn_from(seed: int) -> Recordings:
    """Film strokes, dots and discs, and add their mirrored copies."""
    strokes = film_strokes(STROKES, 100 + seed, slant=any_heading)
    others = film_dots(OTHERS, 200 + seed) + simulated.film_motions(OTHERS, 300 + seed)
    return with_mirrored_copies(strokes + merged(others))


# Where a mirror shows what is at x and y. Pixels go from 0 to ``last``; for a motion it is 0.
MIRRORS = (
    lambda x, y, last: (last - x, y),  # left becomes right
    lambda x, y, last: (x, last - y),  # up becomes down
    lambda x, y, last: (y, x),  # left becomes up
)


def with_mirrored_copies(films: Recordings) -> Recordings:
    """Add what a film shows in a mirror, upside down and turned: eight films of each.

    In a mirror, left becomes right and clockwise counterclockwise: the classes follow.
    """
    courses = list(simulated.COURSES.values())  # of the classes
    width, _, _ = films.sensor_size
    for mirror in MIRRORS:
        copies = []
        for events in films.events:
            x, y = mirror(events["x"], events["y"], width - 1)
            copies.append(replaced(events, x=x, y=y))
        shown = [courses.index((*mirror(right, down, 0), -turn)) for right, down, turn in courses]
        targets = [shown[target] for target in films.targets]
        films = films + Recordings(copies, targets, films.classes, films.sensor_size)
    return films


def train(films: Recordings, seed: int) -> tuple[MotionDetector, CNN]:
    """Train both models."""
    how = {"time_window": TIME_WINDOW, "augment": "none", "learning_rate": 0.004}
    spiking, _ = train_classifier(films, seed=seed, device="cpu", network=DETECTOR, epochs=4, **how)
    time_blind, _ = train_classifier(
        films, seed=seed, device="cpu", network=TIME_BLIND, epochs=2, **how
    )
    return spiking.snn, time_blind.snn


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
    spiking = unpacked(document["layers"], DETECTOR, LAYERS)
    time_blind = unpacked(document["blind"], TIME_BLIND, BLIND)
    return classifier(spiking), classifier(time_blind)


def settings() -> dict:
    """Return what the page needs to move the disc and to film it."""
    return {
        "classes": MOTIONS,
        "opposite": OPPOSITE,
        "camera": vars(HAND_CAMERA),
        "duration": simulated.DURATION,
        "frame_interval": FRAME_INTERVAL,
        "radius": RADIUS,
        "slow_motion": SLOW_MOTION,
        "time_window": TIME_WINDOW,
        "settle_steps": Classifier(MotionDetector(), classes=MOTIONS).settle_steps,
    }


def log_probabilities(classifier: Classifier, films: Recordings) -> ndarray:
    """Ask a model about films: (films, classes)."""
    loader = make_loader(films, time_window=TIME_WINDOW)
    return evaluate(classifier, loader, "cpu").log_probabilities.numpy()


def answers(log_probabilities: ndarray, equal: float) -> ndarray:
    """Return which classes answer, (films, classes).

    It is the class that leads and, of two lines or two circles, also a second one that is at least
    ``equal`` times as likely. Where more are, there is no answer.
    """
    highest = log_probabilities.max(axis=1, keepdims=True)
    leading = log_probabilities - highest >= math.log(equal)
    circular = np.arange(len(MOTIONS)) >= 4
    leads_circular = circular[log_probabilities.argmax(axis=1)]
    leading &= circular == leads_circular[:, None]
    return leading & (leading.sum(axis=1, keepdims=True) <= 2)


def share(log_probabilities: ndarray, equal: float, *targets: ndarray) -> float:
    """Return how often exactly these classes answer."""
    expected = np.zeros(log_probabilities.shape, bool)
    for target in targets:
        expected[np.arange(len(target)), target] = True
    return float((answers(log_probabilities, equal) == expected).all(axis=1).mean())


def choose_equal(spiking: Classifier) -> float:
    """Choose what counts as about equal: the least at which 99% of straight strokes have one."""
    films = film_strokes(240, 1200)
    probabilities = log_probabilities(spiking, films)
    targets = np.array(films.targets)
    for equal in np.arange(0.1, 1, 0.05).round(2).tolist():
        if share(probabilities, equal, targets) >= 0.99:
            return equal
    raise SystemExit("strokes have two answers whatever counts as equal")


def measure(spiking: Classifier, time_blind: Classifier, equal: float) -> dict:
    """Ask about strokes of other seeds than those of training and of choosing."""
    measured = {}
    for backwards in (False, True):
        films = film_strokes(240, 1300 + SEED, backwards=backwards)
        expected = np.take(OPPOSITE, films.targets) if backwards else np.array(films.targets)
        for name, classifier in (("spiking", spiking), ("time_blind", time_blind)):
            probabilities = log_probabilities(classifier, films)
            way = "_backwards" if backwards else ""
            measured[f"{name}_strokes{way}"] = share(probabilities, equal, expected)
    return measured


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
