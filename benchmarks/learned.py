"""What learned time constants and delays are worth, where time decides and where it doesn't.

Each network stands beside the same one with the book's constants, and with the best constant of a
grid. The constant of a grid, the rate at which one is learned, and the cheap rule beside them are
chosen by one quarter of the groups of what is learned from; then all of it trains. New recordings
test, once.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from scipy.stats import ttest_1samp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.functional import one_hot

from eventdesk.evidence.perturbations import merge_polarities
from pokersnn_helpers import FastSNN, Recordings, build_network, to_frames
from pokersnn_helpers.events.frames import with_steps
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.networks.spiking_network import width_of_steps
from pokersnn_helpers.system.devices import one_cpu_thread

from . import Row, folds, motions, store
from . import wall as walls
from .motions import Films
from .rules import panel

LEARNING_RATE = 0.005
TAUS = (0.005, 0.010, 0.020, 0.040)  # s, of current and voltage
DELAYS = (1, 2, 4, 8)  # time steps
TAU_RATES = (0.01, 0.05)  # of the learned parameters, by Adam
DELAY_RATES = (0.02, 0.1)  # time steps
LONGEST = 20  # time steps
FIRST_DELAY = 2  # time steps: where learning begins
HIDDEN = 40
NARROW = 0.5  # time steps: the Gaussian's width at the end of training
CHANNELS = 6  # of ``coincidences``


class Delays(nn.Module):
    """Delays each channel of (T, B, channels) by a time that is learned, in time steps.

    In training, a Gaussian about the delay weighs the steps, and narrows (Hammouamri et al. 2023,
    arXiv:2306.17670). After training, delays are whole numbers of steps.

    Args:
        channels: How many.
        first: The delay at which learning begins.
    """

    def __init__(self, channels: int, first: float = FIRST_DELAY):
        super().__init__()
        self.late = nn.Parameter(torch.full((channels,), float(first)))
        self.width = LONGEST / 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the channels, each late."""
        late = self.late.clamp(0, LONGEST)
        if self.training:
            steps = torch.arange(LONGEST + 1)
            kernel = torch.exp(-(((steps - late[:, None]) / self.width) ** 2) / 2)
            kernel = kernel / kernel.sum(1, keepdim=True)
        else:
            kernel = one_hot(late.round().long(), LONGEST + 1).to(x.dtype)
        step = torch.arange(len(x))
        lag = step[:, None] - step
        weights = kernel[:, lag.clamp(0, LONGEST)] * ((lag >= 0) & (lag <= LONGEST))
        return torch.einsum("cts,sbc->tbc", weights, x)  # on short films faster than conv1d


class DelayedSNN(nn.Module):
    """The book's network, which has each input twice: now, and late."""

    def __init__(self, inputs: int, outputs: int, dt: float, first: float):
        super().__init__()
        self.delays = Delays(inputs, first)
        self.snn = fast_snn(2 * inputs, outputs, dt)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        x = frames.flatten(2)
        return self.snn(torch.cat([x, self.delays(x)], dim=2)[..., None, None])


