"""``FastSNN`` gives what ``SNN`` gives. How fast it does so is for the benchmark to say."""

import errno
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numba
import numpy as np
import pytest
import torch
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher
from torch.autograd import grad

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    augment,
    decode,
    evaluate,
    fit,
    load_checkpoint,
    make_loaders,
    save_checkpoint,
    train_classifier,
)
from pokersnn_helpers.fast import cpu, cuda, network
from pokersnn_helpers.files import _DiskCache, compiled, one_cpu_thread

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
BACKENDS = {"cpu": cpu, "cuda": cuda}


@pytest.fixture(autouse=True)
def one_thread():
    """More threads than a busy machine has cores would wait for one another at each operation."""
    with one_cpu_thread():
        yield


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    """Compute with the compiled loops, then with the PyTorch operations, both on the CPU."""
    monkeypatch.setattr(network, "cpu", BACKENDS[request.param])


@pytest.fixture(scope="module")
def few(data):
    """Some of the recordings, of all classes, where more would only take longer."""
    return data._replace(
        train=data.train.subset(range(0, len(data.train), 4)),
        test=data.test.subset(range(0, len(data.test), 5)),
    )


def batch_of(data, size, time_window=1000, dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    frames, targets = next(iter(make_loaders(data, size, time_window)[0]))
    return frames.to(dtype), targets


def both(dtype=torch.float32, seed=0, **arguments):
    """Make an SNN and a FastSNN with the same weights."""
    torch.manual_seed(seed)
    snn, other = SNN(**arguments).to(dtype), FastSNN(**arguments).to(dtype)
    snn.record = other.record = True
    other.load_state_dict(snn.state_dict())
    return snn, other


def results(snn, frames, targets):
    """Return voltages and gradients of the loss."""
    voltages = snn(frames)
    loss = torch.nn.functional.nll_loss(decode(voltages), targets)
    return voltages.detach(), grad(loss, list(snn.parameters()))


def assert_close(found, expected, tolerance):
    assert found.shape == expected.shape and found.dtype == expected.dtype
    assert (found - expected).norm() <= tolerance * expected.norm()


def assert_same_results(snn, other, frames, targets):
    """Compare a pass and its gradients.

    In single precision, rounding may put a voltage on the other side of the threshold; one spike in
    100,000 may begin to differ so. What follows from it may differ too.
    """
    tolerance = TOLERANCE[frames.dtype]
    expected, expected_gradients = results(snn, frames, targets)
    found, gradients = results(other, frames, targets)
    differ = snn.recording.lif0.z != other.recording.lif0.z
    if frames.dtype == torch.float32 and differ.any():
        first = differ.any(dim=2).float().argmax(dim=0)  # step at which each recording departs
        departures = differ[first, range(differ.shape[1])].sum()
        assert departures <= max(1, differ.numel() / 100_000)
        pytest.skip("rounding made a voltage pass the threshold: there is no pass to compare")
    assert not differ.any()
    assert_close(found, expected, tolerance)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_close(gradient, expected_gradient, tolerance)
    for state, expected_state in zip(other.recording, snn.recording, strict=True):
        for kept, expected_kept in zip(state, expected_state, strict=True):
            assert_close(kept, expected_kept, tolerance)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("time_window", "size", "seed"), [(1000, 32, 0), (1000, 5, 1), (1000, 1, 2), (100, 8, 3)]
)
def test_same_spikes_voltages_and_gradients(data, backend, dtype, time_window, size, seed):
    """Batches are padded: their recordings differ in length."""
    frames, targets = batch_of(data, size, time_window, dtype, seed)
    snn, other = both(dtype, seed, dt=1e-6 * time_window)
    assert_same_results(snn, other, frames, targets)
    assert snn.recording.lif0.z.mean() > 0.01


@pytest.mark.parametrize("hidden_size", [1, 3, 8, 37])
def test_same_for_any_number_of_neurons(data, backend, hidden_size):
    frames, targets = batch_of(data, 6, dtype=torch.float64)
    assert_same_results(*both(torch.float64, hidden_size=hidden_size), frames, targets)


