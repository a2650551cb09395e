"""A stream says what the whole recording does, to the last bit, however it is cut."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from norse.torch import LICell

from pokersnn_helpers import (
    EVENT_DTYPE,
    SNN,
    Classifier,
    FastSNN,
    SpikingNetwork,
    Stream,
    build_network,
    predict,
)
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.frames import to_sparse_frames
from pokersnn_helpers.own import streaming as streams
from pokersnn_helpers.study.models import GRU

NETWORKS = {
    "SNN": SNN,
    "FastSNN": FastSNN,
    "layer": LayerThenSNN,
    "delays": partial(LayerThenSNN, delays=(0, 0.004, 0.008)),
}


class Own(SpikingNetwork):
    """A reader's network: its readout never stands still."""

    def __init__(self, input_size=2 * 35 * 35, output_size=4):
        super().__init__()
        self.linear, self.readout = torch.nn.Linear(input_size, output_size), LICell(dt=self.dt)
        self.dropout = torch.nn.Dropout()

    def step(self, frame, state):
        return self.readout(self.linear(self.dropout(frame.flatten(1))), state)


def classifier_of(network, time_window=1000, dtype=torch.float32):
    torch.manual_seed(0)
    return Classifier(build_network(network, time_window=time_window)).to(dtype)


def cut(events, rng):
    return np.split(events, np.sort(rng.integers(0, len(events) + 1, rng.integers(1, 60))))


def assert_same(stream, portions, prediction):
    """A stream answers what a prediction is, and returns its voltages as they come."""
    stream.reset()
    returned = [stream.push(portion) for portion in portions] + [stream.finish()]
    found = stream.prediction()
    assert torch.equal(found.readout, prediction.readout)
    assert torch.equal(torch.cat(returned), prediction.readout)
    assert found[:2] == prediction[:2]


@pytest.mark.parametrize(("time_window", "dtype"), [(1000, torch.float32), (100, torch.float64)])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_however_the_stream_is_cut(name, time_window, dtype, data):
    classifier = classifier_of(NETWORKS[name], time_window, dtype)
    recordings = data.train.events + data.test.events
    few = name == "SNN"  # whose steps take a hundred times as long
    stream, rng = Stream(classifier), np.random.default_rng(0)
    for events in recordings[:: 34 if few else 4]:
        prediction = predict(classifier, events, "cpu")
        for _ in range(2):
            assert_same(stream, cut(events, rng), prediction)


@pytest.mark.parametrize("network", [SNN, FastSNN, Own])
def test_same_bits_event_by_event_and_all_at_once(network, data, monkeypatch):
    classifier, events = classifier_of(network), data.train.events[0]
    stream = Stream(classifier)  # of a network in training, which goes on without the stream
    prediction = predict(classifier, events, "cpu")
    for weights in classifier.parameters():
        weights.data.zero_()
    assert_same(stream, np.split(events, len(events)), prediction)
    monkeypatch.setattr(streams, "MAX_COUNTS", 5 * 2450)  # steps in blocks of five
    assert_same(stream, [events], prediction)


@pytest.mark.parametrize("network", [FastSNN, Own])
def test_an_off_event_at_the_first_pixel_may_open_a_step(network):
    classifier, events = classifier_of(network), np.zeros(200, EVENT_DTYPE)
    events["t"] = np.arange(200) // 50 * 1000
    prediction, stream = predict(classifier, events, "cpu"), Stream(classifier)
    assert_same(stream, (events[:60], events[60:]), prediction)
    assert prediction.readout[:, 0].unique().numel() > 4


@pytest.mark.parametrize("kind", [FastSNN, LayerThenSNN])
def test_a_network_that_resumes_keeps_the_weights_of_the_first_call(kind, data):
    network = classifier_of(kind).snn
    frames = to_sparse_frames(data.train.events[0]).unsqueeze(1)
    expected, state = network.resume(frames)
    expected, _ = network.resume(frames, state)
    _, state = network.resume(frames)
    with torch.no_grad():
        for weights in network.parameters():
            weights.zero_()
    found, _ = network.resume(frames, state)
    assert torch.equal(found, expected)


