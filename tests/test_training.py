import copy

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    augment,
    default_device,
    evaluate,
    fit,
    make_loader,
    make_loaders,
    predict,
    to_frames,
)


def small_classifier(seed=0):
    torch.manual_seed(seed)
    return Classifier(SNN(hidden_size=20))


@pytest.fixture
def threads():
    """Set the number of CPU threads, for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def loaders(data):
    return make_loaders(data, batch_size=32)


def test_fit_learns(loaders):
    classifier = small_classifier()
    before = evaluate(classifier, loaders[1])
    history = fit(classifier, loaders[0], epochs=10, clip_norm=0.3)
    after = evaluate(classifier, loaders[1])
    assert history.loss[-1] < history.loss[0]
    assert after.loss < before.loss and after.accuracy > max(0.5, before.accuracy)


def test_history_has_an_entry_for_every_epoch(loaders):
    watched = fit(small_classifier(), *loaders, epochs=3)
    assert [len(curve) for curve in vars(watched).values()] == [3, 3, 3, 3]
    unwatched = fit(small_classifier(), loaders[0], epochs=2)
    assert [len(curve) for curve in vars(unwatched).values()] == [2, 2, 0, 0]


def test_watching_the_test_set_changes_nothing(loaders):
    torch.manual_seed(0)
    watched = fit(classifier := small_classifier(), *loaders, epochs=2)
    torch.manual_seed(0)
    unwatched = fit(other := small_classifier(), loaders[0], epochs=2)
    assert watched.loss == unwatched.loss
    for one, two in zip(classifier.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_plain_fit_is_adam_on_the_likelihood(loaders, threads):
    """The loop that the plain recipe stands for, written out."""
    threads(1)
    classifier, expected = small_classifier(), small_classifier()
    torch.manual_seed(5)
    fit(classifier, loaders[0], epochs=2)
    torch.manual_seed(5)
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.002, fused=True)
    for _ in range(2):
        for frames, targets in loaders[0]:
            optimizer.zero_grad()
            torch.nn.functional.nll_loss(expected(frames), targets).backward()
            optimizer.step()
    for one, two in zip(classifier.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def test_any_optimizer_takes_the_steps(loaders, threads):
    threads(1)
    classifier, expected = small_classifier(), small_classifier()
    torch.manual_seed(5)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.01, momentum=0.5)
    fit(classifier, loaders[0], epochs=1, optimizer=optimizer)
    torch.manual_seed(5)
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.01, momentum=0.5)
    for frames, targets in loaders[0]:
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(expected(frames), targets).backward()
        optimizer.step()
    for one, two in zip(classifier.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


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
    classifier, states = small_classifier(), []

    def keep(averaged, state):
        states.append({name: weight.clone() for name, weight in averaged.state_dict().items()})

    history = fit(classifier, *loaders, epochs=2, ema_decay=0.9, on_epoch_end=keep)
    evaluation = evaluate(classifier, loaders[1])
    assert history.test_loss[-1] == pytest.approx(evaluation.loss)
    assert history.test_accuracy[-1] == evaluation.accuracy
    for name, weight in classifier.state_dict().items():
        assert torch.equal(weight, states[-1][name])


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
    for one, two in zip(alone.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)


def test_gradient_is_clipped_to_the_given_norm(loaders):
    classifier = small_classifier()
    norms = []

    def watch(optimizer, args, kwargs):
        gradients = [p.grad.flatten() for p in classifier.parameters()]
        norms.append(torch.cat(gradients).norm().item())

    handle = register_optimizer_step_pre_hook(watch)
    try:
        fit(classifier, loaders[0], epochs=1, clip_norm=0.01)
    finally:
        handle.remove()
    assert norms and max(norms) <= 0.01 * 1.001


def test_augmentation_reaches_training_batches_only(loaders):
    seen = []
    fit(small_classifier(), *loaders, epochs=1, augment=lambda frames: seen.append(1) or frames)
    assert len(seen) == len(loaders[0])


def test_diverged_loss_is_reported(loaders):
    class Broken(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4))

        def forward(self, frames):
            return self.weight.expand(frames.shape[1], 4) * torch.nan

    with pytest.raises(RuntimeError, match="the loss is nan in epoch 1; try a learning rate below"):
        fit(Broken(), loaders[0], epochs=1)


@pytest.mark.parametrize("network", [SNN, FastSNN])
@pytest.mark.parametrize("clip_norm", [None, 0.3])
def test_gradient_that_is_not_finite_is_reported(network, clip_norm):
    """A voltage that isn't a number never spikes, so the loss alone may stay finite."""
    frames = torch.zeros(5, 2, 2, 35, 35)
    frames[0, 0, 0, 3, 4] = torch.nan
    classifier = Classifier(network(hidden_size=5))
    before = [weights.clone() for weights in classifier.parameters()]
    with pytest.raises(RuntimeError, match=r"the (loss|gradient) is nan in epoch 1"):
        fit(classifier, [(frames, torch.tensor([0, 1]))], epochs=2, clip_norm=clip_norm)
    for weights, expected in zip(classifier.parameters(), before, strict=True):
        assert torch.equal(weights, expected)