def test_same_with_other_constants(data, backend):
    constants = {
        "v_th": 0.7, "tau_syn": 0.004, "tau_mem": 0.013, "readout_tau_syn": 0.002,
        "readout_tau_mem": 0.03, "dt": 0.0005, "surrogate_slope": 0.3,
    }  # fmt: skip
    frames, targets = batch_of(data, 6, 500, torch.float64)
    assert_same_results(*both(torch.float64, **constants), frames, targets)


def test_same_where_a_voltage_meets_the_threshold(backend):
    """Every number is a sum of few powers of 2, so that nothing is rounded."""
    taus = dict.fromkeys(("tau_syn", "tau_mem", "readout_tau_syn", "readout_tau_mem"), 0.002)
    networks = both(torch.float64, input_size=1, hidden_size=2, v_th=0.5, **taus)
    for snn in networks:
        for weights in snn.parameters():
            torch.nn.init.ones_(weights)
        torch.nn.init.eye_(snn.linear.weight)
    assert_same_results(*networks, torch.ones(3, 1, 1, dtype=torch.float64), torch.tensor([0]))
    lif0 = networks[1].recording.lif0
    assert torch.all(lif0.v[0] == 0.5) and torch.all(lif0.z[0] == 0) and torch.all(lif0.z[1] == 1)


def test_same_for_one_time_step(data, backend):
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    assert_same_results(*both(torch.float64, v_th=0.01), frames[:1], targets)


def test_same_with_a_silent_recording(data, backend):
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    frames[:, 2] = 0
    snn, other = both(torch.float64)
    assert_same_results(snn, other, frames, targets)
    assert torch.all(other(frames)[:, 2] == 0)


def test_same_without_recurrent_weights(data, backend):
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    networks = both(torch.float64)
    for snn in networks:
        torch.nn.init.zeros_(snn.lif0.recurrent_weights)
    assert_same_results(*networks, frames, targets)


def test_no_neuron_learns_to_excite_itself(data, backend):
    snn = FastSNN()
    snn(batch_of(data, 4)[0]).sum().backward()
    assert torch.all(snn.lif0.recurrent_weights.grad.diagonal() == 0)
    assert snn.lif0.recurrent_weights.grad.abs().sum() > 0


