import copy
import dataclasses
import math
import re
import warnings

import numpy as np
import pytest
import torch
from torch.nn.functional import nll_loss
from torch.optim import SGD, Adam

from pokersnn_helpers import (
    EVENT_DTYPE,
    SNN,
    Classifier,
    FastSNN,
    FrameNetwork,
    Recordings,
    Split,
    augment,
    default_device,
    evaluate,
    fit,
    make_loader,
    make_loaders,
    predict,
    train_classifier,
)
from pokersnn_helpers.classifier import unique_argmax
from pokersnn_helpers.study.models import MLP, FrameMLP


def small_classifier(seed=0):
    torch.manual_seed(seed)
    return Classifier(SNN(hidden_size=20))


def assert_same_weights(classifier, other):
    for weights, expected in zip(classifier.parameters(), other.parameters(), strict=True):
        assert torch.equal(weights, expected)


@pytest.fixture(scope="module")
def loaders(data):
    return make_loaders(data, batch_size=32)


def test_history_has_an_entry_for_every_epoch(loaders):
    watched = fit(small_classifier(), *loaders, epochs=3)
    assert [len(curve) for curve in vars(watched).values()] == [3, 3, 3, 3]
    unwatched = fit(small_classifier(), loaders[0], epochs=2)
    assert [len(curve) for curve in vars(unwatched).values()] == [2, 2, 0, 0]


def test_averaging_ends_between_the_weights_of_the_steps(loaders):
    last, averaged = small_classifier(), small_classifier()
    start = last.snn.linear.weight.detach().clone()
    for classifier, decay in ((last, 0.0), (averaged, 0.5)):
        torch.manual_seed(0)
        fit(classifier, loaders[0], epochs=2, ema_decay=decay)
    moved = (last.snn.linear.weight - start).norm()
    moved_on_average = (averaged.snn.linear.weight - start).norm()
    assert 0 < moved_on_average < moved


def test_test_set_is_watched_with_the_averaged_weights(loaders):
    """Which are those that training ends with."""
    classifier, kept = small_classifier(), []

    def keep(averaged, state):
        kept.append(copy.deepcopy(averaged))

    history = fit(classifier, *loaders, epochs=2, ema_decay=0.9, on_epoch_end=keep)
    evaluation = evaluate(classifier, loaders[1])
    assert history.test_loss[-1] == pytest.approx(evaluation.loss)
    assert history.test_accuracy[-1] == evaluation.accuracy
    assert_same_weights(classifier, kept[-1])


def test_state_resumes_the_run_where_it_was(loaders):
    """Weights, their average, the optimizer and the random numbers go on as if never stopped."""
    options = {"epochs": 3, "ema_decay": 0.8, "augment": augment}
    alone, stopped, resumed = (small_classifier() for _ in range(3))
    torch.manual_seed(4)
    history = fit(alone, loaders[0], **options)
    states = []

    def keep(averaged, state):
        states.append(copy.deepcopy(state))

    torch.manual_seed(4)
    fit(stopped, loaders[0], **options | {"epochs": 1}, on_epoch_end=keep)
    torch.manual_seed(99)
    assert fit(resumed, loaders[0], **options, resume_from=states[0]).loss == history.loss
    assert_same_weights(alone, resumed)


def test_gradient_is_clipped_to_the_given_norm(loaders):
    classifier, norms = small_classifier(), []
    optimizer = SGD(classifier.parameters(), lr=0.1)

    def watch(*_):
        norms.append(torch.cat([each.grad.flatten() for each in classifier.parameters()]).norm())

    optimizer.register_step_pre_hook(watch)
    fit(classifier, loaders[0], epochs=1, clip_norm=0.01, optimizer=optimizer)
    assert norms and max(norms) <= 0.01 * 1.001


def test_augmentation_reaches_training_batches_only(loaders):
    seen = []
    fit(small_classifier(), *loaders, epochs=1, augment=lambda frames: seen.append(1) or frames)
    assert len(seen) == len(loaders[0])


