"""What a classifier says of a recording, and learns from it, doesn't depend on its batch."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import random_events
from readers_networks import Dense
from test_streaming import Own
from torch import nn

from benchmarks.early import nll_over_time
from eventdesk import Stream
from eventdesk.evidence.perturbations import replaced
from eventdesk.models.layered import LayerThenSNN
from eventdesk.models.ordinary import CNN, GRU, MLP, FrameMLP
from pokersnn_helpers import SNN, Classifier, FastSNN, Recordings, evaluate, make_loader, predict
from pokersnn_helpers.events.frames import with_steps
from pokersnn_helpers.networks.classifier import decode
from pokersnn_helpers.training.loss import classify_batch

SENSOR, CLASSES = (6, 5, 2), ("a", "b", "c")
INPUTS = 6 * 5 * 2
repeated = settings(derandomize=True, deadline=None, max_examples=12)


class Mean(Dense):
    """A reader's network that averages over time itself."""

    def change(self, voltages):
        return voltages.mean(0, keepdim=True)


class EveryThird(Dense):
    """A reader's network that has a value for every third step."""

    def change(self, voltages):
        return voltages[::3].relu()


class BothWays(nn.Module):
    """A reader's network that looks ahead."""

    dt = 0.001

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.units = nn.GRU(INPUTS, 3, bidirectional=True)
        self.head = nn.Linear(6, 3)

    def forward(self, frames):
        states, _ = self.units(self.dropout(frames.flatten(2)))
        return self.head(states)


SIZES = {"sensor_size": SENSOR, "output_size": 3}
LATE = {"delays": (0, 0.004, 0.008), "features": 30, "hidden_size": 8, "dropout": 0}


def spiking(kind):
    network = kind(INPUTS, 12, 3)
    network.scale_input_weights(0.5)
    return network


def learned_delays():
    network = LayerThenSNN(**SIZES, **LATE, learn_delays=True)
    torch.nn.init.uniform_(network.late)
    return network


NETWORKS = {
    "SNN": partial(spiking, SNN),
    "FastSNN": partial(spiking, FastSNN),
    "SNN behind a layer": lambda: LayerThenSNN(**SIZES, **LATE),
    "SNN behind learned delays": learned_delays,
    "GRU": lambda: GRU(**SIZES, hidden_size=9),
    "MLP on each frame": lambda: FrameMLP(**SIZES, dropout=0),
    "MLP": lambda: MLP(**SIZES),
    "CNN": lambda: CNN(**SIZES, channels=2),
    "a reader's": partial(Own, INPUTS, 3),
    "a reader's mean": partial(Mean, INPUTS, 3),
    "a reader's every third": partial(EveryThird, INPUTS, 3),
    "a reader's both ways": BothWays,
}
EXACT = (
    "FastSNN",
    "SNN behind a layer",
    "SNN behind learned delays",
)  # loops that add up in one order
DECODES = {
    "maxima": decode,
    "mean": lambda voltages: voltages.mean(0).log_softmax(-1),
    "last": lambda voltages: voltages[-1].log_softmax(-1),
    "counts": lambda voltages: (voltages > 0).sum(0).to(voltages.dtype).log_softmax(-1),
}


def made(name, read="maxima", settle=0.01):
    """Return such a classifier in double precision, in which rounding moves no spike."""
    torch.manual_seed(0)
    classifier = Classifier(
        NETWORKS[name](), DECODES[read], classes=CLASSES, sensor_size=SENSOR, settle=settle
    )
    return classifier.double().eval()


@st.composite
def batches(draw):
    """Frames of some recordings, each alone and without silence, in double precision."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=6))
    return [recording(length, rng) for length in lengths]


def recording(length, rng):
    """Draw frames whose last step has an event, (length, 1, 2, 5, 6)."""
    frames = torch.from_numpy(rng.poisson(0.1, (length, 1, 2, 5, 6)) * 1.0)
    frames[-1, 0, 0, 0, 0] = 1
    return frames


def together(alone, silence=0):
    """Return a batch of recordings, padded with silence at the end."""
    steps = max(map(len, alone)) + silence
    padded = [with_steps(frames, steps) for frames in alone]
    return torch.cat(padded, dim=1)


@pytest.mark.parametrize("name", NETWORKS)
@repeated
@given(batches(), st.sampled_from(sorted(DECODES)), st.integers(0, 100), st.booleans(), st.data())
def test_answer_is_the_same_alone_and_in_any_batch(name, alone, read, silence, sparse, data):
    classifier = made(name, read)
    alone = data.draw(st.permutations(alone))
    frames = together(alone, silence)
    sparse &= classifier.takes_sparse
    with torch.no_grad():
        expected = torch.cat([classifier(each, 1000) for each in alone])
        found = classifier(frames.to_sparse() if sparse else frames, time_window=1000)
    if name in EXACT:
        assert torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_network_that_learns_to_look_ahead_answers_the_same_in_any_batch():
    """With a head of zeros, as at the beginning of training, it doesn't seem to look ahead."""
    classifier = made("a reader's both ways")
    head = classifier.snn.head.weight
    weights = head.data.clone()
    head.data.zero_()
    rng = np.random.default_rng(0)
    alone = [recording(length, rng) for length in (3, 17, 40)]
    classifier(together(alone), time_window=1000)
    head.data.copy_(weights)
    expected = torch.cat([classifier(frames, 1000) for frames in alone])
    torch.testing.assert_close(classifier(together(alone), 1000), expected, rtol=0, atol=1e-9)


