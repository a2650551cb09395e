"""The network's two passes through time as PyTorch operations, for any device.

On a GPU a step is a dozen tiny kernels, and starting them costs more than running them. So several
steps are captured once as a CUDA graph, which is then started as a whole.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock

import torch

from ..checks import check_indices
from .types import LIFConstants, Trace, WeightGradients

STEPS = 32  # time steps per block; a GPU runs a block at one command


def forward(
    frames: torch.Tensor,
    weights: Sequence[torch.Tensor],
    constants: LIFConstants,
    record: bool,
    keep: bool = True,
) -> tuple[tuple[torch.Tensor], Trace]:
    """Step through time from rest; return the inputs for ``backward``, and what neurons did.

    Frames (T, B, ...), dense or sparse, are of the weights' type: input weights (H, inputs),
    recurrent weights (H, H), readout weights (outputs, H). ``record`` keeps the synaptic currents,
    ``keep`` what ``backward`` needs, the hidden neurons' voltages, which stay anyway here.
    """
    steps, batch = frames.shape[:2]
    inputs = flat(frames)
    w_in, w_rec, w_out = weights
    currents = (inputs @ w_in.t()).unflatten(0, (steps, batch))  # all time steps in one product
    with _lock, torch.cuda.device_of(w_rec):  # where a graph is captured and started
        block = _graphed_steps(batch, len(w_rec), len(w_out), w_in.dtype, w_in.device, constants)
        return (inputs,), block.forward(currents, w_rec, w_out, record)


def backward(
    grad_voltages: torch.Tensor,
    inputs: Sequence[torch.Tensor],
    v_decayed: torch.Tensor,
    weights: Sequence[torch.Tensor],
    constants: LIFConstants,
    needs_input_grad: bool,
) -> WeightGradients:
    """Step back through time, from the gradient with respect to the readout's voltages."""
    _, batch, hidden = v_decayed.shape
    _, w_rec, w_out = weights
    with _lock, torch.cuda.device_of(w_rec):
        block = _graphed_steps(batch, hidden, len(w_out), w_rec.dtype, w_rec.device, constants)
        grad_i, grad_i_out = block.backward(grad_voltages, v_decayed, w_rec, w_out)
    (frames,) = inputs
    spikes = (v_decayed > constants.v_th).to(v_decayed.dtype)
    return WeightGradients(
        w_in=(frames.t() @ grad_i.flatten(0, 1)).t(),
        w_rec=grad_i[1:].flatten(0, 1).t() @ spikes[:-1].flatten(0, 1),
        w_out=grad_i_out.flatten(0, 1).t() @ spikes.flatten(0, 1),
        i=grad_i if needs_input_grad else grad_i[:0],
    )


def flat(frames: torch.Tensor) -> torch.Tensor:
    """Make a matrix of them, with a row for each step of each recording."""
    rows = frames.shape[0] * frames.shape[1]
    if not frames.is_sparse:
        return frames.flatten(2).flatten(0, 1)
    check_indices(frames)
    step, recording, *place = frames._indices()
    column = torch.zeros_like(step)
    for index, size in zip(place, frames.shape[2:], strict=True):
        column = column * size + index
    indices = torch.stack([step * frames.shape[1] + recording, column])
    return torch.sparse_coo_tensor(
        indices, frames._values(), (rows, frames.shape[2:].numel()), check_invariants=False
    ).coalesce()


