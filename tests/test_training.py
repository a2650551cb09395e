import subprocess
import sys

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pokersnn_helpers import (
    SNN,
    Classifier,
    augment,
    evaluate,
    fit,
    make_loaders,
    pick_device,
    train_classifier,
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
    history = fit(classifier, loaders[0], epochs=10, max_gradient_norm=0.3)
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
    fit(classifier, loaders[0], epochs=2, learning_rate=0.01)
    torch.manual_seed(5)
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01, fused=True)
    for _ in range(2):
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
        fit(classifier, loaders[0], epochs=2, average_decay=decay)
    moved = (last.snn.linear.weight - start).norm()
    moved_on_average = (averaged.snn.linear.weight - start).norm()
    assert 0 < moved_on_average < moved


def test_gradient_is_shortened_to_the_given_norm(loaders):
    classifier = small_classifier()
    norms = []

    def watch(optimizer, args, kwargs):
        gradients = [p.grad.flatten() for p in classifier.parameters()]
        norms.append(torch.cat(gradients).norm().item())

    handle = register_optimizer_step_pre_hook(watch)
    try:
        fit(classifier, loaders[0], epochs=1, max_gradient_norm=0.01)
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


def test_evaluation_counts_right_answers(loaders):
    class AlwaysHeart(torch.nn.Module):
        def forward(self, frames):
            return torch.log_softmax(torch.eye(4)[1].expand(frames.shape[1], 4), dim=1)

    evaluation = evaluate(AlwaysHeart(), loaders[1], device="cpu")
    assert evaluation.accuracy == pytest.approx(0.25)
    assert evaluation.predicted.tolist() == [1] * 20
    assert evaluation.targets.tolist() == sorted([0, 1, 2, 3] * 5)
    assert evaluation.loss == pytest.approx(
        -torch.log_softmax(torch.eye(4)[1], 0)[[0, 1, 2, 3]].mean()
    )


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


def test_same_seed_gives_the_same_losses_to_the_last_bit(standin):
    script = (
        "from pokersnn_helpers import load_pokerdvs, train_classifier\n"
        "data = load_pokerdvs(source='standin')\n"
        "print(train_classifier(data, seed=3, device='cpu')[1].loss)"
    )
    _, here = train_classifier(standin, seed=3, device="cpu")
    _, again = train_classifier(standin, seed=3, device="cpu")
    elsewhere = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert here.loss == again.loss
    assert str(here.loss) == elsewhere.stdout.strip()
    assert here.loss[-1] < 0.1


def test_losses_do_not_depend_on_the_number_of_threads(loaders, threads):
    losses = []
    for number in (1, 2):
        threads(number)
        losses.append(fit(small_classifier(), loaders[0], epochs=2).loss)
        assert torch.get_num_threads() == number
    assert losses[0] == losses[1]


def test_device_is_the_gpu_where_there_is_one():
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_training_runs_on_the_gpu(loaders):
    classifier = small_classifier()
    history = fit(classifier, *loaders, epochs=5, device="cuda", max_gradient_norm=0.3)
    assert next(classifier.parameters()).is_cuda
    assert history.loss[-1] < history.loss[0]
