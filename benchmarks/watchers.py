"""Networks that watch a stream and say what came, trained alike, and their C files.

Each learns from segments of noise, with a card or without. In the time in which a card may be, the
largest voltage of each suit competes with a constant, which stands for nothing; at other times,
nothing is right.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from eventdesk.models.ordinary import GRU, EventGRU, LeakySum
from eventdesk.trained.c_files import save_c
from pokersnn_helpers import (
    EVENT_DTYPE,
    Classifier,
    FastSNN,
    Recordings,
    build_network,
    fit,
    make_loader,
)
from pokersnn_helpers.events.frames import augment
from pokersnn_helpers.events.recordings import make_events

from .models import FeedforwardSNN

WIDTH = HEIGHT = 35
HOT_PIXELS, HOT = 4, 100  # and how many times the noise of others they have
SEGMENT = 200_000  # µs
EARLIEST, LATEST = 40_000, 60_000  # µs, when a card begins in it
# The ms in which a card may be told, none of them more than 92 ms after it begins.
CARD = slice(40, 105)
AFTER = 115  # ms, from which on it may not
ENDS = np.zeros(2, EVENT_DTYPE)  # the first event of a segment and the last
ENDS["t"][1] = SEGMENT
NOISE = (0.1, 1, 10, 10)  # events per pixel and second, one drawn for each segment
COPIES = 4  # of a card, each with other noise, and as many segments of noise
NOTHING = 3.0  # the voltage that a suit has to exceed to be more probable than nothing


def add_noise(rng: np.random.Generator, card: ndarray | None, rate: float) -> ndarray:
    """Return the events of a segment, with a card or without; hot pixels are drawn anew."""
    hot = rng.integers(0, WIDTH, (HOT_PIXELS, 2))
    parts = [ENDS, noise(rng, rate, SEGMENT, hot)]
    if card is not None:
        moved = card.copy()
        moved["t"] += rng.integers(EARLIEST, LATEST)
        parts.append(moved)
    events = np.concatenate(parts)
    return events[np.argsort(events["t"], kind="stable")]


def noise(rng: np.random.Generator, rate: float, duration: int, hot: ndarray) -> ndarray:
    """Return events of noise, not in order: so many per pixel and second for so many µs."""
    of_all = rng.poisson(rate * WIDTH * HEIGHT * duration / 1e6)
    of_hot = rng.poisson(rate * HOT * len(hot) * duration / 1e6)
    places = np.concatenate([rng.integers(0, WIDTH, (of_all, 2)), rng.choice(hot, of_hot)])
    number = len(places)
    t, p = rng.integers(0, duration, number), rng.integers(0, 2, number)
    return make_events(t, places[:, 0], places[:, 1], p)


def behind_gate(events: ndarray, gate: int) -> ndarray:
    """Return the first event, the last, and those of milliseconds with at least so many."""
    _, inverse, counts = np.unique(events["t"] // 1000, return_inverse=True, return_counts=True)
    is_shown = counts[inverse] >= gate
    is_shown[[0, -1]] = True
    return events[is_shown]


def segments(cards: Recordings, seed: int, gate: int = 0) -> Recordings:
    """Return what all networks learn from."""
    rng = np.random.default_rng([seed, 1])
    suits = len(cards.classes)
    events, targets = [], []
    for card, target in COPIES * list(zip(cards.events, cards.targets, strict=True)):
        events += [add_noise(rng, card, rng.choice([0, *NOISE]))]
        events += [add_noise(rng, None, rng.choice(NOISE))]
        targets += [target, suits]
    events = [behind_gate(segment, gate) for segment in events]
    return Recordings(events, targets, (*cards.classes, "nothing"), cards.sensor_size)


def against_nothing(
    voltages: Tensor, targets: Tensor, frames: Tensor, steps: Tensor, penalty: float = 0
) -> Tensor:
    """Return what is minimised; the last output is a rate of spikes to be penalised."""
    suits = voltages[..., :-1]
    told = against(suits[CARD], targets)
    others = torch.cat([suits[: CARD.start], suits[AFTER:]])
    return told + against(others, torch.full_like(targets, 4)) + penalty * voltages[..., -1].mean(0)


def against(voltages: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-likelihood of the largest voltages and of nothing, the last class."""
    suits = voltages.amax(0)
    nothing = torch.full_like(suits[:, :1], NOTHING)
    return cross_entropy(torch.cat([suits, nothing], 1), targets, reduction="none")


