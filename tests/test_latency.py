"""When a network knows: answers at each step, the loss over time, the rate penalty."""

import numpy as np
import pytest
import torch
from torch import nn

from pokersnn_helpers import SNN, FastSNN, build_network, decode, latency, make_loader
from pokersnn_helpers.latency import (
    Answers,
    BinaryFrames,
    OverEvents,
    RatePenalty,
    answer_over_time,
    at_each_step,
    choose_threshold,
    concatenate,
    late_start,
    over_time,
    quantized,
    train_sparse,
)
from pokersnn_helpers.operations import count_operations


@pytest.fixture
def voltages():
    torch.manual_seed(0)
    return torch.randn(7, 3, 4)


def answers(*correct, events=None, time_window=1000):
    """Recordings of class 1 of 2, with answers that are correct or not at each step."""
    probabilities = [
        np.stack([1 - 0.6 * np.array(each), 0.6 * np.array(each)], axis=1) for each in correct
    ]
    events = events or [np.ones(len(each)) for each in correct]
    return Answers(probabilities, events, np.ones(len(correct), dtype=int), time_window)


class FixedVoltages(nn.Module):
    """A network that says the same whatever it sees."""

    def __init__(self, voltages):
        super().__init__()
        self.voltages = voltages

    def forward(self, frames):
        return self.voltages


# ---- Decoding ----


def test_answer_at_a_step_is_that_of_a_recording_that_ends_there(voltages):
    steps = at_each_step(voltages)
    for length in range(1, 8):
        torch.testing.assert_close(steps[length - 1], decode(voltages[:length]))


def test_loss_over_time_is_the_mean_of_the_losses_of_all_steps(voltages):
    targets = torch.tensor([0, 3, 1])
    each = [
        nn.functional.nll_loss(decode(voltages[:length]), targets).item() for length in range(1, 8)
    ]
    found = nn.functional.nll_loss(over_time(voltages), targets).item()
    assert found == pytest.approx(np.mean(each), rel=1e-6)


@pytest.mark.parametrize("sparse", [True, False])
def test_loss_over_events_counts_each_step_as_often_as_it_has_events(voltages, sparse):
    steps, batch, _ = voltages.shape
    events = torch.randint(4, (steps, batch))
    events[0] = 1
    frames = torch.zeros(steps, batch, 2, 3, 3)
    frames[..., 1, 2, 0], frames[..., 0, 0, 1] = events // 2, events - events // 2
    classifier = OverEvents(FixedVoltages(voltages), classes="abcd")
    targets = torch.arange(batch)
    losses = -at_each_step(voltages)[:, targets, targets]
    expected = (losses * events).sum(0) / events.sum(0)
    found = classifier(frames.to_sparse() if sparse else frames)
    torch.testing.assert_close(-found[targets, targets], expected)


def test_recording_without_events_has_a_finite_loss(voltages):
    frames = torch.zeros(*voltages.shape[:2], 2, 3, 3)
    assert OverEvents(FixedVoltages(voltages))(frames).isfinite().all()


def test_early_correct_answer_costs_less_than_a_late_one(voltages):
    early = torch.zeros(10, 1, 2)
    late = early.clone()
    early[2:, 0, 1], late[7:, 0, 1] = 3, 3
    assert decode(early)[0, 1] == decode(late)[0, 1]
    assert over_time(early)[0, 1] > over_time(late)[0, 1]


# ---- Starting late ----


@pytest.mark.parametrize("sparse", [True, False])
def test_late_start_cuts_off_at_most_the_first_half_and_nothing_else(data, sparse):
    torch.manual_seed(0)
    frames, _ = next(iter(make_loader(data.train, 32, sparse=sparse)))
    before = frames.to_dense() if sparse else frames
    changed = late_start(frames)
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
    assert answers(correct, time_window=300).lasting_ms == pytest.approx([ms])


def test_no_answer_before_the_first_step_ends_and_the_last_one_stays():
    found = answers([1, 0], [0, 1, 1]).correct_at(np.array([0, 0.9, 1, 2, 2.5, 3, 50]))
    assert found.tolist() == [
        [False, False, True, False, False, False, False],
        [False, False, False, True, True, True, True],
    ]


