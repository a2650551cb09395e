import copy
import math
import sys
import threading
import warnings
from functools import partial
from multiprocessing.pool import ThreadPool

import pytest
import torch
from readers_networks import Dense
from same import same
from torch.optim.optimizer import register_optimizer_step_pre_hook

from eventdesk.models.ordinary import GRU, MLP, FrameMLP
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    Recordings,
    Split,
    evaluate,
    fit,
    make_loader,
    make_loaders,
    predict,
    record_states,
    train_classifier,
)
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.networks.classifier import unique_argmax
from pokersnn_helpers.networks.spiking_network import width_of_steps
from pokersnn_helpers.system.devices import one_cpu_thread
from pokersnn_helpers.training.evaluation import Evaluation
from pokersnn_helpers.training.fit import best_epoch

both_networks = pytest.mark.parametrize("network", [SNN, FastSNN])


def small_classifier(network=SNN):
    torch.manual_seed(0)
    return Classifier(network(hidden_size=20))


def tiny(network=SNN, **arguments):
    """A classifier of frames of 2 × 2 pixels."""
    torch.manual_seed(0)
    return Classifier(network(8, 5, **arguments))


def noise(batches=1, steps=5, size=4):
    """Make batches of frames of 2 × 2 pixels, as a list."""
    torch.manual_seed(0)
    rates = torch.full((steps, size, 2, 2, 2), 0.5)
    return [(torch.poisson(rates), torch.arange(size) % 4) for _ in range(batches)]


def assert_same_weights(classifier, other):
    for weights, expected in zip(classifier.parameters(), other.parameters(), strict=True):
        assert torch.equal(weights, expected)


@pytest.fixture(scope="module")
def loaders(data):
    return make_loaders(data, batch_size=32)


# ---- What fit does ----


def test_history_has_an_entry_for_every_epoch():
    train = noise(3)
    other = noise(2)
    tested = fit(tiny(), train, other, epochs=3)
    chosen = fit(tiny(), train, other, validation_loader=other, epochs=3)
    assert tested.loss == chosen.loss
    assert tested.test_loss == chosen.validation_loss
    assert len(chosen.accuracy) == len(chosen.validation_accuracy) == 3
    assert chosen.test_loss == [chosen.validation_loss[chosen.kept_epoch - 1]]


def test_validation_recordings_choose_the_last_of_the_good_epochs(monkeypatch):
    accuracies = iter([0.2, 0.9, 0.9, 0.3])

    def validate(classifier, loader, device, loss):
        unlike = torch.tensor([[0.0, -9.0]]).repeat(100, 1)
        right = round(100 * next(accuracies))
        return Evaluation(unlike, torch.tensor([0] * right + [1] * (100 - right))), 1.0

    monkeypatch.setattr(sys.modules[fit.__module__], "evaluate_with_loss", validate)
    averages = []
    classifier = tiny()
    history = fit(
        classifier,
        noise(),
        validation_loader=noise(),
        epochs=4,
        callback=lambda trainer: averages.append(copy.deepcopy((trainer.ema.module, trainer.kept))),
    )
    assert history.kept_epoch == 3
    average, kept = averages[3]
    assert_same_weights(classifier, kept)
    assert_same_weights(average, kept)
    last_average, last_kept = averages[4]
    assert_same_weights(last_kept, kept)
    assert not same(dict(last_average.state_dict()), dict(last_kept.state_dict()))


def test_an_epoch_is_as_good_as_the_best_within_two_standard_errors():
    """Of 100 recordings of which 90 are right, the standard error is 3."""
    assert best_epoch([0.90, 0.86, 0.85, 0.83], n_samples=100) == 3
    assert best_epoch([0.90, 0.86, 0.85, 0.83], n_samples=1000) == 1


def test_validation_recordings_choose_and_test_recordings_test_once(data):
    learn, choose = data.train[:32], data.train[32:]
    parts = Split(learn, data.test, validation=choose)
    classifier, history = train_classifier(parts, network=FastSNN, epochs=2, device="cpu")
    assert len(history.validation_accuracy) == 2
    tested = evaluate(classifier, make_loader(data.test, sparse=True), "cpu")
    assert history.test_accuracy == [tested.accuracy]


