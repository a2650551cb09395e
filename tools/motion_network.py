"""Train the two models of "Your finger is the scene": python tools/motion_network.py.

A spiking network with delays and a model that sees only the sum of the events learn from the same
simulated films: the six motions, and strokes as a hand makes them. Polarities are merged, so only
time tells a motion from its opposite. The weights are rounded to int8, with a scale per neuron, and
written to one script together with the constants of the camera, which the page needs too. What is
printed is measured with the rounded weights, on strokes and films of other seeds. All of it takes
a quarter of an hour.
"""

import json
import math
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
from card_network import neuron_constants, packed_layer, unpacked_layer
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from pokersnn_helpers import Classifier, FrameNetwork, Recordings, train_classifier
from pokersnn_helpers.recordings import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation.cards import CAMERA
from pokersnn_helpers.simulation.motions import (
    DURATION,
    FRAME_INTERVAL,
    MOTIONS,
    OPPOSITE,
    film_motions,
    film_path,
    with_mirrored_copies,
)
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.models import MLP, LayerThenSNN, summed_image
from pokersnn_helpers.study.perturbations import merge_polarities

OUTPUT = Path(__file__).parents[1] / "book/_static/interactive/motion/data.js"
SEED = 0
FILMS, STROKES = 180, 1500
RADIUS = 4.5  # pixels of the disc on the page
SLOW_MOTION = 30  # a second of the hand is 33 ms before the camera
SPIKING = partial(
    LayerThenSNN,
    dropout=0.1,
    delays=(0, 0.004, 0.008),
    tau_mem=0.005,
    tau_syn=0.002,
    hidden_size=20,
)
TIME_BLIND = partial(MLP, hidden_size=50)  # gets more right than a logistic regression
# How a hand moves the disc. Unlike the simulator's constants, this was chosen and not fitted.
EDGE = 17  # pixels from the middle that the disc's centre reaches
LASTS = (10, 80)  # ms, from where to where
FASTEST_TURN = 13  # ms
LENGTHS, SLANT, BEND = (12, 34), 0.35, 0.15  # pixels; rad; share of the length
TURNS, RADII, STRETCH, DRIFT = (0.75, 2.5), (5, 12), 0.12, 4  # of circles, in pixels
WOBBLE = 0.5  # pixels, every 6 ms
BEFORE, AFTER = "window.interactiveFigures.motionData = ", ";\n"


def draw_stroke(motion: str, rng: np.random.Generator) -> np.ndarray:
    """Draw how a hand moves the disc: anywhere, unevenly, along no perfect line or circle.

    Returns:
        As ``random_path`` does it: x and y in pixels from the middle, every 0.1 ms, (2, frames).
    """
    circular = motion in MOTIONS[4:]
    turns = rng.uniform(*TURNS)
    shortest, longest = (max(LASTS[0], FASTEST_TURN * turns) if circular else LASTS[0]), LASTS[1]
    lasts = math.exp(rng.uniform(math.log(shortest), math.log(longest)))
    time = np.arange(0, lasts, FRAME_INTERVAL / 1000)
    pace = _wavy(rng.uniform(0.3, 1.3, 6), len(time))
    pace *= np.minimum(np.minimum(time, time[::-1]) / 2, 1) + 0.05  # from rest to rest
    share = np.cumsum(pace) / pace.sum()
    path = _circle(motion, turns, share, rng) if circular else _line(motion, share, rng)
    wobble = rng.normal(0, WOBBLE, (2, 3 + round(lasts / 6)))
    path = path + [_wavy(some, len(time)) for some in wobble]
    return np.array([_smooth(_on_the_pad(places, rng)) for places in path])


def _wavy(values: np.ndarray, count: int) -> np.ndarray:
    return np.interp(np.linspace(0, len(values) - 1, count), np.arange(len(values)), values)


