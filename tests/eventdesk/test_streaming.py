"""A stream says what the whole recording does, to the last bit, however it is cut."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from eventdesk import Stream, streaming
from eventdesk.evidence.perturbations import replaced
from eventdesk.models.layered import LayerThenSNN
from pokersnn_helpers import (
    EVENT_DTYPE,
    SNN,
    Classifier,
    FastSNN,
    SpikingNetwork,
    build_network,
    predict,
)
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.networks.spiking_network import run_steps
from pokersnn_helpers.system.norse_cells import LICell

NETWORKS = {
    "SNN": SNN,
    "FastSNN": FastSNN,
    "layer": LayerThenSNN,
    "delays": partial(LayerThenSNN, delays=(0, 0.004, 0.008)),
    "learned delays": partial(LayerThenSNN, delays=(0, 0.004), learn_delays=True),
}


class Own(SpikingNetwork):
    """A reader's network: its readout never stands still."""

    def __init__(self, input_size=2 * 35 * 35, output_size=4):
        super().__init__()
        self.linear = torch.nn.Linear(input_size, output_size)
        self.readout = LICell(dt=self.dt)
        self.dropout = torch.nn.Dropout()

    def step(self, frame, state):
        return self.readout(self.linear(self.dropout(frame.flatten(1))), state)


def classifier_of(network, time_window=1000):
    torch.manual_seed(0)
    return Classifier(build_network(network, time_window=time_window))


def cut(events, rng):
    """Cut events anywhere; some of the portions are empty."""
    places = rng.integers(0, len(events) + 1, rng.integers(1, 60))
    return np.split(events, np.sort(places))


def assert_same(stream, portions, prediction):
    """A stream answers what a prediction is, and returns its voltages as they come."""
    stream.reset()
    voltages = [stream.push(portion) for portion in portions]
    voltages.append(stream.finish())
    assert torch.equal(torch.cat(voltages), prediction.readout)
    answer = stream.prediction()
    assert torch.equal(answer.readout, prediction.readout)
    assert answer[:2] == prediction[:2]


@pytest.mark.parametrize(("time_window", "dtype"), [(1000, torch.float32), (100, torch.float64)])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_however_the_stream_is_cut(name, time_window, dtype, data):
    classifier = classifier_of(NETWORKS[name], time_window).to(dtype)
    stream = Stream(classifier)
    rng = np.random.default_rng(0)
    stride = 24 if name == "SNN" else 4  # whose steps take a hundred times as long
    for events in data.train.events[::stride]:
        prediction = predict(classifier, events, "cpu")
        assert_same(stream, cut(events, rng), prediction)
        assert_same(stream, cut(events, rng), prediction)


@pytest.mark.parametrize("network", [SNN, FastSNN, Own])
def test_same_bits_event_by_event_and_all_at_once(network, data, monkeypatch):
    classifier = classifier_of(network)
    events = data.train.events[0]
    prediction = predict(classifier, events, "cpu")
    stream = Stream(classifier)  # of a network in training, which goes on without the stream
    for weights in classifier.parameters():
        weights.data.zero_()
    assert_same(stream, np.split(events, len(events)), prediction)
    monkeypatch.setattr(streaming, "COUNTS_AT_ONCE", 5 * 2450)  # steps in blocks of five
    assert_same(stream, [events], prediction)