def test_averaging_ends_between_the_weights_of_the_steps():
    start, last, average = tiny(), tiny(), tiny()
    for classifier, decay in ((last, 0.0), (average, 0.5)):
        fit(classifier, noise(3), epochs=2, ema_decay=decay)
    way, part = (each.snn.linear.weight - start.snn.linear.weight for each in (last, average))
    assert 0 < part.norm() < way.norm()


def test_gradient_is_clipped_to_the_given_norm():
    classifier = tiny()
    norms = []

    def watch(*_):
        gradients = [weights.grad.flatten() for weights in classifier.parameters()]
        norms.append(torch.cat(gradients).norm())

    hook = register_optimizer_step_pre_hook(watch)
    fit(classifier, noise(steps=20), epochs=1, clip_norm=0.01)
    hook.remove()
    assert norms == [pytest.approx(0.01, rel=1e-3)]


def test_augmentation_reaches_training_batches_only():
    seen = []
    fit(tiny(), noise(3), noise(2), epochs=1, augment=lambda frames: seen.append(1) or frames)
    assert len(seen) == 3


def test_dropout_is_on_in_training_alone_though_evaluate_has_turned_it_off():
    modes = []

    class Noting(FrameMLP):
        def forward(self, frames):
            modes.append(self.training)
            return super().forward(frames)

    classifier = Classifier(Noting((2, 2, 2), 4))
    ((frames, targets),) = noise()
    batches = [(frames.to_sparse(), targets)]  # dense ones are looked at for slips first
    evaluate(classifier, batches)
    fit(classifier, batches, batches, epochs=2)
    assert modes == [False, True, False, True, False]
    assert not classifier.training


def test_recordings_to_test_on_change_nothing_that_is_learned(data):
    """And what is watched is them."""
    (alone, alone_history), (watched, history) = (
        train_classifier(given, network=FastSNN, epochs=2, device="cpu")
        for given in (data.train, data)
    )
    assert_same_weights(watched, alone)
    assert history.loss == alone_history.loss
    assert watched.recipe == alone.recipe
    evaluation = evaluate(watched, make_loader(data.test, sparse=True))
    assert history.test_accuracy[-1] == evaluation.accuracy
    assert history.test_loss[-1] == pytest.approx(evaluation.loss)
    assert alone_history.test_loss == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_training_runs_on_the_gpu(loaders):
    classifier = small_classifier()
    history = fit(classifier, *loaders, epochs=5, device="cuda")
    assert next(classifier.parameters()).is_cuda
    assert history.loss[-1] < history.loss[0]


# ---- What fit refuses ----


def test_what_is_not_finite_is_reported_with_its_batch():
    batches = noise(3)
    with pytest.raises(RuntimeError, match=r"^the loss is nan in epoch 1, batch 1; try a lower le"):
        fit(tiny(), batches, loss=lambda voltages, *_: voltages.sum((0, 2)) * torch.nan)
    batches[1][0][4, 0, 1, 1, 0] = math.nan
    message = r"^in epoch 1, batch 2: frames hold nan at index \(4, 0, 1, 1, 0\)"
    with pytest.raises(ValueError, match=message):
        fit(tiny(), batches)


@pytest.mark.parametrize(("network", "clip_norm"), [(SNN, None), (FastSNN, 0.3)])
def test_gradient_that_overflows_is_reported_before_a_step_is_taken(network, clip_norm):
    """The loss stays finite: it can't show it."""
    batches = noise(2, steps=60)
    classifier = tiny(network, dt=0.000_01, surrogate_slope=1e8, v_th=0.001)
    before = copy.deepcopy(classifier)
    message = "^the gradient is (nan|inf) in epoch 1, batch 1; .* a lower surrogate_slope"
    with pytest.raises(RuntimeError, match=message):
        fit(classifier, batches, epochs=2, clip_norm=clip_norm)
    assert_same_weights(classifier, before)