def report_rate(snn: Any) -> None:
    """Let the last readout neuron say the rate of spikes per neuron and step; it never learns."""
    weight = snn.linear.weight
    with torch.no_grad():
        weight[-1] = float(snn.readout.dt * snn.readout.p.tau_syn_inv) / weight.shape[1]
    weight.register_hook(lambda grad: torch.cat([grad[:-1], torch.zeros_like(grad[:1])]))


class Kind(NamedTuple):
    """A network that is compared, and how it learns; validation cards have chosen among a few."""

    make: Callable[..., Any]
    epochs: int
    learning_rate: float
    clip_norm: float = 1.0
    penalty: float = 0.0  # on spikes per neuron and step
    gate: int = 0  # events that a millisecond needs to be shown to it


SPIKING = partial(FastSNN, surrogate_slope=0.25)  # at 1, gradients explode in 200 steps
SMALL = partial(SPIKING, hidden_size=20)
# Without recurrence, spikes can't go on when nothing comes.
SILENT = partial(FeedforwardSNN, surrogate_slope=0.25, hidden_size=20)
ON_EVENTS = partial(EventGRU, hidden_size=8)
GATE = 40
KINDS = {
    "SNN, 100": Kind(SPIKING, 45, 0.001, 0.1),
    "SNN, 20": Kind(SMALL, 45, 0.002, 0.1),
    "SNN, 20, silenced": Kind(SILENT, 45, 0.002, 0.1, penalty=3),
    "GRU, 8": Kind(partial(GRU, hidden_size=8), 20, 0.005),
    "GRU, 8, on events": Kind(ON_EVENTS, 20, 0.005),
    "leaky regression": Kind(LeakySum, 30, 0.001),
    "SNN, 20, silenced, behind a counter": Kind(SILENT, 45, 0.002, 0.1, penalty=3, gate=GATE),
    "GRU, 8, on events, behind a counter": Kind(ON_EVENTS, 20, 0.005, gate=GATE),
    "leaky regression, behind a counter": Kind(LeakySum, 30, 0.001, gate=GATE),
}


def train(name: str, cards: Recordings, seed: int, epochs: int | None = None) -> nn.Module:
    """Train one of ``KINDS``."""
    kind = KINDS[name]
    shown = segments(cards, seed, kind.gate)
    torch.manual_seed(seed)
    network = build_network(
        kind.make, sensor_size=shown.sensor_size, output_size=len(shown.classes)
    )
    if isinstance(network, FastSNN):
        report_rate(network)
        with torch.no_grad():
            network.lif0.recurrent_weights.zero_()  # else spikes go on for ever
    about: Any = {"classes": shown.classes, "sensor_size": shown.sensor_size}
    fit(
        Classifier(network, **about),
        make_loader(shown, sparse=True, shuffle=True),
        loss=partial(against_nothing, penalty=kind.penalty),
        augment=augment,
        epochs=epochs or kind.epochs,
        learning_rate=kind.learning_rate,
        clip_norm=kind.clip_norm,
        device="cpu",
    )
    return network.eval()


@torch.no_grad()
def write(network: Any, path: Path) -> None:
    """Write the C file of a trained network, without the output that isn't a suit."""
    kind = FastSNN if isinstance(network, FastSNN) else type(network)
    suits: Any = kind(**{**network.arguments, "output_size": 4})
    kept = suits.state_dict()
    for name, values in network.state_dict().items():
        kept[name] = values[: len(kept[name])] if values.ndim else values
    suits.load_state_dict(kept)
    save_c(Classifier(suits), path)
