"""Which way does a digit move before a real camera? Asked of models that know simulated dots only.

N-MNIST's camera made three saccades, so that each digit moves down, up and left in turn, and twice
a bit to the right as well. The ranges of the dots and how much faster the recordings are played
were chosen by 100 recordings, which aren't among those asked about.
"""

from functools import partial
from itertools import chain, product
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from pokersnn_helpers import Recordings
from pokersnn_helpers.simulation.motions import COURSES, OPPOSITE
from pokersnn_helpers.study.perturbations import replaced
from pokersnn_helpers.study.protocol import Evidence, Trial
from tools.make_nmnist import SACCADES

from . import Row, folds, motions
from .motions import DETECTOR, Films, Model, MotionDetector, drifting_dots
from .nmnist import thousand

FILMS = 60
RATE = 0.006
EPOCHS = 8
FASTER = 2.5
STEPS = 21  # of 2 ms: those of the longest saccade, faster
CHOSEN_ON = 25  # recordings of each digit, of 250
# By which x and y in pixels the authors' code (``stabilize`` of Tonic) moves a saccade's last
# events back; y points down.
SHIFTS = {1: (3.5, 7), 2: (3.5, -7), 3: (-7, 0)}
WAYS = np.array([COURSES[name][:2] for name in ("left", "right", "up", "down")])


def films_to_learn_from(count: int, seed: int) -> Recordings:
    """Film dots of many speeds that drift left, right, up or down, or up to 43° beside it."""
    return motions.film_drifting(count, seed, draw=partial(drifting_dots, slowest=0.15, slant=0.75))


def played(recordings: Recordings) -> Films:
    """Play recordings faster, and without polarity."""
    faster = []
    for events in recordings.events:
        since = events["t"] - events["t"][0]
        faster.append(replaced(events, t=since // FASTER))
    frames = motions.counted(faster, 0, STEPS).sum(2, keepdim=True)
    return Films(frames, torch.tensor(recordings.targets))


@torch.no_grad()
def pointed(network: nn.Module, frames: torch.Tensor) -> np.ndarray:
    """Return where a network points, (films, 2): the ways, each as long as it is likely.

    A film is shown as it is, in mirrors, and turned by 90°, in all eight ways, and what is said of
    a copy is mirrored back: a network that prefers one way would turn all answers towards it.
    """
    arrows: Any = 0
    for way_x, way_y, turn in product((1, -1), (1, -1), (1, -1)):
        copies = frames.flip([axis for axis, way in ((4, way_x), (3, way_y)) if way < 0])
        if turn < 0:
            copies = copies.transpose(3, 4)
        parts = [network(part).amax(0) for part in copies.split(256, dim=1)]
        said = torch.cat(parts).softmax(1).numpy() @ WAYS
        arrows += said[:, ::turn] * (way_x, way_y) / 8
    return arrows


def ways_of(network: nn.Module, recordings: Recordings) -> np.ndarray:
    """Return what ``nearest_ways`` says of recordings, and its opposite for them backwards."""
    there = played(recordings)
    back = nearest_ways(network, motions.backwards(there))
    return np.stack([nearest_ways(network, there), np.take(OPPOSITE, back)])


def nearest_ways(network: nn.Module, films: Films) -> np.ndarray:
    """Return the way, of four, that a network's answer to each film is nearest to, (2, films).

    First by the mean over mirrored copies, and then by the film just as it is.
    """
    by_copies = np.argmax(pointed(network, films.frames) @ WAYS.T, axis=1)
    return np.stack([by_copies, motions.answers(network, films)])


def trial_of(saccade: int, films: Recordings, count: int | None = None) -> Trial:
    """Return a trial in which those digits test that nothing was chosen by, or so many of them.

    Their classes are the ways in which they move.
    """
    begin, end = SACCADES[saccade]
    recordings = thousand(end, begin)
    number = len(recordings)
    way = int(np.argmax(WAYS @ SHIFTS[saccade]))
    events = recordings.events.packed
    digits = Evidence(Recordings(events, [way] * number, motions.WAYS, recordings.sensor_size))
    chosen_by = np.arange(number) % (number // len(recordings.classes)) < CHOSEN_ON
    test = digits.subset(np.flatnonzero(~chosen_by)[:count])
    return Trial(Evidence(films), test, digits.subset(np.flatnonzero(chosen_by)))


def answers_of(seed: int, count: int, epochs: int, digits: int | None) -> list[Row]:
    """Train detectors on dots; return what they say of each saccade, forwards and backwards."""
    model = Model(partial(MotionDetector, len(WAYS)), RATE, epochs)
    films = films_to_learn_from(count, 10 * seed)
    copies = motions.with_mirrored_copies(motions.both_ways(motions.to_films(films)))
    network: Any = motions.train(model, copies, seed)
    answers = []
    for saccade in SHIFTS:
        _, right = trial_of(saccade, films, digits).correct(partial(ways_of, network))
        row = {"saccade": str(saccade), "seed": seed, "recordings": right.shape[-1]}
        for time, of_time in zip(("forwards", "backwards"), right, strict=True):
            nearest, plainly = of_time.mean(axis=1)
            answers.append(row | {"time": time, "nearest": nearest, "plainly": plainly})
    return answers


def over_seeds(names: Row, answers: pd.DataFrame) -> Row:
    """Return the mean of answers, and the lowest and the highest of the seeds."""
    of_seeds = answers.groupby("seed")[["nearest", "plainly"]].mean()
    row = {"model": DETECTOR, **names, **folds.spread(of_seeds["nearest"].tolist())}
    for name, value in folds.spread(of_seeds["plainly"].tolist()).items():
        row[f"plainly, {name}"] = value
    return row


def measure_saccades(
    seeds: int = 2, recordings: int = FILMS, epochs: int = EPOCHS, digits: int | None = None
) -> Row:
    """Ask which way digits of N-MNIST move in its three saccades.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other films and other weights.
        recordings: Films to learn from, besides their copies.
        epochs: To train for.
        digits: To ask about in each saccade, at most, to try it out.

    Returns:
        A row per saccade and direction of time: the share of recordings whose answer is nearest to
        the way that is nearest to the true one. In ``all`` are means over the saccades, and over
        both directions of time.
    """
    jobs = [(seed, recordings, epochs, digits) for seed in range(seeds)]
    answers = pd.DataFrame(chain.from_iterable(folds.in_parallel(answers_of, jobs)))
    rows = []
    for (saccade, time), part in answers.groupby(["saccade", "time"], sort=False):
        rows.append(over_seeds({"saccade": saccade, "time": time}, part))
    means = [over_seeds({"time": "both"}, answers)]
    for time, half in answers.groupby("time", sort=False):
        means.append(over_seeds({"time": time}, half))
    return {
        "recordings": int(answers["recordings"].iloc[-1]),
        "films": recordings,
        "seeds": seeds,
        "rows": rows,
        "all": means,
    }
