"""Which way does a digit move before a real camera? Asked of models that know simulated dots only.

N-MNIST's camera made three saccades, so that each digit moves down, up and left in turn, and twice
a bit to the right as well. The ranges of the dots and how much faster the recordings are played
were chosen by 100 recordings, which aren't among those asked about.
"""

from copy import deepcopy
from itertools import chain, product
from typing import Any

import numpy as np
import pandas as pd

from pokersnn_helpers import Recordings, evaluate, make_loader
from pokersnn_helpers.recordings import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation.motions import COURSES, with_mirrored_copies
from pokersnn_helpers.study.perturbations import merge_polarities, replaced, reversed_time
from pokersnn_helpers.study.protocol import Evidence, Trial
from tools.make_nmnist import SACCADES

from . import Row, folds
from .motions import DETECTOR, WITHOUT, MotionDetector, detecting, film_dots
from .nmnist import thousand

FILMS = 80
FASTER = 2.5
CHOSEN_ON = 25  # recordings of each digit, of 250
# By which x and y in pixels the authors' code (``stabilize`` of Tonic) moves a saccade's last
# events back; y points down.
SHIFTS = {1: (3.5, 7), 2: (3.5, -7), 3: (-7, 0)}
WAYS = np.array([COURSES[name][:2] for name in ("left", "right", "up", "down")])
EPOCHS = 14


def films_to_learn_from(count: int, seed: int) -> Recordings:
    """Film dots of many speeds that drift left, right, up or down, or up to 43° beside it."""
    films = film_dots(count, seed, classes=len(WAYS), slowest=0.15, slant=0.75)
    return with_mirrored_copies(merge_polarities(films))