@pytest.mark.parametrize("network", [FastSNN, Own])
def test_an_off_event_at_the_first_pixel_may_open_a_step(network):
    classifier = classifier_of(network)
    events = make_events(np.arange(200) // 50 * 1000, 0, 0, 0)
    prediction = predict(classifier, events, "cpu")
    assert_same(Stream(classifier), [events[:60], events[60:]], prediction)
    assert prediction.readout[:, 0].unique().numel() > 4


def test_time_may_advance_without_events(data):
    stream = Stream(classifier_of(FastSNN))
    events = data.train.events[0]
    assert stream.advance(5000).shape == (0, 4)  # nothing has come yet
    stream.push(events[:1])
    assert stream.advance(int(events["t"][0]) + 20_000).shape == (20, 4)
    assert stream.advance(0).shape == (0, 4)  # time has been there
    assert stream.steps == 20


def event_at(t):
    return make_events([t], 0, 0, 0)


def test_late_events_are_taken_while_their_step_is_open_and_refused_after_it():
    stream = Stream(classifier_of(FastSNN))
    stream.push(event_at(5000))
    with pytest.raises(ValueError, match=r"event 0 is of 4999 µs, but all steps before 5000 µs"):
        stream.push(event_at(4999))
    for time in (6400, 6100):  # of the step that isn't computed yet
        stream.push(event_at(time))
    voltages = stream.voltages
    with pytest.raises(ValueError, match=r"event 0 is of 5999 µs, but all steps before 6000 µs"):
        stream.push(event_at(5999))
    assert torch.equal(stream.voltages, voltages)
    stream.push(event_at(6900))
    assert stream.finish().shape == (1 + 10, 4)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("x", 35, "the portion: field x is 35 at event 1"),
        ("p", 2, "the portion: field p is 2 at event 1"),
        ("t", -9, "the portion: field t is -9 at event 1; sort by time"),
        ("t", 2**45, r"would be in step 35184372088, .*stream.reset\(\)"),
        ("x", np.ma.masked, "the portion: field x is -- at event 1"),
    ],
)
def test_a_portion_is_taken_whole_or_not_at_all(field, value, reason):
    stream = Stream(classifier_of(FastSNN))
    events = (np.ma if value is np.ma.masked else np).zeros(2, EVENT_DTYPE)
    events[field][1] = value
    with pytest.raises(ValueError, match=reason):
        stream.push(events)
    assert stream.open_since is None
    assert stream.finish().shape == (0, 4)


def test_pause_and_time_are_numbers():
    with pytest.raises(ValueError, match="time is nan"):
        Stream(classifier_of(FastSNN)).advance(np.nan)
    with pytest.raises(ValueError, match="pause_ms is nan; choose a number"):
        Stream(classifier_of(FastSNN), pause_ms=np.nan)


