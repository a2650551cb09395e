"""The ordinary models, and the protocol that keeps card passes apart."""

import numpy as np
import pytest
import torch

from pokersnn_helpers import (
    EVENT_DTYPE,
    Recordings,
    Split,
    decode,
    load_pokerdvs131,
    make_loader,
)
from pokersnn_helpers.baselines import (
    MODELS,
    WHOLE,
    ConvolutionalSNN,
    FramePerceptron,
    GatedRecurrent,
    HybridSNN,
    SummedImage,
    Trained,
    accuracy_table,
    bootstrap_interval,
    by_gradient,
    convolutional,
    cross_validate,
    five_numbers,
    logistic_regression,
    most_frequent,
    nearest_neighbour,
    on_changed,
    on_profile,
    perceptron,
    rate_profile,
    spiking,
    summed_image,
    without_recurrence,
)
from pokersnn_helpers.changes import forwards_and_backwards, reversed_time, shuffled_time

NETWORKS = (
    *(perceptron, convolutional, FramePerceptron),
    *(GatedRecurrent, ConvolutionalSNN, HybridSNN),
)


@pytest.fixture(scope="module")
def everything():
    return load_pokerdvs131(source="simulated")


@pytest.fixture(scope="module")
def some(everything):
    """Three recordings of each suit, each from another pass."""
    first = everything.table.drop_duplicates("pass").groupby("class", sort=False).head(3)
    return everything.recordings.subset(first.index)


def batch(recordings, sparse, time_window=1000):
    return next(iter(make_loader(recordings, 12, time_window, sparse=sparse)))[0]


# ---- The protocol ----


def test_no_model_sees_the_group_that_it_is_tested_on(everything):
    seen = []

    def spy(data, seed):
        learned = {events.tobytes() for events in data.train.events}
        seen.append(learned)
        return lambda some: np.array([events.tobytes() in learned for events in some.events])

    recordings, groups = everything.recordings, everything.table["pass"].to_numpy()
    trained = cross_validate({"spy": spy}, recordings, groups, seeds=(0, 1))["spy"]
    held_out = [numbers for folds in trained.runs for _, numbers in folds]
    assert len(seen) == len(held_out) == 6
    for learned, numbers in zip(seen[::-1], held_out, strict=True):  # the last job runs first
        own = set(groups[numbers])
        for number, events in enumerate(recordings.events):
            assert (events.tobytes() in learned) == (groups[number] not in own)
    for folds in trained.runs:
        assert sorted(np.concatenate([numbers for _, numbers in folds])) == list(range(131))


def test_seeds_draw_other_folds(everything):
    trained = cross_validate(
        {"a": most_frequent()}, everything.recordings, everything.table["pass"], seeds=(0, 1)
    )["a"]
    first, second = ([set(numbers) for _, numbers in folds] for folds in trained.runs)
    assert first != second


def test_correct_is_by_seed_and_recording():
    events = [np.array([(0, n, 0, 1)], dtype=EVENT_DTYPE) for n in range(4)]
    four = Recordings(events, [0, 1, 0, 1], ("a", "b"), (4, 1, 2))
    always = [lambda some, k=k: np.full(len(some), k) for k in (0, 1)]
    runs = [[(always[0], np.array([0, 3])), (always[1], np.array([1, 2]))]]
    assert Trained(runs).correct(four).tolist() == [[True, True, False, False]]


def test_processes_change_nothing(some):
    models = {"MLP": by_gradient(perceptron, epochs=2, time_window=WHOLE), "SNN": spiking(epochs=1)}
    one, two = (cross_validate(models, some, range(12), processes=count) for count in (1, 2))
    for name in models:
        for first, second in zip(one[name].runs[0], two[name].runs[0], strict=True):
            assert np.array_equal(first[0](some), second[0](some))


def test_training_again_leaves_what_was_trained_alone(some):
    train = nearest_neighbour(summed_image)
    split = Split(some, some)
    first = train(split, 0)
    before = first(some).copy()
    train(Split(some.subset(range(3)), some), 0)
    assert np.array_equal(first(some), before)


def test_model_on_changed_recordings_learns_from_them_and_is_asked_about_them(some):
    def spy(data, seed):
        seen.append(data.train.events[0])
        return lambda asked: seen.append(asked.events[0])

    seen = []
    on_changed(spy, reversed_time)(Split(some, some), 0)(some)
    expected = reversed_time(some).events[0]
    assert len(seen) == 2 and all(np.array_equal(events, expected) for events in seen)


def test_table_has_mean_extremes_interval_and_classes():
    events = [np.array([(0, n, 0, 1)], dtype=EVENT_DTYPE) for n in range(4)]
    four = Recordings(events, [0, 1, 0, 1], ("a", "b"), (4, 1, 2))
    said = ([0, 1, 0, 0], [0, 0, 0, 0])
    runs = [[(lambda _, answer=answer: np.array(answer), np.arange(4))] for answer in said]
    table = accuracy_table({"model": Trained(runs)}, four, [0, 0, 1, 1])
    found = table.loc["model"]
    assert (found["mean"], found["lowest"], found["highest"]) == (0.625, 0.5, 0.75)
    assert (found["a"], found["b"]) == (1, 0.25)
    assert (found["interval low"], found["interval high"]) == (0.5, 0.75)


def test_bootstrap_interval_of_a_hand_made_case():
    """Two groups, one all right and one all wrong: both drawn half of the time, or one twice."""
    correct, groups = np.array([True] * 10 + [False] * 10), [7] * 10 + [3] * 10
    assert bootstrap_interval(correct, groups) == (0.0, 1.0)
    by_recording = bootstrap_interval(correct, range(20))
    assert 0.2 < by_recording[0] < 0.35 and 0.65 < by_recording[1] < 0.8
    assert bootstrap_interval(np.ones(20), groups) == (1.0, 1.0)
    assert bootstrap_interval(np.stack([correct, ~correct]), groups) == (0.5, 0.5)  # two seeds


