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
    taus = {
        name: 10 ** draw(st.floats(-4, 0))
        for name in ("tau_syn", "tau_mem", "readout_tau_syn", "readout_tau_mem")
    }
    return taus | {
        "dt": min(taus.values()) * draw(st.floats(1e-4, 2)),
        "v_th": 10 ** draw(st.floats(-3, 2)),
        "surrogate_slope": 10 ** draw(st.floats(-3, 0.5)),
    }


@st.composite
def counts(draw, sensor, kinds=("events", "fractions", "silence", "huge")):
    """Frames of up to 12 steps and 4 recordings, in double precision."""
    shape = (draw(st.integers(1, 12)), draw(st.integers(0, 4)), *sensor)
    torch.manual_seed(draw(st.integers(0, 2**32)))
    frames = torch.poisson(torch.full(shape, draw(st.floats(0.01, 2)), dtype=torch.float64))
    kind = draw(st.sampled_from(kinds))
    if kind == "fractions":
        frames *= torch.randn_like(frames)
    return frames * {"silence": 0, "huge": 1e6}.get(kind, 1)


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
        assert one.shape == two.shape and one.dtype == two.dtype
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
    torch.manual_seed(seed)
    sparse = frames.to_sparse()
    indices, values = sparse.indices(), sparse.values()
    if split:
        indices, values = torch.cat([indices, indices], 1), torch.cat([values, values]) / 2
    order = torch.randperm(len(values))
    sparse = torch.sparse_coo_tensor(
        indices[:, order], values[order], frames.shape, check_invariants=False
    )
    with patch.object(network, "cpu", backend):
        assert_same(outcome(snn, sparse), outcome(snn, frames))


FAULTS = {  # by what is said of them
    "hold nan at index {last};": lambda frames: _with(frames, math.nan),
    "hold -inf at index {last};": lambda frames: _with(frames, -math.inf),
    "are torch.strided of torch.int64; convert them with frames.float()": torch.Tensor.long,
    "and at least one step": lambda frames: frames[:0],
    "are of type ndarray; give a torch.Tensor": torch.Tensor.numpy,
    "inputs per time step": lambda frames: torch.cat([frames, frames], dim=-1),
    "have shape {flat}; expected (time, batch": lambda frames: frames[:, 0].flatten(1),
    "are torch.sparse_csr of": lambda frames: torch.ones_like(frames).flatten(2).to_sparse_csr(),
}


def _with(frames, value):
    changed = frames.clone()
    changed.view(-1)[-1] = value
    return changed


@pytest.mark.parametrize("fault", FAULTS)
@settings(repeated, max_examples=8)
@given(case=cases(), backend=BACKENDS)
def test_both_networks_refuse_the_same_frames_with_the_same_words(fault, case, backend):
    """A voltage that isn't a number never spikes, so the readout would look sound."""
    snn, other, frames = case
    frames = frames if frames.shape[1] else frames.new_zeros(2, 1, *frames.shape[2:])
    shape, faulty = frames.shape, FAULTS[fault](frames)
    places = {"last": tuple(n - 1 for n in shape), "flat": (shape[0], shape[2:].numel())}
    asked = [(snn, faulty), (other, faulty)]
    if "hold" in fault:
        asked.append((other, faulty.to_sparse()))
    messages = set()
    with patch.object(network, "cpu", backend):
        for each, given_frames in asked:
            with pytest.raises((TypeError, ValueError)) as raised:
                each(given_frames)
            messages.add((raised.type, str(raised.value)))
    ((_, said),) = messages
    assert said.startswith("frames ") and fault.format(**places) in said


@repeated
@given(case=cases(), data=st.data())
def test_an_index_outside_the_frames_never_counts(case, data):
    _, snn, frames = case
    shape = (len(frames), max(1, frames.shape[1]), *frames.shape[2:])
    axis = data.draw(st.integers(0, len(shape) - 1))
    outside = st.integers(shape[axis], 2**62) | st.integers(-(2**62), -1)
    index = [0] * len(shape)
    index[axis] = data.draw(outside)
    sparse = torch.sparse_coo_tensor(
        torch.tensor([index]).t(), torch.ones(1), shape, check_invariants=False
    )
    for run in (snn, augment):
        with pytest.raises(RuntimeError, match=r"found (negative )?index"):
            run(sparse)