def test_weights_that_the_last_step_ruins_are_reported_and_not_handed_on():
    """No loss follows that could show it."""
    classifier = tiny(v_th=0.1)
    saved = []
    with pytest.raises(RuntimeError, match=r"the norm of the weights is (nan|inf) after epoch 1; "):
        keep = lambda trainer: saved.append(trainer.history.loss)  # noqa: E731
        fit(classifier, noise(), learning_rate=1e38, callback=keep)
    assert saved == [[]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0; choose a whole number greater than 0"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0; choose a finite number greater than 0"),
        ({"ema_decay": -0.1}, "ema_decay is -0.1; choose a number from 0 to 0.999999"),
    ],
)
def test_options_that_cannot_be_are_refused_before_training(options, message):
    classifier = tiny()
    before = copy.deepcopy(classifier)
    with pytest.raises(ValueError, match=message):
        fit(classifier, noise(), **options)
    assert_same_weights(classifier, before)


@pytest.mark.parametrize("once", [lambda batches: [], iter])
def test_loader_that_is_empty_or_becomes_so_is_named(once):
    """One that yields its batches only once has none in the second epoch."""
    with pytest.raises(ValueError, match="train_loader is empty"):
        fit(tiny(), once(noise()), epochs=2)
    with pytest.raises(ValueError, match="the loader is empty: there is nothing to evaluate"):
        fit(tiny(), noise(), once(noise()), epochs=2)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, -100, 4, 3], r"targets hold \[-100, 4\]; they must be class numbers from 0 to 3"),
        ([0, 1, 2], r"targets have shape \(3,\), and the frames hold 4 recordings"),
    ],
)
def test_targets_that_are_no_classes_are_refused(targets, message):
    (frames, _), other = noise(2)
    wrong = (frames, torch.tensor(targets))
    with pytest.raises(ValueError, match="^in epoch 1, batch 2: .*" + message):
        fit(tiny(), [other, wrong])
    with pytest.raises(ValueError, match=message):
        evaluate(tiny(), [wrong])


@pytest.mark.parametrize("use", [fit, evaluate])
def test_recordings_that_a_classifier_is_not_made_for_are_refused(use, data):
    test = data.test
    given = test.events, test.targets
    turned = Recordings(*given, test.classes[::-1], test.sensor_size)
    flat = Recordings(*given, test.classes, (1225, 35, 2))
    for loader, message in (
        (make_loader(turned), r"recordings have classes .*, the classifier has"),
        (make_loader(flat), r"recordings have sensor_size .*, the classifier has"),
        (make_loader(test, time_window=500), r"are 500 µs wide, .* dt is 0\.001 s; .*=1000"),
    ):
        with pytest.raises(ValueError, match=message):
            use(small_classifier(), loader)


@pytest.mark.parametrize(("outputs", "classes"), [(5, "abcd"), (4, "abc")])
def test_outputs_are_as_many_as_classes(outputs, classes, data, loaders):
    classifier = Classifier(SNN(hidden_size=5, output_size=outputs), classes=[*classes])
    number = len(classes)
    with pytest.raises(ValueError, match=f"{number} classes need .*output_size={number}"):
        predict(classifier, data.test.events[0])
    frames, targets = next(iter(loaders[0]))
    with pytest.raises(ValueError, match="in epoch 1, batch 1: voltages of shape"):
        fit(classifier, [(frames, targets % number)], epochs=1)


@pytest.mark.parametrize(
    ("losses", "warns"),
    [
        ([1, 0.5, *[0.7] * 5], True),  # five epochs above 0.6
        ([1, 0.5, 0.7, 0.7, 0.55, 0.7, 0.7], False),  # it came down in between
        ([1, 0.5, *[0.7] * 6], False),  # said already
        ([0.501, 0.5, *[0.502] * 5], False),  # nothing is learned
    ],
)
def test_loss_that_climbs_and_stays_up_is_warned_of_once(losses, warns):
    """In the epoch of the last of these losses."""

    def go_on(trainer):
        trainer.history.loss = trainer.history.loss or losses[:-1]

    def loss(voltages, targets, frames, steps):
        return 0 * voltages.sum((0, 2)) + losses[-1]

    with warnings.catch_warnings(record=True, action="always") as caught:
        fit(tiny(), noise(), epochs=len(losses), loss=loss, callback=go_on)
    said = [str(warning.message) for warning in caught]
    assert ("the loss has climbed from 0.5 to" in "\n".join(said)) == warns