def test_answer_after_an_event_is_that_of_its_time_step():
    found = answers([0, 1, 0], events=[np.array([2, 0, 3])])
    assert found.correct_after(np.array([1, 2, 3, 5, 9])).tolist() == [[False] * 5]
    found = answers([0, 1], events=[np.array([2, 3])])
    assert found.correct_after(np.array([1, 2, 3, 5, 9])).tolist() == [[False, False] + [True] * 3]


def test_stopping_rule_takes_the_first_answer_that_is_probable_enough():
    probabilities = [np.array([[0.6, 0.4], [0.2, 0.8], [0.95, 0.05]])]
    found = Answers(probabilities, [np.ones(3)], np.array([1]), 1000)
    for threshold, correct, steps in ((0.5, 0, 1), (0.7, 1, 2), (0.9, 0, 3), (1, 0, 3)):
        right, when = found.stopped(threshold)
        assert (right.tolist(), when.tolist()) == ([bool(correct)], [steps])


def test_answers_end_with_the_recording_and_dont_depend_on_others(data):
    torch.manual_seed(0)
    network = build_network(FastSNN)
    some = data.test.subset(range(4))
    found = answer_over_time(network, some)
    alone = [answer_over_time(network, some.subset([number])) for number in range(4)]
    joined = concatenate(alone)
    for one, other in zip(found.probabilities, joined.probabilities, strict=True):
        np.testing.assert_array_equal(one, other)
    for events, recording in zip(found.events, some.events, strict=True):
        assert events.sum() == len(recording) and events[-1] > 0
    assert joined.targets.tolist() == list(some.targets)