both_networks = pytest.mark.parametrize("network", [SNN, FastSNN])


def batches_of_noise(number=1, steps=5, size=4):
    """Make batches of frames for a sensor of 2 × 2 pixels, as a list."""
    torch.manual_seed(0)
    return [
        (torch.poisson(torch.full((steps, size, 2, 2, 2), 0.5)), torch.arange(size) % 4)
        for _ in range(number)
    ]


def tiny(network=SNN, **arguments):
    torch.manual_seed(0)
    return Classifier(network(8, 5, **arguments))


def test_what_is_not_finite_is_reported_with_its_batch():
    batches = batches_of_noise(3)
    with pytest.raises(RuntimeError, match=r"^the loss is nan in epoch 1, batch 1; try a learning"):
        fit(tiny(), batches, loss=lambda voltages, *_: voltages.sum((0, 2)) * torch.nan)
    batches[1][0][4, 0, 1, 1, 0] = math.nan
    message = r"^in epoch 1, batch 2: frames hold nan at index \(4, 0, 1, 1, 0\)"
    with pytest.raises(ValueError, match=message):
        fit(tiny(), batches)


@both_networks
@pytest.mark.parametrize("clip_norm", [None, 0.3])
def test_gradient_that_overflows_is_reported_before_a_step_is_taken(network, clip_norm):
    """The loss stays finite: it can't show it."""
    batches = batches_of_noise(2, steps=60)
    classifier = tiny(network, dt=0.000_01, surrogate_slope=1e8, v_th=0.001)
    before = copy.deepcopy(classifier)
    with torch.no_grad():
        assert classifier(batches[0][0]).isfinite().all()
    message = (
        r"^the gradient is (nan|inf) in epoch 1, batch 1; make "
        r"the network with surrogate_slope=0\.01 or less, or try a learning rate below 0\.0"
    )
    with pytest.raises(RuntimeError, match=message):
        fit(classifier, batches, epochs=2, clip_norm=clip_norm)
    assert_same_weights(classifier, before)


@both_networks
@pytest.mark.parametrize("learning_rate", [math.inf, 1e38])
def test_weights_that_the_last_step_ruins_are_reported_and_not_handed_on(network, learning_rate):
    """No loss follows that could show it."""
    classifier, saved = tiny(network, v_th=0.1), []
    optimizer = SGD(classifier.parameters(), lr=learning_rate)
    message = r"the norm of the weights is (nan|inf) after epoch 1; .*try a learning rate b"
    with pytest.raises(RuntimeError, match=message):
        fit(classifier, batches_of_noise(), optimizer=optimizer, on_epoch_end=saved.append)
    assert saved == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0; choose a whole number greater than 0"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0; choose a finite number greater than 0"),
        ({"ema_decay": -0.1}, "ema_decay is -0.1; choose a number from 0 to 0.999999"),
    ],
)
def test_numbers_out_of_range_are_refused_before_training(options, message):
    classifier = tiny()
    before = copy.deepcopy(classifier)
    with pytest.raises(ValueError, match=message):
        fit(classifier, batches_of_noise(), **options)
    assert_same_weights(classifier, before)


def test_optimizer_of_other_weights_or_of_none_that_learns_is_refused():
    """As when a network is made anew and its optimizer isn't: nothing would be learned."""
    frozen = tiny().requires_grad_(False)
    message = r"optimizer, of type {}, isn't one of this classifier's weights; make it anew of cl"
    for classifier, optimizer in (
        (tiny(), "adam"),
        (tiny(), SGD(tiny().parameters())),
        (frozen, Adam(frozen.parameters())),
    ):
        with pytest.raises(ValueError, match=message.format(type(optimizer).__name__)):
            fit(classifier, batches_of_noise(), optimizer=optimizer)


