"""Train the network that the landing page runs: python tools/card_network.py.

It learns from simulated cards alone, so that nothing of the real recordings is passed on: cards as
fitted, cards that differ more, and pips that a hand moves. Its weights are rounded to int8, with a
scale per neuron, and written to one script together with the constants of the simulator, which the
page needs too. What is printed is measured with the rounded weights. All of it takes some three
minutes.
"""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from benchmarks import Options
from benchmarks.early import augment_and_crop, nll_over_time
from benchmarks.page_networks import CARD, packed, unpacked, write
from pokersnn_helpers import Classifier, FastSNN, Recordings, load_pokerdvs, make_loader
from pokersnn_helpers.events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from pokersnn_helpers.figures.interactive import neuron_constants
from pokersnn_helpers.simulation import cards, simulate_pokerdvs
from pokersnn_helpers.simulation.camera import FRAME_INTERVAL
from pokersnn_helpers.training.evaluation import evaluate
from pokersnn_helpers.training.train import train_classifier

SEED = 0
WIDE = 2.5  # spread of the cards that differ more
BY_HAND = 200  # recordings per suit
# How a hand moves a pip. Unlike the simulator's constants, this was chosen and not fitted.
HAND_PLACES = 5  # where it goes in turn
HAND_REACH = 11  # pixels from the first place, along x and y
HAND_SPEEDS = (0.5, 4)  # pixels per ms, from leg to leg
HAND_LONGEST = 25  # ms
# Upper-case names of the simulator's constants, beside the suits, the camera and the cards.
CONSTANTS = (
    "SPREAD FRAME_INTERVAL LEAD_IN BLUR STRAY_LIGHT HIGHLIGHT TILT_EXPONENTS NARROWING LIGHTING "
    "TRACKING_GAIN TRACKED_ROW APERTURE_CENTRE APERTURE_RADII"
)


def simulated_recordings(seed: int) -> Recordings:
    """Simulate what to train on: cards as fitted, twice as many that differ more, and by hand."""
    simulate = partial(simulate_pokerdvs, n_train=400, n_test=4)
    fitted = simulate(100 + seed).train
    wide = simulate(200 + seed, spread=WIDE).train
    others = simulate(300 + seed, spread=WIDE).train
    return fitted + wide + others + moved_by_hand(400 + seed, BY_HAND)


def moved_by_hand(seed: int, per_suit: int) -> Recordings:
    """Simulate pips that a hand moves about, as readers of the page do."""
    rng = np.random.default_rng(seed)
    events = [simulate_by_hand(suit, rng) for suit in POKERDVS_CLASSES for _ in range(per_suit)]
    targets = np.repeat(range(4), per_suit)
    return Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)


def simulate_by_hand(suit: str, rng: Generator) -> ndarray:
    """Simulate a pip that a hand moves about before the camera, upright and evenly lit.

    It goes from rest to some places nearby in turn, each time at another speed. The real recordings
    have no such motion; readers who move the pip on the page make some.
    """
    card = cards._draw(suit, rng, spread=1)
    card.fade = 0
    card.highlight = -math.inf
    return cards._film(suit, card, wander(card, rng), rng, cards.CAMERA)


def wander(card: SimpleNamespace, rng: Generator) -> cards._Motion:
    """Move a pip to some places in turn, as a hand does."""
    ways = rng.uniform(-HAND_REACH, HAND_REACH, (HAND_PLACES, 2))
    places = np.zeros((HAND_PLACES + 1, 2))
    places[1:] = ways.cumsum(axis=0).clip(-HAND_REACH, HAND_REACH)
    slowest, fastest = np.log(HAND_SPEEDS)
    speeds = np.exp(rng.uniform(slowest, fastest, HAND_PLACES))
    distances = np.hypot(*np.diff(places, axis=0).T)
    legs = distances / speeds
    arrivals = np.append(0, legs.cumsum())
    end = 1000 * min(arrivals[-1], HAND_LONGEST)
    time = np.arange(-cards.LEAD_IN, end, FRAME_INTERVAL) / 1000
    x, y = (smooth(np.interp(time, arrivals, place)) for place in places.T)
    whole = np.ones_like(time)
    return cards._Motion(time, card.x + x, y, whole, whole)


def smooth(places: ndarray) -> ndarray:
    """Average over 1 ms: nothing starts, stops or turns at once."""
    padded = np.pad(places, 5, mode="edge")
    return np.convolve(padded, np.ones(11) / 11, "valid")


def train(recordings: Recordings, seed: int) -> Classifier:
    """Train by the book's recipe, but to answer early."""
    how: Options = {"loss": nll_over_time, "augment": augment_and_crop, "epochs": 20}
    classifier, _ = train_classifier(recordings, seed=seed, device="cpu", network=FastSNN, **how)
    return classifier


def simulator_constants() -> Options:
    """Return what the page needs to move cards and to film them."""
    constants = {name.lower(): getattr(cards, name) for name in CONSTANTS.split()}
    drawn = {}
    for name, card in cards.CARDS.items():
        limits = [card["lowest"], card["highest"]]
        drawn[name] = {
            "medians": [card[suit] for suit in POKERDVS_CLASSES],
            "std": card["std"],
            "loadings": [card[factor] for factor in cards.FACTORS],
            "log": card["log"],
            "limits": [limit if abs(limit) < 1e9 else None for limit in limits],
        }
    camera = vars(cards.CAMERA)
    return {"suits": POKERDVS_CLASSES, "camera": camera, "cards": drawn, **constants}


def accuracy(classifier: Classifier, recordings: Recordings) -> float:
    """Return the share classified correctly."""
    return evaluate(classifier, make_loader(recordings), "cpu").accuracy


def measure(classifier: Classifier) -> dict[str, float]:
    """Ask about Tonic's 20 real test recordings and about simulated ones that it hasn't seen.

    The simulator was fitted to the other 48.
    """
    unseen = simulate_pokerdvs(seed=900 + SEED, n_train=4, n_test=400).test
    return {
        "real_test_recordings": accuracy(classifier, load_pokerdvs(source="real").test),
        "unseen_simulated_cards": accuracy(classifier, unseen),
        "unseen_moved_by_hand": accuracy(classifier, moved_by_hand(1400 + SEED, 100)),
    }


def main() -> None:
    """Train, measure, write and print."""
    layers = packed(train(simulated_recordings(SEED), SEED).snn)
    snn = unpacked(layers)
    document = {
        "seed": SEED,
        "settle": Classifier(snn).settle_steps,
        "measured": measure(Classifier(snn)),
        "constants": neuron_constants(snn),
        "simulator": simulator_constants(),
        "layers": layers,
    }
    write(CARD, "card", document)


if __name__ == "__main__":
    main()
