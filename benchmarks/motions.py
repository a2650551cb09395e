"""Which way does it move? The networks of chapter 6 on films of random dots, and a shortcut.

Each seed films its own dots: 120 to train on, with mirrored copies, and 120 to test on. All films
are without polarity. Ranges of the dots and the learning rate were chosen with seeds from 100 on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from pokersnn_helpers import FastSNN, Recordings
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.fast.layered import delay_copies
from pokersnn_helpers.networks import WHOLE, FrameNetwork
from pokersnn_helpers.pokerdvs import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation import motions
from pokersnn_helpers.simulation.cards import CAMERA
from pokersnn_helpers.simulation.pips import sd_circle
from pokersnn_helpers.snn import build_network
from pokersnn_helpers.study.models import GRU, MLP, motion_correlations, summed_image
from pokersnn_helpers.study.perturbations import merge_polarities, reversed_time, shuffled_time
from pokersnn_helpers.study.protocol import NetworkEstimator, logistic_regression

from . import Row, folds
from .perturbations import without_start

FILMS = 120
MIDDLE = 17  # column and row of the sensor's middle
EDGE = 22.5  # pixels from the middle, five beyond the frame: where dots leave and come back
TRAINING: dict[str, Any] = {"epochs": 10, "learning_rate": 0.004, "augment": "none"}
DELAYS: dict[str, Any] = {"delays": (0, 0.004, 0.008), "tau_mem": 0.005, "tau_syn": 0.002}  # s


@dataclass
class FirstPlace:
    """A rule that needs no order: away from the edge that the first events are nearest to.

    Where a shape comes in from outside the frame, they lie where it came in. It never answers with
    a circle.
    """

    ms: float = 4

    def fit(self, recordings: Recordings, seed: int = 0) -> "FirstPlace":
        """Learn nothing."""
        return self

    def predict(self, recordings: Recordings) -> np.ndarray:
        """Return indices of ``MOTIONS``."""
        places = []
        for events in recordings.events:
            first = events[events["t"] < events["t"][0] + 1000 * self.ms]
            x, y = np.median(first["x"]) - MIDDLE, np.median(first["y"]) - MIDDLE
            places.append((x, -x, y, -y))
        return np.argmax(places, axis=1)


class MotionDetector(FrameNetwork):
    """Look for moving edges everywhere, and give what is found to the book's network.

    A convolution over space and the last 8 ms, in frames of 2 ms without polarity: at each place it
    compares now with some milliseconds ago, as a motion detector does (Hassenstein and Reichardt
    1956, doi:10.1515/znb-1956-9-1004). What a filter finds is averaged over 3 × 3 regions.

    Args:
        output_size: Outputs, one per class.
        late: By how many time steps the copies of the frames come late that the filters see.
    """

    dt = 0.002
    takes_sparse = True
    causal = True

    def __init__(self, output_size: int = 6, late: Sequence[int] = (0, 1, 2, 3, 4)):
        super().__init__()
        self.late = late
        filters: Any = nn.Conv2d(len(late), 16, 7, stride=2, bias=False)
        self.filters = filters.to(memory_format=torch.channels_last)  # twice as fast on a CPU
        self.snn = build_network(
            FastSNN,
            time_window=self.time_window,
            sensor_size=(3, 3, 16),
            output_size=output_size,
            hidden_size=20,
            tau_mem=0.005,
            tau_syn=0.002,
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        self.check(frames)
        without_polarity = frames.to_dense().sum(2, keepdim=True)
        copies = delay_copies(without_polarity, self.late)
        maps = torch.relu(self.filters(copies.flatten(0, 1)))
        regions = nn.functional.adaptive_avg_pool2d(maps, 3)
        return self.snn(regions.unflatten(0, copies.shape[:2]))


class MeanDetector(MotionDetector):
    """``MotionDetector`` with the mean over time in place of spiking neurons."""

    def __init__(self, output_size: int = 6, late: Sequence[int] = (0, 1, 2, 3, 4)):
        super().__init__(output_size, late)
        self.snn: Any = nn.Sequential(nn.Flatten(2), nn.Linear(144, output_size))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (1, B, classes)."""
        return super().forward(frames).mean(dim=0, keepdim=True)


def detector(kind: type[MotionDetector] = MotionDetector, **options: Any) -> NetworkEstimator:
    """Return the network that chapter 6 types, with what is changed in it."""
    return NetworkEstimator(partial(kind, **options), time_window=2000, **TRAINING)


DETECTOR = "motion detectors"
MODELS: dict[str, Any] = {
    "place of the first 4 ms": FirstPlace(),
    "logistic regression on the sum": logistic_regression(summed_image),
    "MLP on the sum": NetworkEstimator(MLP, clip_norm=None, time_window=WHOLE, **TRAINING),
    "GRU": NetworkEstimator(GRU, clip_norm=1.0, **TRAINING),
    "SNN": NetworkEstimator(FastSNN, **TRAINING),
    "SNN behind a layer, with delays": NetworkEstimator(
        partial(LayerThenSNN, hidden_size=20, **DELAYS), **TRAINING
    ),
    "motion correlations": logistic_regression(motion_correlations),
    DETECTOR: detector(),
    "… copies 0, 4 and 8 ms late": detector(late=(0, 2, 4)),
    "… no late copies": detector(late=(0,)),
    "… mean over time": detector(MeanDetector),
    "… mean over time, no late copies": detector(MeanDetector, late=(0,)),
}
ON_DISCS = ("place of the first 4 ms", "SNN behind a layer, with delays")