@pytest.mark.parametrize("once", [lambda batches: [], iter])
def test_loader_that_is_empty_or_becomes_so_is_named(once):
    """One that yields its batches only once has none in the second epoch."""
    batches = batches_of_noise()
    with pytest.raises(ValueError, match="train_loader is empty"):
        fit(tiny(), once(batches), epochs=2)
    with pytest.raises(ValueError, match="the loader is empty: there is nothing to evaluate"):
        fit(tiny(), batches, once(batches), epochs=2)
    assert evaluate(tiny(), iter(batches)).n_samples == 4


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ([0, -100, 2, 3], r"[-100] (torch.int64)"),
        ([0, 1, 2], r"[0, 1, 2] (torch.int64)"),
        ([0.0, 1, 2, 3], r"[0.0, 1.0, 2.0, 3.0] (torch.float32)"),
    ],
)
def test_targets_that_are_no_classes_are_refused(targets, found):
    batches = batches_of_noise(2)
    batches[1] = (batches[1][0], torch.tensor(targets))
    message = f"targets hold {found}; for these 4 recordings there must be 4 int64 numbers from 0"
    with pytest.raises(ValueError, match="^in epoch 1, batch 2: " + re.escape(message)):
        fit(tiny(), batches)
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        evaluate(tiny(), batches)


def state_of_a_run():
    states = []
    fit(tiny(), batches_of_noise(), epochs=2, on_epoch_end=lambda _, state: states.append(state))
    return copy.deepcopy(states[-1])


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"weights": Classifier(SNN(8, 6)).state_dict()}, {}, "size mismatch for snn.lif0.input_w"),
        ({"ema": None}, {}, "NoneType"),
        ({"optimizer": {}}, {}, "param_groups"),
        ({"rng": torch.zeros(3)}, {}, "RNG state"),
        ({"history": np.float64(3)}, {}, "TypeError"),
        ({}, {"learning_rate": 1e-6}, r"learning_rate is 1e-06, that of the run 0\.001"),
        ({}, {"epochs": 1}, "epochs is 1, and 2 are done"),
    ],
)
def test_run_that_cannot_go_on_leaves_the_classifier_as_it_is(changes, options, message):
    state, classifier = dataclasses.replace(state_of_a_run(), **changes), tiny()
    before = copy.deepcopy(classifier)
    with pytest.raises(ValueError, match=f"resume_from doesn't fit this classifier: .*{message}"):
        fit(classifier, batches_of_noise(), **{"epochs": 3, **options}, resume_from=state)
    assert_same_weights(classifier, before)


def test_state_of_another_optimizer_is_refused():
    """A fused step would write beyond the ends of one of smaller weights."""
    state, classifier = state_of_a_run(), tiny()
    other = SGD(classifier.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="optimizer isn't SGD"):
        fit(classifier, batches_of_noise(), epochs=3, optimizer=other, resume_from=state)
    state.optimizer["state"][0]["exp_avg"] = torch.zeros(1)
    with pytest.raises(ValueError, match="its optimizer is of weights of another size"):
        fit(classifier, batches_of_noise(), epochs=3, resume_from=state)


@pytest.mark.parametrize("run", [fit, evaluate])
def test_time_bins_of_another_width_than_the_networks_steps_are_refused(data, run):
    loader = make_loader(data.test, time_window=500)
    with pytest.raises(ValueError, match=r"bins are 500 µs wide, .* dt is 0\.001 s\. Make the lo"):
        run(small_classifier(), loader)
    evaluate(Classifier(SNN(hidden_size=5, dt=0.0005)), loader)


class AlwaysHeart(torch.nn.Module):
    def forward(self, frames):
        return torch.eye(4)[1].expand(len(frames), frames.shape[1], 4)


def test_evaluation_counts_correct_answers(loaders):
    evaluation = evaluate(Classifier(AlwaysHeart()), loaders[1], device="cpu")
    assert (evaluation.correct, evaluation.n_samples) == (5, 20)
    assert evaluation.accuracy == pytest.approx(0.25)
    assert evaluation.predicted.tolist() == [1] * 20
    assert evaluation.targets.tolist() == sorted([0, 1, 2, 3] * 5)
    assert evaluation.loss == pytest.approx(
        -torch.log_softmax(torch.eye(4)[1], 0)[[0, 1, 2, 3]].mean()
    )