def test_same_for_counts_that_are_not_whole_and_for_full_frames(backend):
    torch.manual_seed(0)
    frames = torch.randn(7, 3, 2, 5, 5, dtype=torch.float64)
    networks = both(torch.float64, input_size=50, hidden_size=12)
    assert_same_results(*networks, frames, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("v_th", [1e-9, 0.3, 3.0])  # all neurons spike, some do, few do
@pytest.mark.parametrize("share", [0.02, 1.0])  # of the inputs
def test_same_whether_loops_or_blas_multiply(v_th, share):
    """Beyond the cache BLAS multiplies what is dense, and the batch goes through time together."""
    torch.manual_seed(0)
    snn, other = both(torch.float64, input_size=50, hidden_size=520, v_th=v_th)
    assert cpu.IN_CACHE < 520 * 524
    frames = torch.rand(9, 3, 2, 5, 5, dtype=torch.float64)
    frames *= torch.rand_like(frames) < share
    assert_same_results(snn, other, frames, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("hidden_size", [30, 520])
@pytest.mark.parametrize("share", [0.02, 1.0])
def test_inference_keeps_no_states_and_gives_the_same_bits(backend, share, hidden_size):
    torch.manual_seed(0)
    frames = torch.rand(9, 3, 2, 5, 5)
    frames *= torch.rand_like(frames) < share
    snn = FastSNN(50, hidden_size)
    expected = snn(frames)
    assert expected.requires_grad
    with torch.no_grad():
        found = snn(frames)
    assert torch.equal(found, expected) and not found.requires_grad


def test_same_when_the_loss_looks_at_every_step(data, backend):
    """The loss of the other tests looks at one step per readout neuron."""
    frames, _ = batch_of(data, 4, dtype=torch.float64)
    snn, other = both(torch.float64)
    torch.manual_seed(1)
    factors = torch.randn_like(snn(frames))
    expected = grad((snn(frames) * factors).sum(), list(snn.parameters()))
    found = grad((other(frames) * factors).sum(), list(other.parameters()))
    for gradient, expected_gradient in zip(found, expected, strict=True):
        assert_close(gradient, expected_gradient, 1e-10)


def test_gradient_of_the_readout_weights_is_a_finite_difference(data, backend):
    """No threshold lies behind the readout, so there the gradient is a true one."""
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    _, snn = both(torch.float64)
    *_, gradient = results(snn, frames, targets)[1]
    direction = torch.randn_like(gradient)
    losses = []
    for step in (1e-6, -1e-6):
        with torch.no_grad():
            snn.linear.weight += step * direction
            losses.append(torch.nn.functional.nll_loss(decode(snn(frames)), targets))
            snn.linear.weight -= step * direction
    difference = (losses[0] - losses[1]) / 2e-6
    assert difference.item() == pytest.approx((gradient * direction).sum().item(), rel=1e-6)


def test_gradient_reaches_dense_frames(data, backend):
    frames, _ = batch_of(data, 3, dtype=torch.float64)
    snn, other = both(torch.float64)
    frames.requires_grad_()
    expected, found = (grad(net(frames).sum(), frames)[0] for net in (snn, other))
    assert_close(found, expected, 1e-10)


@pytest.mark.parametrize("time_window", [1000, 300, 10])
def test_sparse_batches_hold_the_dense_ones(data, time_window):
    size = 20 if time_window > 10 else 2
    loaders = [make_loaders(data, size, time_window, sparse=sparse) for sparse in (False, True)]
    for dense_loader, sparse_loader in zip(*loaders, strict=True):
        torch.manual_seed(0)
        frames, targets = next(iter(dense_loader))
        torch.manual_seed(0)
        events, sparse_targets = next(iter(sparse_loader))
        assert events.is_sparse and events.shape == frames.shape
        assert events.dtype == frames.dtype and torch.equal(events.to_dense(), frames)
        assert torch.equal(sparse_targets, targets)


def test_augmentation_moves_events_as_it_moves_frames(data):
    frames, _ = batch_of(data, 16)
    torch.manual_seed(4)
    expected = augment(frames)
    torch.manual_seed(4)
    found = augment(frames.to_sparse())
    assert found.is_sparse and torch.equal(found.to_dense(), expected)
    assert not torch.equal(expected, frames)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_sparse_input_gives_what_dense_input_gives(data, backend, dtype):
    frames, targets = batch_of(data, 6, dtype=dtype)
    _, snn = both(dtype)
    torch.manual_seed(2)
    dense_voltages, dense = results(snn, augment(frames), targets)
    torch.manual_seed(2)
    voltages, gradients = results(snn, augment(frames.to_sparse()), targets)
    assert_close(voltages, dense_voltages, TOLERANCE[dtype])
    for gradient, expected in zip(gradients, dense, strict=True):
        assert_close(gradient, expected, TOLERANCE[dtype])


def test_sparse_input_may_come_in_any_order(data, backend):
    frames, targets = batch_of(data, 3, dtype=torch.float64)
    events = frames.to_sparse()
    order = torch.randperm(events._nnz())
    places, counts = events.indices()[:, order], events.values()[order]
    snn = both(torch.float64)[1]
    _, expected = results(snn, frames, targets)
    _, found = results(snn, torch.sparse_coo_tensor(places, counts, frames.shape), targets)
    for gradient, expected_gradient in zip(found, expected, strict=True):
        assert_close(gradient, expected_gradient, 1e-10)


@pytest.mark.parametrize("sparse", [False, True])
def test_training_follows_the_same_losses(few, backend, sparse):
    histories = []
    for kind in (SNN, FastSNN):
        loaders = make_loaders(few, 8, sparse=sparse and kind is FastSNN)
        torch.manual_seed(0)
        classifier = Classifier(kind(hidden_size=30).double())
        histories.append(
            fit(
                classifier, *map(_doubled, loaders),
                epochs=2, clip_norm=0.3, ema_decay=0.9, augment=augment, device="cpu",
            )
        )  # fmt: skip
    expected, found = histories
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert found.test_loss == pytest.approx(expected.test_loss, rel=1e-6)
    assert found.accuracy == expected.accuracy
    assert len(set(found.test_loss)) == 2


class _doubled:
    """A loader whose frames are of double precision, so that rounding changes no spike."""

    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return ((frames.double(), targets) for frames, targets in self.loader)


@pytest.fixture
def two_threads(monkeypatch):
    """Compute halves of a batch on two threads; list each thread and where it began."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(cpu, "usable_cores", lambda: 2)
    monkeypatch.setattr(cpu, "FOR_TWO", 0)
    began = []

    def noted(loop):
        def run(*arguments):
            began.append((threading.get_ident(), arguments[-2]))
            loop(*arguments)

        return run

    for name in ("_forward", "_backward"):
        monkeypatch.setattr(cpu, name, noted(getattr(cpu, name)))
    return began


@pytest.mark.parametrize("hidden", [100, 520], ids=["in_cache", "beyond_cache"])
@pytest.mark.parametrize("sparse", [False, True])
def test_two_threads_give_the_same_bits_as_one(data, two_threads, monkeypatch, hidden, sparse):
    frames, targets = batch_of(data, 11)
    frames = frames.to_sparse() if sparse else (torch.rand_like(frames) < 0.5).float()
    _, snn = both(hidden_size=hidden)
    found = results(snn, frames, targets)
    assert [begin for _, begin in sorted(two_threads, key=lambda one: one[1])] == [0, 0, 6, 6]
    assert len({thread for thread, _ in two_threads}) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    two_threads.clear()
    expected = results(snn, frames, targets)
    assert len({thread for thread, _ in two_threads}) == 1
    assert torch.equal(found[0], expected[0])
    assert all(torch.equal(a, b) for a, b in zip(found[1], expected[1], strict=True))


def test_what_fails_on_the_other_thread_is_raised(two_threads, monkeypatch):
    def fail(*arguments):
        if arguments[-2] > 0:
            raise MemoryError("in the second half")

    monkeypatch.setattr(cpu, "_forward", fail)
    with pytest.raises(MemoryError, match="in the second half"):
        FastSNN(8, 4)(torch.ones(3, 2, 8))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes don't fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_forks_has_threads_of_its_own(two_threads):
    """A forked process has the memory of the pool, but not its threads: it would wait forever."""
    frames = torch.ones(3, 2, 8)
    snn = FastSNN(8, 4)
    expected = snn(frames).detach()
    child = os.fork()
    if child == 0:
        same = False
        try:
            same = torch.equal(snn(frames).detach(), expected)
        finally:  # whatever happens: else the tests would go on in this process, too
            os._exit(0 if same else 1)
    for _ in range(600):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
    assert ended and status == 0


def blas_threads():
    return [library.num_threads for library in cpu._blas().lib_controllers]


@pytest.fixture
def two_blas_threads():
    if not blas_threads():
        pytest.skip("threadpoolctl knows no BLAS here, as where macOS brings its own")
    with cpu._blas().limit(limits=2):
        assert set(blas_threads()) == {2}
        yield


def test_backward_pass_has_one_blas_thread_and_puts_the_others_back(two_blas_threads, monkeypatch):
    """Two would wait for one another at every time step, as long as another process likes."""
    found = []

    def fail(*arguments):
        found.extend(blas_threads())
        raise MemoryError

    voltages = FastSNN(8, 4)(torch.ones(3, 2, 8))
    monkeypatch.setattr(cpu, "_backward", fail)
    with pytest.raises(MemoryError):
        voltages.sum().backward()
    assert set(found) == {1} and set(blas_threads()) == {2}


def test_blas_has_one_thread_until_the_last_leaves(two_blas_threads):
    """The number is one for the process: who comes second would put back what the first set."""
    with cpu._one_blas_thread:
        with cpu._one_blas_thread:
            pass
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {2}


def test_weights_do_not_depend_on_the_threads_that_a_machine_allows():
    weights = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        batches = [((torch.rand(30, 16, 50) < 0.1).float(), torch.arange(16) % 4) for _ in range(3)]
        classifier = Classifier(FastSNN(50, 200), sensor_size=(5, 5, 2))
        with cpu._blas().limit(limits=threads):
            fit(classifier, batches, device="cpu", epochs=2)
        weights.append(torch.cat([each.flatten() for each in classifier.parameters()]))
    assert torch.equal(*weights)


def test_single_precision_rounds_every_operation_as_the_reference_does():
    """With one event per step there is one order of the sums, so not a bit may differ."""
    torch.manual_seed(0)
    snn, other = both(input_size=1, hidden_size=50, v_th=9.0)
    frames = torch.rand(200, 3, 1)
    snn(frames), other(frames)
    assert snn.recording.lif0.v.std() > 0.1
    for kept, expected in zip(other.recording.lif0, snn.recording.lif0, strict=True):
        assert torch.equal(kept, expected)


def test_runs_at_one_microsecond(data):
    """As dense frames this batch would need more than 100 MB per millisecond."""
    (events, targets) = next(iter(make_loaders(data, 4, 1, sparse=True)[1]))
    assert events.shape[0] > 4000
    snn = FastSNN(dt=1e-6, surrogate_slope=1e-3)
    voltages, gradients = results(snn, events, targets)
    assert voltages.shape == (events.shape[0], 4, 4) and torch.isfinite(voltages).all()
    assert all(0 < gradient.norm() < 1e6 for gradient in gradients)


@pytest.mark.parametrize("sparse", [False, True])
def test_an_empty_batch_gives_gradients_of_zero(backend, sparse):
    """A process that shares a batch smaller than the number of processes has nothing to do."""
    frames = torch.zeros(3, 0, 2, 35, 35)
    snn = FastSNN()
    voltages = snn(frames.to_sparse() if sparse else frames)
    assert voltages.shape == (3, 0, 4)
    voltages.sum().backward()
    assert all(torch.all(weights.grad == 0) for weights in snn.parameters())


def test_recipe_lowers_the_surrogate_slope_where_steps_are_finer(few):
    for time_window, slope in ((300, 0.3), (2000, 1.0)):
        classifier, history = train_classifier(
            few, device="cpu", epochs=1, time_window=time_window, network=FastSNN
        )
        assert classifier.snn.arguments["surrogate_slope"] == slope
        assert classifier.snn.arguments["dt"] == pytest.approx(1e-6 * time_window)
        assert len(history.test_loss) == 1


def test_checkpoints_load_either_way(few, tmp_path):
    snn, other = both(hidden_size=20)
    _, test_loader = make_loaders(few)
    for one, kind in ((snn, FastSNN), (other, SNN)):
        save_checkpoint(Classifier(one), tmp_path / "a.pt")
        loaded = load_checkpoint(tmp_path / "a.pt", device="cpu", network=kind)
        assert type(loaded.snn) is kind
        expected = evaluate(Classifier(one), test_loader, "cpu").log_probabilities
        found = evaluate(loaded, test_loader, "cpu").log_probabilities
        assert_close(found, expected, 1e-5)
    assert list(snn.state_dict()) == list(other.state_dict())
    assert snn.arguments == other.arguments


def test_nothing_is_recorded_unless_asked_for(data, backend):
    frames, _ = batch_of(data, 2)
    snn = FastSNN()
    snn.record = True
    plain = snn(frames)
    assert not any(state.requires_grad for states in snn.recording for state in states)
    snn.record = False
    assert torch.equal(snn(frames), plain) and snn.recording is None


def test_the_reference_network_names_the_one_that_takes_sparse_frames(data):
    events = batch_of(data, 2)[0].to_sparse()
    with pytest.raises(
        TypeError, match=r"frames are sparse, for FastSNN; give frames.to_dense\(\)"
    ):
        SNN()(events)


@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        (torch.zeros(5, 2450), ValueError, r"shape \(5, 2450\); expected \(time, batch"),
        (torch.zeros(5, 3, 2, 34, 34).to_sparse(), ValueError, "hold 2312 inputs per time step"),
        (torch.zeros(0, 3, 2450), ValueError, "no time step"),
        (torch.zeros(5, 1, 2450, dtype=torch.int16), TypeError, "convert them with frames.float"),
        (torch.zeros(5, 3, 2, 35, 35).to_sparse(3), TypeError, r"first 3 of 5 axes only; give"),
    ],
)
def test_unfit_frames_are_refused(frames, error, message):
    with pytest.raises(error, match=message):
        FastSNN()(frames)


@pytest.mark.parametrize(
    "index",
    [(5, 0, 0, 0, 0), (-1, 0, 0, 0, 0), (0, 3, 0, 0, 0), (0, 0, 0, 0, 36), (0, 0, -1, 0, 0)],
)
def test_an_index_outside_the_frames_is_refused(index):
    """PyTorch doesn't look; loops that trust it would count it elsewhere or write out of bounds."""
    places = torch.tensor([(4, 2, 1, 34, 34), index]).t()
    frames = torch.sparse_coo_tensor(
        places, torch.ones(2), (5, 3, 2, 35, 35), check_invariants=False
    )
    with pytest.raises(ValueError, match=re.escape(f"at index {index}, outside their shape (5, ")):
        FastSNN()(frames)


class _Louder(FastSNN):
    def step(self, frame, state):
        return super().step(2 * frame, state)


def _with_parameter(layer, **changes):
    def change(snn):
        cell = getattr(snn, layer)
        cell.p = cell.p._replace(**changes)

    return change


def _stacked(snn):
    snn.hidden2 = torch.nn.Linear(4, 4)


def _subclassed(snn):
    snn.linear = torch.nn.utils.parametrizations.weight_norm(snn.linear)


def _with_bias(snn):
    snn.linear = torch.nn.Linear(4, 4)


def _with_hook(register):
    return lambda snn: getattr(snn.readout, register)(lambda *arguments: None)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (_stacked, TypeError, r"LICell, hidden2: Linear\), but FastSNN computes \(lif0: LIF"),
        (lambda snn: delattr(snn, "readout"), TypeError, r"is \(lif0: .*, linear: Linear\), but"),
        (_subclassed, TypeError, "linear: ParametrizedLinear"),
        (_with_bias, TypeError, r"linear.bias is \[.*\], but"),
        (lambda snn: setattr(snn, "step", print), TypeError, "step is print, but"),
        (_with_hook("register_forward_hook"), TypeError, r"readout._forward_hooks is \[<function"),
        (_with_hook("register_forward_pre_hook"), TypeError, "readout._forward_pre_hooks is"),
        (_with_hook("register_full_backward_hook"), TypeError, "readout._backward_hooks is"),
        (_with_hook("register_full_backward_pre_hook"), TypeError, "readout._backward_pre_hooks"),
        (_with_parameter("lif0", v_reset=torch.tensor(0.5)), ValueError, "lif0.p.v_reset is .*0.5"),
        (_with_parameter("lif0", v_leak=torch.tensor(-0.5)), ValueError, "lif0.p.v_leak is .*-0.5"),
        (_with_parameter("readout", v_leak=torch.tensor(2.0)), ValueError, "readout.p.v_leak is"),
        (_with_parameter("lif0", method="tanh"), ValueError, "method is tanh, .* computes 'super'"),
        (_with_parameter("lif0", alpha=torch.tensor(9.0)), ValueError, "lif0.p.alpha is .*9"),
        (_with_parameter("lif0", v_th=torch.ones(4)), ValueError, r"shape \(4,\), .*one fixed"),
        (_with_parameter("readout", tau_mem_inv=torch.ones(4)), ValueError, "out.p.tau_mem_inv is"),
        (
            _with_parameter("lif0", tau_syn_inv=torch.tensor(99.0, requires_grad=True)),
            ValueError,
            "lif0.p.tau_syn_inv is .*requires_grad=True",
        ),
        (lambda snn: snn.half(), TypeError, r"type torch.float16; convert them with snn.float\(\)"),
        (lambda snn: snn.bfloat16(), TypeError, "type torch.bfloat16"),
    ],
)  # fmt: skip
def test_what_only_the_reference_network_computes_is_refused(backend, change, error, message):
    snn = FastSNN(8, 4)
    assert snn(torch.ones(3, 2, 8)).shape == (3, 2, 4)
    change(snn)
    with pytest.raises(error, match=message) as raised:
        snn(torch.ones(3, 2, 8))
    assert "use SNN" in str(raised.value) or "snn.float()" in str(raised.value)


