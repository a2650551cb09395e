"""What the scripts of Teach it yours learn, run by Node.js, against PyTorch."""

import pytest
import torch
from in_node import needs_node
from teach_scripts import run
from torch.nn.functional import cross_entropy

from eventdesk.models.layered import LayerThenSNN
from pokersnn_helpers import SNN

pytestmark = needs_node

MATRICES = {  # by their names in the page: those in PyTorch, and which way round they are
    "layer": "inputs.weight",
    "bias": "inputs.bias",
    "input": "snn.lif0.input_weights",
    "recurrent": "snn.lif0.recurrent_weights",
    "readout": "snn.linear.weight",
}
# How each of 35 pixels along a side is shared among 12 cells, and then each pixel of the picture.
BESIDE = (1 - (torch.arange(35.0)[:, None] * 11 / 34 - torch.arange(12)).abs()).clamp(min=0)
CELLS = torch.kron(BESIDE, BESIDE).double()


def frames_of(recording):
    """Make frames (T, 1, 1, 12, 12), in cells, of a recording: each a pixel, its count, ..."""
    frames = torch.zeros(len(recording), 35**2, dtype=torch.float64)
    for frame, sent in zip(frames, recording, strict=True):
        for pixel, count in zip(sent[::2], sent[1::2], strict=True):
            frame[pixel] = count
    # With a gradient the layer multiplies as PyTorch does, and nothing has to be compiled.
    return (frames @ CELLS).reshape(-1, 1, 1, 12, 12).requires_grad_()


def in_pytorch(weights, outputs):
    """Make the page's network, with the SNN that autograd goes through."""
    sizes = {"features": len(weights["bias"]), "hidden_size": len(weights["readout"]) // outputs}
    delays = (0, 0.008, 0.016, 0.032)
    # The page's surrogate has a slope of 1.
    network = LayerThenSNN(
        (12, 12, 1), outputs, dt=0.002, delays=delays, surrogate_slope=1, **sizes
    )
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
        found[path] = torch.tensor(weights[name]).reshape(*shape[1:], shape[0]).t().reshape(shape)
    return found


def loss_of(network, frames, target):
    """Return the loss of the highest voltages, as the page has it."""
    return cross_entropy(network(frames).amax(0), target, label_smoothing=0.1)


RECORDED = (
    "const strokesOf = (name, count, seed) => { const random = mulberry32(seed);"
    "  const corners = hands.sets['six strokes in pairs'][name];"
    "  return Array.from({ length: count }, () => ({ path: hands.draw(corners, random) })); };"
    "const { timeWindow, settle } = teach.NETWORK;"
    "const recorded = (stroke, seed) => teach.toRecording("
    "  teach.film(stroke, motionData.settings, mulberry32(seed)), timeWindow, settle / timeWindow);"
)
PLAIN = (
    "const whole = { ...teach.NETWORK }, options = { ...teach.TRAINING };"
    "Object.assign(teach.NETWORK, { features: 12, hidden: 16 });"  # as much is sent to Python
    "const { spiking } = teach.networks(3, 5);"
    "Object.assign(teach.NETWORK, whole);"
    "const adam = new teach.Adam(spiking.weights, options);"
    "const plain = (matrices) => Object.fromEntries("
    "  Object.keys(spiking.weights.shapes).map((name) => [name, [...matrices[name]]]));"
)


def test_gradients_of_every_weight_are_those_of_autograd():
    found = run(
        RECORDED + PLAIN + "return ['tick', 'zed', 'circle'].map((name, target) => {"
        "  const recording = recorded(strokesOf(name, 1, 3)[0], 4); adam.gradients.all.fill(0);"
        "  const loss = spiking.learn(recording, target, adam.gradients);"
        "  return { recording, target, loss,"
        "    weights: plain(spiking.weights), gradients: plain(adam.gradients) }; });"
    )
    network = in_pytorch(found[0]["weights"], 3)
    network.snn.record = True
    for learnt in found:
        network.zero_grad()
        target = torch.tensor([learnt["target"]])
        loss = loss_of(network, frames_of(learnt["recording"]), target)
        loss.backward()
        assert network.snn.recording.lif0.z.sum() > 15  # a silent network would agree, too
        assert loss.item() == pytest.approx(learnt["loss"], abs=1e-6)
        for name, gradient in as_pytorch(learnt["gradients"], network).items():
            expected = network.get_parameter(name).grad
            assert expected.norm() > 0
            assert (gradient - expected).norm() <= 1e-4 * expected.norm(), name


def test_twenty_steps_have_the_losses_of_pytorch():
    found = run(
        RECORDED + PLAIN + "const before = plain(spiking.weights);"
        "const shown = ['tick', 'zed', 'circle'].flatMap((name, target) =>"
        "  strokesOf(name, 1, 8).map((stroke) => [recorded(stroke, 9), target]));"
        "const losses = Array.from({ length: 20 }, () => {"
        "  const sum = shown.reduce((total, [recording, target]) =>"
        "    total + spiking.learn(recording, target, adam.gradients), 0);"
        "  adam.step(shown.length); return sum / shown.length; });"
        "return { before, losses, options, shown };"
    )
    network = in_pytorch(found["before"], 3)
    options = found["options"]
    optimizer = torch.optim.Adam(network.parameters(), options["learningRate"])
    shown = [(frames_of(recording), torch.tensor([target])) for recording, target in found["shown"]]
    for expected in found["losses"]:
        optimizer.zero_grad()
        losses = [loss_of(network, frames, target) for frames, target in shown]
        loss = torch.stack(losses).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), options["clipNorm"])
        optimizer.step()
        assert abs(loss.item() - expected) < 1e-3
    assert found["losses"][-1] < 0.8 * found["losses"][0]