def test_gaps_bursts_and_silence(data):
    classifier, events = classifier_of(FastSNN), data.train.events[0]
    late = events.copy()
    late["t"] += 10_000_000  # ten seconds of silence
    both = np.concatenate([events, late, np.repeat(late[-1:], 5000)])
    prediction, stream = predict(classifier, both, "cpu"), Stream(classifier)
    assert_same(stream, (both[:7], both[7:7], both[7:-5100], both[-5100:]), prediction)
    stream.reset()
    assert stream.advance(5000).shape == (0, 4)  # nothing has come yet
    stream.push(events[:1])
    assert stream.advance(int(events["t"][0]) + 20_000).shape == (20, 4)
    assert stream.advance(0).shape == (0, 4)  # time has been there
    assert stream.steps == 20


def test_late_events_are_taken_while_their_step_is_open_and_refused_after_it(data):
    stream = Stream(classifier_of(FastSNN))
    events = np.zeros(3, EVENT_DTYPE)
    events["t"] = 5000, 6400, 6900
    stream.push(events[:1])
    early = events[1:2].copy()
    early["t"] = 4999
    with pytest.raises(ValueError, match=r"event 0 is of 4999 µs, but all steps before 5000 µs"):
        stream.push(early)
    stream.push(events[1:])
    early["t"] = 6100
    stream.push(early)  # of the step that isn't computed yet
    early["t"] = 5999
    before = stream.voltages
    with pytest.raises(ValueError, match=r"event 0 is of 5999 µs, but all steps before 6000 µs"):
        stream.push(early)
    assert torch.equal(stream.voltages, before)
    stream.push(events[2:])
    assert stream.finish().shape == (1 + 10, 4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x": 35}, "the portion: field x is 35 at event 1"),
        ({"x": -1}, "the portion: field x is -1 at event 1"),
        ({"p": 2}, "field p is 2"),
        ({"t": -9}, "field t is -9 at event 1; sort by time"),
        ({"t": 2**45}, r"would be in step 4194304, .*stream.reset\(\)"),
    ],
)
def test_a_portion_is_taken_whole_or_not_at_all(change, reason):
    stream, events = Stream(classifier_of(FastSNN)), np.zeros(2, EVENT_DTYPE)
    for name, value in change.items():
        events[name][1] = value
    masked = np.ma.zeros(2, EVENT_DTYPE)
    masked["x"][1] = np.ma.masked
    for wrong, message in ((events, reason), (masked, "field x is -- at event 1")):
        with pytest.raises(ValueError, match=message):
            stream.push(wrong)
    assert stream.open_since is None and stream.finish().shape == (0, 4)
    with pytest.raises(TypeError, match="the portion is of type list"):
        stream.push([1, 2])
    with pytest.raises(ValueError, match="time is"):
        stream.advance(float("nan"))


