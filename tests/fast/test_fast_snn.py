"""``FastSNN`` gives what ``SNN`` gives. How fast it does so is for the benchmark to say.

``test_properties_networks`` compares them for any network and frames; here are single precision,
threads, and what is refused.
"""

import math
import threading
from functools import partial

import numpy as np
import pytest
import torch
from readers_networks import scatter_taus
from torch.autograd import grad
from torch.utils._pytree import tree_leaves

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    decode,
    make_loaders,
)
from pokersnn_helpers.fast import fast_snn, loops, threads
from pokersnn_helpers.system.devices import one_cpu_thread


@pytest.fixture(autouse=True)
def one_thread():
    """More threads than a busy machine has cores would wait for one another at each operation."""
    with one_cpu_thread():
        yield


def batch_of(data, size):
    train, _ = make_loaders(data, batch_size=size)
    return next(iter(train))


def both(dtype=torch.float32, **arguments):
    """Make an SNN and a FastSNN with the same weights."""
    torch.manual_seed(0)
    snn = SNN(**arguments).to(dtype)
    fast = FastSNN(**arguments).to(dtype)
    fast.load_state_dict(snn.state_dict())
    snn.record = True
    fast.record = True
    return snn, fast


def results(snn, frames, targets):
    """Return voltages and gradients of the loss."""
    voltages = snn(frames)
    loss = torch.nn.functional.nll_loss(decode(voltages), targets)
    return voltages.detach(), *grad(loss, list(snn.parameters()))


def assert_close(computed, expected):
    """In double precision rounding moves no spike."""
    for tensor, reference in zip(computed, expected, strict=True):
        assert tensor.dtype == reference.dtype
        difference = tensor - reference
        assert difference.norm() <= 1e-10 * reference.norm()


def assert_same_bits(computed, expected):
    for tensor, reference in zip(computed, expected, strict=True):
        assert torch.equal(tensor, reference)


def test_same_where_a_voltage_meets_the_threshold():
    """Every number is a sum of few powers of 2, so that nothing is rounded."""
    taus = dict.fromkeys(SNN.time_constants, 0.002)
    snn, other = both(torch.float64, input_size=1, hidden_size=2, v_th=0.5, **taus)
    for model in (snn, other):
        for weights in model.parameters():
            torch.nn.init.ones_(weights)
        model.linear.weight.data[0] = 2  # else the gradients of the classes would add up to 0
    frames = torch.ones(3, 1, 1, dtype=torch.float64)
    computed, expected = (results(model, frames, torch.tensor([0])) for model in (other, snn))
    assert_close(computed, expected)
    assert_close(tree_leaves(other.recording), tree_leaves(snn.recording))
    hidden = other.recording.lif0
    assert (hidden.v[0] == 0.5).all()
    assert hidden.z.sum((1, 2)).tolist() == [0, 2, 2]


def random_frames(share):
    """Frames in which a share of the inputs isn't 0."""
    frames = torch.rand(9, 3, 2, 5, 5)
    return frames * (torch.rand_like(frames) < share)


@pytest.mark.parametrize("share", [0.02, 1.0])
def test_inference_and_recording_give_the_same_bits(share):
    frames = random_frames(share)
    snn = FastSNN(50, 30)
    expected = snn(frames)
    assert expected.requires_grad
    assert snn.recording is None
    states = []
    for snn.record, learns in ((False, False), (True, False), (True, True)):
        with torch.set_grad_enabled(learns):
            assert torch.equal(snn(frames), expected)
        states.append(tree_leaves(snn.recording))
    assert_same_bits(*states[1:])
    assert not any(state.requires_grad for state in states[2])


def test_blas_is_for_training_alone(monkeypatch):
    """It rounds by how many recordings a batch has, and an answer mustn't depend on that."""
    snn = FastSNN(50, 30)
    frames = random_frames(1.0)
    monkeypatch.delattr(np, "matmul")
    with torch.no_grad():
        snn(frames)
    with pytest.raises(AttributeError, match="matmul"):
        snn(frames)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("learn_taus", [False, True])