def test_the_network_that_is_exported_sees_the_same_in_pixels_as_in_cells():
    by_cell, by_pixel = run(
        PLAIN + "return [spiking.weights, spiking.byPixel()].map((weights) => [...weights.layer]);"
    )
    expected = CELLS @ torch.tensor(by_cell, dtype=torch.float64).reshape(144, 12)
    assert torch.allclose(torch.tensor(by_pixel).double().reshape(35**2, 12), expected, atol=1e-6)


def test_the_network_alone_names_strokes_of_other_hands():
    """After a quarter of a visitor's training, on shapes that aren't those it arrives with."""
    rights = run(
        "const random = mulberry32(1), shapes = Object.values(hands.sets['eight shapes']);"
        "const draw = (corners, person) => seen(teach.toKeep({"
        "  path: hands.draw(corners, random, person) }));"
        "const strokes = shapes.flatMap((corners, target) =>"
        "  Array.from({ length: 5 }, () => ({ ...draw(corners), target })));"
        "teach.TRAINING.copies /= 4; teach.TRAINING.steps /= 4;"
        "const request = { strokes, outputs: shapes.length, seed: 1, without: [],"
        "  settings: motionData.settings };"
        "const { spiking } = teach.networks(shapes.length, null);"
        "spiking.weights.all.set([...teach.train(request)].at(-1).weights[0]);"
        "const { timeWindow, settle } = teach.NETWORK;"
        "return Object.values(hands.persons.chosen).flatMap((person) =>"
        "  shapes.map((corners, target) => { const { events } = draw(corners, person);"
        "    const seen = teach.toRecording(events, timeWindow, settle / timeWindow);"
        "    return teach.answerOf(spiking.run(seen).values)?.output === target; }));"
    )
    assert len(rights) == 120
    assert sum(rights) > 110  # 93 with a weight for each pixel, and no delay beyond 8 ms


def test_left_out_strokes_are_never_learnt():
    """A stroke is either filmed as it is, to ask about it, or copied, to learn from the copies."""
    strokes = run(
        RECORDED + "const { settings } = motionData, { film, copyOf } = teach;"
        "const filmed = new Set(), copied = new Set();"
        "const strokes = ['tick', 'zed'].flatMap((name, target) =>"
        "  strokesOf(name, 3, 2).map((stroke) => ({ target, ...stroke })));"
        "Object.assign(teach.TRAINING, { copies: 4, steps: 4 });"
        "teach.film = (stroke, ...how) => { filmed.add(stroke); return film(stroke, ...how); };"
        "teach.copyOf = (stroke, random) => { copied.add(stroke); return copyOf(stroke, random); };"
        "const request = { strokes, outputs: 2, seed: 1, settings, without: [] };"
        "const { left } = [...teach.train(request)].at(-1);"
        "const numbers = (used) => [...strokes.keys()].filter((one) => used.has(strokes[one]));"
        "return { left, filmed: numbers(filmed), copied: numbers(copied) };"
    )
    assert strokes["left"] == len(strokes["filmed"]) == 2  # one of each gesture
    assert sorted(strokes["filmed"] + strokes["copied"]) == [*range(6)]


@pytest.mark.slow
def test_what_the_page_arrives_with_is_what_it_learns():
    """The same bytes: the strokes of a script, and the network that they give."""
    assert run(
        "const { interactiveFigures: all } = window;"
        "return JSON.stringify(hands.arrival(all)) === JSON.stringify(all.teachData);"
    )
