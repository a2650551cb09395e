"""Teach it yours: what the page learns, against PyTorch, and what a visitor does with it."""

import base64
import json
import zipfile

import numpy as np
import pytest
import torch
from book_site import page_with
from torch.nn.functional import nll_loss

from pokersnn_helpers import SNN, Classifier, decode, load_checkpoint, predict
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.own.folders import load_folder

KIND = "teach"
STATE = "document.querySelector('[data-kind=teach] .interactive-drawing').figure.state()"
SETUP = (
    "const { teach, motionData, mulberry32 } = window.interactiveFigures;"
    "const strokesOf = (name, count, seed) => { const random = mulberry32(seed);"
    "  return Array.from({ length: count }, () => ({ path: teach.exampleOf(name, random) })); };"
    "const { timeWindow, settle } = teach.NETWORK;"
    "const recorded = (stroke, seed) => teach.toRecording("
    "  teach.film(stroke, motionData.settings, mulberry32(seed)), timeWindow, settle / timeWindow);"
)
MATRICES = {  # by their names in the page: those in PyTorch, and which way round they are
    "layer": "inputs.weight",
    "bias": "inputs.bias",
    "input": "snn.lif0.input_weights",
    "recurrent": "snn.lif0.recurrent_weights",
    "readout": "snn.linear.weight",
}


def frames_of(recording):
    """Make frames (T, 1, 1, 35, 35) of a recording of the page."""
    starts, pixels, counts = (recording[name] for name in ("starts", "pixels", "counts"))
    frames = torch.zeros(len(starts) - 1, 1, 35**2, dtype=torch.float64)
    for step, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        frames[step, 0, pixels[first:last]] = torch.tensor(counts[first:last], dtype=torch.float64)
    return frames.reshape(-1, 1, 1, 35, 35)


def in_pytorch(weights, outputs):
    """Make the page's network, with the SNN that autograd goes through."""
    hidden = len(weights["readout"]) // outputs
    network = LayerThenSNN((35, 35, 1), outputs, delays=(0, 0.004, 0.008), hidden_size=hidden)
    network.snn = SNN(**network.snn.arguments)
    network = network.double().eval()
    with torch.no_grad():
        for name, found in as_pytorch(weights, network).items():
            network.get_parameter(name).copy_(found)
    return network


def as_pytorch(weights, network):
    """Bring rows per input into the shape that PyTorch has, a row per output."""
    found = {}
    for name, path in MATRICES.items():
        shape = network.get_parameter(path).shape
        found[path] = torch.tensor(weights[name]).reshape(shape[::-1]).T.reshape(shape)
    return found


PLAIN = (
    "const plain = ({ weights, gradients }) => Object.fromEntries(Object.keys(weights.shapes)"
    "  .map((name) => [name, [...(gradients ?? weights)[name]]]));"
    "const listed = (recording) => Object.fromEntries("
    "  Object.entries(recording).map(([name, values]) => [name, [...values]]));"
)


def test_gradients_of_every_weight_are_those_of_autograd(still):
    found = still.evaluate(
        "() => {" + SETUP + PLAIN + "const { spiking } = teach.networks(3, 5);"
        "const adam = new teach.Adam(spiking.weights, teach.TRAINING);"
        "return ['tick', 'zed', 'circle'].map((name, target) => {"
        "  const recording = recorded(strokesOf(name, 1, 3)[0], 4); adam.gradients.all.fill(0);"
        "  const { loss } = spiking.learn(recording, target, adam.gradients);"
        "  return { recording: listed(recording), target, loss, weights: plain(spiking),"
        "    gradients: plain({ weights: adam.weights, gradients: adam.gradients }) }; }); }"
    )
    network = in_pytorch(found[0]["weights"], 3)
    for each in found:
        network.zero_grad()
        network.snn.record = True
        voltages = network(frames_of(each["recording"]))
        loss = nll_loss(decode(voltages), torch.tensor([each["target"]]))
        loss.backward()
        assert network.snn.recording.lif0.z.sum() > 50  # a silent network would agree, too
        assert abs(loss.item() - each["loss"]) < 1e-6
        for name, gradient in as_pytorch(each["gradients"], network).items():
            expected = network.get_parameter(name).grad
            assert expected.norm() > 0
            assert (gradient - expected).norm() <= 1e-4 * expected.norm(), name


def test_twenty_steps_have_the_losses_of_pytorch(still):
    found = still.evaluate(
        "() => {" + SETUP + PLAIN + "const { spiking } = teach.networks(3, 5);"
        "const before = plain(spiking);"
        "const adam = new teach.Adam(spiking.weights, teach.TRAINING);"
        "const shown = ['tick', 'zed', 'circle'].flatMap((name, target) =>"
        "  strokesOf(name, 2, 8).map((stroke) => [recorded(stroke, 9), target]));"
        "const losses = Array.from({ length: 20 }, () => {"
        "  const sum = shown.reduce((total, [recording, target]) =>"
        "    total + spiking.learn(recording, target, adam.gradients).loss, 0);"
        "  adam.step(shown.length); return sum / shown.length; });"
        "return { before, losses, options: teach.TRAINING,"
        "  shown: shown.map(([recording, target]) => [listed(recording), target]) }; }"
    )
    network = in_pytorch(found["before"], 3)
    options = found["options"]
    optimizer = torch.optim.Adam(network.parameters(), options["learningRate"])
    for expected in found["losses"]:
        optimizer.zero_grad()
        losses = [
            nll_loss(decode(network(frames_of(recording))), torch.tensor([target]))
            for recording, target in found["shown"]
        ]
        loss = torch.stack(losses).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), options["clipNorm"])
        optimizer.step()
        assert abs(loss.item() - expected) < 1e-3
    assert found["losses"][-1] < 0.8 * found["losses"][0]