def played(recordings: Recordings) -> list[np.ndarray]:
    """Play recordings faster, and without polarity."""
    return [replaced(events, t=events["t"] // FASTER, p=1) for events in recordings.events]


def movement(events: np.ndarray) -> np.ndarray:
    """Return how fast the middle of the events moves, x and y in pixels per ms."""
    places = np.stack([events["x"], events["y"]], axis=1)
    return np.polyfit(events["t"] / 1000, places, 1)[0]


def angle(x: float, y: float) -> float:
    """Return an angle in degrees: 0 is to the right, 90 up; y points down."""
    return float(np.degrees(np.arctan2(-y, x)))


def pointed(classifier: Any, films: list[np.ndarray]) -> np.ndarray:
    """Return where a classifier points, (films, 2): the ways, each as long as it is likely.

    A film is shown as it is, in mirrors, and turned by 90°, in all eight ways, and what is said of
    a copy is mirrored back: a network that prefers one way would turn all answers towards it.
    """
    last = POKERDVS_SENSOR_SIZE[0] - 1
    arrows: Any = 0
    for way_x, way_y, turn in product((1, -1), (1, -1), (1, -1)):
        copies = []
        for events in films:
            x = events["x"] if way_x == 1 else last - events["x"]
            y = events["y"] if way_y == 1 else last - events["y"]
            x, y = (x, y)[::turn]
            copies.append(replaced(events, x=x, y=y))
        shown = Recordings(copies, [0] * len(copies), classifier.classes, POKERDVS_SENSOR_SIZE)
        loader = make_loader(shown, 256, classifier.snn.time_window)
        likely = evaluate(classifier, loader, "cpu").log_probabilities.exp().numpy()
        said = likely @ WAYS
        arrows += said[:, ::turn] * (way_x, way_y) / 8
    return arrows


def asked(classifier: Any, films: list[np.ndarray], shift: np.ndarray) -> Row:
    """Return how many answers are right, and where all of them together point.

    Args:
        classifier: Of the four ways.
        films: All of which move in the same way.
        shift: This way, x and y.

    Returns:
        ``nearest``: the share whose answer is nearest to the way that is nearest to the true one.
        ``right``: the share whose answer is less than 90° from the true way. ``x`` and ``y``: the
        mean of all answers.
    """
    arrows = pointed(classifier, films)
    x, y = arrows.mean(axis=0)
    nearest = np.argmax(arrows @ WAYS.T, axis=1) == np.argmax(shift @ WAYS.T)
    right = arrows @ shift > 0
    return {"nearest": nearest.mean(), "right": right.mean(), "x": x, "y": y}


def trial_of(saccade: int, films: Recordings) -> Trial:
    """Return a trial in which those digits test that nothing was chosen by."""
    begin, end = SACCADES[saccade]
    digits = Evidence(thousand(end, begin))
    number = len(digits.recordings)
    chosen_by = np.arange(number) % (number // len(digits.recordings.classes)) < CHOSEN_ON
    test, choose = (digits.subset(np.flatnonzero(part)) for part in (~chosen_by, chosen_by))
    return Trial(Evidence(films), test, choose)


def answers_of(seed: int, count: int, epochs: int) -> list[Row]:
    """Train detectors on dots; return what they say of each saccade, forwards and backwards."""
    estimator = detecting(MotionDetector, epochs, 0.003)
    films = films_to_learn_from(count, 10 * seed)
    estimator.fit(films, seed)
    classifiers = {DETECTOR: estimator.classifier, WITHOUT: deepcopy(estimator.classifier)}
    classifiers[WITHOUT].snn.forget()
    answers = []
    for saccade, shift in SHIFTS.items():
        recordings = trial_of(saccade, films).test(lambda tested: tested.recordings)
        there = played(recordings)
        back = played(reversed_time(recordings))
        way = np.array(shift)
        for label, classifier in classifiers.items():
            row = {"model": label, "saccade": str(saccade), "seed": seed}
            answers.append(row | {"time": "forwards"} | asked(classifier, there, way))
            answers.append(row | {"time": "backwards"} | asked(classifier, back, -way))
    return answers


def _row(names: Row, answers: pd.DataFrame) -> Row:
    """Return means of answers, and the lowest and the highest of the seeds."""
    nearest = answers.groupby("seed")["nearest"].mean()
    return names | folds.spread(nearest.tolist()) | {"right": answers["right"].mean()}


def measure_saccades(seeds: int = 10, recordings: int = FILMS, epochs: int = EPOCHS) -> Row:
    """Ask which way digits of N-MNIST move in its three saccades.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other films and other weights.
        recordings: Films to learn from, besides their copies.
        epochs: To train for.

    Returns:
        A row per model, saccade and direction of time: the share of recordings whose answer is
        nearest to the way that is nearest to the true one, over the seeds; the share less than 90°
        from the true one; and the angle of all answers together. In ``all`` are means over the
        saccades, and over both directions of time; in ``directions`` the true angles, by the
        events' middle.
    """
    jobs = [(seed, recordings, epochs) for seed in range(seeds)]
    answers = pd.DataFrame(chain.from_iterable(folds.in_parallel(answers_of, jobs)))
    rows = []
    for (model, saccade, time), part in answers.groupby(["model", "saccade", "time"], sort=False):
        row = _row({"model": model, "saccade": saccade, "time": time}, part)
        rows.append(row | {"angle": angle(part["x"].mean(), part["y"].mean())})
    means = []
    for model, part in answers.groupby("model", sort=False):
        means.append(_row({"model": model, "time": "both"}, part))
        for time, half in part.groupby("time", sort=False):
            means.append(_row({"model": model, "time": time}, half))
    directions = []
    films = films_to_learn_from(recordings, 0)
    for saccade in SHIFTS:
        digits = trial_of(saccade, films).test(lambda tested: tested.recordings)
        x, y = np.mean([movement(events) for events in digits.events], axis=0)
        directions.append({"saccade": str(saccade), "measured": angle(x, y)})
    return {
        "recordings": len(digits),
        "films": recordings,
        "seeds": seeds,
        "rows": rows,
        "all": means,
        "directions": directions,
    }
