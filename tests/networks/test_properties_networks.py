"""``FastSNN`` gives what ``SNN`` gives or refuses what it refuses, whatever network and frames."""

import math
import warnings
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from readers_networks import scatter_taus
from torch.utils._pytree import tree_leaves

from eventdesk.models.layered import FrameLinear
from pokersnn_helpers import SNN, Classifier, FastSNN, augment

pytestmark = pytest.mark.filterwarnings("ignore:Sparse", "ignore:dt is")
with warnings.catch_warnings(action="ignore"):
    CSR = torch.ones(3, 2, 10).to_sparse_csr()  # which is in beta state
repeated = settings(derandomize=True, deadline=None, max_examples=60)
PIXELS = st.integers(1, 6)
SENSORS = st.tuples(st.integers(1, 3), PIXELS, PIXELS)
SEEDS = st.integers(0, 2**32)


@st.composite
def constants(draw):
    """Thresholds, time constants and a time step of up to twice the shortest of them."""
    taus = {name: 10 ** draw(st.floats(-4, -0.5)) for name in SNN.time_constants}
    shortest = min(taus.values())
    others = {
        "dt": shortest * draw(st.floats(1e-4, 2)),
        "v_th": 10 ** draw(st.floats(-3, 2)),
        "surrogate_slope": 10 ** draw(st.floats(-3, 0.5)),
    }
    others["learn_taus"] = others["dt"] < 0.9 * shortest and draw(st.booleans())
    return taus | others


@st.composite
def counts(draw, sensor):
    """Frames of up to 12 steps and 4 recordings, in double precision."""
    shape = draw(st.integers(1, 12)), draw(st.integers(0, 4)), *sensor
    torch.manual_seed(draw(SEEDS))
    frames = torch.poisson(torch.full(shape, draw(st.floats(0.01, 2)), dtype=torch.float64))
    if draw(st.booleans()):
        frames *= torch.randn_like(frames)
    return frames * draw(st.sampled_from([1, 1, 0, 1e6]))


@st.composite
def cases(draw):
    """A network of each class with the same weights, and frames for them."""
    sensor = draw(SENSORS)
    arguments = draw(constants())
    sizes = math.prod(sensor), draw(st.integers(1, 20)), draw(st.integers(1, 7))
    frames = draw(counts(sensor))
    snn, fast = (network(*sizes, **arguments).double() for network in (SNN, FastSNN))
    scatter_taus(snn)
    fast.load_state_dict(snn.state_dict())
    return snn, fast, frames


def outcome(snn, frames):
    """Return voltages, states, and gradients of a sum in which each voltage has its own weight.

    Those are with respect to weights and, where they are dense, to frames.
    """
    learned = list(snn.parameters())
    if not frames.is_sparse:
        learned.append(frames.requires_grad_())
    snn.record = True
    voltages = snn(frames)
    torch.manual_seed(1)
    loss = (torch.randn_like(voltages) * voltages).sum()
    states = tree_leaves(snn.recording)
    return voltages.detach(), *states, *torch.autograd.grad(loss, learned, materialize_grads=True)


def assert_same(computed, expected):
    for tensor, reference in zip(computed, expected, strict=True):
        assert tensor.dtype == reference.dtype
        if reference.isfinite().all():
            difference = tensor - reference
            assert difference.norm() <= 1e-8 * reference.norm()
        else:  # too steep for double precision: fit refuses both
            assert not tensor.isfinite().all()


@repeated
@given(case=cases())
def test_fast_network_gives_what_the_readable_one_gives(case):
    snn, fast, frames = case
    assert_same(outcome(fast, frames), outcome(snn, frames))


@repeated
@given(case=cases(), seed=SEEDS, split=st.booleans())
def test_sparse_frames_give_what_dense_ones_give(case, seed, split):
    """In any order, and with some counts split in two."""
    _, fast, frames = case
    sparse = frames.to_sparse()
    parts = 2 if split else 1
    indices = sparse.indices().repeat(1, parts)
    values = sparse.values().repeat(parts) / parts
    torch.manual_seed(seed)
    order = torch.randperm(len(values))
    sparse = torch.sparse_coo_tensor(indices[:, order], values[order], frames.shape)
    *expected, _ = outcome(fast, frames)
    assert_same(outcome(fast, sparse), expected)


def with_last(value):
    frames = torch.ones(3, 2, 1, 2, 5)
    frames[-1, -1, -1, -1, -1] = value
    return frames


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (with_last(math.nan), r"hold nan at index \(2, 1, 0, 1, 4\);"),
        (with_last(-math.inf), r"hold -inf at index \(2, 1, 0, 1, 4\);"),
        (torch.ones(3, 2, 10).long(), r"are torch.strided of torch.int64; convert them"),
        (torch.ones(0, 2, 10), "have shape .* and at least one step"),
        (torch.ones(3, 2, 10).numpy(), "are of type ndarray; give a torch.Tensor"),
        (torch.ones(3, 2, 20), "have shape .* inputs per time step"),
        (torch.ones(3, 10), r"have shape \(3, 10\); expected \(time, batch"),
        (CSR, "are torch.sparse_csr of"),
    ],
)
@pytest.mark.parametrize("kind", [SNN, FastSNN])
def test_both_networks_refuse_the_same_frames_with_the_same_words(kind, frames, message):
    """A voltage that isn't a number never spikes, so the readout would look sound."""
    with pytest.raises((TypeError, ValueError), match=f"^frames {message}"):
        kind(10, 4)(frames)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_in_sparse_frames_is_refused(value):
    with pytest.raises(ValueError, match=r"hold (nan|inf) at index \(2, 1, 0, 1, 4\)"):
        FastSNN(10, 4)(with_last(value).to_sparse())


def test_finite_numbers_whose_sum_is_not_are_taken():
    frames = torch.full((3, 2, 10), 3e38)
    assert FastSNN(10, 4)(frames).shape == (3, 2, 4)


OUT_OF_BOUNDS = r"found (negative )?index|index .* out of bounds"
OUTSIDE = st.integers(9, 2**62) | st.integers(-(2**62), -1)


@repeated
@given(index=OUTSIDE, axis=st.integers(0, 4))
def test_an_index_outside_the_frames_never_counts(index, axis):
    """Loops would write beyond memory."""
    indices = torch.zeros(5, 1, dtype=torch.int64)
    indices[axis] = index
    frames = torch.sparse_coo_tensor(indices, torch.ones(1), [9] * 5, check_invariants=False)
    network = FastSNN(9**3, 4)
    classifier = partial(Classifier(network), time_window=1000)
    for run in (network, FrameLinear(9**3, 4), classifier, augment):
        with pytest.raises((RuntimeError, ValueError), match=OUT_OF_BOUNDS):
            run(frames)