class _GraphedSteps:
    """``STEPS`` time steps, forward and backward, on tensors that stay in their place."""

    def __init__(
        self,
        batch: int,
        hidden: int,
        outputs: int,
        dtype: torch.dtype,
        device: torch.device,
        constants: LIFConstants,
    ):
        def zeros(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.constants = constants
        self.w_rec, self.w_out = zeros(hidden, hidden), zeros(outputs, hidden)
        # One value for each step: what goes in, and what comes out.
        self.current, self.v_decayed, self.i = (zeros(STEPS, batch, hidden) for _ in range(3))
        self.voltage, self.i_out = (zeros(STEPS, batch, outputs) for _ in range(2))
        # The state that a block hands to the next.
        self.hidden_state = [zeros(batch, hidden) for _ in range(3)]
        self.readout_state = [zeros(batch, outputs) for _ in range(2)]
        self.run_forward, self.run_backward = self._steps_forward, self._steps_backward
        if device.type == "cuda":
            self.run_forward = self._captured(self._steps_forward)
            self.run_backward = self._captured(self._steps_backward)

    def forward(
        self, currents: torch.Tensor, w_rec: torch.Tensor, w_out: torch.Tensor, record: bool
    ) -> Trace:
        self._begin(w_rec, w_out)
        steps = len(currents)
        kept = steps if record else 0
        trace = Trace(
            v_decayed=torch.empty_like(currents),
            i=currents.new_empty(kept, *currents.shape[1:]),
            voltages=currents.new_empty(steps, *self.voltage.shape[1:]),
            i_out=currents.new_empty(kept, *self.voltage.shape[1:]),
        )
        for first in range(0, steps, STEPS):
            size = min(STEPS, steps - first)
            self.current[:size] = currents[first : first + size]
            self.run_forward()
            for states, block in zip(
                trace, (self.v_decayed, self.i, self.voltage, self.i_out), strict=True
            ):
                states[first : first + size] = block[: len(states[first : first + size])]
        return trace

    def backward(
        self,
        grad_voltages: torch.Tensor,
        v_decayed: torch.Tensor,
        w_rec: torch.Tensor,
        w_out: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self._begin(w_rec, w_out)
        grad_i, grad_i_out = torch.empty_like(v_decayed), torch.empty_like(grad_voltages)
        for first in reversed(range(0, len(v_decayed), STEPS)):
            size = min(STEPS, len(v_decayed) - first)
            self.voltage[:size], self.voltage[size:] = grad_voltages[first : first + size], 0
            self.v_decayed[:size] = v_decayed[first : first + size]
            self.run_backward()
            grad_i[first : first + size] = self.i[:size]
            grad_i_out[first : first + size] = self.i_out[:size]
        return grad_i, grad_i_out

    def _begin(self, w_rec: torch.Tensor, w_out: torch.Tensor) -> None:
        self.w_rec.copy_(w_rec)
        self.w_out.copy_(w_out)
        for state in (*self.hidden_state, *self.readout_state):
            state.zero_()

    def _steps_forward(self) -> None:
        c = self.constants
        z, v, i = self.hidden_state
        v_out, i_out = self.readout_state
        for k in range(STEPS):
            i.add_(self.current[k]).addmm_(z, self.w_rec.t())
            torch.lerp(v, i, c.dt_over_tau_mem, out=self.v_decayed[k])
            i.sub_(i, alpha=c.dt_over_tau_syn)
            z.copy_(self.v_decayed[k] > c.v_th)
            torch.mul(1 - z, self.v_decayed[k], out=v)
            i_out.addmm_(z, self.w_out.t())
            v_out.lerp_(i_out, c.readout_dt_over_tau_mem)
            i_out.sub_(i_out, alpha=c.readout_dt_over_tau_syn)
            for states, state in ((self.i, i), (self.voltage, v_out), (self.i_out, i_out)):
                states[k] = state

    def _steps_backward(self) -> None:
        """Turn ``voltage``, which holds gradients, into those of the currents, ``i``, ``i_out``."""
        c = self.constants
        _, grad_v, grad_i = self.hidden_state
        grad_v_out, grad_i_out = self.readout_state
        surrogate = c.surrogate_slope * (1 + (self.v_decayed - c.v_th).abs()).pow(-2)
        stayed = (self.v_decayed <= c.v_th).to(surrogate.dtype)  # the reset lets nothing through
        carried = stayed * (1 - c.dt_over_tau_mem)
        for k in reversed(range(STEPS)):
            grad_v_out.mul_(1 - c.readout_dt_over_tau_mem).add_(self.voltage[k])
            grad_i_out.mul_(1 - c.readout_dt_over_tau_syn).add_(
                grad_v_out, alpha=c.readout_dt_over_tau_mem
            )
            grad_z = torch.addmm(grad_i_out @ self.w_out, grad_i, self.w_rec)
            grad_v.mul_(carried[k]).addcmul_(grad_z, surrogate[k])
            grad_i.mul_(1 - c.dt_over_tau_syn).add_(grad_v, alpha=c.dt_over_tau_mem)
            self.i[k] = grad_i
            self.i_out[k] = grad_i_out

    def _captured(self, steps: Callable[[], None]) -> Callable[[], None]:
        """Capture some operations as a CUDA graph, and return what starts them."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # a first run, so that nothing is set up while capturing
            steps()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):  # the default is on the first device
            steps()
        return graph.replay


_graphed_steps = lru_cache(maxsize=4)(_GraphedSteps)
_lock = Lock()  # threads share the blocks