def test_a_step_of_ones_own_is_refused():
    with pytest.raises(
        TypeError, match=r"step is _Louder\.step, but FastSNN computes SNN\.step only"
    ):
        _Louder(8, 4)(torch.ones(3, 2, 8))


def test_second_derivatives_are_refused(backend):
    frames = torch.ones(3, 2, 8, requires_grad=True)
    voltages = FastSNN(8, 4)(frames)
    with pytest.raises(RuntimeError, match=r"no second derivatives \(create_graph=True\); use SNN"):
        grad(voltages.sum(), frames, create_graph=True)


def test_a_change_of_the_frames_before_the_backward_pass_does_no_harm(backend):
    """It goes unseen where the inputs were copied, and is refused where they weren't."""
    snn = FastSNN(8, 4)
    frames = torch.ones(9, 2, 8)
    expected = grad(snn(frames).sum(), snn.lif0.input_weights)[0]
    assert expected.norm() > 0
    voltages = snn(frames)
    frames.zero_()
    try:
        found = grad(voltages.sum(), snn.lif0.input_weights)[0]
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
    else:
        assert torch.equal(found, expected)


def test_threads_do_not_share_what_they_compute_with(backend):
    torch.manual_seed(0)
    networks = [FastSNN(8, 20) for _ in range(4)]
    frames = (torch.rand(200, 2, 8) < 0.3).float()

    def compute(snn):
        voltages = snn(frames)
        return voltages.detach(), *grad(voltages.sum(), list(snn.parameters()))

    expected = [compute(snn) for snn in networks]
    found = [[] for _ in networks]

    def repeat(number):
        for _ in range(3):
            found[number].append(compute(networks[number]))

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for runs, once in zip(found, expected, strict=True):
        assert len(runs) == 3
        assert all(torch.equal(a, b) for run in runs for a, b in zip(run, once, strict=True))


