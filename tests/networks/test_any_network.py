"""Any module that turns frames into voltages goes through everything, and says what it lacks."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from random_events import random_events
from readers_networks import Dense
from sklearn.neighbors import KNeighborsClassifier

from eventdesk import Stream
from eventdesk.evidence.protocol import cross_validate
from eventdesk.trained.familiar import Familiar
from pokersnn_helpers import (
    SNN,
    Classifier,
    Recordings,
    SpikingNetwork,
    evaluate,
    fit,
    load_checkpoint,
    make_loader,
    predict,
    record_states,
    save_checkpoint,
    to_frames,
    train_classifier,
)
from pokersnn_helpers.networks.spiking_network import run_steps, time_window_of
from pokersnn_helpers.system.norse_cells import LIFParameters, LIFRecurrentCell

SENSOR, CLASSES = (6, 5, 2), ("a", "b")


def recordings(n=8, ms=(3, 5, 9)):
    rng = np.random.default_rng(0)
    made = []
    for number in range(n):
        times = np.sort(rng.integers(0, 1000 * ms[number % len(ms)], 40))
        events = random_events(times, (3, 5, 2), rng)
        events["x"] += 3 * (number % 2)
        made.append(events)
    return Recordings(made, np.arange(n) % 2, CLASSES, SENSOR)


class Leaky(torch.nn.Module):
    """A leaky layer in plain PyTorch: its decay is per step, whatever a step lasts."""

    def __init__(self, decay=0.9):
        super().__init__()
        self.linear = torch.nn.Linear(60, 2)
        self.decay = decay

    def step(self, frame, state):
        voltages = self.linear(frame.flatten(1)) + (0 if state is None else self.decay * state)
        return voltages, voltages.clone()

    def forward(self, frames):
        return run_steps(self, frames)[0]


class Ahead(Dense):
    """Its first voltages depend on the last frames."""

    def change(self, voltages):
        return voltages - voltages.mean(0)


def test_a_plain_module_is_trained_asked_saved_and_answers_live(tmp_path):
    some = recordings()
    with pytest.raises(ValueError, match=r"Leaky has no dt, .* Say it in µs, as time_window=1000"):
        train_classifier(some, network=Leaky, epochs=1, device="cpu")
    classifier, history = train_classifier(
        some, network=Leaky, decay=0.5, time_window=1000, epochs=2, device="cpu"
    )
    assert (classifier.snn.decay, classifier.time_window, len(history.loss)) == (0.5, 1000, 2)
    answer = predict(classifier, some.events[2], "cpu")
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt", "cpu", network=Leaky)
    assert (loaded.snn.decay, loaded.time_window) == (0.5, 1000)
    stream = Stream(loaded)
    stream.push(some.events[2])
    stream.finish()
    assert stream.prediction().probabilities == pytest.approx(answer.probabilities)
    frames, _ = next(iter(make_loader(some)))
    assert record_states(loaded.snn, frames).shape == (len(frames), 8, 2)


def test_a_file_never_decides_what_is_imported(tmp_path):
    save_checkpoint(Classifier(Leaky(), classes=CLASSES, sensor_size=SENSOR), tmp_path / "a.pt")
    with pytest.raises(ValueError, match="holds a Leaky, and no code of it: import the class"):
        load_checkpoint(tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"network=Ahead doesn't fit: .* makes a Ahead"):
        load_checkpoint(tmp_path / "a.pt", network=Ahead)
    made = Leaky(decay=0.3)
    assert load_checkpoint(tmp_path / "a.pt", network=made).snn is made
    assert load_checkpoint(tmp_path / "a.pt", network=partial(Leaky, 0.2)).snn.decay == 0.2


def test_width_of_the_bins_is_that_of_the_network_of_its_parts_or_of_the_frames():
    part = torch.nn.Module()
    part.dt = 0.005
    assert time_window_of(torch.nn.Sequential(part)) == 5000
    assert time_window_of(torch.nn.Linear(2, 2)) is None
    with pytest.raises(ValueError, match=r"the parts of the network have dt \[0\.001, 0\.005\] s"):
        time_window_of(torch.nn.Sequential(part, Ahead()))
    classifier = Classifier(Leaky(), classes=CLASSES, sensor_size=SENSOR)
    evaluate(classifier, make_loader(recordings(), time_window=2000))
    assert classifier.time_window == 2000
    frames, _ = next(iter(make_loader(recordings(), time_window=5000)))
    with pytest.raises(ValueError, match=r"are 5000 µs wide, the network's dt is 0\.002 s"):
        classifier(frames, time_window=5000)


def test_bare_frames_are_answered_only_with_the_width_of_their_bins():
    """They don't tell it, whatever has become of them since they were counted."""
    classifier = Classifier(SNN(60, output_size=2), classes=CLASSES, sensor_size=SENSOR)
    frames = to_frames(recordings().events[0], 500, SENSOR).unsqueeze(1)
    with pytest.raises(ValueError, match=r"how wide .* classifier\(frames, time_window=1000\)"):
        classifier(frames)
    with pytest.raises(ValueError, match=r"bins are 500 µs wide, the network's dt is 0\.001 s"):
        classifier(frames, time_window=500)


