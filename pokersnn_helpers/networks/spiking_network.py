"""What a network is: any ``torch.nn.Module`` that turns frames into voltages.

A network of your own needs no base class. It has one method, and with a second one it can do more:

``forward(frames)``
    is given frames (T, B, polarities, height, width), the event counts of T time steps and B
    recordings, and returns voltages (T, B, classes), or (1, B, classes) for a single answer. With
    it, the network can be trained, tested, asked, saved and loaded.
``step(frame, state)``
    computes one time step: from a frame (B, polarities, height, width) and the state that the step
    before returned, at first None, it returns voltages (B, classes) and the new state, which is a
    tensor or a tuple of tensors or tuples. With it, a ``Stream`` answers while events arrive, and
    ``record_states`` returns the states of all steps.

It may also say something about itself; what it leaves out is found out or asked for:

``dt``
    Duration of a time step in s, which is the width of the time bins. None if ``forward`` first
    adds up all frames, so that their width doesn't matter. Without it, that of its parts counts,
    as of Norse's cells; without any, say ``time_window``.
``takes_sparse``
    Whether its frames may be sparse tensors. Loaders then make sparse ones.
``causal``
    Whether each voltage depends on the frames up to its time step only. Recordings of different
    lengths can then be computed together; otherwise those of one length at a time are, so that the
    network can't see the silence with which shorter ones are padded.
``time_constants``
    By the name of an argument, in s, those of neurons that forget by forward Euler.
    ``train_classifier`` corrects them in wide time bins.
``scale_input_weights(factor)``
    Multiplies the weights of the inputs, before training on recordings with few events.
``resume(frames, state)``
    Does the same as ``step``, for many frames at once and faster: frames (T, 1, polarities, height,
    width) and a state in, voltages (T, 1, classes) and the new state out.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..events.frames import check_frames
from ..system.checks import MAX_TIME, check_tensor
from ..system.warn import warn

WHOLE = float(MAX_TIME)  # µs: a time bin that holds a whole recording
STEP = """\
def step(self, frame, state):  # frame: (B, polarities, height, width)
    state = ...  # the new state, from frame and state, which is None at first
    voltages = ...  # (B, classes)
    return voltages, state"""


class SpikingNetwork(nn.Module):
    """The loop over time of a network that has a ``step``, with a recorder of its states.

    Attributes:
        record: Whether to keep the states of every step in ``recording``.
        recording: The states of the last run with ``record`` on, or None. They have the form in
            which ``step`` returns them, with the time as first axis of each tensor, (T, B, ...).
        input_size: Inputs per time step; None if the network accepts any number.

    Example:
        >>> from norse.torch import LICell
        >>> class Tiny(SpikingNetwork):
        ...     def __init__(self, input_size=2 * 64 * 64, output_size=3):
        ...         super().__init__()
        ...         self.linear = torch.nn.Linear(input_size, output_size)
        ...         self.readout = LICell(dt=self.dt)
        ...
        ...     def step(self, frame, state):
        ...         return self.readout(self.linear(frame.flatten(1)), state)
        >>> Tiny()(torch.zeros(20, 8, 2, 64, 64)).shape
        torch.Size([20, 8, 3])
    """

    dt: float = 0.001
    causal = True
    record: bool = False
    recording: Any = None
    input_size: int | None = None

    def step(self, frame: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Compute one time step, as this module's docstring says."""
        raise NotImplementedError(f"{type(self).__name__} has no method step(frame, state)")

    def forward(self, frames: Tensor) -> Tensor:
        """Step through frames (T, B, polarities, height, width); return voltages (T, B, classes).

        Raises:
            TypeError: The frames are no dense tensor of a floating-point type.
            ValueError: There is no time step, not ``input_size`` inputs per step, NaN or infinity.
        """
        check_frames(frames, next(self.parameters(), frames), self.input_size)
        if frames.is_sparse:
            raise TypeError("frames are sparse; give this network frames.to_dense()")
        voltages, states = run_steps(self, frames, keep_states=self.record)
        with torch.no_grad():  # a recording that is kept would keep the whole graph
            self.recording = stack_states(states) if self.record else None
        return voltages


def run_steps(
    network: Any, frames: Tensor, state: Any = None, keep_states: bool = False
) -> tuple[Tensor, list[Any]]:
    """Let a network step through frames (T, B, polarities, height, width), on from a state.

    Returns:
        Voltages (T, B, classes); and the last state or, to keep all, those of all steps.

    Raises:
        TypeError: ``step`` doesn't return voltages and a state.
        ValueError: ``step`` returns the voltages of the last step once more, changed in place.
    """
    check_tensor(frames)
    dtype = next(network.parameters(), frames).dtype
    voltages: list[Tensor] = []
    states: list[Any] = []
    with said_of(network, frames):
        for frame in frames.to(dtype):
            returned = network.step(frame, state)
            check_step(network, returned, voltages)
            voltage, state = returned
            voltages.append(voltage)
            if not keep_states:
                states.clear()
            states.append(state)
    return torch.stack(voltages), states