def random_dots(motion: str, rng: np.random.Generator) -> np.ndarray:
    """Draw how six to twelve dots move, which were there before a film begins and stay after it.

    All drift at 0.35 to 1 pixels per ms, and what leaves on one side comes back on the other, out
    of sight; or all turn about the middle, by 0.03 to 0.09 rad per ms. So neither where they come
    in nor where they are tells how they move.

    Returns:
        x and y of each dot, as ``random_path`` returns those of a shape, (dots, 2, frames).
    """
    duration = rng.uniform(*motions.DURATION)
    time = np.arange(0, duration, motions.FRAME_INTERVAL / 1000)
    count = rng.integers(6, 13)
    x, y = rng.uniform(-EDGE, EDGE, (2, count, 1))
    way = rng.uniform(0.35, 1) * time
    angle = rng.uniform(0.03, 0.09) * time
    right, down, turn = motions.COURSES[motion]
    if turn:
        sine = np.sin(turn * angle)
        cosine = np.cos(angle)
        return np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1)
    places = np.stack([x + right * way, y + down * way], axis=1)
    return (places + EDGE) % (2 * EDGE) - EDGE


def film_dots(count: int, seed: int = 0, *, backwards: bool = False) -> Recordings:
    """Film dots of 1.5 to 3 pixels, as ``film_motions`` films a shape."""
    y, x = np.mgrid[-17:18, -17:18].astype(np.float32)
    events = []
    targets = [number % len(motions.MOTIONS) for number in range(count)]
    for number, target in enumerate(targets):
        rng = np.random.default_rng([seed, number])
        dots = random_dots(motions.MOTIONS[target], rng)
        radii = rng.uniform(1.5, 3, len(dots)).tolist()
        if backwards:
            dots = dots[..., ::-1]
        paths = dots.astype(np.float32)[..., None, None]
        distance: Any = np.inf
        for (dot_x, dot_y), radius in zip(paths, radii, strict=True):
            distance = np.minimum(distance, sd_circle(x - dot_x, y - dot_y, radius))
        covered = np.clip(0.5 - distance, 0, 1)
        events.append(CAMERA.record(-covered, motions.FRAME_INTERVAL, rng))
    return Recordings(events, targets, motions.MOTIONS, POKERDVS_SENSOR_SIZE)


def lines(recordings: Recordings) -> Recordings:
    """Keep what goes left, right, up or down."""
    return recordings.subset([n for n, target in enumerate(recordings.targets) if target < 4])


def shares(name: str, model: Any, tests: dict[str, Recordings]) -> dict[tuple[str, str], float]:
    """Return the share of a model's answers that are as expected, by its name and the test."""
    return {
        (name, test): float((model.predict(recordings) == recordings.targets).mean())
        for test, recordings in tests.items()
    }


def _dots(seed: int) -> Recordings:
    return merge_polarities(film_dots(FILMS, seed))


def _shapes(seed: int, shape: str = "disc") -> Recordings:
    return merge_polarities(motions.film_motions(FILMS, seed, shape=shape))


def _on_dots(seed: int) -> dict[tuple[str, str], float]:
    train, new = motions.with_mirrored_copies(_dots(10 * seed)), _dots(10 * seed + 1)
    opposite = [motions.OPPOSITE[target] for target in new.targets]
    back = Recordings(reversed_time(new).events, opposite, new.classes, new.sensor_size)
    tests = {
        "new films": new,
        "time reversed": back,
        "without the first 12 ms": without_start(new),
        "time shuffled": shuffled_time(new),
        "single discs": _shapes(10 * seed + 2),
        "single squares": _shapes(10 * seed + 3, "square"),
    }
    found: dict[tuple[str, str], float] = {}
    for name, model in MODELS.items():
        found |= shares(name, model.fit(train, seed), tests)
        if name == DETECTOR:
            model.network.late = [0] * len(model.network.late)
            found |= shares("… delays off after training", model, tests)
    return found


def _on_discs(seed: int) -> dict[tuple[str, str], float]:
    """Train and ask models of the shortcut that single discs have, which come in from outside."""
    train, new = motions.with_mirrored_copies(_shapes(10 * seed)), _shapes(10 * seed + 1)
    tests = {"lines": lines(new), "lines without the first 12 ms": lines(without_start(new))}
    found: dict[tuple[str, str], float] = {}
    for name in ON_DISCS:
        found |= shares(name, MODELS[name].fit(train, seed), tests)
    return found


def measure_motions(seeds: int = 10) -> Row:
    """Name the motion of random dots, in new films and in changed ones; and of single discs.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other films and other weights.

    Returns:
        A row per model and test, with the share of the answers that are as expected: that of the
        film, or the opposite where time is reversed. In ``discs`` are those that were trained and
        tested on films of a disc that comes in from outside.
    """
    tables = {}
    for table, ask in (("rows", _on_dots), ("discs", _on_discs)):
        found = folds.in_parallel(ask, [(seed,) for seed in range(seeds)])
        tables[table] = [
            {"model": name, "test": test} | folds.spread([each[name, test] for each in found])
            for name, test in found[0]
        ]
    return {"films": FILMS, "seeds": seeds, **tables}
