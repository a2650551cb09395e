"""Which way does it move? The networks of chapter 6 on films of random dots, and a shortcut.

Each seed films its own dots: 120 to train on, with mirrored copies, and 120 to test on. All films
are without polarity. Ranges of the dots and the learning rate were chosen with seeds from 100 on.
"""

import math
from collections.abc import Sequence
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from pokersnn_helpers import SNN, FastSNN, Recordings, Split, train_classifier
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.networks import WHOLE, SpikingNetwork
from pokersnn_helpers.recordings import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation import motions
from pokersnn_helpers.simulation.cards import CAMERA
from pokersnn_helpers.simulation.pips import sd_circle
from pokersnn_helpers.snn import build_network
from pokersnn_helpers.study.models import CNN, GRU, motion_correlations
from pokersnn_helpers.study.perturbations import merge_polarities, reversed_time
from pokersnn_helpers.study.protocol import (
    Evidence,
    NetworkEstimator,
    Trial,
    logistic_regression,
)
from pokersnn_helpers.system.norse_cells import (
    LIFFeedForwardState,
    LIFParameters,
    lif_feed_forward_step,
)

from . import Row, folds
from .perturbations import without_start

Shares = dict[tuple[str, str], float]  # of the answers that are as expected, by model and test

FILMS = 120
SEED_TO_CHOOSE = 100
MIDDLE = 17  # column and row of the sensor's middle
EDGE = 22.5  # pixels from the middle, five beyond the frame: where dots leave and come back
RATES = (0.002, 0.006, 0.02)
FILTERS = 16
# Of the neurons at each place: a synapse of 2 and a membrane of 2.5 ms.
NEURONS = LIFParameters(torch.tensor(500.0), torch.tensor(400.0), v_th=torch.tensor(0.3))
AT_REST = LIFFeedForwardState(v=torch.tensor(0.0), i=torch.tensor(0.0))
DELAYS: dict[str, Any] = {"delays": (0, 0.004, 0.008), "tau_mem": 0.005, "tau_syn": 0.002}  # s


class FirstPlace:
    """A rule that needs no order: away from the edge that the events of 4 ms are nearest to.

    Where a shape comes in from outside the frame, they lie where it came in. It never answers with
    a circle.
    """

    def fit(self, recordings: Recordings, seed: int = 0) -> "FirstPlace":
        """Learn nothing."""
        return self

    def predict(self, recordings: Recordings) -> np.ndarray:
        """Return indices of ``MOTIONS``."""
        places = []
        for events in recordings.events:
            first = events[events["t"] < events["t"][0] + 4000]
            x = np.median(first["x"]) - MIDDLE
            y = np.median(first["y"]) - MIDDLE
            places.append((x, -x, y, -y))
        return np.argmax(places, axis=1)


class DetectorState(NamedTuple):
    """What is remembered from one time step to the next."""

    past: torch.Tensor  # of each pixel, (B, frames, height, width)
    places: Any  # of each place of the convolution
    snn: Any


