"""Slips of whoever brings a network, a batch or a number: each is named, and none passes unseen."""

import re
import warnings
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from readers_networks import Dense
from torch.nn.functional import nll_loss

import pokersnn_helpers
from eventdesk import Stream
from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.perturbations import replaced
from eventdesk.evidence.protocol import cross_validate
from eventdesk.trained.familiar import Familiar, Known, training_ranges
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    Recordings,
    SpikingNetwork,
    Split,
    build_network,
    evaluate,
    fit,
    load_checkpoint,
    load_nmnist,
    load_pokerdvs,
    make_loader,
    make_loaders,
    predict,
    record_states,
    save_checkpoint,
    stratified_folds,
    to_frames,
    train_classifier,
)
from pokersnn_helpers.events.recordings import warn_of_other_units
from pokersnn_helpers.figures import dynamics  # noqa: F401
from pokersnn_helpers.figures.events import plot_frames
from pokersnn_helpers.page.errors import advice_on, nearest_name
from pokersnn_helpers.simulation.gestures import film_session
from pokersnn_helpers.system.norse_cells import LIFParameters, LIFRecurrentCell


@cache
def cards():
    return load_pokerdvs(source="simulated")


@cache
def some():
    """Eight recordings of cards."""
    return cards().train[::6]


@cache
def batch():
    """Their frames and targets."""
    return next(iter(make_loader(some())))


def frames():
    return batch()[0]


def targets():
    return batch()[1]


def events():
    return cards().train.events[0]


@cache
def any_classifier():
    return Classifier(FastSNN())


@cache
def ranges():
    return Known(training_ranges(cards().train))


@cache
def looks():
    return Known(familiar=Familiar.fit(cards().train))


def hold(known, events):
    """Hold a recording against what is known of those that were learned from."""
    known().warn_if_unlike(Recordings([events], [0], cards().classes, cards().sensor_size))


class BatchFirst(Dense):
    def change(self, voltages):
        return voltages.cumsum(dim=1)


class Probabilities(Dense):
    def change(self, voltages):
        return voltages.softmax(dim=-1)


class Detached(Dense):
    def change(self, voltages):
        return voltages.detach()


class OtherSensor(Dense):
    def __init__(self):
        super().__init__(2 * 32 * 32)


class OtherLayer(Dense):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Sequential(torch.nn.Linear(2450, 50), torch.nn.Linear(60, 4))


class KeepsState(Dense):
    state = 0

    def change(self, voltages):
        self.state = self.state + voltages.detach().sum(dim=(0, 1))
        return voltages + self.state


class InAList(Dense):
    def __init__(self):
        super().__init__()
        self.layers = [torch.nn.Linear(4, 4)]

    def change(self, voltages):
        return self.layers[0](voltages)


class InATuple(Dense):
    """As the parameters of Norse's cells."""

    def __init__(self):
        super().__init__()
        self.p = (torch.nn.Parameter(torch.ones(4)),)

    def change(self, voltages):
        return voltages * self.p[0]


class PlainTensor(Dense):
    def __init__(self):
        super().__init__()
        self.bias = torch.zeros(4, requires_grad=True)

    def change(self, voltages):
        return voltages + self.bias


class Whole(Dense):
    def change(self, voltages):
        return voltages.round().long()


class Steps(SpikingNetwork):
    def __init__(self, inputs, place=0):
        super().__init__()
        self.place = place
        self.linear = torch.nn.Linear(inputs, 4)

    def step(self, frame, state):
        part = frame.flatten(1)[:, :50]
        return self.linear(part), [part][self.place]


class Answer(Dense):
    def change(self, voltages):
        return voltages.amax(dim=0)


class KeepsBatch(Dense):
    """It goes on from the state that the batch before left, whatever its size."""

    state = torch.zeros(9, 4)

    def change(self, voltages):
        return voltages + self.state


class Normed(Dense):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(4)

    def change(self, voltages):
        return torch.stack([self.norm(step) for step in voltages])


class Spikes(Dense):
    def change(self, voltages):
        return voltages + ((voltages > 0).float() - voltages).detach()  # of a straight-through one