SUMMED = ("MLP", "CNN", "a reader's mean", "a reader's every third")  # no value for each step
STEPWISE = [name for name in NETWORKS if name not in SUMMED]
LOSSES = [*product(NETWORKS, [None]), *product(STEPWISE, [nll_over_time])]


@pytest.mark.parametrize(("name", "loss"), LOSSES)
@settings(repeated, max_examples=8)
@given(batches(), st.integers(0, 30))
def test_gradient_of_a_recording_is_the_same_alone_and_in_any_batch(name, loss, alone, silence):
    classifier = made(name)

    def gradients_of_first(frames):
        targets = torch.ones(frames.shape[1], dtype=torch.int64)
        _, losses = classify_batch(classifier, frames, targets, loss)
        return torch.autograd.grad(losses[0], list(classifier.parameters()))

    gradients = gradients_of_first(together(alone, silence))
    for gradient, expected in zip(gradients, gradients_of_first(alone[0]), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def recordings():
    rng = np.random.default_rng(0)
    times = [np.sort(rng.integers(0, 2000 + 7000 * n, 20 + 40 * n)) for n in range(7)]
    events = [random_events(each, SENSOR, rng) for each in times]
    return Recordings(events, np.arange(7) % 3, CLASSES, SENSOR)


@pytest.mark.parametrize("read", DECODES)
@pytest.mark.parametrize("name", ["SNN", "FastSNN", "SNN behind a layer", "a reader's"])
def test_evaluate_and_predict_say_the_same(name, read, recordings):
    classifier = made(name, read)
    predictions = [predict(classifier, events, "cpu") for events in recordings.events]
    expected = [[*each.probabilities.values()] for each in predictions]
    expected = torch.tensor(expected, dtype=torch.float64)
    for size in (1, 3, 7):
        evaluation = evaluate(classifier, make_loader(recordings, batch_size=size), "cpu")
        torch.testing.assert_close(evaluation.log_probabilities.exp(), expected)


def test_a_recording_that_goes_on_after_all_is_answered_with_its_pause(recordings):
    classifier = made("a reader's", "mean")
    events = recordings.events[0]
    stream = Stream(classifier)
    stream.push(events)
    stream.advance(events["t"][-1] + 60_000)
    stream.finish()
    later = replaced(events, t=events["t"] + 80_000 - events["t"][0])
    stream.push(later)
    stream.finish()
    whole = np.concatenate([events, later])
    assert stream.prediction().probabilities == predict(classifier, whole, "cpu").probabilities


@pytest.mark.parametrize(("dt", "silent"), [(0.0001, 100), (0.001, 10), (0.003, 4), (0.05, 1)])
def test_silence_lasts_settle_rounded_up_to_whole_steps(dt, silent):
    classifier = Classifier(GRU(**SIZES, dt=dt), classes=CLASSES, sensor_size=SENSOR, settle=0.01)
    frames, steps = classifier.append_silence(torch.ones(4, 1, 2, 5, 6))
    assert len(frames) == steps.item() == 4 + silent


@pytest.mark.parametrize("settle", [-0.001, 2, "long"])
def test_settle_that_is_no_duration_is_refused(settle):
    with pytest.raises(ValueError, match=f"settle is {settle!r}"):
        Classifier(SNN(), settle=settle)


def test_recording_without_events_has_one_step_and_its_silence():
    frames = torch.zeros(30, 2, 2, 5, 6)
    frames[19, 1] = 1
    _, steps = made("SNN").append_silence(frames)
    assert steps.tolist() == [11, 30]