class MotionDetector(SpikingNetwork):
    """Look for moving edges everywhere, and give what is found to the book's network.

    A convolution over space and the last 8 ms, in frames of 2 ms without polarity: at each place it
    compares now with some milliseconds ago, as a motion detector does (Hassenstein and Reichardt
    1956, doi:10.1515/znb-1956-9-1004). What a filter finds is averaged over 3 × 3 regions.

    Args:
        output_size: Outputs, one per class.
        late: By how many time steps the copies of the frames come late that the filters see.
        stride: Of the convolution, in pixels.
        gain: What the averages are multiplied by. Without, a new network stays silent for long.
        mean: Read the regions by a linear layer, and its mean over time, without spiking neurons.
    """

    dt = 0.002

    def __init__(
        self,
        output_size: int = 6,
        late: Sequence[int] = (0, 1, 2, 3, 4),
        *,
        stride: int = 3,
        gain: float = 4,
        mean: bool = False,
    ):
        super().__init__()
        self.late = list(late)
        self.gain = gain
        self.mean = mean
        filters: Any = nn.Conv2d(len(late), FILTERS, 7, stride=stride, bias=False)
        self.filters = filters.to(memory_format=torch.channels_last)  # twice as fast on a CPU
        self.snn: Any = Linear(9 * FILTERS, output_size) if mean else small_snn(output_size)

    def remember(self, now: torch.Tensor, past: torch.Tensor | None) -> torch.Tensor:
        """Return the last frames, (B, steps, height, width), from the newest to the oldest."""
        if past is None:
            past = torch.zeros_like(now).repeat(1, 1 + max(self.late), 1, 1)
        return torch.cat([now, past[:, :-1]], dim=1)

    def look(self, past: torch.Tensor, places: Any) -> tuple[torch.Tensor, Any]:
        """Return what is found in 3 × 3 regions, and what each place remembers of it."""
        maps = self.filters(past[:, self.late]).relu()
        return self.gain * nn.functional.adaptive_avg_pool2d(maps, 3), ()

    def step(self, frame: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Compute one time step, from a frame (B, polarities, height, width)."""
        past, places, snn = state or (None, None, None)
        past = self.remember(frame.sum(1, keepdim=True), past)
        regions, places = self.look(past, places)
        voltages, snn = self.snn.step(regions, snn)
        return voltages, DetectorState(past, places, snn)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes), or their mean over time (1, B, classes)."""
        voltages = super().forward(frames)
        return voltages.mean(dim=0, keepdim=True) if self.mean else voltages

    def forget(self) -> None:
        """See the latest frame in the place of each late copy."""
        self.late = [0] * len(self.late)


class LeakyDetector(MotionDetector):
    """``MotionDetector`` with one leaky memory of each pixel in place of late copies.

    It is a trace of all earlier frames, without the latest, which the filters see beside it.

    Args:
        output_size: Outputs, one per class.
        tau: Time constant with which it decays, in s.
        mean: As of ``MotionDetector``.
    """

    def __init__(self, output_size: int = 6, tau: float = 0.005, *, mean: bool = False):
        super().__init__(output_size, late=(0, 1), mean=mean)
        self.kept = math.exp(-self.dt / tau)  # share that is left after a time step

    def remember(self, now: torch.Tensor, past: torch.Tensor | None) -> torch.Tensor:
        """Return the latest frame and the trace, (B, 2, height, width)."""
        trace = torch.zeros_like(now)
        if past is not None:
            trace = self.kept * past.sum(1, keepdim=True)
        return torch.cat([now, trace], dim=1)

    def forget(self) -> None:
        """Let nothing be left."""
        self.kept = 0


class SpikingConvolution(LeakyDetector):
    """``LeakyDetector`` with LIF neurons at each place, whose spikes are averaged over regions."""

    def __init__(self, output_size: int = 6, tau: float = 0.005):
        super().__init__(output_size, tau)
        self.gain = 10

    def look(self, past: torch.Tensor, places: Any) -> tuple[torch.Tensor, Any]:
        """Return the spikes, averaged over 3 × 3 regions, and the state of the neurons."""
        currents = self.filters(past)
        spikes, places = lif_feed_forward_step(currents, places or AT_REST, NEURONS, self.dt)
        return self.gain * nn.functional.adaptive_avg_pool2d(spikes, 3), places


class PlaceGRU(MotionDetector):
    """The latest frame alone, seen by gated recurrent units with the same weights at each place."""

    def __init__(self, output_size: int = 6):
        super().__init__(output_size, late=(0,), mean=True)
        self.units = nn.GRUCell(FILTERS, FILTERS)

    def look(self, past: torch.Tensor, places: Any) -> tuple[torch.Tensor, Any]:
        """Return what the units say, averaged over 3 × 3 regions, and at each place."""
        maps = self.filters(past).relu().permute(0, 2, 3, 1)  # (B, height, width, filters)
        places = self.units(maps.reshape(-1, FILTERS), places)
        said = places.view_as(maps).permute(0, 3, 1, 2)
        return nn.functional.adaptive_avg_pool2d(said, 3), places


class Linear(nn.Linear):
    """A linear layer in the place of a spiking network."""

    def step(self, frame: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Compute the outputs of one time step."""
        return self(frame.flatten(1)), state


def small_snn(output_size: int) -> SNN:
    """Return the book's network for 3 × 3 regions, with 20 hidden neurons."""
    return build_network(
        SNN,
        time_window=2000,
        sensor_size=(3, 3, FILTERS),
        output_size=output_size,
        hidden_size=20,
        tau_mem=0.005,
        tau_syn=0.002,
    )


def trained(network: Any, epochs: int, learning_rate: float, **others: Any) -> NetworkEstimator:
    """Return an estimator whose frames are never shifted or mirrored."""
    how = {"epochs": epochs, "learning_rate": learning_rate, "augment": "none"}
    return NetworkEstimator(network, **how, **others)


detecting = partial(trained, time_window=2000)
DETECTOR = "motion detectors"
WITHOUT = "… delays off after training"  # of the detectors
DELAYED = "SNN behind a layer, with delays"
# Rates and epochs of the networks that remember at each place were tried with seeds from 100 on;
# those of the others, the controls, are the best of ``measure_rates``.
MODELS: dict[str, Any] = {
    "CNN on the sum": trained(CNN, 3, 0.006, clip_norm=None, time_window=WHOLE),
    "GRU": trained(GRU, 5, 0.02, clip_norm=1.0),
    "SNN": trained(FastSNN, 6, 0.002),
    DELAYED: trained(partial(LayerThenSNN, hidden_size=20, **DELAYS), 12, 0.006),
    "motion correlations": logistic_regression(motion_correlations),
    DETECTOR: detecting(MotionDetector, 9, 0.006),
    "… no late copies": detecting(partial(MotionDetector, late=(0,)), 7, 0.006),
    "spiking convolution": detecting(SpikingConvolution, 9, 0.008),
    "… no leaky trace": detecting(partial(SpikingConvolution, tau=0.0001), 12, 0.02),
    "leaky trace": detecting(LeakyDetector, 9, 0.008),
    "leaky trace, mean over time": detecting(partial(LeakyDetector, mean=True), 9, 0.008),
    "GRU at each place, mean over time": detecting(PlaceGRU, 12, 0.008, clip_norm=1.0),
}
CONTROLS = ("CNN on the sum", "GRU", "SNN", DELAYED, "… no late copies", "… no leaky trace")
FEWER_SEEDS = dict.fromkeys(CONTROLS, 5) | {
    "leaky trace": 3,
    "leaky trace, mean over time": 3,
    "… no leaky trace": 3,
    "GRU at each place, mean over time": 1,
}
ON_DISCS = {"place of the first 4 ms": FirstPlace(), DELAYED: MODELS[DELAYED]}


def random_dots(
    motion: str, rng: np.random.Generator, slowest: float = 0.35, slant: float = 0
) -> np.ndarray:
    """Draw how six to twelve dots move, which were there before a film begins and stay after it.

    All drift, and what leaves on one side comes back on the other, out of sight; or all turn about
    the middle, by 0.03 to 0.09 rad per ms. So neither where they come in nor where they are tells
    how they move.

    Args:
        motion: One of ``MOTIONS``.
        rng: Draws everything else.
        slowest: They drift at this to 1 pixels per ms.
        slant: Their way differs from that of the motion by up to so many rad.

    Returns:
        x and y of each dot, as ``random_path`` returns those of a shape, (dots, 2, frames).
    """
    duration = rng.uniform(*motions.DURATION)
    time = np.arange(0, duration, motions.FRAME_INTERVAL / 1000)
    count = rng.integers(6, 13)
    x, y = rng.uniform(-EDGE, EDGE, (2, count, 1))
    way = rng.uniform(slowest, 1) * time
    angle = rng.uniform(0.03, 0.09) * time
    right, down, turn = motions.COURSES[motion]
    if turn:
        return np.stack(turned(x, y, turn * angle), axis=1)
    aside = rng.uniform(-slant, slant) if slant else 0
    to_x, to_y = turned(right, down, aside)
    places = np.stack([x + to_x * way, y + to_y * way], axis=1)
    return (places + EDGE) % (2 * EDGE) - EDGE


def turned(x: Any, y: Any, angle: Any) -> tuple[Any, Any]:
    """Turn places about the middle, clockwise by some rad."""
    sine = np.sin(angle)
    cosine = np.cos(angle)
    return x * cosine - y * sine, x * sine + y * cosine


def film_dots(
    count: int,
    seed: int = 0,
    *,
    backwards: bool = False,
    classes: int = 6,
    **ranges: float,
) -> Recordings:
    """Film dots of 1.5 to 3 pixels, as ``film_motions`` films a shape.

    Args:
        count: How many films.
        seed: Fixes all of them.
        backwards: Let the dots go the same way back.
        classes: The first so many of ``MOTIONS``.
        ranges: As of ``random_dots``.
    """
    y, x = np.mgrid[-17:18, -17:18].astype(np.float32)
    names = motions.MOTIONS[:classes]
    events = []
    targets = [number % classes for number in range(count)]
    for number, target in enumerate(targets):
        rng = np.random.default_rng([seed, number])
        dots = random_dots(names[target], rng, **ranges)
        radii = rng.uniform(1.5, 3, len(dots)).tolist()
        if backwards:
            dots = dots[..., ::-1]
        paths = dots.astype(np.float32)[..., None, None]
        distance: Any = np.inf
        for (dot_x, dot_y), radius in zip(paths, radii, strict=True):
            distance = np.minimum(distance, sd_circle(x - dot_x, y - dot_y, radius))
        covered = np.clip(0.5 - distance, 0, 1)
        events.append(CAMERA.record(-covered, motions.FRAME_INTERVAL, rng))
    return Recordings(events, targets, names, POKERDVS_SENSOR_SIZE)


def lines(recordings: Recordings) -> Recordings:
    """Keep what goes left, right, up or down."""
    return recordings.subset(np.flatnonzero(np.array(recordings.targets) < 4))


def backwards(films: Recordings) -> Recordings:
    """Reverse the time of films, and take the opposite class."""
    opposite = [motions.OPPOSITE[target] for target in films.targets]
    return Recordings(reversed_time(films).events, opposite, films.classes, films.sensor_size)


@cache
def dots(count: int, seed: int) -> Recordings:
    """Film dots without polarity, once for all models."""
    return merge_polarities(film_dots(count, seed))


def discs(count: int, seed: int) -> Recordings:
    """Film single discs without polarity."""
    return merge_polarities(motions.film_motions(count, seed))


def share(model: Any, films: Recordings) -> float:
    """Return the share of a model's answers that are as expected."""
    return float((model.predict(films) == films.targets).mean())


def on_dots(seed: int, count: int, epochs: int | None) -> Shares:
    """Train models on films of dots, and ask them about new and changed ones."""
    learn = Evidence(motions.with_mirrored_copies(dots(count, 10 * seed)))
    test = Evidence(dots(count, 10 * seed + 1))
    shares = {}
    for name, model in folds.for_epochs(MODELS, epochs).items():
        if seed >= FEWER_SEEDS.get(name, seed + 1):
            continue
        trial = Trial(learn, test)
        model.fit(trial.learn.recordings, seed)
        new = trial.test(lambda tested: tested.recordings)
        tests = {
            "new films": new,
            "time reversed": backwards(new),
            "without the first 12 ms": without_start(new),
            "single discs": discs(count, 10 * seed + 2),
        }
        for asked, films in tests.items():
            shares[name, asked] = share(model, films)
        if name == DETECTOR:
            model.network.forget()
            for asked, films in tests.items():
                shares[WITHOUT, asked] = share(model, films)
    return shares


def on_discs(seed: int, count: int, epochs: int | None) -> Shares:
    """Train and ask models of the shortcut that single discs have, which come in from outside."""
    learn = Evidence(motions.with_mirrored_copies(discs(count, 10 * seed)))
    test = Evidence(discs(count, 10 * seed + 1))
    shares = {}
    for name, model in folds.for_epochs(ON_DISCS, epochs).items():
        trial = Trial(learn, test)
        model.fit(trial.learn.recordings, seed)
        new = trial.test(lambda tested: tested.recordings)
        shares[name, "lines"] = share(model, lines(new))
        shares[name, "lines without the first 12 ms"] = share(model, lines(without_start(new)))
    return shares


def over_seeds(by_seed: Sequence[Shares]) -> list[Row]:
    """Return a row per model and test, with as many seeds as the model was trained with."""
    rows = []
    for model, test in by_seed[0]:
        shares = [of_seed[model, test] for of_seed in by_seed if (model, test) in of_seed]
        rows.append({"model": model, "test": test, "seeds": len(shares), **folds.spread(shares)})
    return rows


def measure_motions(seeds: int = 10, recordings: int = FILMS, epochs: int | None = None) -> Row:
    """Classify the motion of random dots, in new films and in changed ones; and of single discs.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other films and other weights.
        recordings: Films to learn from, besides their copies, and as many to test.
        epochs: To train for, in place of each network's own.

    Returns:
        A row per model and test, with the share of the answers that are as expected: that of the
        film, or the opposite where time is reversed. In ``discs`` are those that were trained and
        tested on films of a disc that comes in from outside.
    """
    jobs = [(seed, recordings, epochs) for seed in range(seeds)]
    return {
        "films": recordings,
        "seeds": seeds,
        "rows": over_seeds(folds.in_parallel(on_dots, jobs)),
        "discs": over_seeds(folds.in_parallel(on_discs, jobs)),
    }


def rate_of(name: str, learning_rate: float, count: int, epochs: int) -> Row:
    """Train a network at a learning rate; return the epoch after which it was best, and how good.

    It is asked about new films and reversed ones, of a seed that ``measure_motions`` doesn't use.
    """
    train = motions.with_mirrored_copies(dots(count, 10 * SEED_TO_CHOOSE))
    new = dots(count, 10 * SEED_TO_CHOOSE + 1)
    trial = Trial(Evidence(train), Evidence(new + backwards(new)))
    model = MODELS[name]
    recipe = model.recipe | {"epochs": epochs, "learning_rate": learning_rate}
    learned = trial.learn.recordings
    split = Split(learned, trial.test(lambda tested: tested.recordings), source="simulated")
    _, history = train_classifier(split, SEED_TO_CHOOSE, "cpu", network=model.make, **recipe)
    best = int(np.argmax(history.test_accuracy))
    return {
        "model": name,
        "rate": learning_rate,
        "epochs": best + 1,
        "accuracy": history.test_accuracy[best],
    }


def measure_rates(recordings: int = FILMS, epochs: int = 12) -> Row:
    """Train each control at several rates, to choose among them and the number of epochs.

    Args:
        recordings: As for ``motions``.
        epochs: At most.
    """
    jobs: Any = product(CONTROLS, RATES, [recordings], [epochs])
    return {"rows": folds.in_parallel(rate_of, jobs)}
