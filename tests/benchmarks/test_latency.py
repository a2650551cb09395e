"""When a network knows: answers at each step, losses over time, networks that spike rarely."""

import numpy as np
import pytest
import torch
from torch.nn.functional import nll_loss

import pokersnn_helpers as helpers
from benchmarks.early import nll_over_time, train_sparse
from benchmarks.latency import correct_at_time
from benchmarks.over_time import PredictionsOverTime, predict_over_time
from eventdesk.models.layered import LayerThenSNN
from pokersnn_helpers import Classifier, FastSNN, build_network, decode, fit, make_loader

TARGETS = torch.tensor([0, 2, 1])


def answers(*correct):
    """Recordings of class 1 of 2, with answers that are correct or not at each step."""
    shares = [0.4 + 0.2 * np.array(recording) for recording in correct]
    logs = [np.log(np.stack([1 - share, share], axis=1)) for share in shares]
    return PredictionsOverTime(logs, np.ones(len(correct), int), 1000)


# ---- Losses ----


def test_loss_over_time_is_the_mean_of_what_ends_at_each_step_would_cost():
    voltages = torch.randn(7, 3, 4)
    batch = (TARGETS, torch.ones(7, 3, 2, 3, 3), torch.tensor([7, 7, 7]))
    until_then = [decode(voltages[:length]) for length in range(1, 8)]
    by_step = torch.stack([nll_loss(each, TARGETS, reduction="none") for each in until_then])
    torch.testing.assert_close(nll_over_time(voltages, *batch), by_step.mean(0))


def test_fit_minimises_and_reports_the_loss_it_is_given(data):
    def squares(voltages, *_):
        return voltages.square().mean((0, 2))

    classifier = Classifier(build_network(FastSNN))
    loader = make_loader(data.train[::4], batch_size=12, sparse=True)  # one batch
    options = {"loss": squares, "epochs": 2, "ema_decay": 0, "device": "cpu"}
    history = fit(classifier, loader, loader, **options)
    assert history.loss[1] == pytest.approx(history.test_loss[0], rel=1e-6)
    assert history.loss[0] > history.loss[1] > history.test_loss[1]


def test_loss_that_is_not_one_number_per_recording_is_refused(data):
    def mean(voltages, *_):
        return voltages.mean()

    loader = make_loader(data.test, sparse=True)
    with pytest.raises(ValueError, match=r"loss returned .*; return a tensor of shape"):
        fit(Classifier(FastSNN()), loader, loss=mean, epochs=1)


# ---- What answers are worth ----


def test_no_answer_before_the_first_step_ends_and_the_last_one_stays():
    predictions = answers([1, 0], [0, 1, 1])
    correct = correct_at_time(predictions, [0, 0.9, 1, 2, 2.5, 3, 50])
    assert correct.tolist() == [[0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize("window", [300, 1000, 5000])
def test_predictions_end_with_the_recording_and_dont_depend_on_others(data, window):
    classifier = Classifier(build_network(FastSNN, time_window=window))
    four = data.test[:4]
    predictions = predict_over_time(classifier, four)
    for number, recording in enumerate(four.events):
        alone = predict_over_time(classifier, four.subset([number]))
        found = predictions.log_probabilities[number]
        np.testing.assert_array_equal(alone.log_probabilities[0], found)
        last = int(np.ptp(recording["t"]) // window) + 1
        assert len(found) == last + classifier.settle_steps


def test_a_network_in_training_answers_as_afterwards(data):
    """No unit is dropped at random."""
    classifier = Classifier(build_network(LayerThenSNN)).train()
    over_time = predict_over_time(classifier, data.test[:2])
    prediction = helpers.predict(classifier, data.test.events[0], "cpu")
    expected = [*prediction.probabilities.values()]
    assert over_time.probabilities[0][-1] == pytest.approx(expected, abs=1e-6)


# ---- Networks that spike rarely ----


def test_pruned_weights_stay_zero_in_training_after_a_checkpoint(data, tmp_path):
    few = data.train[::8]
    sparse = train_sparse(few, 0, penalty=1, sparsity=0.75, hidden_size=8, epochs=3)
    pruned = sparse.snn.snn.lif0.input_weights == 0
    assert pruned.float().mean() == pytest.approx(0.75, abs=0.001)
    helpers.save_checkpoint(sparse, tmp_path / "sparse.pt")
    loaded = helpers.load_checkpoint(tmp_path / "sparse.pt", "cpu", type(sparse.snn))
    fit(loaded, make_loader(few, sparse=True), epochs=1, device="cpu")
    assert torch.equal(loaded.snn.snn.lif0.input_weights == 0, pruned)
