"""What a classifier says of a recording, and learns from it, doesn't depend on its batch."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import random_events
from same import altered
from test_streaming import Own
from torch import nn
from torch.nn.functional import nll_loss

from benchmarks.counting import count_operations
from benchmarks.early import nll_over_events
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    Recordings,
    Stream,
    evaluate,
    load_checkpoint,
    make_loader,
    predict,
    save_checkpoint,
)
from pokersnn_helpers.classifier import decode
from pokersnn_helpers.elsewhere.nir_files import load_nir, save_nir
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.networks import FrameNetwork
from pokersnn_helpers.study.losses import nll_over_time
from pokersnn_helpers.study.models import CNN, GRU, MLP, FrameMLP

SENSOR, CLASSES = (6, 5, 2), ("a", "b", "c")
INPUTS = 6 * 5 * 2
repeated = settings(derandomize=True, deadline=None, max_examples=25)


class Mean(FrameNetwork):
    """A reader's network that averages over time itself."""

    def __init__(self, every=None):
        super().__init__()
        self.linear, self.every = nn.Linear(INPUTS, 3), every

    def forward(self, frames):
        values = self.linear(frames.flatten(2))
        return values[:: self.every].relu() if self.every else values.mean(0, keepdim=True)


class BothWays(FrameNetwork):
    """A reader's network that looks ahead."""

    def __init__(self):
        super().__init__()
        self.units, self.dropout = nn.GRU(INPUTS, 3, bidirectional=True), nn.Dropout(0.5)

    def forward(self, frames):
        states, _ = self.units(self.dropout(frames.flatten(2)))
        return states[..., :3] + states[..., 3:]


SIZES = {"sensor_size": SENSOR, "output_size": 3}
LATE = {"delays": (0, 0.004, 0.008), "features": 30, "hidden_size": 8, "dropout": 0}
NETWORKS = {
    "SNN": lambda: spiking(SNN),
    "FastSNN": lambda: spiking(FastSNN),
    "SNN behind a layer": lambda: LayerThenSNN(**SIZES, **LATE),
    "GRU": lambda: GRU(INPUTS, 3, hidden_size=9),
    "MLP on each frame": lambda: FrameMLP(**SIZES, dropout=0),
    "MLP": lambda: MLP(**SIZES),
    "CNN": lambda: CNN(**SIZES, channels=2),
    "a reader's": partial(Own, INPUTS, 3),
    "a reader's mean": Mean,
    "a reader's every third": partial(Mean, every=3),
    "a reader's both ways": BothWays,
}
EXACT = ("FastSNN", "SNN behind a layer")  # loops that add up in one order
DECODES = {
    "maxima": decode,
    "mean": lambda voltages: voltages.mean(0).log_softmax(-1),
    "last": lambda voltages: voltages[-1].log_softmax(-1),
    "counts": lambda voltages: (voltages > 0).sum(0).to(voltages.dtype).log_softmax(-1),
}


def spiking(kind):
    network = kind(INPUTS, 12, 3)
    network.scale_input_weights(0.5)
    return network


def made(name, read="maxima", settle=0.01):
    """Return such a classifier in double precision, in which rounding moves no spike."""
    torch.manual_seed(0)
    about = {"classes": CLASSES, "sensor_size": SENSOR, "settle": settle}
    return Classifier(NETWORKS[name](), DECODES[read], **about).double().eval()