@pytest.mark.parametrize("run", [fit, evaluate])
def test_time_bins_of_another_width_than_the_networks_steps_are_refused(data, run):
    loader = make_loader(data.test, time_window=500)
    with pytest.raises(ValueError, match=r"bins are 500 µs wide, .* dt is 0\.001 s\. Make the lo"):
        run(small_classifier(), loader)
    evaluate(Classifier(SNN(hidden_size=5, dt=0.0005)), loader)


class AlwaysHeart(torch.nn.Module):
    def forward(self, frames):
        return torch.log_softmax(torch.eye(4)[1].expand(frames.shape[1], 4), dim=1)


def test_evaluation_counts_correct_answers(loaders):
    evaluation = evaluate(AlwaysHeart(), loaders[1], device="cpu")
    assert (evaluation.correct, evaluation.n_samples) == (5, 20)
    assert evaluation.accuracy == pytest.approx(0.25)
    assert evaluation.predicted.tolist() == [1] * 20
    assert evaluation.targets.tolist() == sorted([0, 1, 2, 3] * 5)
    assert evaluation.loss == pytest.approx(
        -torch.log_softmax(torch.eye(4)[1], 0)[[0, 1, 2, 3]].mean()
    )


@pytest.mark.parametrize("dt", [0.001, 0.0005])
def test_prediction_is_that_of_the_recordings_frames(data, dt):
    torch.manual_seed(1)
    names = ("a", "b", "c", "d")
    classifier = Classifier(SNN(hidden_size=20, dt=dt), classes=names)
    events, _ = data.test[7]
    class_name, probabilities, readout = predict(classifier, events, "cpu")
    frames = to_frames(events, 1e6 * dt)[:, None]
    expected = classifier(frames)[0].exp()
    assert class_name == names[expected.argmax()]
    assert tuple(probabilities) == names
    assert list(probabilities.values()) == pytest.approx(expected.tolist())
    assert torch.equal(readout, classifier.snn(frames)[:, 0])


def test_prediction_refuses_events_of_another_sensor(data):
    events = data.test[0][0].copy()
    events["x"][3] = 35
    with pytest.raises(ValueError, match="field x is 35 at event 3"):
        predict(small_classifier(), events)
    with pytest.raises(TypeError, match="ndarray without field"):
        predict(small_classifier(), np.zeros((5, 4)))


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


def test_losses_do_not_depend_on_the_number_of_threads(loaders, threads):
    losses = []
    for number in (1, 2):
        threads(number)
        losses.append(fit(small_classifier(), loaders[0], epochs=2).loss)
        assert torch.get_num_threads() == number
    assert losses[0] == losses[1]


def test_device_is_the_gpu_where_there_is_one():
    assert default_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_training_runs_on_the_gpu(loaders):
    classifier = small_classifier()
    history = fit(classifier, *loaders, epochs=5, device="cuda", clip_norm=0.3)
    assert next(classifier.parameters()).is_cuda
    assert history.loss[-1] < history.loss[0]