def test_answer_and_when_it_settled(data):
    classifier, events = classifier_of(FastSNN), data.train.events[3]
    stream = Stream(classifier)
    assert stream.prediction()[:2] == (None, dict.fromkeys(classifier.classes, 0.25))
    assert stream.settled_ms() is None
    answers = []
    for millisecond in range(1, int(events["t"][-1] - events["t"][0]) // 1000 + 1):
        last = (events["t"] - events["t"][0]) // 1000 == millisecond - 1
        stream.push(events[last])
        stream.advance(int(events["t"][0]) + 1000 * millisecond)
        answers.append(stream.prediction().class_name)
    others = [n for n, answer in enumerate(answers) if answer != answers[-1]]
    assert others and answers[-1] is not None
    expected = others[-1] + 2.0
    assert stream.settled_ms() == expected
    stream.classifier.decode = lambda voltages: torch.log_softmax(voltages.amax(0), -1)
    assert stream.settled_ms() == expected  # of a rule that the stream doesn't know


@pytest.mark.parametrize(
    ("options", "starts"),
    [
        ({"pause_ms": 100}, [0, 1, 3]),
        ({"window_ms": 60}, [0, 1, 2, 3, 4]),
        ({"pause_ms": 45, "window_ms": 300}, [0, 1, 2, 3, 4]),
        ({"pause_ms": 300, "window_ms": 200}, [0, 2, 3]),
        ({"pause_ms": np.inf}, [0]),
    ],
)
def test_a_pause_or_a_window_begins_another_recording_however_it_is_cut(options, starts, data):
    classifier, begins = classifier_of(FastSNN), (0, 150_000, 210_000, 500_000, 560_000)
    bursts = [events[events["t"] < 10_000].copy() for events in data.train.events[:5]]
    for burst, begin in zip(bursts, begins, strict=True):
        burst["t"] += begin - burst["t"][0]
    evening, rng = np.concatenate(bursts), np.random.default_rng(0)
    ends = [*starts[1:], 5]
    wholes = [np.concatenate(bursts[a:b]) for a, b in zip(starts, ends, strict=True)]
    expected = [predict(classifier, whole, "cpu") for whole in wholes]
    for portions in ([evening], np.split(evening, len(evening)), cut(evening, rng)):
        found = []
        stream = Stream(
            classifier, **options, on_answer=lambda s, to=found: to.append(s.prediction())
        )
        returned = [stream.push(portion) for portion in portions]
        assert len(found) == len(starts) - 1 and stream.steps > 0
        returned.append(stream.end())
        assert [each[:2] for each in found] == [each[:2] for each in expected]
        readouts = torch.cat([each.readout for each in expected])
        assert torch.equal(torch.cat([each.readout for each in found]), readouts)
        assert torch.equal(torch.cat(returned), readouts)


def test_silence_ends_a_recording_once(data):
    found, events = [], data.train.events[0]
    stream = Stream(classifier_of(FastSNN), pause_ms=50, on_answer=lambda s: found.append(s.steps))
    stream.push(events)
    stream.advance(int(events["t"][-1]) + 49_999)
    assert not found
    stream.advance(int(events["t"][-1]) + 50_000)
    stream.advance(int(events["t"][-1]) + 10**9)
    stream.end()
    assert len(found) == 1 and stream.steps == 0 and stream.open_since is None
    stream.push(events)  # a camera that has been started anew
    assert stream.open_since >= events["t"][0]
    for name in ("pause_ms", "window_ms"):
        with pytest.raises(ValueError, match=f"{name} is nan; choose a number"):
            Stream(stream.classifier, **{name: np.nan})


def test_a_stream_can_be_pickled_and_goes_on(data):
    classifier, events = classifier_of(SNN), data.train.events[0]
    stream = Stream(classifier)
    stream.push(events[:300])
    copy = pickle.loads(pickle.dumps(stream))
    copy.push(events[300:])
    copy.finish()
    assert torch.equal(copy.voltages, predict(classifier, events, "cpu").readout)


class Louder(SNN):
    def forward(self, frames):
        return 2 * super().forward(frames)


def test_networks_that_need_whole_recordings_are_refused():
    with pytest.raises(TypeError, match="Louder defines forward, which resume of SpikingNetwork l"):
        Stream(Classifier(Louder()))
    with pytest.raises(TypeError, match="GRU reads whole recordings; for a stream take SNN"):
        Stream(classifier_of(GRU))
    with pytest.raises(TypeError, match="give a Classifier"):
        Stream(FastSNN())


@pytest.mark.parametrize("put", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_are_refused(put):
    for network, layer in ((SNN, "linear"), (FastSNN, ""), (LayerThenSNN, "inputs"), (Own, "")):
        classifier = classifier_of(network)
        module = classifier.snn.get_submodule(layer)
        getattr(module, put)(lambda *given: None)
        with pytest.raises(TypeError, match=f"a hook of {type(module).__name__} would be left out"):
            Stream(classifier)