@st.composite
def batches(draw):
    """Frames of some recordings, each alone and without silence, in double precision."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=6))
    alone = [torch.from_numpy(generator.poisson(0.1, (n, 1, 2, 5, 6)) * 1.0) for n in lengths]
    for frames in alone:
        frames[-1, 0, 0, 0, 0] = 1
    return alone


def together(alone, silence=0):
    steps = max(map(len, alone)) + silence
    frames = torch.zeros(steps, len(alone), 2, 5, 6, dtype=torch.float64)
    for number, each in enumerate(alone):
        frames[: len(each), number] = each[:, 0]
    return frames


@pytest.mark.parametrize("name", NETWORKS)
@repeated
@given(batches(), st.sampled_from(sorted(DECODES)), st.integers(0, 100), st.booleans(), st.data())
def test_answer_is_the_same_alone_and_in_any_batch(name, alone, read, silence, sparse, data):
    classifier = made(name, read)
    alone = data.draw(st.permutations(alone))
    frames = together(alone, silence)
    sparse &= classifier.snn.takes_sparse
    with torch.no_grad():
        expected = torch.cat([classifier(each) for each in alone])
        found = classifier(frames.to_sparse() if sparse else frames)
    if name in EXACT:
        assert torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


SUMMED = ("MLP", "CNN", "a reader's mean", "a reader's every third")  # no value for each step


@pytest.mark.parametrize(
    ("name", "loss"),
    [(name, None) for name in NETWORKS]
    + [
        (name, loss)
        for name in NETWORKS
        if name not in SUMMED
        for loss in (nll_over_time, nll_over_events)
    ],
)
@settings(repeated, max_examples=8)
@given(batches(), st.integers(0, 30))
def test_gradient_of_a_recording_is_the_same_alone_and_in_any_batch(name, loss, alone, silence):
    classifier = made(name)

    def gradients(frames, number):
        targets = torch.ones(frames.shape[1], dtype=torch.int64)
        voltages, steps = classifier.run(frames)
        losses = nll_loss(classifier.read(voltages, steps), targets, reduction="none")
        losses = loss(voltages, targets, frames, steps) if loss else losses
        return torch.autograd.grad(losses[number], list(classifier.parameters()))

    found = gradients(together(alone, silence), 0)
    for one, other in zip(found, gradients(alone[0], 0), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def recordings():
    rng, events = np.random.default_rng(0), []
    for number in range(7):
        times = np.sort(rng.integers(0, 2000 + 7000 * number, 20 + 40 * number))
        events.append(random_events(times, SENSOR, rng))
    return Recordings(events, [n % 3 for n in range(7)], CLASSES, SENSOR)


@pytest.mark.parametrize("read", DECODES)
@pytest.mark.parametrize("name", ["SNN", "FastSNN", "SNN behind a layer", "a reader's"])
def test_evaluate_predict_and_stream_say_the_same(name, read, recordings):
    classifier = made(name, read)
    stream, streamed, predicted = Stream(classifier), [], []
    for events in recordings.events:
        stream.reset()
        for portion in np.array_split(events, 5):
            stream.push(portion)
        stream.finish()
        alone = predict(classifier, events, "cpu")
        assert torch.equal(stream.voltages, alone.readout)
        streamed.append(list(stream.prediction().probabilities.values()))
        predicted.append(list(alone.probabilities.values()))
    assert streamed == predicted
    for size in (1, 3, 7):
        found = evaluate(classifier, make_loader(recordings, size), "cpu").log_probabilities.exp()
        torch.testing.assert_close(found, torch.tensor(predicted, dtype=found.dtype))


def test_time_that_passes_after_a_recording_has_ended_changes_no_answer(recordings):
    classifier, events = made("a reader's", "mean"), recordings.events[0]
    stream = Stream(classifier)
    stream.push(events)
    stream.advance(events["t"][-1] + 60_000)
    stream.finish()
    assert stream.prediction().probabilities == predict(classifier, events, "cpu").probabilities
    later = events.copy()
    later["t"] += 80_000 - later["t"][0]
    stream.push(later)  # it went on after all: the pause is a part of it
    stream.finish()
    whole = np.concatenate([events, later])
    assert stream.prediction().probabilities == predict(classifier, whole, "cpu").probabilities


@pytest.mark.parametrize("name", ["SNN", "GRU", "MLP on each frame"])
def test_operations_are_counted_in_a_recording_s_own_time(name):
    torch.manual_seed(2)
    alone = [torch.poisson(torch.full((n, 1, 2, 5, 6), 0.1)).double() for n in (9, 30)]
    for frames in alone:
        frames[-1] = 1
    classifier = made(name)
    found = count_operations(classifier, together(alone, 40))
    assert found.steps.tolist() == [19, 40]
    for number, frames in enumerate(alone):
        expected = count_operations(classifier, frames)
        assert found.effective[number] == expected.effective[0]
        assert found.membrane_updates[number] == expected.membrane_updates[0]


@pytest.mark.parametrize(("dt", "silent"), [(0.0001, 100), (0.001, 10), (0.003, 4), (0.05, 1)])
def test_silence_lasts_settle_rounded_up_to_whole_steps(dt, silent):
    classifier = Classifier(GRU(INPUTS, 3, dt=dt), classes=CLASSES, sensor_size=SENSOR, settle=0.01)
    frames, steps = classifier.append_silence(torch.ones(4, 1, 2, 5, 6))
    assert len(frames) == steps.item() == 4 + silent


def test_network_that_sums_up_time_is_asked_once():
    calls = []
    classifier = made("MLP")
    classifier.snn.register_forward_hook(lambda *_: calls.append(1))
    classifier(together([torch.ones(n, 1, 2, 5, 6) for n in (3, 9, 4)]))
    assert len(calls) == 1


@pytest.mark.parametrize("settle", [-0.001, 2, float("nan"), "long"])
def test_settle_that_is_no_duration_is_refused(settle):
    with pytest.raises(ValueError, match=f"settle is {settle!r}"):
        Classifier(SNN(), settle=settle)


def test_recording_without_events_has_one_step_and_its_silence():
    frames = torch.zeros(30, 2, 2, 5, 6)
    assert len(made("SNN").append_silence(frames)[0]) == 11
    frames[19, 1] = 1
    assert made("SNN").append_silence(frames)[1].tolist() == [11, 30]


@pytest.mark.parametrize(
    ("save", "load"), [(save_checkpoint, load_checkpoint), (save_nir, load_nir)]
)
def test_a_saved_classifier_keeps_its_silence(save, load, tmp_path):
    save(Classifier(SNN(hidden_size=5), settle=0.025), tmp_path / "saved")
    assert load(tmp_path / "saved", "cpu").settle == 0.025


def test_older_checkpoints_end_with_the_last_event(tmp_path):
    save_checkpoint(Classifier(SNN(hidden_size=5)), tmp_path / "run.pt")
    altered(tmp_path / "run.pt", tmp_path / "old.pt", lambda content: content.pop("settle"))
    assert load_checkpoint(tmp_path / "old.pt", "cpu").settle == 0