def test_a_batch_resumed_in_pieces_gives_the_bits_of_the_whole(data, learn_taus, sparse):
    frames, _ = batch_of(data, 5)
    snn = FastSNN(learn_taus=learn_taus)
    scatter_taus(snn)
    expected = snn(frames)
    state = None
    for piece, answer in zip(frames.split(7), expected.split(7), strict=True):
        voltages, state = snn.resume(piece.to_sparse() if sparse else piece, state)
        assert torch.equal(voltages, answer)
    with pytest.raises(ValueError, match="frames hold 2 recordings; go on with the 5 of before"):
        snn.resume(frames[:, :2], state)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_two_threads_give_the_same_bits_as_one(monkeypatch, share):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    monkeypatch.setattr(threads, "MIN_FOR_TWO", 0)
    began = []

    def noted(loop):
        def run(*arguments):
            began.append((threading.current_thread().name, arguments[-2]))
            loop(*arguments)

        return run

    for name in ("forward", "backward"):
        monkeypatch.setattr(loops, name, noted(getattr(loops, name)))
    frames = (torch.rand(20, 11, 2, 5, 5) < share).float()
    snn = FastSNN(50, 100)
    compute = partial(results, snn, frames, torch.arange(11) % 4)
    computed = compute()
    here = threading.current_thread().name
    assert sorted(begin for _, begin in began) == [0, 0, 6, 6]
    assert all((name == here) == (begin == 0) for name, begin in began)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    began.clear()
    assert_same_bits(computed, compute())
    assert {name for name, _ in began} == {here}


@pytest.mark.parametrize("learn_taus", [False, True])
def test_a_batch_in_two_halves_has_the_gradients_of_the_whole(data, monkeypatch, learn_taus):
    """The book's is large enough to be halved."""
    frames, targets = batch_of(data, 32)
    frames = frames.double()
    steps, batch = frames.shape[:2]
    snn, other = both(torch.float64, learn_taus=learn_taus)
    assert steps * batch * snn.arguments["hidden_size"] > threads.MIN_FOR_TWO
    halved = results(other, frames, targets)
    monkeypatch.setattr(threads, "MIN_FOR_TWO", math.inf)
    assert_close(halved, results(other, frames, targets))
    assert_close(halved, results(snn, frames, targets))


def blas_threads():
    return {library.num_threads for library in threads.blas().lib_controllers}


@pytest.fixture
def two_blas_threads():
    if not blas_threads():
        pytest.skip("threadpoolctl knows no BLAS here, as where macOS brings its own")
    with threads.blas().limit(limits=2):
        assert blas_threads() == {2}
        yield


def test_backward_pass_has_one_blas_thread_and_puts_the_others_back(two_blas_threads, monkeypatch):
    """Two would wait for one another at every time step, as long as another process likes."""
    threads = []

    def fail(*arguments):
        threads.append(blas_threads())
        raise MemoryError

    voltages = FastSNN(8, 4)(torch.ones(3, 2, 8))
    monkeypatch.setattr(loops, "backward", fail)
    with pytest.raises(MemoryError):
        voltages.sum().backward()
    assert threads == [{1}]
    assert blas_threads() == {2}


def test_single_precision_rounds_every_operation_as_the_reference_does():
    """With one event per step there is one order of the sums, so not a bit may differ."""
    snn, other = both(input_size=1, hidden_size=50, v_th=9.0)
    frames = torch.rand(200, 3, 1)
    snn(frames)
    other(frames)
    assert snn.recording.lif0.v.std() > 0.1
    assert_same_bits(other.recording.lif0, snn.recording.lif0)


class _Louder(FastSNN):
    def step(self, frame, state):
        return super().step(2 * frame, state)


def change(snn, layer, **changes):
    cell = getattr(snn, layer)
    cell.p = cell.p._replace(**changes)