@contextmanager
def said_of(network: nn.Module, frames: Tensor) -> Iterator[None]:
    """Say of an error of PyTorch's which network and which frames it is about."""
    try:
        yield
    except (IndexError, RuntimeError) as error:
        if isinstance(error, NotImplementedError | torch.OutOfMemoryError):
            raise
        shape = tuple(frames.shape)
        advice = f"with {math.prod(shape[2:])} inputs"
        if len(shape) == 4:
            advice = (
                "where an axis of (time, batch, polarity, y, x) is missing; one recording needs an "
                "axis for the batch, frames.unsqueeze(1)"
            )
        name = type(network).__name__
        raise ValueError(f"{name} fails on frames of shape {shape}, {advice}: {error}") from error


def check_step(network: Any, returned: Any, voltages: list[Tensor]) -> None:
    """Refuse what isn't voltages and a state, or the voltages of the last step once more."""
    name = type(network).__name__
    pair = isinstance(returned, tuple) and len(returned) == 2
    if not pair or not isinstance(returned[0], Tensor):
        raise TypeError(
            f"{name}.step returned {type(returned).__name__}; return voltages and the new state"
        )
    if voltages and returned[0].data_ptr() == voltages[-1].data_ptr() != 0:
        raise ValueError(
            f"{name}.step returned the voltages of the last step again; return new ones"
        )


def stack_states(states: list[Any]) -> Any:
    """Stack the states of all time steps: tensors, or tuples of them."""
    first = states[0]
    if isinstance(first, Tensor):
        return torch.stack(states)
    if not isinstance(first, tuple):
        raise TypeError(
            f"states can't be recorded, return tensors: one is of type {type(first).__name__}"
        )
    parts = [stack_states(list(part)) for part in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def record_states(network: nn.Module, frames: Tensor, gradients: bool = False) -> Any:
    """Run any network that has a ``step``, and return its states of all time steps.

    Args:
        network: The network.
        frames: Event counts (T, B, polarities, height, width).
        gradients: Whether gradients flow back from the states to the weights, as a penalty on
            spikes needs. Without them, states hold numbers only, and less memory is needed.

    Returns:
        What ``step`` returns as state, with the time as first axis of each tensor, (T, B, ...).

    Raises:
        TypeError: The network has no ``step``, or its states aren't tensors and tuples of them.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> snn, frames = SNN(hidden_size=20), torch.ones(30, 8, 2, 35, 35)
        >>> record_states(snn, frames).lif0.v.shape
        torch.Size([30, 8, 20])
        >>> spikes = record_states(snn, frames, gradients=True).lif0.z
        >>> spikes.mean().backward()  # towards fewer of them
    """
    needs_step(network, "its states can't be recorded")
    with torch.set_grad_enabled(gradients):
        _, states = run_steps(network, frames, keep_states=True)
        return stack_states(states)


def has_step(kind: type) -> bool:
    """Say whether a class of networks has a ``step`` of its own."""
    return getattr(kind, "step", SpikingNetwork.step) is not SpikingNetwork.step


def needs_step(network: Any, without: str) -> None:
    """Refuse a network without a ``step`` of its own, and show the lines that it lacks."""
    if not has_step(type(network)):
        advice = f", so {without}. Add these lines to it:\n\n{STEP}\n\nor take SNN, or FastSNN."
        if hasattr(network, "snn"):
            advice = "; give its network, .snn"
        raise TypeError(f"{type(network).__name__} has no method step{advice}")


def time_window_of(network: nn.Module) -> float | None:
    """Return the width in µs of the time bins that a network says, or else all of its parts.

    Returns:
        The width; ``WHOLE`` where it doesn't matter, and None where nothing says it.

    Raises:
        ValueError: Its parts have different time steps.
    """
    if getattr(network, "dt", 0) is None:
        return WHOLE
    steps = {plain_number(part.dt) for part in network.modules() if hasattr(part, "dt")}
    if len(steps) > 1:
        raise ValueError(f"the parts of the network have dt {sorted(steps)} s; give them the same")
    return width_of_steps(steps.pop()) if steps else None


def warn_of_rates(network: nn.Module) -> None:
    """Warn of Norse's cells whose time constants were given as such, and not as 1/τ in 1/s."""
    for cell in network.modules():
        rate = getattr(getattr(cell, "p", None), "tau_mem_inv", None)
        dt: Any = getattr(cell, "dt", None)
        if rate is None or dt is None:
            continue
        fastest = rate.max().item()
        if fastest <= 1 or dt * fastest > 2:
            warn(
                f"tau_mem_inv is {fastest:g} and dt {dt:g} in {cell}; Norse takes 1/τ in 1/s and "
                "dt in s: for 10 ms and steps of 1 ms, 100 and 0.001"
            )


def width_of_steps(dt: Any) -> float:
    """Return the width in µs of the time bins of a network with this ``dt``, a number in s."""
    return float(f"{1e6 * plain_number(dt):.15g}")  # 123, and not 122.99999999999999


def plain_number(value: Any) -> Any:
    """Return a number of NumPy's as Python's, which a checkpoint can hold."""
    if isinstance(value, np.floating):
        return float(str(value))  # 0.001 in single precision is 0.001
    return value.item() if hasattr(value, "item") else value