def test_any_network_can_be_asked(data):
    torch.manual_seed(0)
    fast = build_network(FastSNN)
    usual = SNN()
    usual.load_state_dict(fast.state_dict())
    found, expected = (answer_over_time(each, data.test) for each in (usual, fast))
    assert found.final_accuracy == expected.final_accuracy
    for one, other in zip(found.probabilities, expected.probabilities, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


# ---- Paying for spikes ----


def batch(data):
    return next(iter(make_loader(data.train, 16, sparse=True)))


def penalised(penalty):
    torch.manual_seed(0)
    return RatePenalty(build_network(FastSNN, output_size=5), penalty)


def test_penalty_changes_no_answer_and_adds_the_rate_to_the_loss(data):
    frames, _ = batch(data)
    with torch.no_grad():
        free, paid = penalised(0)(frames), penalised(2)(frames)
    difference = free - paid
    torch.testing.assert_close(difference, difference[:, :1].expand(-1, 4), atol=1e-5, rtol=0)
    assert (difference > 0).all()


def test_penalised_rate_is_that_of_spikes_per_neuron_and_step():
    network = penalised(1)
    snn = network.snn
    with torch.no_grad():
        snn.lif0.recurrent_weights.zero_()
        snn.lif0.input_weights.fill_(100)  # every neuron spikes in every step
    frames = torch.ones(400, 1, 2, 35, 35)
    snn.record = True
    with torch.no_grad():
        rate = (over_time(snn(frames)[..., :4]) - network(frames))[0, 0]
    assert snn.recording.lif0.z.mean() > 0.95
    # Integrators take some 15 ms to reach what a steady input ends as.
    assert rate.item() == pytest.approx(snn.recording.lif0.z.mean().item(), rel=0.05)


def test_training_with_a_penalty_lowers_the_rate_and_leaves_the_rate_neuron(data):
    frames, targets = batch(data)
    spikes = {}
    for penalty in (0, 100):
        network = penalised(penalty)
        rate_weights = network.snn.linear.weight[-1].detach().clone()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
        for _ in range(15):
            optimizer.zero_grad()
            nn.functional.nll_loss(network(frames), targets).backward()
            optimizer.step()
        torch.testing.assert_close(network.snn.linear.weight[-1], rate_weights)
        network.snn.record = True
        network(frames)
        spikes[penalty] = network.snn.recording.lif0.z.mean()
    assert spikes[100] < 0.7 * spikes[0]


def test_network_without_its_penalty_says_the_same(data):
    network, (frames, _) = penalised(3), batch(data)
    plain = network.without_penalty()
    with torch.no_grad():
        torch.testing.assert_close(plain(frames), network.snn(frames)[..., :4])


@pytest.mark.parametrize("penalty", [-1, float("nan"), float("inf")])
def test_penalty_has_to_be_a_number_of_at_least_0(penalty):
    with pytest.raises(ValueError, match=f"penalty is {penalty}"):
        penalised(penalty)


# ---- Sparse networks, and when to stop ----


@pytest.mark.parametrize("sparse", [True, False])
def test_binary_frames_hold_at_most_one_event_per_pixel_and_bin(data, sparse):
    seen = []
    frames, _ = next(iter(make_loader(data.train, 4, sparse=sparse)))
    BinaryFrames(seen.append)(frames)
    dense = frames.to_dense() if sparse else frames
    assert dense.max() > 1
    assert torch.equal(seen[0].to_dense() if sparse else seen[0], (dense > 0).float())


def test_threshold_is_the_lowest_at_which_stopping_costs_nothing():
    rising = np.array([[0.6, 0.4], [0.45, 0.55], [0.2, 0.8]])
    found = Answers([rising, rising[::-1]], [np.ones(3)] * 2, np.array([1, 1]), 1000)
    assert found.final_accuracy == 0.5
    threshold = choose_threshold(found)
    assert found.stopped(threshold)[0].mean() >= 0.5
    assert threshold == 0.25  # the second is right at once, the first one isn't yet
    late = Answers([rising], [np.ones(3)], np.array([1]), 1000)
    assert 0.6 < choose_threshold(late) <= 0.8


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


@pytest.mark.parametrize("share", [0, 0.75])
def test_pruned_weights_stay_zero_while_the_others_are_trained(share, data, monkeypatch):
    at_start = []
    fit_sparse = latency._fit_sparse

    def watch(network, recordings, epochs):
        at_start.append(network.snn.lif0.input_weights.detach().clone())
        fit_sparse(network, recordings, epochs)

    monkeypatch.setattr(latency, "_fit_sparse", watch)
    few = data.train.subset(range(0, 48, 8))
    trained = train_sparse(few, 0, penalty=1, pruned=share, hidden_size=8, epochs=3)
    before, after = at_start[1], trained.network.lif0.input_weights
    assert (before == 0).float().mean() == pytest.approx(share, abs=0.001)
    assert torch.equal(after == 0, before == 0)
    assert not torch.equal(after, before)


def test_penalty_is_gentle_at_first(data, monkeypatch):
    penalties = []
    monkeypatch.setattr(
        latency,
        "_fit_sparse",
        lambda network, _, epochs: penalties.append((network.penalty, epochs)),
    )
    for penalty in (0.5, 20):
        train_sparse(data.train, penalty=penalty, epochs=90)
    assert penalties == [(0.5, 30), (0.5, 60), (1, 30), (20, 60)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("pruned", -0.1), ("pruned", 1), ("pruned", np.nan), ("epochs", 2)]
    + [("penalty", value) for value in (-1, np.inf, np.nan)],
)
def test_sparse_training_refuses_a_wrong_number_before_it_starts(name, value, data, monkeypatch):
    monkeypatch.setattr(latency, "_fit_sparse", lambda *_: pytest.fail("trains"))
    with pytest.raises(ValueError, match=f"^{name} is {value}; choose "):
        train_sparse(data.train, **({"penalty": 1} | {name: value}))


def test_quantized_weights_are_few_and_near_the_old_ones(small):
    copy = quantized(small, bits=4)
    for old, new in zip(small.state_dict().values(), copy.state_dict().values(), strict=True):
        for row, rounded in zip(old, new, strict=True):
            assert len(rounded.unique()) <= 15
            assert (row - rounded).abs().max() <= row.abs().max() / 7 / 2 + 1e-6
            assert rounded.abs().max() == pytest.approx(row.abs().max().item())
