"""When a network knows: answers at each step, the loss over time, the rate penalty."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

import pokersnn_helpers as helpers
from benchmarks import early
from benchmarks.counting import count_operations
from benchmarks.early import (
    EARLY,
    choose_exit_threshold,
    early_exit,
    firing_rate_regularised,
    nll_over_events,
    prune,
    quantized,
    train_sparse,
)
from benchmarks.latency import correct_after_events, correct_at_time
from pokersnn_helpers import Classifier, FastSNN, build_network, decode, fit, make_loader
from pokersnn_helpers.study import latency
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.losses import nll_over_time


@pytest.fixture
def voltages():
    torch.manual_seed(0)
    return torch.randn(7, 3, 4)


def said(probabilities, targets, events=None, time_window=1000):
    events = events or [np.ones(len(each)) for each in probabilities]
    logs = [np.log(each) for each in probabilities]
    return latency.PredictionsOverTime(logs, events, np.array(targets), time_window)


def answers(*correct, events=None, time_window=1000):
    """Recordings of class 1 of 2, with answers that are correct or not at each step."""
    probabilities = [
        np.stack([1 - 0.4 - 0.2 * np.array(each), 0.4 + 0.2 * np.array(each)], axis=1)
        for each in correct
    ]
    return said(probabilities, [1] * len(correct), events, time_window)


def losses_of_all_steps(voltages, targets):
    each = [nn.functional.nll_loss(decode(voltages[:length]), targets, reduction="none")
            for length in range(1, len(voltages) + 1)]  # fmt: skip
    return torch.stack(each)


def frames_with(events):
    """Frames with so many events per step and recording, (T, B)."""
    frames = torch.zeros(*events.shape, 2, 3, 3)
    frames[..., 1, 2, 0], frames[..., 0, 0, 1] = events // 2, events - events // 2
    return frames


# ---- Losses ----


@pytest.mark.parametrize("loss", [nll_over_time, nll_over_events, firing_rate_regularised])
def test_padding_never_counts(voltages, loss):
    """The loss of a short recording is the same alone and beside a longer one."""
    targets, events = torch.tensor([0, 2, 1]), torch.ones(7, 3)
    events[4:, 1] = 0
    beside = loss(voltages, targets, frames_with(events))[1]
    alone = loss(voltages[:4, 1:2], targets[1:2], frames_with(events[:4, 1:2]))[0]
    torch.testing.assert_close(beside, alone)


@pytest.mark.parametrize("sparse", [True, False])
def test_losses_weigh_what_a_recording_that_ends_at_a_step_costs(voltages, sparse):
    """All steps alike, or each as often as it has events; a penalty adds the rate."""
    events = torch.randint(4, voltages.shape[:2]).float()
    events[[0, -1]] = 1
    targets, frames = torch.tensor([0, 2, 1]), frames_with(events)
    frames = frames.to_sparse() if sparse else frames
    by_step, all_alike = losses_of_all_steps(voltages, targets), nll_over_time
    torch.testing.assert_close(all_alike(voltages, targets, frames), by_step.mean(0))
    found = nll_over_events(voltages, targets, frames)
    torch.testing.assert_close(found, (by_step * events).sum(0) / events.sum(0))
    found = firing_rate_regularised(voltages, targets, frames, penalty=2)
    expected = all_alike(voltages[..., :3], targets, frames) + 2 * voltages[..., 3].mean(0)
    torch.testing.assert_close(found, expected)


def test_fit_minimises_and_reports_the_loss_it_is_given(data):
    def squares(voltages, *_):
        return voltages.square().mean((0, 2))

    torch.manual_seed(0)
    classifier = Classifier(build_network(FastSNN))
    loader = make_loader(data.train.subset(range(0, 48, 4)), sparse=True)  # one batch
    how = {"loss": squares, "epochs": 2, "ema_decay": 0, "device": "cpu"}
    history = fit(classifier, loader, loader, **how)
    with torch.no_grad():
        last = squares(classifier.run(next(iter(loader))[0])[0]).mean()
    assert history.loss[1] == pytest.approx(history.test_loss[0], rel=1e-6)
    assert history.test_loss[1] == pytest.approx(last.item(), rel=1e-6)
    assert history.loss[0] > history.loss[1] > history.test_loss[1]


@pytest.mark.parametrize("returned", [torch.tensor(1.0), 1.0])
def test_loss_that_is_not_one_number_per_recording_is_refused(returned, data):
    loader = make_loader(data.train.subset(range(12)), sparse=True)
    with pytest.raises(ValueError, match=r"loss returned .*; return a tensor of shape"):
        fit(Classifier(FastSNN()), loader, loss=lambda *_: returned, epochs=1)


# ---- Starting late ----


@pytest.mark.parametrize("sparse", [True, False])
def test_crop_cuts_off_at_most_the_first_half_and_nothing_else(data, sparse):
    torch.manual_seed(0)
    frames, _ = next(iter(make_loader(data.train, 32, sparse=sparse)))
    before = frames.to_dense() if sparse else frames
    changed = early.random_start_crop(frames)
    assert changed.is_sparse == sparse and changed.shape == frames.shape
    after = changed.to_dense() if sparse else changed
    shifts = []
    for old, new in zip(before.unbind(1), after.unbind(1), strict=True):
        steps = int(old.flatten(1).any(1).nonzero().max()) + 1
        fitting = [
            shift
            for shift in range(steps // 2 + 1)
            if torch.equal(new[: len(old) - shift], old[shift:])
            and not new[len(old) - shift :].any()
        ]
        assert fitting
        shifts.append(fitting[0])
    assert 8 <= np.count_nonzero(shifts) <= 24 and len(set(shifts)) > 4
    assert torch.equal(before, frames.to_dense() if sparse else frames)


# ---- What answers are worth ----


def test_accuracy_over_events_weighs_each_step_by_its_events():
    found = answers([0, 1, 1], [1, 0], events=[np.array([5, 3, 2]), np.array([4, 6])])
    assert found.accuracy_over_events == pytest.approx((3 + 2 + 4) / 20)
    assert found.final_accuracy == 0.5


@pytest.mark.parametrize(
    ("correct", "ms"),
    [([1, 1, 1], 0.3), ([0, 1, 1], 0.6), ([1, 0, 1], 0.9), ([1, 1, 0], np.inf), ([0], np.inf)],
)
def test_lasting_answer_counts_from_the_end_of_the_step_that_brings_it(correct, ms):
    assert answers(correct, time_window=300).decision_time_ms == pytest.approx([ms])


def test_no_answer_before_the_first_step_ends_and_the_last_one_stays():
    found = correct_at_time(answers([1, 0], [0, 1, 1]), [0, 0.9, 1, 2, 2.5, 3, 50])
    assert found.astype(int).tolist() == [[0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1]]


def test_answer_after_an_event_is_that_of_its_time_step():
    found = answers([0, 1, 0], [0, 1], events=[np.array([2, 0, 3]), np.array([2, 3])])
    correct = correct_after_events(found, [1, 2, 3, 5, 9])
    assert correct.astype(int).tolist() == [[0] * 5, [0, 0, 1, 1, 1]]


def test_stopping_rule_takes_the_first_answer_that_is_probable_enough():
    found = said([np.array([[0.5, 0.5], [0.25, 0.75], [0.95, 0.05]])], [1])
    # An even chance is no answer to stop at; a threshold that is just reached is.
    for threshold, correct, steps in ((0.5, 1, 2), (0.75, 1, 2), (0.9, 0, 3), (1, 0, 3)):
        right, when = early_exit(found, threshold)
        assert (right.tolist(), when.tolist()) == ([bool(correct)], [steps])


def test_silence_is_no_answer_until_one_class_leads():
    third = [1 / 3, 1 / 3, 1 / 3]
    found = said([np.array([third, third, [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])], [0])
    assert found.answers[0].tolist() == [-1, -1, 0, -1]
    assert found.correct[0].tolist() == [False, False, True, False]
    assert found.accuracy_over_events == 0.25 and found.final_accuracy == 0


@pytest.mark.parametrize("window", [300, 1000, 5000])
def test_predictions_end_with_the_recording_and_dont_depend_on_others(data, window):
    torch.manual_seed(0)
    classifier = Classifier(build_network(FastSNN, time_window=window))
    some = data.test.subset(range(4))
    found = predict_over_time(classifier, some)
    assert found.time_window == window and found.targets.tolist() == list(some.targets)
    for number, recording in enumerate(some.events):
        alone = predict_over_time(classifier, some.subset([number])).log_probabilities[0]
        np.testing.assert_array_equal(alone, found.log_probabilities[number])
        events, last = found.events[number], int(np.ptp(recording["t"]) // window) + 1
        assert len(alone) == len(events) == last + classifier.settle_steps
        assert events.sum() == len(recording) and events[last - 1] > 0 == events[last:].sum()


# ---- Sparse networks, and when to stop ----


def test_threshold_is_the_lowest_at_which_stopping_costs_nothing():
    rising = np.array([[0.6, 0.4], [0.45, 0.55], [0.2, 0.8]])
    found = said([rising, rising[::-1]], [1, 1])
    assert found.final_accuracy == 0.5
    threshold = choose_exit_threshold(found)
    assert early_exit(found, threshold)[0].mean() >= 0.5
    assert threshold == 0.5  # the second is right at once, the first one isn't yet
    assert 0.6 < choose_exit_threshold(said([rising], [1])) <= 0.8


def test_no_threshold_is_ever_reached_where_each_stop_costs_accuracy():
    sure_too_early = said([np.array([[1.0, 1e-9], [1e-9, 1.0]])], [1])
    assert choose_exit_threshold(sure_too_early) > 1
    assert early_exit(sure_too_early, 1.01)[0].all()


def test_sparse_training_repeats_itself_and_adds_only(data):
    few = data.train.subset(range(0, 48, 8))
    one, two = (train_sparse(few, 3, penalty=5, hidden_size=8, epochs=3) for _ in range(2))
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second)
    frames, _ = next(iter(make_loader(few, 6, sparse=True)))
    found = count_operations(one, frames)
    assert (found.effective_macs == 0).all() and (found.effective_acs > 0).all()


@pytest.fixture
def small(data):
    few = data.train.subset(range(0, 48, 8))
    return train_sparse(few, 0, penalty=1, hidden_size=8, epochs=3)


def test_any_number_of_weights_can_be_pruned():
    weights = torch.arange(1.0, 2**24 + 9).requires_grad_()  # more than quantile() takes
    prune(weights, 0.5)
    assert (weights == 0).float().mean().item() == pytest.approx(0.5)
    assert weights[-1] == 2**24 + 8 and weights[0] == 0


def test_quantized_weights_are_few_and_near_the_old_ones(small):
    with torch.no_grad():
        small.snn.snn.lif0.input_weights[3] = 0  # of which no step can be made
    copy = quantized(small, bits=4)
    for old, new in zip(small.state_dict().values(), copy.state_dict().values(), strict=True):
        for row, rounded in zip(old, new, strict=True):
            assert len(rounded.unique()) <= 15
            assert (row - rounded).abs().max() <= row.abs().max() / 7 / 2 + 1e-6
            assert rounded.abs().max() == pytest.approx(row.abs().max().item())


# ---- Training them ----


def test_sparse_training_is_early_training_with_a_penalty_that_is_gentle_at_first(
    data, monkeypatch
):
    few, calls = data.train.subset(range(0, 48, 8)), []

    def fit(classifier, loader, **how):
        assert classifier.snn.reports_rate
        calls.append(how)

    monkeypatch.setattr(early, "fit", fit)
    for penalty in (0.5, 20):
        train_sparse(few, penalty=penalty, epochs=3, hidden_size=4)
    found = [(how["loss"].keywords["penalty"], how["epochs"]) for how in calls]
    assert found == [(0.5, 1), (0.5, 2), (1, 1), (20, 2)]
    for how in calls:
        assert how["loss"].func is firing_rate_regularised
        assert how["augment"] is EARLY["augment"] is early.augment_and_crop
        assert (how["learning_rate"], how["device"]) == (0.002, "cpu")
    assert EARLY["loss"] is nll_over_time


@pytest.mark.parametrize("wrong", [{"sparsity": 1}, {"epochs": 2}, {"penalty": -1}])
def test_sparse_training_refuses_a_wrong_number_before_it_starts(wrong, data, monkeypatch):
    monkeypatch.setattr(early, "fit", lambda *_, **__: pytest.fail("trains"))
    with pytest.raises(ValueError, match=f"^{min(wrong)} is .*; choose "):
        train_sparse(data.train, **({"penalty": 1} | wrong))


def test_pruned_weights_stay_zero_in_training_in_a_copy_and_after_a_checkpoint(data, tmp_path):
    few = data.train.subset(range(0, 48, 8))
    sparse = train_sparse(few, 0, penalty=1, sparsity=0.75, hidden_size=8, epochs=3)
    pruned = sparse.snn.snn.lif0.input_weights == 0
    assert pruned.float().mean() == pytest.approx(0.75, abs=0.001)
    assert sparse.snn.reports_rate is False
    helpers.save_checkpoint(sparse, tmp_path / "sparse.pt")
    loaded = helpers.load_checkpoint(tmp_path / "sparse.pt", "cpu", type(sparse.snn))
    loader = make_loader(few, sparse=True)
    (frames, _), *_ = loader
    assert torch.equal(loaded(frames), sparse(frames))
    for again in (sparse, deepcopy(sparse), loaded):
        before = again.snn.snn.lif0.input_weights.detach().clone()
        fit(again, loader, epochs=1, device="cpu")
        after = again.snn.snn.lif0.input_weights
        assert torch.equal(after == 0, pruned) and not torch.equal(after, before)