def test_prediction_refuses_events_of_another_sensor(data):
    events = data.test[0][0].copy()
    events["x"][3] = 35
    with pytest.raises(ValueError, match="field x is 35 at event 3"):
        predict(small_classifier(), events)


def test_augment_mirrors_or_moves_by_a_pixel_and_keeps_time_and_polarity():
    torch.manual_seed(0)
    frames = torch.zeros(7, 64, 2, 35, 35)
    frames[3, :, 1, 10, 5] = 2.0
    changed = augment(frames)
    assert changed.shape == frames.shape
    places = changed.nonzero()
    assert len(places) == 64 and torch.all(places[:, 0] == 3) and torch.all(places[:, 2] == 1)
    assert set(places[:, 3].tolist()) == {9, 10, 11}
    assert set(places[:, 4].tolist()) == {4, 5, 6, 28, 29, 30}  # column 5 or its mirror, 29
    assert frames[3, 0, 1, 10, 5] == 2.0  # the original is left alone


def test_losses_do_not_depend_on_the_number_of_threads(loaders):
    before, losses = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            losses.append(fit(small_classifier(), loaders[0], epochs=2).loss)
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(before)
    assert losses[0] == losses[1]


def test_device_is_the_gpu_where_there_is_one():
    assert default_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_training_runs_on_the_gpu(loaders):
    classifier = small_classifier()
    history = fit(classifier, *loaders, epochs=5, device="cuda", clip_norm=0.3)
    assert next(classifier.parameters()).is_cuda
    assert history.loss[-1] < history.loss[0]


# ---- Silence ----


def silent_classifier():
    classifier = small_classifier()
    with torch.no_grad():
        classifier.snn.lif0.input_weights.zero_()
    return classifier


def test_silence_is_no_answer(loaders, data):
    evaluation = evaluate(silent_classifier(), loaders[1], "cpu")
    assert evaluation.predicted.tolist() == [-1] * 20 and evaluation.correct == 0
    prediction = predict(silent_classifier(), data.test.events[0], "cpu")
    assert prediction.class_name is None
    assert list(prediction.probabilities.values()) == [0.25] * 4
    classifier = silent_classifier()
    still = SGD(classifier.parameters(), lr=1e-9)
    assert fit(classifier, loaders[0], epochs=1, optimizer=still).accuracy == [0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0, 0], -1), ([1.0, 2, 2], -1), ([1.0, 2, 3], 2), ([-1.0, -3, -1], -1), ([5.0], 0)],
)
def test_a_class_leads_alone_or_none_does(values, expected):
    assert unique_argmax(torch.tensor(values)) == expected
    assert unique_argmax(torch.tensor([values] * 3)).tolist() == [expected] * 3


# ---- What fit leaves ----


def test_dropout_is_off_after_training(data):
    classifier, _ = train_classifier(data.train, network=FrameMLP, epochs=1)
    frames, _ = next(iter(make_loader(data.test, sparse=True)))
    assert torch.equal(classifier(frames), classifier(frames))


def test_recordings_alone_will_do(data):
    """Without a test set nothing is watched, and the weights are the same."""
    watched, alone = (
        train_classifier(each, network=FastSNN, epochs=2, device="cpu")
        for each in (data, data.train)
    )
    assert alone[1].loss == watched[1].loss and alone[1].test_loss == []
    assert_same_weights(alone[0], watched[0])


# ---- Widths ----


def test_width_of_a_bin_survives_the_way_through_seconds():
    """A bin of 123 µs isn't one of 122.99999999999999, in which an event on an edge is too late."""
    network = FrameNetwork()
    for window in [*range(1, 20_001), 0.5, 33.3, 1e9, 2**40]:
        network.dt = window / 1e6
        assert network.time_window == window


