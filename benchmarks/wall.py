"""Which way does a wall of digits move? A task of a real camera that only order can solve.

A wall is three digits of N-MNIST, laid over each other at random places of a torus, turned and
mirrored at random, and without polarity. Their events are a real camera's; that they lie on a wall
is ours. The image moves down in the first saccade and left in the third; the second isn't used,
since it goes along the diagonal, which mirrored copies would turn into itself. A wall is played 2.5
times as fast, so that it lasts as long as what the networks of *When time decides* see of a film,
and goes through the same code: backwards, too, and with mirrored copies to learn from.
"""

from functools import cache, partial

import numpy as np

from eventdesk.evidence.perturbations import replaced
from eventdesk.evidence.protocol import Evidence, Trial
from pokersnn_helpers import Recordings, load_nmnist
from pokersnn_helpers.events.recordings import POKERDVS_SENSOR_SIZE

from . import Row, motions, panel
from .rules import RULE, FourShifts

WALLS = 60  # to learn from
NEW_WALLS = 120
DIGITS = 3
OF_A_CLASS = 16  # recordings of each digit, so that one of saccade 3 isn't tested that 1 has taught
SIDE = POKERDVS_SENSOR_SIZE[0]
DOWN_AND_LEFT = {1: 3, 3: 0}  # the way of a saccade, in ``motions.WAYS``
BEGIN, END = 15_000, 75_000  # µs of a saccade, in which the image moves
SLOWER = (END - BEGIN) / (motions.STEPS * motions.TIME_WINDOW)
QUARTERS = (0, 2, 1, 3)  # turns, clockwise, from the left, of ``motions.WAYS``
# Events are four times as dense as in films of dots, so the detector's gain is a fourth. On
# walls of training digits, at half of its rate for dots, it began to learn after 1 to 14 epochs.
DETECTOR = partial(motions.MotionDetector, len(motions.WAYS), gain=1)
NETWORKS = {
    motions.SINGLE: motions.MODELS[motions.SINGLE],
    motions.DETECTOR: motions.Model(DETECTOR, 0.003, epochs=24),
}
PANEL_SEEDS = 3  # at most; the networks are asked with more


@cache
def digits(saccade: int, part: str) -> list[np.ndarray]:
    """Return recordings of a saccade, to train on or to test, none of which is in both parts."""
    recordings = getattr(load_nmnist(saccade), part)
    each = len(recordings) // len(recordings.classes)
    number = np.arange(len(recordings)) % each
    return list(recordings.subset(np.flatnonzero(number < OF_A_CLASS)).events)


def wall(saccade: int, part: str, way: int, rng: np.random.Generator) -> np.ndarray:
    """Lay digits over each other, and turn them so that they move one way."""
    laid = []
    for number in rng.integers(len(digits(saccade, part)), size=DIGITS):
        events = digits(saccade, part)[number]
        events = events[(events["t"] >= BEGIN) & (events["t"] < END)]
        x, y = (events[axis] + rng.integers(SIDE) for axis in "xy")
        time = motions.FIRST + (events["t"] - BEGIN) / SLOWER
        laid.append(replaced(events, t=time, x=x % SIDE, y=y % SIDE))
    events = np.sort(np.concatenate(laid), order="t", kind="stable")
    if rng.random() < 0.5:
        aside = "x" if DOWN_AND_LEFT[saccade] > 1 else "y"
        events[aside] = SIDE - 1 - events[aside]
    for _ in range((QUARTERS[way] - QUARTERS[DOWN_AND_LEFT[saccade]]) % 4):
        events = replaced(events, x=SIDE - 1 - events["y"], y=events["x"])
    return events


@cache
def walls(count: int, part: str, seed: int) -> Evidence:
    """Return walls that go each way, half of them of either saccade."""
    saccades = sorted(DOWN_AND_LEFT)
    events = []
    ways = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        ways.append(number % len(motions.WAYS))
        saccade = saccades[number // len(motions.WAYS) % len(saccades)]
        events.append(wall(saccade, part, ways[-1], rng))
    return Evidence(Recordings(events, ways, motions.WAYS, POKERDVS_SENSOR_SIZE))


def trial_of(seed: int, count: int) -> Trial:
    """Return a trial in which walls of other digits test."""
    return Trial(walls(count, "train", 2 * seed), walls(NEW_WALLS, "test", 2 * seed + 1))


def on_walls(seed: int, count: int, epochs: int | None) -> motions.Shares:
    """Train networks of *When time decides* on walls, and ask them about walls of other digits."""
    shares = {}
    for name, model in NETWORKS.items():
        trial = trial_of(seed, count)
        films = motions.both_ways(motions.to_films(trial.learn.recordings))
        learned = motions.with_mirrored_copies(films)
        network = motions.train(model, learned, seed, epochs)
        _, right = trial.correct(partial(motions.answers_both_ways, network))
        shares[name, "new walls"] = float(right.mean())
    return shares


def measure(seeds: int = 10, recordings: int = WALLS, epochs: int | None = None) -> Row:
    """Say which way walls of digits move.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other walls and other weights.
        recordings: Walls to learn from, besides their copies.
        epochs: As for ``motions``.

    Returns:
        A row per network, and in ``panel`` per member of the panel, with the share of the answers
        that are right, of walls both ways.
    """
    rows = motions.over_seeds(on_walls, seeds, recordings, epochs)
    task = panel.Task(
        partial(asked, count=recordings),
        time_window=motions.TIME_WINDOW,
        rules={RULE: FourShifts(motions.TIME_WINDOW)},
    )
    simple = panel.rows_of("walls", task, min(seeds, PANEL_SEEDS))
    return {"walls": recordings, "seeds": seeds, "rows": rows, "panel": simple}


def asked(seed: int, count: int) -> panel.Trials:
    """Return what the panel learns from and is asked."""
    return panel.both_ways(trial_of(seed, count))