def shorten(layer, name):
    """Give weights another shape: loops would read and write beyond their end."""
    weights = getattr(layer, name)[:, :-2].detach().clone()
    setattr(layer, name, torch.nn.Parameter(weights))


def ignore(*arguments):
    """A hook."""


LEARNT = torch.tensor(99.0, requires_grad=True)
CHANGES = {  # by what is said of them
    "the network is .*'more': ": lambda snn: setattr(snn, "more", torch.nn.Linear(4, 4)),
    "linear.bias is Parameter": lambda snn: setattr(snn, "linear", torch.nn.Linear(4, 4)),
    "step is <function _Louder.step": lambda snn: setattr(snn, "__class__", _Louder),
    r"hooks of readout is \[<": lambda snn: snn.readout.register_forward_hook(ignore),
    r"hooks of linear is \[<": lambda snn: snn.linear.register_full_backward_hook(ignore),
    "lif0.p.v_reset is 0.5": partial(change, layer="lif0", v_reset=torch.tensor(0.5)),
    "readout.p.v_leak is 2": partial(change, layer="readout", v_leak=torch.tensor(2)),
    "lif0.p.method is tanh": partial(change, layer="lif0", method="tanh"),
    "size of lif0.p.tau_mem_inv is 4": partial(change, layer="lif0", tau_mem_inv=torch.ones(4)),
    "syn_inv.requires_grad is True": partial(change, layer="readout", tau_syn_inv=LEARNT),
    r"shapes is \[\(4, 6\)": lambda snn: shorten(snn.lif0, "input_weights"),
    r"shapes is .*\(4, 2\)\],": lambda snn: shorten(snn.linear, "weight"),
}


@pytest.mark.parametrize("message", CHANGES)
def test_what_only_the_reference_network_computes_is_refused(message):
    snn = FastSNN(8, 4)
    snn(torch.ones(3, 2, 8))
    CHANGES[message](snn)
    for run in (snn, snn.resume):
        with pytest.raises(ValueError, match=f"(?s){message}.*; use SNN"):
            run(torch.ones(3, 2, 8))


def test_frames_that_are_sparse_along_some_axes_are_refused():
    frames = torch.zeros(5, 3, 2, 35, 35).to_sparse(3)
    for run in (FastSNN(), Classifier(FastSNN()).append_silence):
        with pytest.raises(TypeError, match="sparse along some axes; give"):
            run(frames)


def test_second_derivatives_are_refused():
    frames = torch.ones(3, 2, 8, requires_grad=True)
    voltages = FastSNN(8, 4)(frames)
    with pytest.raises(RuntimeError, match=r"no second derivatives \(create_graph=True\); use SNN"):
        grad(voltages.sum(), frames, create_graph=True)


def test_a_change_of_dense_frames_before_the_backward_pass_is_refused():
    """They weren't copied."""
    snn = FastSNN(8, 4)
    frames = torch.ones(9, 2, 8)
    voltages = snn(frames)
    frames.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        voltages.sum().backward()


@pytest.mark.parametrize("sparse", [False, True])
def test_on_a_gpu_it_computes_as_snn_does(monkeypatch, sparse):
    monkeypatch.setattr(fast_snn, "DEVICE", "another")
    snn, other = both(input_size=50, hidden_size=30)
    frames = random_frames(0.3)
    targets = torch.tensor([0, 1, 2])
    computed = results(other, frames.to_sparse() if sparse else frames, targets)
    assert_same_bits(computed, results(snn, frames, targets))
    assert_same_bits(tree_leaves(other.recording), tree_leaves(snn.recording))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("sparse", [False, True])
def test_same_on_the_gpu(data, sparse):
    frames, targets = batch_of(data, 8)
    frames = frames.double()
    snn, other = both(torch.float64)
    expected = results(snn, frames, targets)
    given = (frames.to_sparse() if sparse else frames).cuda()
    computed = results(other.cuda(), given, targets.cuda())
    assert_close([tensor.cpu() for tensor in computed], expected)