def found_compiled(count, collect):
    """Run two of the loops; return for each whether its machine code was found."""
    frames, indptr = np.array([[0.0, 2.0], [3.0, 0.0]]), np.zeros(3, np.int64)
    indices, data = np.zeros(2, np.int32), np.zeros(2)
    count(frames, indptr)
    collect(frames, indptr.cumsum(), indices, data)
    assert indptr.tolist() == [0, 1, 1]
    assert indices.tolist() == [1, 0] and data.tolist() == [2, 3]
    return [sum(each.stats.cache_hits.values()) for each in (count, collect)]


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that makes two of the loops anew, as a new process does, and runs them.

    It returns how many of them it found compiled in the test's own folder.
    """
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def load():
        return sum(found_compiled(*(compiled(each.py_func) for each in (cpu._count, cpu._list))))

    return load


@pytest.fixture(scope="module")
def sound_code(tmp_path_factory):
    """A folder with the sound machine code of the two loops."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "CACHE_DIR", str(folder))
        assert found_compiled(compiled(cpu._count.py_func), compiled(cpu._list.py_func)) == [0, 0]
    return folder


def flip_a_bit(code):
    middle = len(code) // 2
    return code[:middle] + bytes([code[middle] ^ 8]) + code[middle + 1 :]


DAMAGES = {
    "empty": lambda code: b"",
    "cut": lambda code: code[:-9],
    "garbage": lambda code: b"?" * 99,
    "bit flipped": flip_a_bit,
}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_machine_code_is_compiled_anew(load, sound_code, tmp_path, suffix, damage):
    shutil.copytree(sound_code, tmp_path, dirs_exist_ok=True)
    assert load() == 2
    paths = list(tmp_path.rglob("*" + suffix))
    assert len(paths) == 2
    for path in paths:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert load() == 0
    assert load() == 2