# ---- What evaluate and predict say ----


class AlwaysHeart(torch.nn.Module):
    def forward(self, frames):
        return torch.eye(4)[1].expand(len(frames), frames.shape[1], 4)


def test_evaluation_counts_correct_answers(loaders):
    evaluation = evaluate(Classifier(AlwaysHeart()), loaders[1], device="cpu")
    assert (evaluation.correct, evaluation.n_samples, evaluation.accuracy) == (5, 20, 0.25)
    assert evaluation.predicted.tolist() == [1] * 20
    assert evaluation.loss == pytest.approx(-torch.eye(4)[1].log_softmax(0).mean())


def test_silence_is_no_answer(loaders, data):
    classifier = small_classifier()
    classifier.snn.lif0.input_weights.data.zero_()
    evaluation = evaluate(classifier, loaders[1], "cpu")
    assert evaluation.predicted.tolist() == [-1] * 20
    assert evaluation.correct == 0
    prediction = predict(classifier, data.test.events[0], "cpu")
    assert prediction.class_name is None
    assert repr(prediction).startswith("class_name: None\n")
    assert list(prediction.probabilities.values()) == [0.25] * 4


@pytest.mark.parametrize(("lead", "warns"), [(9, False), (0, True)])
def test_who_answers_the_first_class_alone_is_not_silent(lead, warns):
    class First(Dense):
        def change(self, voltages):
            return 0 * voltages + torch.tensor([lead, 0, 0, 0])

    with warnings.catch_warnings(record=True, action="always") as caught:
        fit(Classifier(First(8)), noise(), epochs=1)
    said = [str(warning.message) for warning in caught]
    assert ("in epoch 1 the network said nothing" in "\n".join(said)) == warns


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0, 0], -1), ([1.0, 2, 2], -1), ([1.0, 2, 3], 2), ([-1.0, -3, -1], -1), ([5.0], 0)],
)
def test_a_class_leads_alone_or_none_does(values, expected):
    assert unique_argmax(torch.tensor([values] * 3)).tolist() == [expected] * 3


@both_networks
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e38])
def test_weights_that_cannot_be_computed_with_give_no_answer(network, value, data, loaders):
    """Those of 1e38 are finite, and their sum isn't."""
    classifier = small_classifier(network)
    classifier.snn.lif0.input_weights.data[2, 7] = value
    classifier.snn.linear.weight.data[:] = value if value == 1e38 else 1
    for use, given in ((evaluate, loaders[1]), (predict, data.test.events[0])):
        with pytest.raises(ValueError, match="holds NaN or infinity"):
            use(classifier, given)


def two_events(duration):
    return make_events((0, duration), 1, 1, 1)


def test_prediction_refuses_events_of_another_sensor():
    with pytest.raises(ValueError, match="field y is 1 at event 0"):
        predict(Classifier(SNN(35), sensor_size=(35, 1, 1)), two_events(9))


@both_networks
def test_recording_that_is_too_long_for_its_steps_is_refused(network):
    message = r"time_window is 1000\.0 µs, too short for 6000000000000 µs"  # in ns, say
    with pytest.raises(ValueError, match=message):
        predict(small_classifier(network), two_events(6 * 10**12))


def test_dense_frames_of_a_prediction_are_limited():
    classifier = Classifier(SNN(8 * 10**6, hidden_size=1), sensor_size=(2000, 2000, 2))
    with pytest.raises(ValueError, match=r"60001. time steps as dense frames need .* or FastSNN"):
        predict(classifier, two_events(10 * 60 * 10**6))


def test_network_that_sums_up_time_takes_a_recording_of_an_hour():
    classifier = Classifier(MLP())
    prediction = predict(classifier, two_events(3600 * 10**6), "cpu")
    sums = torch.zeros(1, 1, 2, 35, 35)
    sums[0, 0, 1, 1, 1] = 2
    assert torch.equal(prediction.readout, classifier.snn(sums)[:, 0])


