"""Train the network that the landing page runs: python tools/card_network.py.

It learns from simulated cards alone, so that nothing of the real recordings is passed on: cards as
fitted, cards that differ more, and pips that a hand moves. Its weights are rounded to int8, with a
scale per neuron, and written to one script together with the constants of the simulator, which the
page needs too. What is printed is measured with the rounded weights. All of it takes some three
minutes.
"""

import base64
import functools
import json
import operator
from pathlib import Path

import numpy as np
import torch

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    Recordings,
    Split,
    evaluate,
    load_pokerdvs,
    make_loader,
    train_classifier,
)
from pokersnn_helpers.latency import answer_over_time, augment_and_delay, over_time
from pokersnn_helpers.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation import cards, simulate_pokerdvs

OUTPUT = Path(__file__).parents[1] / "book/_static/interactive/card/data.js"
SEED = 0
EPOCHS = 20
FITTED, WIDE = {"n_train": 400}, {"n_train": 400, "spread": 2.5}
BY_HAND = 200  # recordings per suit
LAYERS = {
    "input": "lif0.input_weights",
    "recurrent": "lif0.recurrent_weights",
    "readout": "linear.weight",
}
BEFORE, AFTER = "window.interactiveFigures.cardData = ", ";\n"


def simulated_recordings(seed: int) -> Recordings:
    """Simulate what to train on: cards as fitted, twice as many that differ more, and by hand."""
    parts = [
        simulate_pokerdvs(seed=100 * number + seed, n_test=4, **options).train
        for number, options in enumerate((FITTED, WIDE, WIDE), start=1)
    ]
    return functools.reduce(operator.add, [*parts, moved_by_hand(400 + seed, BY_HAND)])


def moved_by_hand(seed: int, per_suit: int) -> Recordings:
    """Simulate pips that a hand moves about, as readers of the page do."""
    rng = np.random.default_rng(seed)
    events = [
        cards.simulate_by_hand(suit, rng) for suit in POKERDVS_CLASSES for _ in range(per_suit)
    ]
    targets = np.repeat(range(4), per_suit)
    return Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)


def train(recordings: Recordings, seed: int, epochs: int = EPOCHS) -> Classifier:
    """Train by the book's recipe, but to answer early.

    Nothing is chosen by what is watched, a few of the same cards.
    """
    split = Split(recordings, recordings.subset(range(4)), "simulated")
    classifier, _ = train_classifier(
        split, seed, "cpu", network=FastSNN, epochs=epochs, augment=augment_and_delay,
        decode=over_time,
    )  # fmt: skip
    return classifier


def to_int8(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Round the weights of each neuron, a row, to whole multiples of its scale."""
    scale = weights.abs().amax(dim=1) / 127
    scale = torch.tensor([float(f"{value:.6g}") for value in scale])  # short on the page
    return (weights / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def packed(snn: SNN) -> dict[str, dict]:
    """Return the weights of a network as the page carries them."""
    layers = {}
    for layer, name in LAYERS.items():
        weights, scale = to_int8(snn.state_dict()[name])
        layers[layer] = {
            "scale": [float(f"{value:.6g}") for value in scale],
            "weights": base64.b64encode(weights.numpy().tobytes()).decode(),
        }
    return layers


def unpacked(layers: dict[str, dict]) -> SNN:
    """Make the network whose weights the page carries."""
    state = {}
    for layer, name in LAYERS.items():
        scale = torch.tensor(layers[layer]["scale"])
        weights = np.frombuffer(base64.b64decode(layers[layer]["weights"]), np.int8).copy()
        state[name] = torch.from_numpy(weights).reshape(len(scale), -1) * scale[:, None]
    snn = SNN()
    snn.load_state_dict(state)
    return snn


def simulator_constants() -> dict:
    """Return what the page needs to move cards and to film them."""
    camera = vars(cards.CAMERA)
    drawn = {
        name: parameter._asdict()
        | {"limits": [x if abs(x) < 1e9 else None for x in parameter.limits]}
        for name, parameter in cards.CARDS.items()
    }
    return {
        "suits": POKERDVS_CLASSES,
        "camera": camera,
        "cards": drawn,
        "spread": cards.SPREAD,
        "frame_interval": cards.FRAME_INTERVAL,
        "lead_in": cards.LEAD_IN,
        "blur": cards.BLUR,
        "stray_light": cards.STRAY_LIGHT,
        "highlight": cards.HIGHLIGHT,
        "tilt_exponents": cards.TILT_EXPONENTS,
        "narrowing": cards.NARROWING,
        "lighting": cards.LIGHTING,
        "tracking_gain": cards.TRACKING_GAIN,
        "tracked_row": cards.TRACKED_ROW,
        "aperture_centre": cards.APERTURE_CENTRE,
        "aperture_radii": cards.APERTURE_RADII,
    }


def neuron_constants(snn: SNN) -> dict[str, float]:
    """Return what the page's time step multiplies by and compares with."""
    hidden, readout = snn.lif0.p, snn.readout.p
    numbers = {
        "dt_over_tau_mem": snn.dt * hidden.tau_mem_inv,
        "dt_over_tau_syn": snn.dt * hidden.tau_syn_inv,
        "v_th": hidden.v_th,
        "readout_dt_over_tau_mem": snn.dt * readout.tau_mem_inv,
        "readout_dt_over_tau_syn": snn.dt * readout.tau_syn_inv,
    }
    return {name: round(float(value), 9) for name, value in numbers.items()}


def accuracy(classifier: Classifier, recordings: Recordings) -> float:
    """Return the share classified correctly."""
    return evaluate(classifier, make_loader(recordings), "cpu").accuracy


def measure(classifier: Classifier) -> dict[str, float]:
    """Ask about Tonic's 68 real recordings and about simulated ones that it hasn't seen."""
    real = load_pokerdvs(source="real")
    recordings = real.train + real.test
    answers = answer_over_time(classifier.snn, recordings)
    return {
        "real_recordings": accuracy(classifier, recordings),
        "real_over_events": answers.accuracy_over_events,
        "real_median_ms": float(np.median(answers.lasting_ms)),
        "unseen_simulated_cards": accuracy(classifier, unseen_cards()),
        "unseen_moved_by_hand": accuracy(classifier, moved_by_hand(1400 + SEED, 100)),
    }


def unseen_cards() -> Recordings:
    """Simulate 400 cards as fitted that the network wasn't trained on."""
    return simulate_pokerdvs(seed=900 + SEED, n_train=4, n_test=400).test


def read() -> dict:
    """Return what the page carries."""
    text = OUTPUT.read_text(encoding="utf-8")
    return json.loads(text[text.index(BEFORE) + len(BEFORE) : -len(AFTER)])


def main() -> None:
    """Train, measure, write and print."""
    layers = packed(train(simulated_recordings(SEED), SEED).snn)
    snn = unpacked(layers)
    document = {
        "seed": SEED,
        "measured": measure(Classifier(snn)),
        "constants": neuron_constants(snn),
        "simulator": simulator_constants(),
        "layers": layers,
    }
    text = "// Written by tools/card_network.py.\n" + BEFORE + json.dumps(document) + AFTER
    OUTPUT.write_text(text, encoding="utf-8")
    print(json.dumps(document["measured"] | {"bytes": len(text)}))


if __name__ == "__main__":
    main()
