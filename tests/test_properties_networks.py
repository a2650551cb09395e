"""``FastSNN`` gives what ``SNN`` gives or refuses what it refuses, whatever network and frames."""

import math
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pokersnn_helpers import SNN, FastSNN, augment
from pokersnn_helpers.fast import cpu, cuda, network

pytestmark = pytest.mark.filterwarnings("ignore:Sparse")
repeated = settings(derandomize=True, deadline=None, max_examples=60)
SENSORS = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
BACKENDS = st.sampled_from([cpu, cuda])  # both on the CPU


@st.composite
def constants(draw):
    """Thresholds, time constants and a time step of up to twice the shortest of them."""
    names = ("tau_syn", "tau_mem", "readout_tau_syn", "readout_tau_mem")
    taus = {name: 10 ** draw(st.floats(-4, 0)) for name in names}
    dt = min(taus.values()) * draw(st.floats(1e-4, 2))
    v_th = 10 ** draw(st.floats(-3, 2))
    return taus | {"dt": dt, "v_th": v_th, "surrogate_slope": 10 ** draw(st.floats(-3, 0.5))}


@st.composite
def counts(draw, sensor):
    """Frames of up to 12 steps and 4 recordings, in double precision."""
    shape = (draw(st.integers(1, 12)), draw(st.integers(0, 4)), *sensor)
    torch.manual_seed(draw(st.integers(0, 2**32)))
    rate = torch.full(shape, draw(st.floats(0.01, 2)), dtype=torch.float64)
    frames = torch.poisson(rate)
    if draw(st.booleans()):
        frames *= torch.randn_like(frames)
    return frames * draw(st.sampled_from([1, 1, 0, 1e6]))


@st.composite
def cases(draw):
    """A network of each class with the same weights, and frames for them."""
    sensor = draw(SENSORS)
    sizes = math.prod(sensor), draw(st.integers(1, 20)), draw(st.integers(1, 7))
    arguments = draw(constants())
    frames = draw(counts(sensor))
    snn, other = SNN(*sizes, **arguments).double(), FastSNN(*sizes, **arguments).double()
    other.load_state_dict(snn.state_dict())
    return snn, other, frames


def outcome(snn, frames):
    """Return voltages and gradients of a sum in which each voltage has its own weight."""
    voltages = snn(frames)
    torch.manual_seed(1)
    loss = (voltages * torch.randn_like(voltages)).sum()
    return voltages.detach(), *torch.autograd.grad(loss, list(snn.parameters()))


def assert_same(found, expected):
    for one, two in zip(found, expected, strict=True):
        assert one.dtype == two.dtype
        if two.isfinite().all():
            assert (one - two).norm() <= 1e-8 * two.norm()
        else:  # too steep for double precision: fit refuses both
            assert not one.isfinite().all()


@repeated
@given(case=cases(), backend=BACKENDS)
def test_fast_network_gives_what_the_readable_one_gives(case, backend):
    snn, other, frames = case
    with patch.object(network, "cpu", backend):
        assert_same(outcome(other, frames), outcome(snn, frames))


@repeated
@given(case=cases(), backend=BACKENDS, seed=st.integers(0, 2**32), split=st.booleans())
def test_sparse_frames_give_what_dense_ones_give(case, backend, seed, split):
    """In any order, and with some counts split in two."""
    _, snn, frames = case
    sparse = frames.to_sparse()
    indices = sparse.indices()
    values = sparse.values()
    if split:
        indices = torch.cat([indices, indices], dim=1)
        values = torch.cat([values, values]) / 2
    torch.manual_seed(seed)
    order = torch.randperm(len(values))
    sparse = torch.sparse_coo_tensor(indices[:, order], values[order], frames.shape)
    with patch.object(network, "cpu", backend):
        assert_same(outcome(snn, sparse), outcome(snn, frames))


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
        (torch.ones(3, 2, 10).to_sparse_csr(), "are torch.sparse_csr of"),
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
    assert FastSNN(10, 4)(torch.full((3, 2, 10), 3e38)).shape == (3, 2, 4)


@repeated
@given(index=st.integers(9, 2**62) | st.integers(-(2**62), -1), axis=st.integers(0, 4))
def test_an_index_outside_the_frames_never_counts(index, axis):
    """Loops would write beyond memory."""
    indices = torch.zeros(5, 1, dtype=torch.int64)
    indices[axis] = index
    frames = torch.sparse_coo_tensor(
        indices, torch.ones(1), (9, 9, 9, 9, 9), check_invariants=False
    )
    for run in (FastSNN(9**3, 4), augment):
        with pytest.raises(RuntimeError, match=r"found (negative )?index"):
            run(frames)