def test_answer_and_when_it_settled(data):
    classifier = classifier_of(FastSNN)
    stream = Stream(classifier)
    assert stream.prediction()[:2] == (None, dict.fromkeys(classifier.classes, 0.25))
    assert stream.settled_ms() is None
    events = data.train.events[3]
    events = replaced(events, t=events["t"] - events["t"][0])
    answers = []
    for millisecond in range(events["t"][-1] // 1000):
        stream.push(events[events["t"] // 1000 == millisecond])
        stream.advance(1000 * (millisecond + 1))
        answers.append(stream.prediction().class_name)
    others = [number for number, answer in enumerate(answers) if answer != answers[-1]]
    assert stream.settled_ms() == others[-1] + 2.0
    stream.classifier.decode = lambda voltages: voltages.amax(0).log_softmax(-1)
    assert stream.settled_ms() == others[-1] + 2.0  # of a rule that the stream doesn't know


class Clock(SpikingNetwork):
    """A network whose answer changes 15 ms after the beginning, whatever it sees."""

    def step(self, frame, state):
        step = 0 if state is None else state + 1
        return torch.eye(4)[[int(step >= 15)]], step

    def resume(self, frames, state=None):
        voltages, states = run_steps(self, frames, state)
        return voltages, states[-1]


def test_what_comes_after_the_recordings_own_time_settles_nothing():
    stream = Stream(Classifier(Clock(), lambda voltages: voltages[-1].log_softmax(-1)))
    stream.push(np.zeros(1, EVENT_DTYPE))
    stream.finish()  # 1 ms, and 10 ms of silence
    expected = stream.prediction()[:2], stream.settled_ms()
    stream.advance(40_000)
    assert (stream.prediction()[:2], stream.settled_ms()) == expected
    assert expected[1] == 1.0


@pytest.mark.parametrize(
    ("options", "firsts"),
    [
        ({"pause_ms": 100}, [0, 1, 3]),
        ({"window_ms": 60}, [0, 1, 2, 3, 4]),
        ({"pause_ms": 45, "window_ms": 300}, [0, 1, 2, 3, 4]),
        ({"pause_ms": 300, "window_ms": 200}, [0, 2, 3]),
        ({"pause_ms": np.inf}, [0]),
    ],
)
def test_a_pause_or_a_window_begins_another_recording_however_it_is_cut(options, firsts, data):
    """Of five bursts; ``firsts`` are those that a recording begins with."""
    classifier = classifier_of(FastSNN)
    bursts = []
    for events, begin in zip(data.train.events, (0, 150, 210, 500, 560), strict=False):
        burst = events[events["t"] < 10_000]
        bursts.append(replaced(burst, t=burst["t"] - burst["t"][0] + 1000 * begin))
    expected = [
        predict(classifier, np.concatenate(bursts[first:end]), "cpu")
        for first, end in pairwise([*firsts, 5])
    ]
    readouts = torch.cat([answer.readout for answer in expected])
    evening = np.concatenate(bursts)
    answers = []
    stream = Stream(classifier, **options, on_answer=lambda s: answers.append(s.prediction()))
    for portions in ([evening], cut(evening, np.random.default_rng(0))):
        answers.clear()
        voltages = [stream.push(portion) for portion in portions]
        voltages.append(stream.end())
        assert [answer[:2] for answer in answers] == [answer[:2] for answer in expected]
        for found in (voltages, [answer.readout for answer in answers]):
            assert torch.equal(torch.cat(found), readouts)


def test_an_hour_without_events_is_passed_over(data, monkeypatch):
    computed = []
    stream = Stream(classifier_of(FastSNN), pause_ms=200)
    resume = stream.network.resume
    monkeypatch.setattr(
        stream.network,
        "resume",
        lambda frames, state: computed.append(len(frames)) or resume(frames, state),
    )
    events = data.test.events[0]
    later = replaced(events, t=events["t"] + 3_600_000_000)
    stream.push(np.concatenate([events, later]))
    stream.end()
    own = len(predict(stream.classifier, events, "cpu").readout)
    assert sum(computed) == 2 * own


@pytest.mark.parametrize("limit", ["pause_ms", "window_ms"])
@pytest.mark.parametrize(
    "pass_time",
    [
        lambda stream, time: stream.push(event_at(time)),
        lambda stream, time: stream.push(np.append(event_at(0), event_at(time))),
        lambda stream, time: stream.advance(time),
    ],
)
def test_a_recording_is_over_at_exactly_its_limit(limit, pass_time):
    ended = []
    stream = Stream(classifier_of(FastSNN), **{limit: 50}, on_answer=ended.append)
    for time in (49_999, 50_000):
        stream.reset()
        stream.push(event_at(0))
        pass_time(stream, time)
        assert len(ended) == (time == 50_000)


@pytest.mark.parametrize("limit", ["pause_ms", "window_ms"])
def test_silence_ends_a_recording_once_and_emptiness_has_no_answer(limit, data):
    ended = []
    stream = Stream(classifier_of(FastSNN), **{limit: 50}, on_answer=ended.append)
    stream.end()
    assert not ended
    events = data.train.events[0]
    stream.push(events)
    stream.advance(events["t"][-1] + 50_000)
    stream.advance(10**9)
    assert len(ended) == 1
    assert stream.open_since is None
    stream.push(events)  # a camera that has been started anew
    assert stream.open_since >= events["t"][0]


class Louder(SNN):
    def forward(self, frames):
        return 2 * super().forward(frames)


def with_hook(network, put="register_forward_hook"):
    snn = network()
    getattr(snn, put)(lambda *given: None)
    return Classifier(snn)


@pytest.mark.parametrize(
    ("classifier", "reason"),
    [
        (Classifier(Louder()), r"Louder\.forward returns other voltages than its steps"),
        (FastSNN(), "give a Classifier"),
        (with_hook(FastSNN), "a hook of FastSNN would be left out"),
        (with_hook(Own), "a hook of Own would be left out"),
        (with_hook(Own, "register_forward_pre_hook"), "a hook of Own would be left out"),
    ],
)
def test_networks_whose_steps_would_say_something_else_are_refused(classifier, reason):
    with pytest.raises(TypeError, match=reason):
        Stream(classifier)