class Hard(SpikingNetwork):
    """It spikes by a comparison, through which no gradient passes."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Linear(2450, 20)
        self.o = torch.nn.Linear(20, 4)

    def step(self, frame, v):
        v = 0.9 * (0 if v is None else v) + self.w(frame.flatten(1))
        return self.o((v > 0.3).float()), v


class Frozen(Hard):
    def __init__(self):
        super().__init__()
        self.w.requires_grad_(False)


class Weightless(torch.nn.Module):
    dt = 0.001


class WithState(Dense):
    """As snnTorch's layers, it keeps a state that is made with the first batch."""

    def __init__(self):
        super().__init__()
        self.register_buffer("state", torch.zeros(0), persistent=False)

    def change(self, voltages):
        self.state = voltages[-1]
        return voltages


def both():
    return Split(some(), some())


def turned(**columns):
    return replaced(events(), **columns)


def smaller():
    return turned(x=events()["x"] // 3, y=events()["y"] // 3)


def swapped():
    return turned(x=events()["y"], y=events()["x"])


def learn(network, loader=None, **options):
    if loader is None:
        loader = [batch()]
    return fit(Classifier(network), loader, epochs=1, device="cpu", **options)


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        (lambda: learn(SNN(), lr=1), "fit has no argument lr; did you mean learning_rate?"),
        (
            lambda: NetworkEstimator(SNN, clip=1),
            "nor SNN has an argument clip",
        ),
        (lambda: SNN(threshold=1), "SNN has no argument threshold; did you mean v_th?"),
        (
            lambda: to_frames(events(), dt=1),
            "no argument dt; did you mean time_window?",
        ),
        (lambda: load_checkpoint("a", net=SNN), "has no argument net; did you mean network?"),
        (lambda: Classifier(SNN), "give a network, as Classifier(SNN())"),
        (
            lambda: Classifier(SNN())(frames().numpy(), 1000),
            "frames are of type ndarray; give a torch.",
        ),
        (lambda: learn(SNN(), batch()), "; give batches (frames, targets)"),
        (
            lambda: learn(SNN(), [(frames(), ["club"] * 8)]),
            "with the number of each recording's class",
        ),
        (
            lambda: learn(SNN(), [(frames().transpose(0, 1), targets())]),
            "the order (time, batch, p",
        ),
        (lambda: learn(SNN(), [(frames(), torch.eye(8))]), "targets have shape (8, 8), and the fr"),
        (lambda: learn(SNN(), loss=torch.nn.CrossEntropyLoss()), "it is called as loss(voltages, "),
        (lambda: learn(SNN(), loss=5), "it is called as loss(voltages, "),
        (lambda: learn(SNN(), augment="mirror"), "augment is 'mirror'; give a function"),
        (
            lambda: Steps(60)(frames()),
            "Steps fails on frames of shape (25, 8, 2, 35, 35), with 2450 inputs:",
        ),
        (
            lambda: record_states(Steps(50, place=9), frames()),
            "Steps fails on frames of shape (25, ",
        ),
        (
            lambda: record_states(SNN(), frames()[:, 0]),
            "needs an axis for the batch, frames.unsqueeze(1)",
        ),
        (lambda: record_states(Classifier(SNN()), frames()), "give its network, .snn"),
        (lambda: evaluate(Classifier(SNN()), [], "gpu"), "device is gpu; choose cpu, cuda or"),
        (lambda: stratified_folds(cards()), "give one of its parts, as data.train"),
        (lambda: some()[100], "there is no recording 100; choose from 0 to 7"),
        (
            lambda: some().subset("club"),
            "indices are 'club'; give whole numbers up to 7, or a mask",
        ),
        (lambda: learn(Dense(), some()), "is of type Recordings; give make_loader(recordings)"),
        (lambda: predict(SNN(), events()), "classifier is of type SNN; give a Classifier(network)"),
        (lambda: learn(Dense(), [(targets(), frames())]), "; give batches (frames, targets)"),
        (
            lambda: learn(Dense(), [(frames().movedim(2, -1), targets())]),
            "which end in (2, 35, 35)",
        ),
        (lambda: Classifier(SNN(), ("a", "b")), "give a function, and classes as classes=..."),
        (lambda: make_loader(some(), time_window=True), "time_window is True"),
        (
            lambda: make_loader(some(), 1000),
            "make_loader is given 1000 without a name; write which",
        ),
        (lambda: make_loaders(cards(), 8), "write which it is: batch_size=, time_window=, sp"),
        (
            lambda: train_classifier(some(), 20),
            "given 20 without a name; write which it is: seed=, d",
        ),
        (lambda: build_network(time_window=0.001), "for 1 ms write 1000, if you meant seconds"),
        (lambda: cross_validate([SNN], some(), range(8)), 'give them by name, as {"mine": model}'),
        (
            lambda: cross_validate({"a": Dense()}, some(), range(8), folds=2),
            "give an estimator, as Network",
        ),
        (lambda: plot_frames(frames(), ["a"]), "one recording of a batch, frames[:, 0]"),
        (lambda: film_session(["circle"]), "gesture is 'circle'; choose from left, right, wave"),
        (lambda: load_pokerdvs("simulated"), 'write source="simulated"'),
        (
            lambda: learn(Normed(), [(frames()[:, :1], targets()[:1])]),
            "more than 1 value per channel",
        ),
        (lambda: pokersnn_helpers.train_clasifier, "did you mean train_classifier?"),
    ],
)
def test_a_slip_is_named_with_what_to_write_instead(slip, message):
    with pytest.raises(Exception, match=re.escape(message)):
        slip()


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        (lambda: learn(SNN(), learning_rate=3), "learning_rate is 3; Adam takes about 0.001"),
        (lambda: SNN(tau_mem=10), "tau_mem is 10 s; .*: for 10 ms, write 0.01"),
        (lambda: train_classifier(some(), time_window=1e5, epochs=1), "most are a single frame"),
        (lambda: Classifier(cell(tau_mem_inv=0.01)), "Norse takes 1/τ in 1/s"),
        (lambda: Recordings([in_ms()], [0], ["a"], (35, 35, 2)), "µs; multiply ms by 1000"),
        (
            lambda: evaluate(Classifier(SNN()), [(0 * frames(), targets())]),
            "said nothing about any",
        ),
        (lambda: train_classifier(some()[:6], epochs=1), "no recording to train on of spade"),
        (
            lambda: train_classifier(Split(some(), some()[:3]), epochs=1),
            "3 recordings are in two parts of the data",
        ),
        (
            lambda: evaluate(Classifier(Dense()), [(frames()[5:13].transpose(0, 1), targets())]),
            "as many time steps as recordings; if the first axis is the b",
        ),
        (lambda: hold(ranges, smaller()), "pixels of spread down .*is it from the same sens"),
        (lambda: push(smaller()), "pixels of spread down .*is it from the same sensor"),
        (lambda: hold(ranges, in_ns()), "ms .*with times in µs"),
        (lambda: predict(Classifier(FastSNN()), in_ns()), "hardly be µs; divide ns by 1000"),
        (lambda: hold(looks, swapped()), "with x and y swapped; look at the or"),
        (lambda: hold(looks, turned(p=1 - events()["p"])), "with its polarities swapped"),
        (lambda: hold(looks, turned(y=34 - events()["y"])), "with y counted from the other"),
        (
            lambda: evaluate(Classifier(SNN(), lambda voltages: voltages[-1]), [batch()]),
            "decode returns no log-probabilities",
        ),
    ],
)
def test_what_runs_though_it_is_wrong_is_warned_of(slip, message):
    with pytest.warns(UserWarning, match=message):
        slip()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (some, "give the events of one of them, as rec"),
        (lambda: some()[0], "events, target = recordings[0]"),
        (frames, "give the events that they were made of"),
        (lambda: "1.npy", "first, by eventdesk.read_events(path)"),
        (lambda: [events()], "give one recording after the other"),
        (lambda: events()[0], "it is one event; give a whole recording"),
        (lambda: pd.DataFrame(events()), "give table[['t', 'x', 'y', 'p'"),
        (lambda: turned(p=2 * events()["p"] - 1), "ON is 1 and OFF is 0"),
        (lambda: frames().numpy(), "that they were made of, without a tr"),
    ],
)
def test_what_is_no_recording_is_not_predicted(given, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        predict(any_classifier(), given())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: {"data": "gestures"}, "as eventdesk.load_folder(path).recordings"),
        (lambda: {"data": Split([1], [2])}, "data is of type list; give Recordings("),
        (lambda: {"data": [*some().events]}, "list; give Recordings(events, targets"),
        (lambda: {"data": [*some()]}, "[events for events, _ in pairs]"),
        (lambda: {"data": make_loader(some())}, "give the Recordings that it loads"),
        (
            lambda: {"data": torch.utils.data.Subset(some(), [0, 1])},
            "give recordings.subset(indices)",
        ),
        (lambda: {"output_size": 3}, "output_size is what the recordings say"),
        (lambda: {"network": "SNN"}, "network is 'SNN'; give a class"),
        (lambda: {"lr": 1}, "neither train_classifier nor SNN has an argument"),
        (lambda: {"xyzzy": 3}, "has an argument xyzzy; it has "),
        (lambda: {"network": SNN()}, "network is made already; give its class"),
        (lambda: {"network": lambda: "a"}, "made a str; make a torch.nn.Mod"),
        (lambda: {"seed": 0.5}, "seed is 0.5; choose a whole number"),
    ],
)
def test_what_training_cannot_be_given_is_named(given, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        train_classifier(**{"data": some()} | given())


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (OtherSensor, "OtherSensor fails on frames of shape (25, 8, 2, 35, 35), with 2450 inputs"),
        (OtherLayer, "OtherLayer fails on frames of shape (25, 8, 2, 35, 35)"),
        (Detached, "no gradient reaches the weights in epoch 1, batch 1"),
        (Weightless, "Weightless has no weights, so it can't be trained"),
        (Whole, "returned shape (25, 8, 4) of torch.int64"),
        (Answer, "and of a single answer answer[None]"),
        (KeepsBatch, "KeepsBatch fails on frames of shape (25, 8, 2, 35, 35)"),
    ],
)
def test_a_network_that_cannot_learn_is_refused(network, message):
    with pytest.raises(Exception, match=re.escape(message)):
        learn(network())


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (BatchFirst, "BatchFirst answers a recording by the others of its batch"),
        (Probabilities, "Probabilities returns probabilities, of which decode"),
        (KeepsState, "same frames otherwise when they come again: let forward"),
        (InAList, "so they don't learn; make it a torch.nn.ModuleList"),
        (Spikes, "Spikes returns spikes, whose maxima are all 1"),
        (InATuple, "weights that are no torch.nn.Parameter of its own"),
        (PlainTensor, "weights that are no torch.nn.Parameter"),
        (Hard, r"no gradient reaches w\.weight, w\.bias: a comparison such as v > 0\.3 has none"),
    ],
)
def test_a_network_that_learns_something_else_is_warned_of(network, message):
    with pytest.warns(UserWarning, match=message):
        learn(network())