@pytest.mark.parametrize("window", [123, 984, 999])
def test_event_on_an_edge_falls_into_the_bin_that_begins_there(window):
    events = np.array([(0, 1, 1, 1), (39 * window, 1, 1, 1)], dtype=EVENT_DTYPE)
    classifier = Classifier(SNN(dt=window / 1e6), settle=0)
    assert len(predict(classifier, events, "cpu").readout) == 40


# ---- Recordings that a classifier isn't made for ----


def test_recordings_of_other_classes_or_another_sensor_are_refused(data):
    turned = Recordings(data.test.events, data.test.targets, data.classes[::-1], data.sensor_size)
    flat = Recordings(data.test.events, data.test.targets, data.classes, (1225, 35, 2))
    classifier = small_classifier()
    for recordings, name in ((turned, "classes"), (flat, "sensor_size")):
        for use in (evaluate, fit):
            with pytest.raises(ValueError, match=f"recordings have {name} .*, the classifier has"):
                use(classifier, make_loader(recordings))
    with pytest.raises(ValueError, match="recordings have classes"):
        train_classifier(Split(data.train, turned), epochs=1)


@pytest.mark.parametrize("use", [fit, evaluate, predict])
def test_network_alone_is_no_classifier(use, data, loaders):
    with pytest.raises(TypeError, match=r"classifier is of type SNN; give a Classifier\(network\)"):
        use(SNN(hidden_size=5), data.test.events[0] if use is predict else loaders[1])


@pytest.mark.parametrize(("outputs", "classes"), [(5, 4), (4, 3)])
def test_outputs_are_as_many_as_classes(outputs, classes, data, loaders):
    classifier = Classifier(SNN(hidden_size=5, output_size=outputs), classes=list("abcd")[:classes])
    with pytest.raises(ValueError, match=f"{classes} classes need .*output_size={classes}"):
        predict(classifier, data.test.events[0])
    with pytest.raises(ValueError, match="in epoch 1, batch 1: voltages of shape"):
        fit(classifier, [next(iter(loaders[0]))], epochs=1)


@pytest.mark.parametrize("classes", [("a", "a", "b", "c"), {"a", "b"}])
def test_classes_have_different_names_in_an_order(classes):
    with pytest.raises(ValueError, match=r"classes is .*; expected a tuple of different names"):
        Classifier(SNN(8, 4), classes=classes)


@both_networks
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
def test_weights_that_cannot_be_computed_with_give_no_answer(network, value, data, loaders):
    classifier = Classifier(network(hidden_size=5))
    with torch.no_grad():
        classifier.snn.lif0.input_weights[2, 7] = value
        classifier.snn.linear.weight[:] = value if value == 1e38 else 1
    events = data.test.events[0]
    for use in (lambda: evaluate(classifier, loaders[1]), lambda: predict(classifier, events)):
        with pytest.raises(ValueError, match=r"holds NaN or infinity|log-probabilities are NaN"):
            use()


def test_recording_that_is_too_long_for_its_steps_is_refused():
    events = np.array([(0, 1, 1, 1), (6 * 10**12, 1, 1, 1)], dtype=EVENT_DTYPE)  # in ns, say
    for network in (SNN, FastSNN):
        with pytest.raises(ValueError, match=r"6000000010 time steps of 1000 µs.*are its times in"):
            predict(Classifier(network(hidden_size=5)), events)


def test_network_that_sums_up_time_takes_a_recording_of_an_hour():
    events = np.array([(0, 1, 1, 1), (3600 * 10**6, 1, 1, 1)], dtype=EVENT_DTYPE)
    classifier = Classifier(MLP())
    prediction = predict(classifier, events, "cpu")
    twice = torch.zeros(1, 1, 2, 35, 35)
    twice[0, 0, 1, 1, 1] = 2
    assert torch.equal(prediction.readout, classifier.snn(twice)[:, 0])


