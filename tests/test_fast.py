"""``FastSNN`` gives what ``SNN`` gives. How fast it does so is for the benchmark to say."""

import os
import subprocess
import sys

import pytest
import torch

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    augment,
    decode,
    evaluate,
    fast,
    fit,
    load_checkpoint,
    loops,
    make_loaders,
    save_checkpoint,
    steps,
    train_classifier,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
ENGINES = {"loops": loops, "steps": steps}


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    """Compute with the compiled loops, then with the PyTorch operations, both on the CPU."""
    monkeypatch.setattr(fast, "loops", ENGINES[request.param])
    return ENGINES[request.param]


def batch_of(data, size, time_window=1000, dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    frames, targets = next(iter(make_loaders(data, size, time_window)[0]))
    return frames.to(dtype), targets


def both(dtype=torch.float32, seed=0, **arguments):
    """Make an SNN and a FastSNN with the same weights."""
    torch.manual_seed(seed)
    snn = SNN(**arguments, record=True).to(dtype)
    other = FastSNN(**arguments, record=True).to(dtype)
    other.load_state_dict(snn.state_dict())
    return snn, other


def results(snn, frames, targets):
    """Return voltages and gradients of the loss."""
    voltages = snn(frames)
    loss = torch.nn.functional.nll_loss(decode(voltages), targets)
    return voltages.detach(), torch.autograd.grad(loss, list(snn.parameters()))


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
def test_same_spikes_voltages_and_gradients(data, engine, dtype, time_window, size, seed):
    """Batches are padded: their recordings differ in length."""
    frames, targets = batch_of(data, size, time_window, dtype, seed)
    snn, other = both(dtype, seed, dt=1e-6 * time_window)
    assert_same_results(snn, other, frames, targets)
    assert snn.recording.lif0.z.mean() > 0.01


@pytest.mark.parametrize("hidden_size", [1, 3, 8, 37])
def test_same_for_any_number_of_neurons(data, engine, hidden_size):
    frames, targets = batch_of(data, 6, dtype=torch.float64)
    assert_same_results(*both(torch.float64, hidden_size=hidden_size), frames, targets)


def test_same_with_other_constants(data, engine):
    constants = {
        "v_th": 0.7, "tau_syn": 0.004, "tau_mem": 0.013, "readout_tau_syn": 0.002,
        "readout_tau_mem": 0.03, "dt": 0.0005, "surrogate_slope": 0.3,
    }  # fmt: skip
    frames, targets = batch_of(data, 6, 500, torch.float64)
    assert_same_results(*both(torch.float64, **constants), frames, targets)


def test_same_for_one_time_step(data, engine):
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    assert_same_results(*both(torch.float64, v_th=0.01), frames[:1], targets)


def test_same_with_a_silent_recording(data, engine):
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    frames[:, 2] = 0
    snn, other = both(torch.float64)
    assert_same_results(snn, other, frames, targets)
    assert torch.all(other(frames)[:, 2] == 0)


def test_same_without_recurrent_weights(data, engine):
    frames, targets = batch_of(data, 4, dtype=torch.float64)
    networks = both(torch.float64)
    for snn in networks:
        torch.nn.init.zeros_(snn.lif0.recurrent_weights)
    assert_same_results(*networks, frames, targets)


def test_no_neuron_learns_to_excite_itself(data, engine):
    snn = FastSNN()
    snn(batch_of(data, 4)[0]).sum().backward()
    assert torch.all(snn.lif0.recurrent_weights.grad.diagonal() == 0)
    assert snn.lif0.recurrent_weights.grad.abs().sum() > 0


def test_same_for_counts_that_are_not_whole_and_for_full_frames(engine):
    torch.manual_seed(0)
    frames = torch.randn(7, 3, 2, 5, 5, dtype=torch.float64)
    networks = both(torch.float64, input_size=50, hidden_size=12)
    assert_same_results(*networks, frames, torch.tensor([0, 1, 2]))


def test_same_when_the_loss_looks_at_every_step(data, engine):
    """The loss of the other tests looks at one step a readout neuron."""
    frames, _ = batch_of(data, 4, dtype=torch.float64)
    snn, other = both(torch.float64)
    torch.manual_seed(1)
    slopes = torch.randn_like(snn(frames))
    expected = torch.autograd.grad((snn(frames) * slopes).sum(), list(snn.parameters()))
    found = torch.autograd.grad((other(frames) * slopes).sum(), list(other.parameters()))
    for gradient, expected_gradient in zip(found, expected, strict=True):
        assert_close(gradient, expected_gradient, 1e-10)


def test_gradient_of_the_readout_weights_is_a_finite_difference(data, engine):
    """No threshold lies behind the readout, so there the gradient is a true slope."""
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
    slope = (losses[0] - losses[1]) / 2e-6
    assert slope.item() == pytest.approx((gradient * direction).sum().item(), rel=1e-6)


def test_gradient_reaches_dense_frames(data, engine):
    frames, _ = batch_of(data, 3, dtype=torch.float64)
    snn, other = both(torch.float64)
    frames.requires_grad_()
    expected, found = (torch.autograd.grad(net(frames).sum(), frames)[0] for net in (snn, other))
    assert_close(found, expected, 1e-10)


@pytest.mark.parametrize("time_window", [1000, 300, 10])
def test_sparse_batches_hold_the_dense_ones(standin, time_window):
    size = 20 if time_window > 10 else 2
    loaders = [make_loaders(standin, size, time_window, sparse=sparse) for sparse in (False, True)]
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
def test_sparse_input_gives_what_dense_input_gives(data, engine, dtype):
    frames, targets = batch_of(data, 6, dtype=dtype)
    _, snn = both(dtype)
    torch.manual_seed(2)
    dense_voltages, dense = results(snn, augment(frames), targets)
    torch.manual_seed(2)
    voltages, gradients = results(snn, augment(frames.to_sparse()), targets)
    assert_close(voltages, dense_voltages, TOLERANCE[dtype])
    for gradient, expected in zip(gradients, dense, strict=True):
        assert_close(gradient, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("sparse", [False, True])
def test_training_follows_the_same_losses(data, engine, sparse):
    histories = []
    for network, loaders in (
        (SNN, make_loaders(data, 32)),
        (FastSNN, make_loaders(data, 32, sparse=sparse)),
    ):
        torch.manual_seed(0)
        classifier = Classifier(network(hidden_size=30).double())
        histories.append(
            fit(
                classifier, _doubled(loaders[0]), _doubled(loaders[1]),
                epochs=4, max_gradient_norm=0.3, average_decay=0.9, augment=augment, device="cpu",
            )
        )  # fmt: skip
    expected, found = histories
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert found.test_loss == pytest.approx(expected.test_loss, rel=1e-6)
    assert found.accuracy == expected.accuracy


class _doubled:
    """A loader whose frames are of double precision, so that rounding changes no spike."""

    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return ((frames.double(), targets) for frames, targets in self.loader)


def test_results_do_not_depend_on_the_number_of_threads(data):
    frames, targets = batch_of(data, 11)
    _, snn = both()
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(results(snn, frames, targets))
    finally:
        torch.set_num_threads(before)
    for voltages, gradients in found[1:]:
        assert torch.equal(voltages, found[0][0])
        assert all(torch.equal(a, b) for a, b in zip(gradients, found[0][1], strict=True))


def test_runs_at_one_microsecond(data):
    """As dense frames this batch would need more than 100 MB a millisecond."""
    (events, targets) = next(iter(make_loaders(data, 4, 1, sparse=True)[1]))
    assert events.shape[0] > 4000
    snn = FastSNN(dt=1e-6, surrogate_slope=1e-3)
    voltages, gradients = results(snn, events, targets)
    assert voltages.shape == (events.shape[0], 4, 4) and torch.isfinite(voltages).all()
    assert all(0 < gradient.norm() < 1e6 for gradient in gradients)


@pytest.mark.parametrize("sparse", [False, True])
def test_an_empty_batch_gives_gradients_of_zero(engine, sparse):
    """A process that shares a batch smaller than the number of processes has nothing to do."""
    frames = torch.zeros(3, 0, 2, 35, 35)
    snn = FastSNN()
    voltages = snn(frames.to_sparse() if sparse else frames)
    assert voltages.shape == (3, 0, 4)
    voltages.sum().backward()
    assert all(torch.all(weights.grad == 0) for weights in snn.parameters())


def test_recipe_lowers_the_slope_where_steps_are_finer(data):
    for time_window, slope in ((300, 0.3), (2000, 1.0)):
        classifier, history = train_classifier(
            data, device="cpu", epochs=1, time_window=time_window, network=FastSNN
        )
        assert classifier.snn.arguments["surrogate_slope"] == slope
        assert classifier.snn.arguments["dt"] == pytest.approx(1e-6 * time_window)
        assert len(history.test_loss) == 1


def test_checkpoints_load_either_way(data, tmp_path):
    snn, other = both(hidden_size=20)
    _, test_loader = make_loaders(data, batch_size=20)
    for one, network in ((snn, FastSNN), (other, SNN)):
        save_checkpoint(Classifier(one), tmp_path / "a.pt")
        loaded = load_checkpoint(tmp_path / "a.pt", device="cpu", network=network)
        assert type(loaded.snn) is network
        expected = evaluate(Classifier(one), test_loader, "cpu").log_probabilities
        found = evaluate(loaded, test_loader, "cpu").log_probabilities
        assert_close(found, expected, 1e-5)
    assert list(snn.state_dict()) == list(other.state_dict())
    assert snn.arguments == other.arguments


def test_nothing_is_recorded_unless_asked_for(data, engine):
    frames, _ = batch_of(data, 2)
    snn = FastSNN(record=True)
    plain = snn(frames)
    assert snn.recording is not None
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
        (torch.zeros(5, 3, 2, 34, 34).to_sparse(), ValueError, "hold 2312 inputs a time step"),
        (torch.zeros(0, 3, 2450), ValueError, "no time step"),
        (torch.zeros(5, 1, 2450, dtype=torch.int16), TypeError, "convert them with frames.float"),
    ],
)
def test_unfit_frames_are_refused(frames, error, message):
    with pytest.raises(error, match=message):
        FastSNN()(frames)


def test_runs_where_no_compiled_code_can_be_kept(tmp_path):
    """Numba refuses to cache where neither the package's nor the user's folder is writable."""
    script = (
        "import numba\n"
        "plain = numba.njit\n"
        "def njit(*args, cache=False, **options):\n"
        "    if cache:\n"
        "        raise RuntimeError('cannot cache function: no locator available')\n"
        "    return plain(*args, **options)\n"
        "numba.njit = njit\n"
        "import torch\n"
        "from pokersnn_helpers import FastSNN\n"
        "print(FastSNN(8, 4)(torch.ones(3, 2, 8)).shape)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )
    assert ran.stdout.strip() == "torch.Size([3, 2, 4])"


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