def test_a_network_without_step_says_which_lines_are_missing():
    classifier = Classifier(Ahead(60, 2), classes=CLASSES, sensor_size=SENSOR)
    for use in (Stream, lambda each: record_states(each.snn, torch.ones(2, 1, 60))):
        with pytest.raises(TypeError, match=r"Ahead has no method step, so .*\n\ndef step\("):
            use(classifier)


class Silent(SpikingNetwork):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def step(self, frame, state):
        return 0 * self.weight * frame.flatten(1)[:, :2], state


def test_a_network_that_says_nothing_is_warned_of_while_it_trains():
    classifier = Classifier(Silent(), classes=CLASSES, sensor_size=SENSOR)
    with pytest.warns(UserWarning, match="said nothing about any of 8 recordings.*lower threshold"):
        fit(classifier, make_loader(recordings()), epochs=2, device="cpu")


def test_models_of_scikit_learn_are_cross_validated_as_they_are():
    some = recordings(12)
    trained = cross_validate({"nearest": KNeighborsClassifier(1)}, some, range(12))
    assert trained["nearest"].correct(some).all()


def test_units_that_are_no_microseconds_are_named():
    with pytest.warns(UserWarning, match="time_window is 5 µs; for 5 ms write 5000"):
        train_classifier(recordings(2), network=Leaky, time_window=5, epochs=1, device="cpu")


class OwnStates(SpikingNetwork):
    def __init__(self, state_of):
        super().__init__()
        self.linear = torch.nn.Linear(60, 2)
        self.state_of = state_of

    def step(self, frame, state):
        voltages = self.linear(frame.flatten(1))
        return voltages, self.state_of(voltages.clone())


class Recorder(Ahead):
    record = "a name of its own"


@pytest.mark.parametrize(
    "network",
    [
        partial(OwnStates, lambda values: values),
        partial(OwnStates, lambda values: [values]),  # which can't be recorded
        partial(OwnStates, lambda values: (values, (values, values))),
        Recorder,
    ],
)
def test_training_ends_whatever_states_a_network_has(network):
    classifier, _ = train_classifier(recordings(30), network=network, epochs=1, device="cpu")
    assert Familiar.fit(recordings(30), classifier).clusters is None


def test_spikes_of_every_layer_tell_what_is_familiar():
    class Deep(SpikingNetwork):
        def __init__(self):
            super().__init__()
            self.inputs = torch.nn.Linear(60, 9)
            self.first = LIFRecurrentCell(9, 9)
            self.second = LIFRecurrentCell(9, 9)
            self.readout = torch.nn.Linear(9, 2)

        def step(self, frame, state):
            first, second = state or (None, None)
            spikes, first = self.first(self.inputs(frame.flatten(1)), first)
            spikes, second = self.second(spikes, second)
            return self.readout(spikes), (first, second)

    classifier, _ = train_classifier(recordings(30), network=Deep, epochs=1, device="cpu")
    assert Familiar.fit(recordings(30), classifier).clusters.means.shape == (2, 18)


@pytest.mark.parametrize(("tau", "warns"), [(0.00051, False), (0.00049, True), (1.0, True)])
def test_a_rate_is_warned_of_where_voltages_would_grow(tau, warns):
    """In steps of 1 ms; and one that may be a time constant."""
    parameters = LIFParameters(tau_mem_inv=torch.tensor(1 / tau))
    cell = LIFRecurrentCell(60, 2, p=parameters, dt=0.001)
    with warnings.catch_warnings(record=True, action="always") as caught:
        Classifier(cell, classes=CLASSES, sensor_size=SENSOR)
    said = [str(warning.message) for warning in caught]
    assert ("Norse takes 1/τ in 1/s" in "\n".join(said)) == warns


class Chosen(torch.nn.Module):
    """It is made with what no file can hold."""

    dt = 0.001

    def __init__(self, output_size, activation, hidden_size=3):
        super().__init__()
        layers = torch.nn.Linear(60, hidden_size), activation
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(hidden_size, output_size))

    def forward(self, frames):
        return self.layers(frames.flatten(2))


def by_a_function(output_size):
    return Chosen(output_size, torch.nn.ReLU(), hidden_size=5)


@pytest.mark.parametrize("network", [by_a_function, partial(Chosen, activation=torch.nn.ReLU())])
def test_what_no_file_can_hold_is_given_to_what_loads_it(network, tmp_path):
    some = recordings()
    classifier, _ = train_classifier(some, network=network, epochs=1, device="cpu")
    save_checkpoint(classifier, tmp_path / "a.pt")
    answer = predict(classifier, some.events[0], "cpu").probabilities
    other = Chosen(2, torch.nn.ReLU(), hidden_size=5 if network is by_a_function else 3)
    for again in (network, other):
        loaded = load_checkpoint(tmp_path / "a.pt", "cpu", network=again)
        assert predict(loaded, some.events[0], "cpu").probabilities == answer
    with pytest.raises(ValueError, match="; give a network that is made as it was"):
        load_checkpoint(tmp_path / "a.pt", network=Chosen)