def test_dense_frames_of_a_prediction_are_limited():
    events = np.array([(0, 1, 1, 1), (10 * 60 * 10**6, 1, 1, 1)], dtype=EVENT_DTYPE)
    with pytest.raises(ValueError, match=r"600010 time steps .* more than 438261; .* or FastSNN"):
        predict(Classifier(SNN(hidden_size=5)), events)


@both_networks
def test_self_connections_stay_away_in_a_copy(loaders, network):
    classifier = Classifier(network(hidden_size=5))
    saved = copy.deepcopy(classifier.state_dict())
    weights = classifier.snn.lif0.recurrent_weights
    assert not weights.diagonal().any()
    weights.requires_grad_(False)
    classifier = copy.deepcopy(classifier)
    classifier.snn.lif0.recurrent_weights.requires_grad_(True)
    fit(classifier, loaders[0], epochs=1, learning_rate=0.01, device="cpu")
    weights = classifier.snn.lif0.recurrent_weights
    assert not torch.equal(weights, saved["snn.lif0.recurrent_weights"])
    assert not weights.diagonal().any()


@pytest.mark.parametrize(
    ("losses", "warns"),
    [
        ([1, 0.5, 0.7, 0.8, 0.7, 0.9, 0.7], True),  # five epochs above 0.6
        ([1, 0.5, 0.7, 0.8, 0.7, 0.9], False),  # four
        ([1, 0.5, 0.7, 0.8, 0.55, 0.9, 0.7], False),  # it came down in between
        ([1, 0.5, 0.7, 0.8, 0.7, 0.9, 0.7, 0.7], False),  # said already
    ],
)
def test_loss_that_climbs_and_stays_up_is_warned_of_once(loaders, losses, warns, monkeypatch):
    history = {"loss": losses[:-1], "accuracy": losses[:-1], "test_loss": [], "test_accuracy": []}
    states = []
    fit(small_classifier(), loaders[0], epochs=1, on_epoch_end=lambda _, now: states.append(now))
    batches = [(frames, targets) for frames, targets in loaders[0]]

    def loss(voltages, targets, frames, steps):
        return voltages.flatten().sum() * 0 + torch.full(targets.shape, losses[-1])

    resumed = dataclasses.replace(states[0], history=history)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(small_classifier(), batches, epochs=len(losses), loss=loss, resume_from=resumed)
    assert [str(each.message).startswith("the loss has climbed from 0.5 ") for each in caught] == [
        True
    ] * warns


def test_gradients_through_many_time_steps_do_not_explode():
    """In recordings of 300 ms, whose bins of 1 ms have few events each, they did: to 1e5."""
    rng = np.random.default_rng(0)
    events = np.zeros(4000, EVENT_DTYPE)
    events["t"], events["p"] = np.sort(rng.integers(0, 300_000, 4000)), rng.integers(0, 2, 4000)
    events["x"], events["y"] = rng.integers(0, 34, (2, 4000))
    recordings = Recordings([events] * 4, [0, 1, 2, 3], tuple("abcd"), (34, 34, 2))
    options = {"epochs": 1, "clip_norm": None, "learning_rate": 1e-9, "augment": None}
    classifier, _ = train_classifier(recordings, network=FastSNN, **options)
    frames, targets = next(iter(make_loader(recordings, sparse=True)))
    nll_loss(classifier(frames), targets).backward()
    assert math.sqrt(sum(each.grad.square().sum() for each in classifier.parameters())) < 100


@pytest.mark.parametrize("width", [1000, 5000, 20_000])
def test_wide_time_bins_decay_exactly_and_narrow_ones_as_the_book_says(width, data):
    classifier, _ = train_classifier(data, network=FastSNN, time_window=width, epochs=1)
    found, dt = classifier.snn.arguments, width / 1e6
    for name, tau in (("tau_mem", 0.01), ("readout_tau_syn", 0.005)):
        expected = 1 - dt / tau if width == 1000 else math.exp(-dt / tau)
        assert 1 - dt / found[name] == pytest.approx(expected)