RUN = f"""
import numpy as np
from pokersnn_helpers.fast import cpu
{inspect.getsource(found_compiled)}
print(found_compiled(cpu._count, cpu._list))
"""


def test_a_new_process_loads_sound_machine_code_and_compiles_the_rest(sound_code, tmp_path):
    shutil.copytree(sound_code, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.rglob("*_list*.nbc"):
        path.write_bytes(b"")
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", RUN], capture_output=True, text=True, check=False, env=env
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[1, 0]"


def test_all_loops_keep_their_machine_code_on_disk():
    loops = [each for each in vars(cpu).values() if isinstance(each, Dispatcher)]
    assert len(loops) == 10
    assert all(isinstance(loop._cache, _DiskCache) for loop in loops)


def test_runs_where_no_machine_code_can_be_kept(load, tmp_path, monkeypatch):
    """Numba refuses to cache where neither the package's nor the user's folder is writable."""
    monkeypatch.setattr(FunctionCache._impl_class, "_locator_classes", [])
    assert load() == load() == 0
    assert not list(tmp_path.iterdir())


def test_runs_where_the_disk_is_full(load, tmp_path, monkeypatch):
    def full(self, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "_open_for_write", full)
    assert load() == load() == 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_blocks_are_made_and_run_on_the_device_of_the_weights(monkeypatch):
    """A graph captured on another GPU would be empty, and nobody would be told."""
    current, calls = [], []

    @contextmanager
    def device_of(tensor):
        current.append(tensor.shape)
        yield
        current.clear()

    def watch(name, method):
        def watched(*arguments):
            calls.append((name, *current))
            return method(*arguments)

        monkeypatch.setattr(cuda._GraphedSteps, name, watched)

    monkeypatch.setattr(network, "cpu", cuda)
    monkeypatch.setattr(torch.cuda, "device_of", device_of)
    for name in ("__init__", "forward", "backward"):
        watch(name, getattr(cuda._GraphedSteps, name))
    FastSNN(8, 11)(torch.ones(3, 2, 8)).sum().backward()
    assert calls == [(name, (11, 11)) for name in ("__init__", "forward", "backward")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("sparse", [False, True])
def test_same_on_the_gpu(data, sparse):
    frames, targets = batch_of(data, 8, dtype=torch.float64)
    frames, targets = frames.cuda(), targets.cuda()
    snn, other = both(torch.float64)
    expected, expected_gradients = results(snn.cuda(), frames, targets)
    found, gradients = results(other.cuda(), frames.to_sparse() if sparse else frames, targets)
    assert_close(found, expected, 1e-10)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_close(gradient, expected_gradient, 1e-10)


@pytest.mark.parametrize("layer", ["lif0.input_weights", "lif0.recurrent_weights", "linear.weight"])
def test_weights_of_another_shape_never_reach_compiled_code(layer):
    """They would be read and written beyond their end, which kills the process."""
    snn = FastSNN(18, 6, 3)
    cell, name = layer.split(".")
    weights = getattr(getattr(snn, cell), name)
    setattr(getattr(snn, cell), name, torch.nn.Parameter(weights[:, :-2].detach().clone()))
    with pytest.raises(ValueError, match=rf"{layer} has shape .*; these frames need"):
        snn(torch.ones(5, 2, 2, 3, 3))


def test_frames_are_compared_with_the_weights_not_with_what_the_network_says():
    snn = FastSNN(18, 6, 3)
    snn.input_size = None
    with pytest.raises(ValueError, match=r"lif0\.input_weights has shape \(6, 18\); these frames"):
        snn(torch.ones(5, 2, 2, 64, 64))
