"""Which way do dots drift? The networks of *When time decides*, and what is right without memory.

Each seed films its own dots: 60 films to learn from, with mirrored copies, and 120 to test on. All
are without polarity, except where it is named. Each film is also played backwards, with the
opposite class, to learn from as to test on; only ``one_way`` and ``discs`` are played forwards.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from eventdesk.evidence.perturbations import apply, replaced, until
from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.models.ordinary import CNN, GRU
from pokersnn_helpers import SNN, FastSNN, Recordings
from pokersnn_helpers.events.recordings import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.networks.initial_network import build_network
from pokersnn_helpers.networks.spiking_network import SpikingNetwork
from pokersnn_helpers.simulation import motions
from pokersnn_helpers.simulation.camera import FRAME_INTERVAL, EventCamera
from pokersnn_helpers.simulation.cards import CAMERA
from pokersnn_helpers.system.norse_cells import (
    LIFFeedForwardState,
    LIFParameters,
    lif_feed_forward_step,
)

from . import Row, folds
from .rules import RULE, FourShifts

Shares = dict[tuple[str, str], float]  # of the answers that are as expected, by model and test

FILMS = 60  # to learn from
NEW_FILMS = 120
DISCS = 180  # films of single discs, of which 120 go straight
WAYS = motions.MOTIONS[:4]
TIME_WINDOW = 2000  # µs
FIRST = 20_000  # µs; before, a film's rate of events still shows that it has just begun
STEPS = 12
LENGTH = 46  # ms of a film, of which 24 are kept
MIDDLE = 17  # column and row of the sensor's middle
EDGE = 22.5  # pixels from the middle, five beyond the frame: where dots leave and come back
FILTERS = 16
PIXELS = (*POKERDVS_SENSOR_SIZE[:2], 1)
# Of the neurons at each place: a synapse of 2 and a membrane of 2.5 ms.
NEURONS = LIFParameters(torch.tensor(500.0), torch.tensor(400.0), v_th=torch.tensor(0.3))
AT_REST = LIFFeedForwardState(v=torch.tensor(0.0), i=torch.tensor(0.0))


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


class SingleFrames(nn.Module):
    """See one frame at a time, and average the answers: no order of frames changes anything."""

    dt = 0.002

    def __init__(self, output_size: int = len(WAYS)):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, FILTERS, 7, stride=3),
            nn.ReLU(),
            nn.Conv2d(FILTERS, FILTERS, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.answer = nn.Linear(FILTERS, output_size)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (1, B, classes)."""
        seen = self.look(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return self.answer(seen).mean(0, keepdim=True)


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


def random_dots(motion: str, rng: np.random.Generator) -> np.ndarray:
    """Draw how six to twelve dots move, which were there before a film begins and stay after it.

    All drift, and what leaves on one side comes back on the other, out of sight; or all turn about
    the middle, by 0.03 to 0.09 rad per ms. So neither where they come in nor where they are tells
    how they move.

    Args:
        motion: One of ``MOTIONS``.
        rng: Draws everything else.

    Returns:
        x and y of each dot, as ``random_path`` returns those of a shape, (dots, 2, frames).
    """
    duration = rng.uniform(*motions.DURATION)
    time = np.arange(0, duration, FRAME_INTERVAL / 1000)
    count = rng.integers(6, 13)
    x, y = rng.uniform(-EDGE, EDGE, (2, count, 1))
    way = rng.uniform(0.35, 1) * time
    angle = rng.uniform(0.03, 0.09) * time
    right, down, turn = motions.COURSES[motion]
    if turn:
        return np.stack(turned(x, y, turn * angle), axis=1)
    return in_sight(x + right * way, y + down * way)


def drifting_dots(
    way: str,
    rng: np.random.Generator,
    slowest: float = 0.35,
    fastest: float = 1,
    dots: tuple[int, int] = (6, 12),
) -> np.ndarray:
    """Draw how some dots drift for 46 ms, of which ``to_films`` keeps the middle.

    Args:
        way: One of ``WAYS``.
        rng: Draws everything else.
        slowest: The lowest speed in pixels per ms.
        fastest: The highest.
        dots: The smallest and the largest number of dots.

    Returns:
        x and y of each dot, as ``random_path`` returns those of a shape, (dots, 2, frames).
    """
    time = np.arange(0, LENGTH, FRAME_INTERVAL / 1000)
    count = rng.integers(*dots, endpoint=True)
    x, y = rng.uniform(-EDGE, EDGE, (2, count, 1))
    gone = rng.uniform(slowest, fastest) * time
    right, down, _ = motions.COURSES[way]
    return in_sight(x + right * gone, y + down * gone)


def in_sight(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Let what leaves on one side come back on the other."""
    return (np.stack([x, y], axis=1) + EDGE) % (2 * EDGE) - EDGE


def turned(x: Any, y: Any, angle: Any) -> tuple[Any, Any]:
    """Turn places about the middle, clockwise by some rad."""
    sine = np.sin(angle)
    cosine = np.cos(angle)
    return x * cosine - y * sine, x * sine + y * cosine


def film_dots(
    count: int,
    seed: int = 0,
    *,
    classes: int = 6,
    camera: EventCamera = CAMERA,
    draw: Callable[..., np.ndarray] = random_dots,
) -> Recordings:
    """Film dots of 1.5 to 3 pixels, as ``film_motions`` films a shape.

    Args:
        count: How many films.
        seed: Fixes all of them.
        classes: The first so many of ``MOTIONS``.
        camera: What films them.
        draw: Says how dots move, as ``random_dots`` does.
    """
    names = motions.MOTIONS[:classes]
    events = []
    targets = [number % classes for number in range(count)]
    for number, target in enumerate(targets):
        rng = np.random.default_rng([seed, number])
        dots = draw(names[target], rng)
        radii = rng.uniform(1.5, 3, len(dots))
        events.append(motions.film_path(dots, radii, rng, camera=camera))
    return Recordings(events, targets, names, POKERDVS_SENSOR_SIZE)


film_drifting = partial(film_dots, classes=len(WAYS), draw=drifting_dots)


class Films(NamedTuple):
    """Films of the same length, and what they show."""

    frames: torch.Tensor  # (T, films, 1, height, width)
    targets: torch.Tensor


def to_films(recordings: Recordings) -> Films:
    """Keep the middle of recordings, in whole frames, so that their reversal has the same ones."""
    frames = counted(recordings.events, FIRST, STEPS).sum(2, keepdim=True)
    return Films(frames, torch.tensor(recordings.targets))


def counted(recordings: Sequence[np.ndarray], first: int, steps: int) -> torch.Tensor:
    """Count events by time step, from so many µs on, (T, recordings, polarities, height, width)."""
    frames = torch.zeros(steps, len(recordings), *POKERDVS_SENSOR_SIZE[::-1])
    for number, events in enumerate(recordings):
        step = (events["t"].astype(int) - first) // TIME_WINDOW
        kept = (step >= 0) & (step < steps)
        p, y, x = (events[field][kept] for field in ("p", "y", "x"))
        np.add.at(frames[:, number].numpy(), (step[kept], p, y, x), 1)
    return frames


@cache
def drifting(count: int, seed: int, camera: EventCamera = CAMERA) -> Evidence:
    """Film dots that drift, once for all models."""
    return Evidence(film_drifting(count, seed, camera=camera))


def trial_of(seed: int, count: int, camera: EventCamera = CAMERA) -> Trial:
    """Return a trial in which new films test."""
    return Trial(drifting(count, 10 * seed, camera), drifting(NEW_FILMS, 10 * seed + 1, camera))


def backwards(films: Films) -> Films:
    """Play films backwards, with the opposite class."""
    return Films(films.frames.flip(0), torch.tensor(motions.OPPOSITE)[films.targets])


def together(first: Films, second: Films) -> Films:
    """Return all of both."""
    frames = torch.cat([first.frames, second.frames], dim=1)
    return Films(frames, torch.cat([first.targets, second.targets]))


def both_ways(films: Films) -> Films:
    """Add each film backwards, so that no frame, sum or place says which of two opposites it is."""
    return together(films, backwards(films))


def cut_both_ways(given: Evidence) -> Evidence:
    """Return the recordings that networks see of films, and their reversals."""
    last = STEPS * TIME_WINDOW - 1

    def middle(events: np.ndarray) -> np.ndarray:
        since = events["t"].astype(int) - FIRST
        kept = (since >= 0) & (since <= last)
        return replaced(events[kept], t=since[kept], p=1)

    there = apply(middle, given.recordings)
    back = apply(lambda events: replaced(events, t=last - events["t"])[::-1], there)
    opposite = np.take(motions.OPPOSITE, there.targets).tolist()
    reversals = Recordings(back.events.packed, opposite, there.classes, there.sensor_size)
    return Evidence(there + reversals, np.tile(given.groups, 2))


def with_mirrored_copies(films: Films) -> Films:
    """Add what films show in a mirror, upside down and turned by 90°: eight films of each."""
    for change, targets in (
        (partial(torch.flip, dims=(4,)), (1, 0, 2, 3)),
        (partial(torch.flip, dims=(3,)), (0, 1, 3, 2)),
        (partial(torch.transpose, dim0=3, dim1=4), (2, 3, 0, 1)),
    ):
        copies = Films(change(films.frames), torch.tensor(targets)[films.targets])
        films = together(films, copies)
    return films


class Model(NamedTuple):
    """A network, and how it learns."""

    make: Callable[[], nn.Module]
    learning_rate: float = 0.006
    epochs: int = 6


def train(model: Model, films: Films, seed: int, epochs: int | None = None) -> nn.Module:
    """Train a network on films, in batches of 16, with Adam."""
    torch.manual_seed(seed)
    network = model.make()
    optimizer = torch.optim.Adam(network.parameters(), model.learning_rate)
    for _ in range(epochs or model.epochs):
        learn_once(network, films, optimizer)
    return network


def learn_once(network: nn.Module, films: Films, optimizer: torch.optim.Optimizer) -> None:
    """Train a network for an epoch."""
    for batch in torch.randperm(len(films.targets)).split(16):
        voltages = network(films.frames[:, batch])
        loss = cross_entropy(voltages.amax(0), films.targets[batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1)
        optimizer.step()


@torch.no_grad()
def answers(network: nn.Module, films: Films) -> torch.Tensor:
    """Return the class that a network says of each film."""
    network.eval()
    parts = films.frames.split(120, dim=1)
    return torch.cat([network(part).amax(0).argmax(1) for part in parts])


def answers_both_ways(network: nn.Module, recordings: Recordings) -> np.ndarray:
    """Return the classes that a network says of films, and the opposites of those backwards."""
    films = to_films(recordings)
    back = answers(network, backwards(films))
    return np.stack([answers(network, films), np.take(motions.OPPOSITE, back)])


def share(network: nn.Module, films: Films) -> float:
    """Return the share of the answers that are right."""
    return (answers(network, films) == films.targets).double().mean().item()


DETECTOR = "motion detectors"
SINGLE = "single frames"
PLAIN: dict[str, Any] = {"sensor_size": PIXELS, "output_size": len(WAYS)}
# Each at the better of two rates, 0.006 and 0.02, on films of a seed that no table asks about.
MODELS = {
    SINGLE: Model(SingleFrames),
    "CNN of the sum": Model(partial(CNN, **PLAIN)),
    "GRU": Model(partial(GRU, PIXELS, len(WAYS), dt=0.002)),
    "SNN": Model(partial(build_network, FastSNN, time_window=TIME_WINDOW, **PLAIN)),
    DETECTOR: Model(partial(MotionDetector, len(WAYS))),
    "spiking convolution": Model(partial(SpikingConvolution, len(WAYS))),
    "leaky trace, mean over time": Model(partial(LeakyDetector, len(WAYS), mean=True)),
    "GRU at each place, mean over time": Model(partial(PlaceGRU, len(WAYS))),
}


def on_dots(seed: int, count: int, epochs: int | None) -> Shares:
    """Train models on dots, both ways, and ask them about new ones."""
    shares = {}
    for name, model in MODELS.items():
        trial = trial_of(seed, count)
        learned = with_mirrored_copies(both_ways(to_films(trial.learn.recordings)))
        network = train(model, learned, seed, epochs)
        _, right = trial.correct(partial(answers_both_ways, network))
        shares[name, "new films"] = float(right.mean())
    return shares


EQUAL = (CAMERA.on_threshold + CAMERA.off_threshold) / 2
CAMERAS = {
    "as fitted": CAMERA,
    "ideal": EventCamera(EQUAL, EQUAL),
}
ONE_WAY = Model(SingleFrames, 0.02, 40)


def on_one_way(seed: int, count: int, epochs: int | None) -> Shares:
    """Train single frames on films that are played forwards only, by camera."""
    shares = {}
    for name, camera in CAMERAS.items():
        trial = trial_of(seed, count, camera)
        learned = with_mirrored_copies(to_films(trial.learn.recordings))
        network = train(ONE_WAY, learned, seed, epochs)
        _, (forwards, _) = trial.correct(partial(answers_both_ways, network))
        shares[name, "new films"] = float(forwards.mean())
    return shares


def on_discs(seed: int) -> Shares:
    """Ask a rule about discs that come in from outside: away from where the first events are."""
    films = motions.film_motions(DISCS, 10 * seed + 1)
    straight = films.subset(np.flatnonzero(np.less(films.targets, len(WAYS))))
    right = 0
    for events, target in zip(straight.events, straight.targets, strict=True):
        first = events[events["t"] < events["t"][0] + 4000]
        x = np.median(first["x"]) - MIDDLE
        y = np.median(first["y"]) - MIDDLE
        right += np.argmax([x, -x, y, -y]) == target
    return {("place of the first 4 ms", "lines"): float(right / len(straight))}


RANGES: dict[str, dict[str, Any]] = {
    "as learned": {},
    "0.1 to 0.35 pixels per ms": {"slowest": 0.1, "fastest": 0.35},
    "1 to 3 pixels per ms": {"slowest": 1, "fastest": 3},
    "2 or 3 dots": {"dots": (2, 3)},
}
SOON = 3  # frames, after which the rule is asked, too
NOISY = replace(CAMERA, noise_rate_hz=100 * CAMERA.noise_rate_hz)


def on_ranges(seed: int, count: int, epochs: int | None) -> Shares:
    """Train the detector, and ask it and the rule that learns nothing about unlike films, too."""
    trial = trial_of(seed, count)
    learned = with_mirrored_copies(both_ways(to_films(trial.learn.recordings)))
    network = train(MODELS[DETECTOR], learned, seed, epochs)
    rule = FourShifts(TIME_WINDOW)
    soon = SOON * TIME_WINDOW / 1000
    unlike = {name: partial(drifting_dots, **options) for name, options in RANGES.items()}
    films = {
        name: film_drifting(NEW_FILMS // 2, 10 * seed + 3, draw=draw)
        for name, draw in unlike.items()
    }
    films["100 times the noise"] = film_drifting(NEW_FILMS // 2, 10 * seed + 3, camera=NOISY)
    shares = {}
    for name, new in films.items():
        shares[DETECTOR, name] = share(network, both_ways(to_films(new)))
        both = cut_both_ways(Evidence(new)).recordings
        for asked, given in ((RULE, both), (f"{RULE}, {SOON} frames", until(both, soon))):
            shares[asked, name] = float(np.mean(rule.predict(given) == given.targets))
    return shares


def measure_ranges(seeds: int = 10, recordings: int = FILMS, epochs: int | None = None) -> Row:
    """Ask about faster, slower, fewer and noisier dots than the detector has learned from.

    Args:
        seeds: As for ``motions``.
        recordings: As for ``motions``.
        epochs: As for ``motions``.
    """
    rows = over_seeds(on_ranges, seeds, recordings, epochs)
    return {"films": NEW_FILMS // 2, "seeds": seeds, "rows": rows}


def over_seeds(of_seed: Callable[..., Shares], seeds: int, *arguments: Any) -> list[Row]:
    """Measure with each seed, and return a row per model and test."""
    by_seed = folds.in_parallel(of_seed, [(seed, *arguments) for seed in range(seeds)])
    rows = []
    for model, test in by_seed[0]:
        shares = [found[model, test] for found in by_seed]
        rows.append({"model": model, "test": test, **folds.spread(shares)})
    return rows


def measure_motions(seeds: int = 3, recordings: int = FILMS, epochs: int | None = None) -> Row:
    """Say which way dots drift.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other films and other weights.
        recordings: Films to learn from, besides their copies.
        epochs: To train for, in place of each network's own.

    Returns:
        A row per model, with the share of the answers that are right, of films both ways. In
        ``one_way`` are single frames that learned from films forwards only, by camera; in
        ``discs`` a rule by place.
    """
    return {
        "films": recordings,
        "seeds": seeds,
        "rows": over_seeds(on_dots, seeds, recordings, epochs),
        "one_way": over_seeds(on_one_way, seeds, recordings, epochs),
        "discs": over_seeds(on_discs, seeds),
    }