def test_bootstrap_weighs_groups_by_their_size():
    low, high = bootstrap_interval([1] * 30 + [0], [0] * 30 + [1])
    assert low == 0 and high == 1
    many = np.repeat([1.0, 0.0], [300, 100])
    low, high = bootstrap_interval(many, np.arange(400))
    assert low < 0.75 < high and high - low == pytest.approx(
        4 * np.sqrt(0.75 * 0.25 / 400), rel=0.1
    )


# ---- The models ----


@pytest.mark.parametrize("make", NETWORKS)
def test_networks_give_values_per_class_and_take_sparse_frames_as_dense_ones(make, some):
    torch.manual_seed(0)
    model = make(some).eval()
    dense, sparse = (model(batch(some, sparse)) for sparse in (False, True))
    assert dense.shape[1:] == (12, 4)
    torch.testing.assert_close(sparse, dense, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", NETWORKS)
def test_networks_fit_any_sensor(make):
    events = np.array([(0, 0, 0, 0), (1500, 19, 29, 0)], dtype=EVENT_DTYPE)
    pair = Recordings([events, events], [0, 1], ("a", "b"), (20, 30, 1))
    assert make(pair)(batch(pair, True)).shape[1:] == (2, 2)


@pytest.mark.parametrize("make", NETWORKS)
def test_every_weight_has_a_gradient(make, some):
    torch.manual_seed(0)
    model = make(some)
    frames = batch(some, True)
    decode(model(frames))[:, 0].sum().backward()
    for name, weights in model.named_parameters():
        assert weights.grad is not None and weights.grad.abs().sum() > 0, name


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_models_of_the_sum_see_no_order_in_time(make, some):
    torch.manual_seed(0)
    model = make(some)
    expected = model(batch(some, True))
    for changed in (reversed_time(some), shuffled_time(some)):
        torch.testing.assert_close(model(batch(changed, True)), expected)
    torch.testing.assert_close(model(batch(some, True, WHOLE)), expected)  # one bin is as good


def test_sum_so_far_is_at_each_step_the_sum_of_a_recording_that_ends_there(some):
    torch.manual_seed(0)
    frames, whole = batch(some, True), perceptron(some)
    with torch.no_grad():
        so_far = SummedImage(whole.body, so_far=True)(frames)
        for steps in (1, 5, len(frames)):
            expected = whole(frames.to_dense()[:steps])[0]
            torch.testing.assert_close(so_far[steps - 1], expected)


def test_sum_over_time_tells_no_direction_by_construction(some):
    both, groups = forwards_and_backwards(some), [*range(12), *range(12)]
    models = {
        "regression": logistic_regression(summed_image),
        "MLP": by_gradient(perceptron, epochs=3, time_window=WHOLE),
    }
    for trained in cross_validate(models, both, groups).values():
        assert trained.correct(both).mean() == 0.5


@pytest.mark.parametrize("make", [GatedRecurrent, HybridSNN])
def test_network_with_a_memory_sees_the_order(make, some):
    torch.manual_seed(0)
    frames, model = batch(some, False), make(some).eval()
    assert not torch.allclose(model(frames), model(frames.flip(0)))


def test_network_without_a_memory_sees_frames_and_not_their_order(some):
    torch.manual_seed(0)
    frames, model = batch(some, False), FramePerceptron(some).eval()
    expected = decode(model(frames))
    torch.testing.assert_close(decode(model(frames.flip(0))), expected)
    assert not torch.allclose(decode(model(frames.sum(0, keepdim=True))), expected)


def test_recurrent_weights_stay_zero(some):
    torch.manual_seed(0)
    network = without_recurrence()
    before = network.lif0.input_weights.detach().clone()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    network(batch(some, True)).sum().backward()
    optimizer.step()
    assert not network.lif0.recurrent_weights.any()
    assert not torch.equal(network.lif0.input_weights, before)


def test_summed_image_and_five_numbers(some):
    image = summed_image(some)
    assert image.shape == (12, 2450)
    assert np.expm1(image).sum(axis=1) == pytest.approx([len(events) for events in some.events])
    assert five_numbers(some).shape == (12, 5)


def test_profiles_by_hand():
    events = np.array([(0, 0, 0, 1), (1, 0, 0, 0), (2, 0, 0, 1), (9, 0, 0, 0)], dtype=EVENT_DTYPE)
    one = Recordings([events], [0], ("a",), (1, 1, 2))
    assert rate_profile(one, 5).tolist() == [[0.5, 0.25, 0, 0, 0.25]]
    assert on_profile(one, 5).tolist() == [[0.5, 1, 0.5, 0.5, 0]]
    backwards = reversed_time(one)
    assert rate_profile(backwards, 5).tolist() == [[0.25, 0, 0, 0.25, 0.5]]
    assert on_profile(backwards, 5).tolist() == [[0, 0.5, 0.5, 1, 0.5]]


def test_every_model_that_needs_no_gradient_trains(some):
    split = Split(some, some)
    for name in ("most frequent suit", "five numbers", "nearest neighbour", "logistic regression"):
        assert MODELS[name](split, 0)(some).shape == (12,)


def test_options_reach_the_training(some):
    split = Split(some, some)
    for make in (perceptron, ConvolutionalSNN):
        assert by_gradient(make, epochs=1, augment=None)(split, 0)(some).shape == (12,)
    plain = {"epochs": 1, "learning_rate": 0.002, "clip_norm": None, "augment": None}
    assert spiking(without_recurrence, **plain)(split, 0)(some).shape == (12,)
