"""The same network, faster: sparse input and a backward pass through time written by hand.

Events and spikes are rare, so a product with them is a sum over the few rows of a weight matrix
that they pick. Gradients are not rare: going back, they are multiplied by BLAS, on one thread.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..events.frames import check_frames, check_indices, indices_and_counts, sparse_tensor
from ..networks.snn import SNN, LearnedTaus, SNNState
from ..system.norse_cells import LICell, LIFRecurrentCell, LIFState, LIState
from . import loops
from .loops import Constants, Gradients, Neurons, State, Trace
from .rows import Rows, rows_of
from .threads import one_blas_thread, side_by_side

MIN_DENSE = 0.3  # share of inputs that aren't 0, above which BLAS multiplies all of them faster
DEVICE = "cpu"  # of the loops
LAYERS = {"lif0": LIFRecurrentCell, "linear": torch.nn.Linear, "readout": LICell}
LEARNED = LAYERS | {"lif0": LearnedTaus}
REQUIRED = {"v_leak": 0, "v_reset": 0, "method": "super", "alpha": 1}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class FastSNN(SNN):
    """``SNN`` with the same arguments, weights, results and gradients, computed faster.

    The results differ from those of ``SNN`` by rounding only. On the CPU two compiled loops do the
    work; their first call takes some seconds. If there is a second core, it computes half of each
    large batch, which helps as long as PyTorch uses one thread, as in ``fit``. This doesn't change
    a bit of the result, and ``OMP_NUM_THREADS=1`` turns it off. On a GPU it is computed as ``SNN``
    is, from dense frames, and no faster.

    Frames may be sparse tensors, as ``make_loaders(..., sparse=True)`` makes them. Time bins much
    narrower than 0.1 ms are possible only with these. On the CPU, gradients with respect to the
    frames exist for dense frames only, and there are no second derivatives.

    The loops compute this network and no other, so a subclass that adds layers raises an error.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs, make_loader
        >>> recordings = load_pokerdvs(source="simulated").test
        >>> loader = make_loader(recordings, batch_size=20, time_window=100, sparse=True)
        >>> frames, targets = next(iter(loader))
        >>> FastSNN(dt=0.0001)(frames).shape[1:]
        torch.Size([20, 4])
    """

    takes_sparse = True

    def forward(self, frames: Tensor) -> Tensor:
        """Step the network through time, from rest.

        Args:
            frames: Event counts of shape (T, B, polarities, height, width), floating point, dense
                or sparse (COO).

        Returns:
            Voltages of the readout, of shape (T, B, output_size).

        Raises:
            TypeError: The frames aren't a dense or COO tensor of a floating-point type, or the
                weights are of half precision.
            ValueError: As for ``SNN``; or the network has layers, a ``step``, hooks or parameters
                that only ``SNN`` computes.
            RuntimeError: Sparse frames have an index outside their shape.
        """
        check_frames(frames, self.linear.weight, self.input_size)  # the loops look at indices
        check_network(self, frames.shape[2:].numel())
        if frames.device.type != DEVICE:
            return super().forward(to_dense(frames))
        weights = self._weights()
        constants = self._constants()
        frames = frames.to(weights[0].dtype)
        learned = (constants.a, constants.s)
        learns = any(tensor.requires_grad for tensor in (frames, *weights, *learned))
        if (learns and torch.is_grad_enabled()) or self.record:
            trace = Trace(*_BPTT.apply(frames, *weights, *learned, constants, self.record))
        else:
            _, trace = forward_pass(frames, weights, constants)
        self.recording = self._recorded(trace) if self.record else None
        return trace.voltages

    def resume(self, frames: Any, state: Any = None) -> tuple[Tensor, Any]:
        """Go on, as ``networks`` says, on the CPU, with the weights of the first call.

        Frames (T, B, ...) of the weights' type go on with B recordings.
        """
        steps, batch = frames.shape[:2]
        if state is None:
            check_network(self, frames.shape[2:].numel())
            state = at_rest(batch, self._weights(), self._constants())
        before = len(state.neurons.v)
        if batch != before:
            raise ValueError(f"frames hold {batch} recordings; go on with the {before} of before")
        trace, state = run(steps, to_rows(frames), state)
        return trace.voltages, state

    def _weights(self) -> tuple[Tensor, ...]:
        return self.lif0.input_weights, self.lif0.recurrent_weights, self.linear.weight

    def _constants(self) -> Constants:
        cell = self.lif0
        if isinstance(cell, LearnedTaus):
            a, s = cell.mem.sigmoid(), cell.syn.sigmoid()
        else:
            hidden = cell.input_weights.new_ones(len(cell.input_weights))
            a, s = [share * hidden for share in shares_lost(cell)]
        a_out, s_out = shares_lost(self.readout)
        return Constants(a, s, float(cell.p.v_th), a_out, s_out, self.surrogate_slope)

    def _recorded(self, trace: Trace) -> SNNState:
        z = (trace.u > self.lif0.p.v_th).to(trace.u.dtype)
        v = (1 - z) * trace.u
        hidden = LIFState(z, v, trace.i)
        readout = LIState(trace.voltages.detach(), trace.i_out)
        return SNNState(hidden, readout)


def shares_lost(cell: Any) -> tuple[float, float]:
    """Return the shares of their voltages and of their currents that neurons lose in a step."""
    a = cell.dt * cell.p.tau_mem_inv
    s = cell.dt * cell.p.tau_syn_inv
    return float(a), float(s)


def check_network(snn: Any, inputs: int) -> None:
    """Refuse what only ``SNN`` computes: the loops would leave it out without a word.

    Compiled loops don't look at shapes, so they are compared here.
    """
    layers = dict(snn.named_children())
    kinds = {name: type(layer) for name, layer in layers.items()}
    need("the network", kinds, LEARNED if kinds.get("lif0") is LearnedTaus else LAYERS)
    step = getattr(snn.step, "__func__", snn.step)
    need("step", step, SNN.step)
    need("linear.bias", snn.linear.bias, None)
    outputs, hidden = snn.linear.weight.shape
    shapes = [tuple(weights.shape) for weights in FastSNN._weights(snn)]
    expected = [(hidden, inputs), (hidden, hidden), (outputs, hidden)]
    need("the weights' shapes", shapes, expected)
    for name, layer in layers.items():
        for kind in HOOKS:
            need(f"hooks of {name}", list(getattr(layer, kind).values()), [])
    for name in ("lif0", "readout"):
        for parameter, value in layers[name].p._asdict().items():
            path = f"{name}.p.{parameter}"
            if isinstance(value, Tensor):
                need(f"the size of {path}", value.numel(), 1)
                need(f"{path}.requires_grad", value.requires_grad, False)
            if parameter in REQUIRED:
                need(path, value, REQUIRED[parameter])


def need(name: str, value: Any, expected: Any) -> None:
    """Refuse another value than the loops rely on."""
    if value != expected:
        raise ValueError(f"{name} is {value}, but FastSNN needs {expected}; use SNN")


class _BPTT(torch.autograd.Function):
    """Backpropagation through time: frames, weights and shares lost in, a ``Trace`` out.

    Only the readout's voltages have a gradient.
    """

    @staticmethod
    def forward(ctx, frames, w_in, w_rec, w_out, a, s, constants, record):
        weights = [w_in, w_rec, w_out]
        inputs, trace = forward_pass(frames, weights, constants, record, keep=True)
        ctx.constants = constants
        ctx.inputs = inputs
        ctx.shape = frames.shape
        # Dense inputs may be the frames themselves: saved so, a change of them is noticed.
        ctx.save_for_backward(trace.u, *weights, inputs.matrix)
        ctx.mark_non_differentiable(trace.u, trace.i, trace.i_out)
        ctx.set_materialize_grads(False)
        return trace

    @staticmethod
    def backward(ctx, _grad_u, _grad_i, grad_voltages, _grad_i_out):
        if torch.is_grad_enabled():
            raise RuntimeError("FastSNN has no second derivatives (create_graph=True); use SNN")
        u, w_in, w_rec, w_out, _ = ctx.saved_tensors
        weights = [w_in, w_rec, w_out]
        needs_frames = ctx.needs_input_grad[0]
        learns_taus = any(ctx.needs_input_grad[4:6])
        *grads, grad_i = backward_pass(
            grad_voltages, ctx.inputs, u, weights, ctx.constants, needs_frames, learns_taus
        )
        grad_frames = (grad_i @ w_in).reshape(ctx.shape) if needs_frames else None
        return grad_frames, *grads, None, None


# ---- Inputs ----


class Inputs(NamedTuple):
    """Inputs, of which either the loops add up what few send, or BLAS multiplies them all."""

    rows: Rows  # for the loops; without any where BLAS multiplies
    matrix: Tensor | None = None  # (T * B, inputs), for BLAS


def to_inputs(frames: Tensor, learns: bool) -> Inputs:
    """Choose by which of both frames (T, B, ...) are computed faster.

    BLAS rounds by how many recordings there are, so that it is for training alone.
    """
    active = frames._nnz() if frames.is_sparse else int(frames.count_nonzero())
    if learns and active > MIN_DENSE * frames.numel():
        none = torch.empty(*frames.shape[:2], 0, dtype=frames.dtype)
        return Inputs(to_rows(none), as_matrix(frames.detach()))
    return Inputs(to_rows(frames))


# ---- Through time, and back ----


def forward_pass(frames, weights, constants, record=False, keep=False):
    """Step through time from rest.

    Args:
        frames: (T, B, ...), dense or sparse, of the weights' type.
        weights: Of inputs (H, inputs), recurrent (H, H) and of the readout (outputs, H).
        constants: ``Constants``.
        record: Keep the synaptic currents.
        keep: Keep what ``backward_pass`` needs, the hidden neurons' voltages.

    Returns:
        The inputs for ``backward_pass``, and what the neurons did.

    Raises:
        TypeError: Frames are sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.
    """
    steps, batch = frames.shape[:2]
    inputs = to_inputs(frames, learns=keep)
    currents = None
    if inputs.matrix is not None:
        with one_blas_thread(), np.errstate(all="ignore"):
            currents = np.matmul(inputs.matrix.numpy(), weights[0].detach().t().numpy())
    state = at_rest(batch, weights, constants)
    trace, _ = run(steps, inputs.rows, state, currents, record, keep)
    return inputs, trace


def backward_pass(grad_voltages, inputs, u, weights, constants, keep_grad_i, learns_taus=False):
    """Step back through time, from the gradient with respect to the readout's voltages.

    Args:
        grad_voltages: This gradient, (T, B, outputs).
        inputs: What ``forward_pass`` returned.
        u: Voltages of its trace, (T, B, H).
        weights: As for ``forward_pass``.
        constants: As for ``forward_pass``.
        keep_grad_i: Return what a gradient with respect to frames needs.
        learns_taus: Whether the shares that hidden neurons lose are learned.

    Returns:
        Gradients with respect to the input, the recurrent and the readout's weights, to the shares
        lost of voltages and of currents, (H,) or None, and to the hidden currents before they
        decay, (T, B, H), of which no step is left unless needed.
    """
    steps, batch, hidden = u.shape
    w_in, w_rec, w_out = weights
    w_spikes = torch.cat([w_rec, w_out])
    kept = steps if keep_grad_i or inputs.matrix is not None else 0
    grad_i = u.new_zeros(kept, batch, hidden).numpy()
    dtype = grad_i.dtype
    numbers = of_type(dtype, constants)

    def add_up(begin: int, end: int) -> Gradients:
        gradients = Gradients(
            grad_voltages.contiguous().numpy(),
            grad_i,
            np.zeros(w_in.shape[::-1], dtype),
            np.zeros(w_spikes.shape[::-1], dtype),
            *np.zeros((2, hidden if learns_taus else 0), dtype),
        )
        loops.backward(u.numpy(), inputs.rows, w_spikes.numpy(), numbers, gradients, begin, end)
        return gradients

    with one_blas_thread(), np.errstate(all="ignore"):  # ``fit`` looks for what isn't finite
        first, *others = side_by_side(batch, u.numel(), add_up)
        for other in others:
            for total, more in zip(first[2:], other[2:], strict=True):
                total += more
        grad_w_in = first.w_in
        if inputs.matrix is not None:
            grad_w_in = np.matmul(inputs.matrix.t().numpy(), grad_i.reshape(-1, hidden))
    grad_w_in = transposed(torch.from_numpy(grad_w_in))
    grad_w_spikes = transposed(torch.from_numpy(first.w_spikes))
    grad_w_rec, grad_w_out = grad_w_spikes.split([hidden, len(w_out)])
    grad_taus = [None, None]
    if learns_taus:
        grad_taus = [torch.from_numpy(total) / constants.a.detach() for total in first[-2:]]
    return grad_w_in, grad_w_rec, grad_w_out, *grad_taus, torch.from_numpy(grad_i)


def to_rows(frames: Tensor) -> Rows:
    """List what isn't 0 in frames (T, B, ...) on the CPU, for compiled loops.

    Raises:
        TypeError: Frames are sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.

    Example:
        >>> rows = to_rows(torch.tensor([[[0, 0, 7.0]], [[0, 0, 0]], [[8, 9, 0]]]))
        >>> rows.indptr, rows.inputs, rows.counts
        (array([0, 1, 1, 3]), array([2, 0, 1], dtype=int32), array([7., 8., 9.], dtype=float32))
    """
    if not frames.is_sparse:
        matrix = as_matrix(frames.detach()).numpy()
        active = np.flatnonzero(matrix != 0)
        row, inputs = np.divmod(active, matrix.shape[1])
        indptr = np.searchsorted(row, np.arange(len(matrix) + 1))
        return Rows(indptr, inputs.astype(np.int32), matrix.take(active))
    indices, counts = indices_and_counts(frames.detach())
    rows, inside, in_order = rows_of(indices.numpy(), counts.numpy(), tuple(frames.shape))
    if not inside:
        check_indices(frames)  # says which is outside
    if in_order:
        return rows
    order = (indices[0] * frames.shape[1] + indices[1]).argsort(stable=True)
    return to_rows(sparse_tensor(indices[:, order], counts[order], frames.shape, in_order=False))


def as_matrix(frames: Tensor) -> Tensor:
    """Return frames (T, B, ...) as a dense matrix (T * B, inputs)."""
    return to_dense(frames).flatten(2).flatten(0, 1)


def to_dense(frames: Tensor) -> Tensor:
    """Return frames as a dense tensor; PyTorch would write beyond its memory if an index is."""
    if frames.is_sparse:
        check_indices(frames)
    return frames.to_dense()


def at_rest(batch: int, weights: Sequence[Tensor], constants: Constants) -> State:
    """Return the state before the first step; arguments are those of ``forward_pass``."""
    w_in, w_rec, w_out = weights
    outputs, hidden = w_out.shape
    w_in_t = transposed(w_in).numpy()
    w_spikes_t = transposed(torch.cat([w_rec, w_out])).numpy()
    dtype = w_in_t.dtype
    sizes = hidden, hidden, hidden + outputs, outputs, outputs
    neurons = Neurons(*[np.zeros((batch, size), dtype) for size in sizes])
    return State(w_in_t, w_spikes_t, of_type(dtype, constants), neurons)


def run(steps, rows, state, currents=None, record=False, keep=False):
    """Step on from a state, which stays as it is.

    Args:
        steps: How many.
        rows: Their inputs.
        state: Where to begin.
        currents: As for ``loops.forward``.
        record: Keep synaptic currents.
        keep: Keep hidden neurons' voltages for ``backward_pass``.

    Returns:
        What the neurons did, and the state after it.
    """
    neurons = Neurons(*[array.copy() for array in state.neurons])
    batch, hidden = neurons.v.shape
    outputs = neurons.v_out.shape[1]
    dtype = neurons.v.dtype
    recorded = steps if record else 0
    trace = Trace(
        u=np.empty((steps if keep else 1, batch, hidden), dtype),
        i=np.empty((recorded, batch, hidden), dtype),
        voltages=np.empty((steps, batch, outputs), dtype),
        i_out=np.empty((recorded, batch, outputs), dtype),
    )
    if currents is None:
        currents = np.empty((0, hidden), dtype)
    state = state._replace(neurons=neurons)
    go_on = partial(loops.forward, rows, currents, state, trace)
    side_by_side(batch, steps * batch * hidden, go_on)
    return Trace(*map(torch.from_numpy, trace)), state


def transposed(matrix: Tensor) -> Tensor:
    """Return a copy whose rows lie one after the other in memory."""
    return matrix.detach().t().clone(memory_format=torch.contiguous_format)


def of_type(dtype: np.dtype, constants: Constants) -> Constants:
    """Give constants this type: else Numba would compute in double precision."""
    a, s, *numbers = constants
    return Constants(a.detach().numpy(), s.detach().numpy(), *np.array(numbers, dtype))