def test_width_of_a_bin_survives_the_way_through_seconds():
    """A bin of 123 µs isn't one of 122.99999999999999, in which an event on an edge is too late."""
    for width in [*range(1, 20_001), 0.5, 33.3, 1e9, 2**40]:
        assert width_of_steps(width / 1e6) == width


# ---- Where they compute ----


@pytest.fixture
def threads():
    """A number of threads that PyTorch has at first."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def test_losses_do_not_depend_on_the_number_of_threads(loaders, threads):
    losses = fit(small_classifier(), loaders[0], epochs=1).loss
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    assert fit(small_classifier(), loaders[0], epochs=1).loss == losses


def test_blocks_of_two_threads_may_overlap(threads):
    both_inside = threading.Barrier(2, timeout=60)
    left = threading.Event()

    def compute():
        with one_cpu_thread():
            both_inside.wait()
            left.wait(60)
            inside = torch.get_num_threads()
        return inside, torch.get_num_threads()

    with ThreadPool(1) as pool:
        other = pool.apply_async(compute)
        with one_cpu_thread():
            both_inside.wait()
        assert torch.get_num_threads() == threads
        left.set()
        assert other.get(60) == (1, threads)
    assert torch.get_num_threads() == threads


def test_a_loss_with_states_penalises_spikes(data):
    def frugal(voltages, targets, frames, steps, states):
        return voltages.mean((0, 2)) * 0 + states.lif0.z.mean((0, 2))

    loader = make_loader(data.train, batch_size=16)
    frames, _ = next(iter(loader))
    classifier = small_classifier(FastSNN)
    before = record_states(classifier.snn, frames).lif0.z.mean()
    fit(classifier, loader, epochs=5, learning_rate=0.01, loss=frugal)
    assert record_states(classifier.snn, frames).lif0.z.mean() < before / 2


def test_a_loss_sees_states_only_of_a_network_that_has_them():
    def frugal(voltages, targets, frames, steps, states):
        return states.mean((0, 2))

    with pytest.raises(TypeError, match=r"has no method step, so a loss can't see its states"):
        fit(Classifier(Dense(8)), noise(), loss=frugal)


def test_states_have_gradients_where_they_are_asked_for():
    snn, frames = tiny().snn, noise()[0][0]
    assert not record_states(snn, frames).readout.v.requires_grad
    record_states(snn, frames, gradients=True).readout.v.sum().backward()
    assert snn.lif0.input_weights.grad.abs().sum() > 0


def test_an_optimizer_of_one_s_own_takes_the_steps():
    classifier = tiny()
    before = classifier.snn.linear.weight.detach().clone()
    fit(classifier, noise(), epochs=1, optimizer=partial(torch.optim.SGD, weight_decay=1))
    still = tiny()
    fit(still, noise(), epochs=1, optimizer=torch.optim.SGD)
    assert not torch.equal(classifier.snn.linear.weight, still.snn.linear.weight)
    assert not torch.equal(still.snn.linear.weight, before)
    with pytest.raises(TypeError, match=r"optimizer is SGD\(\.\.\.\); give a class"):
        fit(still, noise(), optimizer=torch.optim.SGD(still.parameters()))


def test_confusion_counts_true_classes_by_answers():
    log_p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.5, 0.5]]).log()
    found = Evaluation(log_p, torch.tensor([0, 1, 1, 0]))
    assert found.confusion.tolist() == [[1, 0], [1, 1]]  # one has no answer


class OwnBuild(Dense):
    """Its method ``build`` takes nothing."""

    def __init__(self, input_size=2450, **options):
        super().__init__(input_size)
        self.build()

    def build(self):
        self.is_built = True


def test_a_method_build_of_one_s_own_is_left_alone(data):
    classifier, _ = train_classifier(data.test, network=OwnBuild, epochs=1)
    assert classifier.snn.is_built


def test_sizes_reach_networks_that_take_options(data):
    classifier, _ = train_classifier(data.test, network=GRU, hidden_size=8, epochs=1)
    assert classifier.snn.units.hidden_size == 8
    with pytest.raises(TypeError, match="GRU has an argument hiden_size; did you mean hidden_size"):
        train_classifier(data.test, network=GRU, hiden_size=8)
