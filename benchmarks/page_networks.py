"""Networks as pages carry them: weights in int8, with a scale per neuron, in one script."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pokersnn_helpers import SNN
from pokersnn_helpers.figures.interactive import pack_weights

from . import Options

CARD = Path(__file__).parents[1] / "book/_static/interactive/card/data.js"
LAYERS = {
    "input": "lif0.input_weights",
    "recurrent": "lif0.recurrent_weights",
    "readout": "linear.weight",
}


def packed(network: nn.Module, layers: dict[str, str] = LAYERS) -> dict[str, Options]:
    """Return layers as the page carries them: weights as multiples of a scale per neuron."""
    state = network.state_dict()
    carried = {}
    for layer, name in layers.items():
        carried[layer] = pack_weights(state[name].flatten(1))
        bias = state.get(name.replace("weight", "bias"))
        if bias is not None:
            carried[layer]["bias"] = [float(f"{value:.6g}") for value in bias]
    return carried


def unpacked(
    carried: Options, make: Callable[[], nn.Module] = SNN, layers: dict[str, str] = LAYERS
) -> Any:
    """Make the network whose layers the page carries."""
    network = make()
    state = network.state_dict()
    for layer, name in layers.items():
        scale = torch.tensor(carried[layer]["scale"])
        steps = np.frombuffer(base64.b64decode(carried[layer]["weights"]), np.int8)
        weights = torch.tensor(steps).reshape(len(scale), -1) * scale[:, None]
        state[name] = weights.reshape(state[name].shape)
        if "bias" in carried[layer]:
            state[name.replace("weight", "bias")] = torch.tensor(carried[layer]["bias"])
    network.load_state_dict(state)
    return network.eval()


def read(path: Path = CARD) -> Options:
    """Return what the page carries."""
    _, _, document = path.read_text(encoding="utf-8").partition(" = ")
    return json.loads(document.rstrip(";\n"))


def write(path: Path, kind: str, document: Options) -> None:
    """Write it, and print what was measured."""
    before = f"// Written by tools/{kind}_network.py.\nwindow.interactiveFigures.{kind}Data = "
    text = before + json.dumps(document) + ";\n"
    path.write_text(text, encoding="utf-8")
    print(json.dumps(document["measured"] | {"bytes": len(text)}))
