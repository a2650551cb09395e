"""``FastSNN`` gives what ``SNN`` gives or refuses what it refuses, whatever network and frames."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pokersnn_helpers import SNN, Classifier, FastSNN, augment, fit
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "cpu", backend)
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "cpu", backend)
        assert_same(outcome(snn, sparse), outcome(snn, frames))


FAULTS = {
    "nan": lambda frames: _with(frames, math.nan),
    "infinity": lambda frames: _with(frames, -math.inf),
    "whole numbers": lambda frames: frames.long(),
    "no time": lambda frames: frames[:0],
    "no tensor": lambda frames: frames.numpy(),
    "another size": lambda frames: torch.cat([frames, frames], dim=-1),
    "no batch": lambda frames: frames[:, 0].flatten(1),
    "another layout": lambda frames: torch.ones_like(frames).flatten(2).to_sparse_csr(),
}


def _with(frames, value):
    changed = frames.clone()
    changed.view(-1)[-1] = value
    return changed


@repeated
@given(case=cases(), backend=BACKENDS, fault=st.sampled_from(sorted(FAULTS)))
def test_both_networks_refuse_the_same_frames_with_the_same_words(case, backend, fault):
    snn, other, frames = case
    frames = FAULTS[fault](frames if frames.shape[1] else frames.new_zeros(2, 1, *frames.shape[2:]))
    messages = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "cpu", backend)
        for each in (snn, other):
            with pytest.raises((TypeError, ValueError)) as raised:
                each(frames)
            messages.append((raised.type, str(raised.value)))
    assert messages[0] == messages[1] and messages[0][1].startswith("frames ")


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


@settings(repeated, max_examples=25)
@given(case=cases(), clip_norm=st.none() | st.floats(1e-3, 10))
def test_training_goes_the_same_way_or_is_refused_in_both(case, clip_norm):
    *networks, frames = case
    classes = networks[0].arguments["output_size"]
    targets = torch.arange(frames.shape[1]) % classes
    found = []
    for snn in networks:
        try:
            history = fit(
                Classifier(snn, settle=0),
                [(frames, targets)] * 2,
                epochs=1,
                optimizer=torch.optim.SGD(snn.parameters(), lr=0.01),
                clip_norm=clip_norm,
                device="cpu",
            )
            found.append(history.loss[0])
        except (ValueError, RuntimeError) as error:
            found.append(type(error))
    assert found[0] == (found[1] if isinstance(found[1], type) else pytest.approx(found[1]))
    for snn in networks:
        assert all(weights.isfinite().all() for weights in snn.parameters())