def _circle(motion: str, turns: float, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = 2 * np.pi * (turns * share + rng.random())
    angle = -angle if motion == "counterclockwise" else angle
    radii = rng.uniform(*RADII) * np.exp(rng.normal(0, STRETCH, (2, 1)))
    return radii * [np.cos(angle), np.sin(angle)] + rng.uniform(-DRIFT, DRIFT, (2, 1)) * share


def _line(motion: str, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    quarters = {"right": 0, "down": 1, "left": 2, "up": 3}[motion]  # y points down
    heading = quarters * np.pi / 2 + rng.uniform(-SLANT, SLANT)
    length = rng.uniform(*LENGTHS)
    along, aside = length * share, 4 * length * rng.uniform(-BEND, BEND) * share * (1 - share)
    sine, cosine = np.sin(heading), np.cos(heading)
    return np.array([along * cosine - aside * sine, along * sine + aside * cosine])


def _on_the_pad(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move places along one axis to anywhere on the pad, or to its middle if they don't fit."""
    room = np.sort([-EDGE - places.min(), EDGE - places.max()])
    fits = np.ptp(places) <= 2 * EDGE
    return places + (rng.uniform(*room) if fits else room.mean())


def _smooth(places: np.ndarray) -> np.ndarray:
    """Average over 1 ms: nothing starts or turns at once."""
    return np.convolve(np.pad(places, 5, mode="edge"), np.ones(11) / 11, "valid")


def film_strokes(count: int, seed: int, *, backwards: bool = False) -> Recordings:
    """Film strokes of a hand, as ``film_motions`` films the motions."""
    rng = np.random.default_rng(seed)
    events = []
    for number in range(count):
        path = draw_stroke(MOTIONS[number % 6], rng)
        way = path[:, ::-1] if backwards else path
        events.append(film_path(way, rng.uniform(RADIUS - 1, RADIUS + 1), rng.spawn(1)[0]))
    return Recordings(events, [n % 6 for n in range(count)], MOTIONS, POKERDVS_SENSOR_SIZE)


def films_to_learn_from(seed: int) -> Recordings:
    """Film motions and strokes, and add their mirrored copies."""
    films = film_strokes(STROKES, 100 + seed) + film_motions(FILMS, 200 + seed)
    return merge_polarities(with_mirrored_copies(films))


def train_spiking(films: Recordings, seed: int, epochs: int = 36) -> LayerThenSNN:
    """Train the spiking network."""
    options = {"network": SPIKING, "augment": None, "epochs": epochs, "learning_rate": 0.004}
    classifier, _ = train_classifier(films, seed, "cpu", **options)
    return classifier.snn


def train_time_blind(films: Recordings, seed: int) -> MLP:
    """Train the model of sums, with a penalty for large weights: else noise decides for it."""
    network = TIME_BLIND(output_size=len(MOTIONS))
    hidden, readout = network.body[1], network.body[3]
    sums = _of_on_events(summed_image(films))
    fitted = MLPClassifier(len(hidden.bias), alpha=1, max_iter=15, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(sums, films.targets)
    for layer, weights, bias in zip(
        (hidden, readout), fitted.coefs_, fitted.intercepts_, strict=True
    ):
        weights = torch.from_numpy(weights.T)
        weights = _for_both(weights) if layer is hidden else weights
        layer.load_state_dict({"weight": weights, "bias": torch.from_numpy(bias)})
    return network


def _short(bias: torch.Tensor) -> list[float]:
    return [float(f"{value:.6g}") for value in bias]


def _of_on_events(inputs: torch.Tensor | np.ndarray) -> torch.Tensor | np.ndarray:
    return inputs[:, inputs.shape[1] // 2 :]  # merged events are ON events


def _for_both(weights: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.zeros_like(weights), weights], dim=1)


def carried(spiking: LayerThenSNN, time_blind: MLP) -> dict:
    """Return both models as the page carries them."""
    hidden, readout = time_blind.body[1], time_blind.body[3]
    return {
        "constants": neuron_constants(spiking.snn),
        "delays": spiking.steps,
        "features_bias": _short(spiking.inputs.bias),
        "layers": {
            "features": packed_layer(_of_on_events(spiking.inputs.weight)),
            "input": packed_layer(spiking.snn.lif0.input_weights),
            "recurrent": packed_layer(spiking.snn.lif0.recurrent_weights),
            "readout": packed_layer(spiking.snn.linear.weight),
        },
        "blind": {
            "hidden": packed_layer(_of_on_events(hidden.weight)),
            "hidden_bias": _short(hidden.bias),
            "readout": packed_layer(readout.weight),
            "readout_bias": _short(readout.bias),
        },
    }


def models(document: dict) -> tuple[LayerThenSNN, MLP]:
    """Make the two models whose weights the page carries."""
    layers, blind = document["layers"], document["blind"]
    spiking, time_blind = SPIKING(output_size=6), TIME_BLIND(output_size=6)
    spiking.load_state_dict(
        {
            "inputs.weight": _for_both(unpacked_layer(layers["features"])),
            "inputs.bias": torch.tensor(document["features_bias"]),
            "snn.lif0.input_weights": unpacked_layer(layers["input"]),
            "snn.lif0.recurrent_weights": unpacked_layer(layers["recurrent"]),
            "snn.linear.weight": unpacked_layer(layers["readout"]),
        }
    )
    time_blind.load_state_dict(
        {
            "body.1.weight": _for_both(unpacked_layer(blind["hidden"])),
            "body.1.bias": torch.tensor(blind["hidden_bias"]),
            "body.3.weight": unpacked_layer(blind["readout"]),
            "body.3.bias": torch.tensor(blind["readout_bias"]),
        }
    )
    return spiking.eval(), time_blind.eval()


def settings() -> dict:
    """Return what the page needs to move the disc and to film it."""
    return {
        "classes": MOTIONS,
        "opposite": OPPOSITE,
        "camera": vars(CAMERA),
        "duration": DURATION,
        "frame_interval": FRAME_INTERVAL,
        "radius": RADIUS,
        "slow_motion": SLOW_MOTION,
    }


def answers(network: FrameNetwork, films: Recordings) -> np.ndarray:
    """Return the class that leads at the end of each film, or -1."""
    classifier = Classifier(network, classes=MOTIONS)
    over_time = predict_over_time(classifier, merge_polarities(films)).answers
    return np.array([each[-1] for each in over_time])


def measure(spiking: FrameNetwork, time_blind: FrameNetwork, count: int = 240) -> dict:
    """Ask about strokes and films of other seeds than those of training and of choosing."""
    found = {}
    for name, film in (
        ("strokes", partial(film_strokes, count, 1300 + SEED)),
        ("films", partial(film_motions, count, 1400 + SEED)),
    ):
        there, back = film(), film(backwards=True)
        targets = np.array(there.targets)
        for model, network in (("spiking", spiking), ("time_blind", time_blind)):
            said, then = answers(network, there), answers(network, back)
            found[f"{model}_{name}"] = float(np.mean(said == targets))
            found[f"{model}_{name}_backwards"] = float(np.mean(then == np.take(OPPOSITE, targets)))
    return found


def read() -> dict:
    """Return what the page carries."""
    text = OUTPUT.read_text(encoding="utf-8")
    return json.loads(text[text.index(BEFORE) + len(BEFORE) : -len(AFTER)])


def main() -> None:
    """Train, measure, write and print."""
    films = films_to_learn_from(SEED)
    document = carried(train_spiking(films, SEED), train_time_blind(films, SEED))
    measured = measure(*models(document))
    document = {"seed": SEED, "measured": measured, "settings": settings()} | document
    text = "// Written by tools/motion_network.py.\n" + BEFORE + json.dumps(document) + AFTER
    OUTPUT.write_text(text, encoding="utf-8")
    print(json.dumps(measured | {"bytes": len(text)}))


if __name__ == "__main__":
    main()