class DelayedFilters(nn.Module):
    """Filters of two parts, of which one sees now, the other earlier, before the book's network.

    It is the motion detector of *When time decides* with one late copy in place of four, and with a
    delay for each filter.
    """

    def __init__(self, outputs: int, dt: float, first: float, **arguments: Any):
        super().__init__()
        self.filters = nn.Conv2d(1, 2 * motions.FILTERS, 7, stride=3, bias=False)
        self.delays = Delays(motions.FILTERS, first)
        self.snn = fast_snn(9 * motions.FILTERS, outputs, dt, **arguments)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        maps = self.filters(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        now, before = maps.split(motions.FILTERS, dim=2)
        places = before.permute(0, 1, 3, 4, 2)
        late = self.delays(places.flatten(1, 3)).view_as(places).permute(0, 1, 4, 2, 3)
        found = (now + late).relu().flatten(0, 1)
        regions = 4 * nn.functional.adaptive_avg_pool2d(found, 3)
        return self.snn(regions.unflatten(0, frames.shape[:2]))


class Coincidence(nn.Module):
    """One leaky neuron that sums late channels, and its voltage against a threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.delays = Delays(CHANNELS, LONGEST / 2)
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.threshold = nn.Parameter(torch.tensor(1.0))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the threshold and the voltage, (T, B, 2)."""
        voltage = torch.zeros(())
        voltages = []
        for current in self.delays(frames.flatten(2)).sum(2):
            voltage = 0.5 * voltage + current
            voltages.append(self.weight * voltage)
        voltage = torch.stack(voltages)
        return torch.stack([self.threshold.expand_as(voltage), voltage], dim=2)


# ---- Tasks ----


def films_of(rates: ndarray, targets: Sequence[int], rng: np.random.Generator) -> Films:
    """Draw events at rates (recordings, T, height, width)."""
    counts = torch.from_numpy(rng.poisson(rates).astype(np.float32))
    return Films(counts.transpose(0, 1).unsqueeze(2), torch.tensor(targets))


def cyclic(count: int, rng: np.random.Generator) -> Films:
    """Six places light up one after the other, 4 ms apart, around a circle one way or the other."""
    rates = np.full((count, 60, 1, 6), 0.02)
    targets = np.arange(count) % 2
    for rate, target in zip(rates, targets, strict=True):
        place = rng.integers(6)
        for start in range(rng.integers(4), 60, 4):
            rate[start : start + 4, 0, place] += 0.5
            place = (place + (1 if target else -1)) % 6
    return films_of(rates, targets.tolist(), rng)


def rhythm(count: int, rng: np.random.Generator) -> Films:
    """Flashes at 20 or 30 Hz at one of two places for 240 ms, of 12 to 60 events in all."""
    rates = np.full((count, 60, 1, 2), 0.05)
    targets = np.arange(count) % 2
    for rate, target in zip(rates, targets, strict=True):
        period = 250 / (30 if target else 20)  # time steps of 4 ms
        flashes = np.arange(rng.uniform(0, period), 60, period).astype(int)
        rate[flashes, 0, rng.integers(2)] += 12 * 5 ** rng.uniform() / len(flashes)
    return films_of(rates, targets.tolist(), rng)


def strokes(count: int, rng: np.random.Generator) -> Films:
    """Left, right, up, down, clockwise or not: a disc goes along a stroke on 12 × 12 pixels."""
    y, x = np.mgrid[:12, :12]
    targets = np.arange(count) % 6
    time = np.linspace(-1, 1, 60)
    rates = np.empty((count, 60, 12, 12))
    for rate, target in zip(rates, targets, strict=True):
        size = rng.uniform(3, 5)
        along = size * time * rng.uniform(0.8, 1.2)
        angle = np.pi * time * rng.uniform(0.8, 1.2) + rng.uniform(0, 2 * np.pi)
        if target < 4:
            right, down = np.outer([(-1, 0), (1, 0), (0, -1), (0, 1)][target], along)
        else:
            right, down = size * np.stack([np.cos(angle), (9 - 2 * target) * np.sin(angle)])
        middle_x, middle_y = 5.5 + rng.normal(0, 0.7, 2)
        distance = np.hypot(
            x - (middle_x + right)[:, None, None], y - (middle_y + down)[:, None, None]
        )
        rate[:] = 0.6 * np.exp(-((distance - 1.2) ** 2)) + 0.002
    return films_of(rates, targets.tolist(), rng)


def coincidences(count: int, rng: np.random.Generator, delays: ndarray) -> Films:
    """One event per channel: early by the channel's delay, or by that of another channel."""
    frames = torch.zeros(40 + LONGEST, count, 1, 1, CHANNELS)
    targets = np.arange(count) % 2
    for number, target in enumerate(targets):
        early = delays if target else rng.permutation(delays)
        at = rng.integers(LONGEST, 40) - early
        frames[at, number, 0, 0, np.arange(CHANNELS)] = 1
    return Films(frames, torch.tensor(targets))


class Trial(NamedTuple):
    """Films to learn from, the group of each, and new films."""

    learned: Films
    groups: ndarray
    new: Films


def drawn(draw: Callable[..., Films], count: int, seed: int) -> list[Trial]:
    """Draw films to learn from, each a group of its own, and as many new ones."""
    learned, new = (draw(count, np.random.default_rng([seed, test])) for test in (0, 1))
    return [Trial(learned, np.arange(count), new)]


def dots(seed: int) -> list[Trial]:
    """Film dots of 0.1 to 2 pixels per ms; new films are played both ways."""
    draw = partial(motions.drifting_dots, slowest=0.1, fastest=2)
    films = [motions.film_drifting(60, 10 * seed + test, draw=draw) for test in (0, 1)]
    learned, new = map(motions.to_films, films)
    return [Trial(learned, np.arange(len(learned.targets)), motions.both_ways(new))]


def walls_of_digits(seed: int) -> list[Trial]:
    """Return walls of digits to learn from, and walls of other digits, played both ways."""
    trial = walls.trial_of(seed, walls.WALLS)
    learned = motions.to_films(trial.learn.recordings)
    new = trial.test(lambda tested: motions.to_films(tested.recordings))
    return [Trial(learned, np.arange(len(learned.targets)), motions.both_ways(new))]


def copies(films: Films) -> Films:
    """Add mirror images of films, and each film backwards."""
    return motions.both_ways(motions.with_mirrored_copies(films))


@cache
def card_films() -> Films:
    """Return frames of all 131 cards."""
    cards = merge_polarities(folds.cards().recordings)
    frames = [to_frames(events) for events in cards.events]
    steps = max(map(len, frames)) + 10
    stacked = torch.stack([with_steps(each[:, None], steps)[:, 0] for each in frames], dim=1)
    return Films(stacked.sum(2, keepdim=True), torch.tensor(cards.targets))


def cards(seed: int) -> list[Trial]:
    """Return all 131 cards by three folds of their passes."""
    films = card_films()
    return [
        Trial(
            part(films, trial.learn.numbers),
            np.asarray(trial.learn.groups),
            trial.test(lambda tested: part(films, tested.numbers)),
        )
        for trial in folds.cards().folds(3, seed)
    ]


def part(films: Films, numbers: Any) -> Films:
    """Return some of the films."""
    chosen = torch.as_tensor(np.asarray(numbers))
    return Films(films.frames[:, chosen], films.targets[chosen])


class Task(NamedTuple):
    """What is asked, and how long networks learn.

    Attributes:
        trials: Returns what is learned from and tested on with a seed.
        epochs: Of training.
        seeds: How many networks are trained of each, at most.
        dt: Time step in s.
        filters: Whether networks look everywhere with the same filters.
        change: What is added to the films that are learned from.
    """

    trials: Callable[[int], list[Trial]]
    epochs: int
    seeds: int = 10
    dt: float = 0.001
    filters: bool = False
    change: Callable[[Films], Films] = lambda films: films


TASKS = {
    "places in cyclic order": Task(lambda seed: drawn(cyclic, 240, seed), 40),
    "rhythm": Task(lambda seed: drawn(rhythm, 240, seed), 40, dt=0.004),
    "strokes": Task(lambda seed: drawn(strokes, 120, seed), 12),
    "drifting dots": Task(dots, 12, seeds=5, dt=0.002, filters=True, change=copies),
    "walls of digits": Task(walls_of_digits, 16, seeds=5, dt=0.002, filters=True, change=copies),
    "cards by pass": Task(cards, 12),
}


# ---- Rules ----

LAGGED = "LR on lagged products"
# Those of ``panel`` that learn in a second.
RULES = (
    LAGGED,
    "drift of the centroid",
    "ON and OFF centroids",
    "counts over time",
    "nearest course",
    "LR on the sum",
    "shift correlation",
    "LR on single frames",
)
RULE = "a rule"  # of these


def recordings_of(films: Films, dt: float) -> Recordings:
    """Return films as events, for the rules of the panel."""
    events = []
    for film in films.frames[:, :, 0].unbind(1):
        step, y, x = film.nonzero().T.numpy()
        middles = ((step + 0.5) * 1e6 * dt).astype(int)
        events.append(make_events(middles, x, y, np.zeros_like(x)).repeat(film[film > 0].long()))
    classes = tuple(map(str, range(int(films.targets.max()) + 1)))
    size = (films.frames.shape[4], films.frames.shape[3], 1)
    return Recordings(events, films.targets.tolist(), classes, size)


def lagged_products(films: Films) -> ndarray:
    """Return how often two of at most 3 × 3 regions send events one after the other, by the lag."""
    frames = films.frames.sum(2).transpose(0, 1)
    if frames.shape[2] > 3:
        frames = nn.functional.adaptive_avg_pool2d(frames, 3)
    regions = frames.flatten(2)
    products = [
        torch.einsum("ntc,ntd->ncd", regions[:, lag:], regions[:, : regions.shape[1] - lag])
        for lag in range(min(LONGEST, regions.shape[1] - 1))
    ]
    return torch.stack(products, 1).flatten(1).log1p().numpy()


def answers_of_rule(rule: str, learned: Films, asked: Films, task: Task, seed: int) -> torch.Tensor:
    """Return the class that a rule says of films, which has learned from others."""
    if rule == LAGGED:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        model.fit(lagged_products(learned), learned.targets)
        return torch.as_tensor(model.predict(lagged_products(asked)))
    shown, given = (recordings_of(films, task.dt) for films in (learned, asked))
    return torch.as_tensor(panel(1e6 * task.dt)[rule].fit(shown, seed).predict(given))


def choose_rule(films: Films, groups: ndarray, task: Task, seed: int) -> str:
    """Return the rule that is right most often about films of a quarter of the groups."""
    learned, held_out = divided(films, groups, task, seed)
    shares = [
        (answers_of_rule(rule, learned, held_out, task, seed) == held_out.targets).double().mean()
        for rule in RULES
    ]
    return RULES[int(np.argmax(shares))]


def divided(films: Films, groups: ndarray, task: Task, seed: int) -> tuple[Films, Films]:
    """Return three quarters of the groups to learn from, and the other films to choose by."""
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    is_held_out = np.isin(groups, order[: len(order) // 4])
    held_out = part(films, np.flatnonzero(is_held_out))
    return part(films, np.flatnonzero(~is_held_out)), task.change(held_out)


# ---- Networks ----


class Setting(NamedTuple):
    """How a network begins, and how fast what is its time is learned."""

    taus: float | None = None  # s; default: the book's
    delay: float | None = None  # time steps; default: no late copies
    rate: float = 0


FIXED = "time constants, fixed"
SETTINGS: dict[str, list[Setting]] = {
    FIXED: [Setting()],
    "time constants, grid": [Setting(taus=tau) for tau in TAUS],
    "time constants, learned": [Setting(rate=rate) for rate in TAU_RATES],
    "delays, grid": [Setting(delay=delay) for delay in DELAYS],
    "delays, learned": [Setting(delay=FIRST_DELAY, rate=rate) for rate in DELAY_RATES],
}


def build(setting: Setting, films: Films, task: Task) -> nn.Module:
    """Draw a network for these films."""
    inputs = math.prod(films.frames.shape[2:])
    outputs = int(films.targets.max()) + 1
    if setting.delay is not None:
        if task.filters:
            return DelayedFilters(outputs, task.dt, setting.delay)
        return DelayedSNN(inputs, outputs, task.dt, setting.delay)
    arguments: dict[str, Any] = {"learn_taus": setting.rate > 0}
    if setting.taus is not None:
        arguments |= {"tau_mem": setting.taus, "tau_syn": setting.taus}
    if task.filters:
        return DelayedFilters(outputs, task.dt, FIRST_DELAY, **arguments)
    return fast_snn(inputs, outputs, task.dt, **arguments)


def fast_snn(inputs: int, outputs: int, dt: float, **arguments: Any) -> FastSNN:
    """Draw the book's network with few hidden neurons."""
    return build_network(
        FastSNN,
        time_window=width_of_steps(dt),
        sensor_size=(inputs, 1, 1),
        output_size=outputs,
        hidden_size=HIDDEN,
        **arguments,
    )


@one_cpu_thread()
def train(
    network: Any, films: Films, epochs: int, rate: float, seed: int, *, delays: bool = True
) -> nn.Module:
    """Train a network, and its delays or else its time constants at a rate of their own."""
    torch.manual_seed(seed)
    timing: list[nn.Parameter] = []
    weights: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        kind = name.rpartition(".")[2]
        (timing if kind in ("mem", "syn", "late") else weights).append(parameter)
        if kind == "late":
            parameter.requires_grad_(delays and rate > 0)
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": timing, "lr": rate}]
    optimizer = torch.optim.Adam(groups, LEARNING_RATE)
    network.train()
    late = [each for each in network.modules() if isinstance(each, Delays)]
    for each in late:
        each.train(delays and rate > 0)  # else whole time steps
    narrowing = (NARROW / (LONGEST / 4)) ** (1 / max(1, epochs - 1))
    for _ in range(epochs):
        motions.learn_once(network, films, optimizer)
        for each in late:
            each.width *= narrowing
    return network.eval()


def choose(
    settings: Sequence[Setting], films: Films, groups: ndarray, task: Task, seed: int
) -> Setting:
    """Return the setting that is right most often about films of a quarter of the groups."""
    if len(settings) == 1:
        return settings[0]
    learned, held_out = divided(films, groups, task, seed)
    shares = [motions.share(run(each, learned, task, seed), held_out) for each in settings]
    return settings[int(np.argmax(shares))]


def run(setting: Setting, films: Films, task: Task, seed: int) -> nn.Module:
    """Draw a network and train it."""
    torch.manual_seed(seed)
    network = build(setting, films, task)
    learns_delays = setting.delay is not None
    films = task.change(films)
    return train(network, films, task.epochs, setting.rate, seed, delays=learns_delays)


def of_task(name: str, seed: int) -> Row:
    """Return the share that each network answers correctly, and the rule that is chosen."""
    task = TASKS[name]
    correct: dict[str, list[bool]] = {kind: [] for kind in [*SETTINGS, RULE]}
    chosen_rules = []
    for learned, groups, new in task.trials(seed):
        for kind, settings in SETTINGS.items():
            possible = [each for each in settings if each.taus is None or each.taus > task.dt]
            chosen = choose(possible, learned, groups, task, seed)
            network = run(chosen, learned, task, seed)
            correct[kind] += (motions.answers(network, new) == new.targets).tolist()
        rule = choose_rule(learned, groups, task, seed)
        chosen_rules.append(rule)
        answered = answers_of_rule(rule, learned, new, task, seed)
        correct[RULE] += (answered == new.targets).tolist()
    shares = {kind: float(np.mean(right)) for kind, right in correct.items()}
    return {"task": name, "rules": ", ".join(chosen_rules), "seed": seed} | shares


def largest_error(found: ndarray, delays: ndarray) -> float:
    """Return by how many steps a delay is off; one that all have in common changes nothing."""
    errors = found - delays
    return float(np.abs(errors - np.median(errors)).max())


def recover(seed: int) -> Row:
    """Learn the delays of ``coincidences``, and compare them with those that were drawn.

    The rule beside it learns nothing: a channel's delay is by how much its mean event comes early.
    """
    rng = np.random.default_rng([seed, 7])
    delays = rng.integers(0, 13, CHANNELS)
    learned, new = coincidences(200, rng, delays), coincidences(200, rng, delays)
    torch.manual_seed(seed)
    network: Any = train(Coincidence(), learned, 20, 0.1, seed)
    early = learned.frames[:, learned.targets == 1].flatten(2)
    arrivals = np.arange(len(early)) @ early.mean(1).numpy()
    late = network.delays.late.detach().numpy()
    return {
        "seed": seed,
        "largest error, steps": largest_error(late, delays),
        "largest error in whole steps": largest_error(late.round(), delays),
        "largest error of mean arrivals, steps": largest_error(-arrivals, delays),
        "right": motions.share(network, new),
    }


def measure_delays(seeds: int = 10) -> Row:
    """Learn known delays, which ``recover`` draws.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other delays, films and an order of them.

    Returns:
        A row per seed; with how many all delays are found within a step, and exactly once they
        are rounded, and by the rule within a step; and the mean share that is right.
    """
    rows = [recover(seed) for seed in range(seeds)]
    return {
        "seeds": seeds,
        "found": sum(row["largest error, steps"] <= 1 for row in rows),
        "exact": sum(row["largest error in whole steps"] == 0 for row in rows),
        "found_by_rule": sum(row["largest error of mean arrivals, steps"] <= 1 for row in rows),
        "right": float(np.mean([row["right"] for row in rows])),
        "rows": rows,
    }


def ahead(better: ndarray) -> Row:
    """Return by how many points a network is better on average, with a 95 % interval over seeds."""
    low, high = ttest_1samp(better, 0).confidence_interval(0.95)
    return {
        "points": 100 * float(better.mean()),
        "interval low": 100 * float(low),
        "interval high": 100 * float(high),
    }


def measure(seeds: int = 10) -> Row:
    """Train all networks on all tasks.

    Args:
        seeds: 0 to ``seeds - 1``, and for some tasks fewer; each draws other films and weights.

    Returns:
        A row per task and network, or rule, each chosen by held-out films of what is learned from;
        by how many points a network is better than that with fixed constants, in pairs of one
        seed; and the shares of each seed.
    """
    jobs = [(name, seed) for name, task in TASKS.items() for seed in range(min(seeds, task.seeds))]
    by_seed = folds.in_parallel(store.resumed(of_task), jobs)
    rows, differences = [], []
    for name in TASKS:
        found = [each for each in by_seed if each["task"] == name]
        shares = {kind: np.array([each[kind] for each in found]) for kind in [*SETTINGS, RULE]}
        for kind, of_kind in shares.items():
            rows.append({"task": name, "network": kind} | folds.spread(of_kind))
            if kind != FIXED and len(found) > 1:
                better = ahead(of_kind - shares[FIXED])
                differences.append({"task": name, "network": kind} | better)
    return {"seeds": seeds, "rows": rows, "differences": differences, "by_seed": by_seed}