def test_weights_that_are_frozen_on_purpose_are_not_named():
    with warnings.catch_warnings(action="error"):
        learn(Frozen())


def cell(**rates):
    parameters = {name: torch.tensor(rate) for name, rate in rates.items()}
    return LIFRecurrentCell(2450, 4, p=LIFParameters(**parameters), dt=0.001)


def push(events):
    stream = Stream(any_classifier(), known=ranges())
    stream.push(events)
    stream.finish()


def in_ns():
    return turned(t=events()["t"] * 1000)


def in_ms():
    return turned(t=events()["t"] // 1000)


def test_only_recordings_whose_axes_or_polarities_are_other_would_be_more_familiar_turned():
    digits = load_nmnist()
    familiar = Familiar.fit(digits.train)
    images = [recording.image() for recording in digits.test.events.packed]
    assert {familiar.turned(image) for image in images} == {""}
    assert {familiar.turned(image.swapaxes(1, 2)) for image in images} == {"x and y swapped"}
    assert {familiar.turned(image[::-1]) for image in images} == {"its polarities swapped"}
    below = {familiar.turned(image[:, ::-1]) for image in images}
    assert below == {"y counted from the other side"}


@pytest.mark.parametrize("load", [load_nmnist, partial(load_nmnist, 2), cards])
def test_times_in_microseconds_are_warned_of_in_no_recording(load):
    data = load()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for recording in (data.train + data.test).events.packed:
            warn_of_other_units(recording)


def test_what_can_only_be_meant_in_one_way_works():
    whole = Recordings(some().events, ["club"] * 8, some().classes, some().sensor_size)
    assert whole.targets == [0] * 8
    in_double = frames().double(), targets().int()
    in_short = frames().short(), targets().tolist()
    for given in (in_double, in_short):
        assert evaluate(Classifier(Dense()), [given]).n_samples == 8
        assert learn(Dense(), [given]).loss
    recorded = pd.DataFrame(events())[["t", "x", "y", "p"]].to_records(index=False)
    assert Recordings([recorded], [0], some().classes, some().sensor_size)[0][0].tolist()
    trained = cross_validate({"a": Dense}, some(), range(8), folds=2)["a"]
    assert trained.correct(some()).shape == (1, 8)
    assert learn(WithState()).loss
    shift = lambda frames: frames.roll(1, -1)  # noqa: E731
    _, history = train_classifier(some(), network=FastSNN, epochs=1, augment=shift)
    assert history.loss
    mean = lambda voltages: voltages.mean(0).log_softmax(-1)  # noqa: E731
    asked, _ = train_classifier(some(), network=Dense, epochs=1, decode=mean)
    assert asked.decode is mean


def test_a_network_that_is_compiled_is_saved_as_the_one_that_it_was_made_of(tmp_path):
    network = Dense()
    save_checkpoint(Classifier(torch.compile(network)), tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt", "cpu", network=Dense)
    assert torch.equal(loaded.snn(frames()), network(frames()))


class Recurrent(Dense):
    """PyTorch's layers keep a list of their own weights."""

    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(4, 4)
        self.both = [self.gru, self.linear]

    def change(self, voltages):
        return self.gru(voltages)[0]


def test_layers_that_are_listed_besides_learn_without_a_warning():
    with warnings.catch_warnings(action="error", category=UserWarning):
        learn(Recurrent())


def test_a_classifier_can_be_pickled(tmp_path):
    classifier = Classifier(SNN(hidden_size=5))
    torch.save(classifier, tmp_path / "whole.pt")
    loaded = torch.load(tmp_path / "whole.pt", weights_only=False)
    assert torch.equal(loaded(frames(), 1000), classifier(frames(), 1000))


def test_a_notebook_adds_advice_to_the_errors_of_others(capsys):
    shell = InteractiveShell.instance()
    shell.run_cell("from pokersnn_helpers.page import explain_errors\nexplain_errors()")
    shell.run_cell("import torch\ntorch.ones(4, 100) @ torch.ones(50, 4)")
    assert "a layer that was made for 50 numbers is given 100" in capsys.readouterr().out
    result = shell.run_cell("a, b = 1, 2, 3")
    InteractiveShell.clear_instance()
    assert str(result.error_in_exec).endswith("look at what is unpacked: it isn't 2 things")


@pytest.mark.parametrize(
    ("slip", "advice"),
    [
        (lambda: events()["time"], "events['t'], 'x', 'y' or 'p'"),
        (lambda: events().t, "events['t'], 'x', 'y' or 'p'"),
        (lambda: np.array(some().events), "recordings have different lengths; add each up first"),
        (lambda: tuple(4), "give several, as (1,) or [1]"),
        (lambda: [][4], "it is shorter, or empty; counting begins with 0"),
        (lambda: {"hidden": 1}["lif"], "there is no such key; print those that there are"),
        (lambda: any_classifier()(frames(), 1000).sum().item().backward(), "leave out .item()"),
        (lambda: torch.nn.Conv2d(1, 4, 3)(frames()[0]), "made for 1 channels, the polarities or"),
        (lambda: frames()[::-1], "frames.flip(0)"),
        (lambda: SNN().linear.weight[:, :20].fill_(0), "change them in with torch.no_grad()"),
        (lambda: frames().numpy().flatten(1), "an array of NumPy's; give frames, a tensor"),
        (lambda: (frames() > 0.3).float().sum().backward(), "needs a surrogate"),
        (lambda: LIFParameters(vth=0.3), "help(LIFParameters) lists its arguments"),
        (lambda: Dense().forward(), "write it as def forward(self, frames)"),
        (lambda: frames().coalesce(), "this takes sparse frames, as frames.to_sparse() makes them"),
        (lambda: some().events[0].sort(), "take a copy first, as by events = events.copy()"),
        (lambda: torch.nn.Conv2d(2, 4, 3)(frames()), "join time and batch by frames.flatten(0, 1)"),
        (
            lambda: nll_loss(targets(), Dense()(frames())[0]),
            "(batch, classes), and come before targets",
        ),
        (
            lambda: SNN().load_state_dict(any_classifier().state_dict()),
            "load classifier.snn.state_dict()",
        ),
        (lambda: (any_classifier(), []).predict, "classifier, history = train_classifier()"),
        (lambda: learn(OtherSensor()), "a layer that was made for 2048 numbers is given 2450"),
        (lambda: learn(OtherLayer()), "a layer that was made for 60 numbers is given 50"),
        (lambda: learn(KeepsBatch()), "an axis of 8 meets another; is a state kept?"),
        (lambda: np.float64(0.9)[np.arange(4) == 1], "give one of each recording"),
        (lambda: [1, 0, 1, 1][np.arange(4) == 1], "give an array, as numpy.array(...)"),
        (lambda: frames()[:, 0].roll((1, 1), (3, 4)), "an axis for the batch"),
        (lambda: len(both()), "give one, as data.train"),
        (lambda: both()[0], "give one, as data.train"),
        (lambda: learn(Normed(), [(frames()[:, :1], targets()[:1])]), "leaves no recording alone"),
    ],
)
def test_errors_of_others_that_newcomers_meet_have_advice(slip, advice):
    with pytest.raises(Exception) as raised:
        slip()
    assert advice in advice_on(raised.value)


def test_bins_of_a_few_microseconds_are_warned_of_wherever_they_are_given():
    for use in (partial(to_frames, events()), partial(build_network, SNN)):
        with pytest.warns(UserWarning, match="time_window is 2 µs; for 2 ms write 2000"):
            use(time_window=2)


def test_an_optimizer_s_argument_is_no_slip_of_another():
    with pytest.raises(TypeError, match=r"weight_decay is an optimizer's; give one, as optimizer="):
        train_classifier(some(), weight_decay=0.1)


@pytest.mark.parametrize(
    ("slip", "advice"),
    [
        (lambda: some().subet, "did you mean subset?"),
        (lambda: Classifier(SNN()).predict, "did you mean predict, a function of pokersnn_helpers"),
        (lambda: Dense().lineal, "did you mean linear?"),
        (lambda: some().labels, "it has classes, events, "),
        (lambda: both().tests, "did you mean test?"),
        (lambda: print(rec), "did you mean record_states"),  # noqa: F821
        (lambda: exec("from pokersnn_helpers import Stream"), "Stream, a function of eventdesk?"),
        (lambda: print(recording_state), "did you mean record_states"),  # noqa: F821
        (lambda: print(EVENT_DTYPE), "from pokersnn_helpers import EVENT_DTYPE"),  # noqa: F821
        (lambda: print(plot_answer), "figures.dynamics import plot_answer"),  # noqa: F821
        (lambda: print(missing), "run the cells above first"),  # noqa: F821
        (lambda: [].missing, ""),
        (lambda: Dense().parameter, "did you mean parameters?"),
        (lambda: SNN().step(frames()[0], None)[1].readout.z, "it has i, v"),
        (lambda: SNN().step(frames()[0], None)[1].lif0.s, "it has i, v, z"),
    ],
)
def test_a_name_that_is_not_found_is_answered_with_the_nearest_one(slip, advice):
    with pytest.raises((AttributeError, ImportError, NameError)) as raised:
        slip()
    found = nearest_name(raised.value)
    assert advice in found
    assert bool(found) == bool(advice)
