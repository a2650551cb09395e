"""What a network is: frames in, voltages out. ``SpikingNetwork`` has the loop over time."""

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from .checks import MAX_TIME
from .frames import check_frames, check_indices

WHOLE = float(MAX_TIME)  # µs: a time bin that holds a whole recording


class FrameNetwork(torch.nn.Module):
    """A network that reads frames, and knows with what arguments and for which frames it was made.

    A subclass defines ``forward``, which is given frames (T, B, polarities, height, width) and
    returns values (T, B, classes), or (1, B, classes) for a single answer to all steps. It can then
    be used with ``fit``, ``predict``, ``save_checkpoint`` and everything else that accepts a
    network.

    Attributes:
        arguments: The arguments that the network was made with. A checkpoint stores them, and
            loading it makes a network with the same ones.
        dt: Duration of a time step in s, which is the width of the frames' time bins. None for a
            network that first adds up all frames, so that their width doesn't matter.
        input_size: Inputs per time step; None if the network accepts any number.
        takes_sparse: Whether frames may be sparse tensors. If so, loaders make sparse ones.
        causal: Whether each value depends on the frames up to its time step only. If so, all
            recordings of a batch are computed together. Otherwise those of each length are
            computed separately, so that the network can't see the silence with which shorter
            recordings are padded.
        time_constants: By the name of an argument, in s, those of neurons that forget by Norse's
            forward Euler; ``train_classifier`` corrects them in wide time bins.

    Example:
        >>> class Mean(FrameNetwork):
        ...     def __init__(self, input_size, output_size):
        ...         super().__init__()
        ...         self.linear = torch.nn.Linear(input_size, output_size)
        ...
        ...     def forward(self, frames):
        ...         return self.linear(frames.flatten(2)).mean(0, keepdim=True)
        >>> Mean(2 * 35 * 35, 4)(torch.zeros(20, 8, 2, 35, 35)).shape
        torch.Size([1, 8, 4])
    """

    arguments: dict[str, Any]
    dt: float | None = 0.001
    input_size: int | None = None
    takes_sparse: bool = False
    causal: bool = False
    time_constants: Mapping[str, float] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let networks note what they are made with, so that no ``__init__`` has to do it.

        The outermost ``__init__`` is called first. Its arguments are noted; those that it passes
        on to the ``__init__`` of another class aren't.
        """
        super().__init_subclass__(**kwargs)
        if "__init__" not in vars(cls) and hasattr(cls.__init__, "__wrapped__"):
            return  # it is inherited, and notes them already
        initialize = cls.__init__

        @wraps(initialize)
        def note_and_initialize(self: FrameNetwork, *args: Any, **kwargs: Any) -> None:
            if "arguments" not in vars(self):
                self.arguments = named_arguments(initialize, self, *args, **kwargs)
            initialize(self, *args, **kwargs)

        cls.__init__ = note_and_initialize  # type: ignore[assignment, method-assign]

    @property
    def time_window(self) -> float:
        """Width of the time bins in µs: of ``dt``, or one that holds a whole recording."""
        if self.dt is None:
            return WHOLE
        return float(f"{1e6 * plain_number(self.dt):.15g}")  # 123, and not 122.99999999999999

    def check(self, frames: torch.Tensor) -> None:
        """Refuse frames that aren't for this network.

        Raises:
            TypeError: The frames are no tensor of a floating-point type, or sparse and the network
                takes dense ones only.
            ValueError: There is no time step, not ``input_size`` inputs per step, NaN or infinity.
            RuntimeError: Sparse frames have an index outside their shape.
        """
        check_frames(frames, next(self.parameters(), frames), self.input_size)
        if not frames.is_sparse:
            return
        if not self.takes_sparse:
            raise TypeError("frames are sparse; give this network frames.to_dense()")
        check_indices(frames)

    def scale_input_weights(self, factor: float) -> None:
        """Multiply the weights of the inputs before training on recordings with few events.

        With few events per time step, the neurons of a spiking network might never reach their
        threshold, and a network that never spikes can't learn. Spiking networks therefore
        override this method; for all others it does nothing.
        """

    def resume(self, frames: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Continue where an earlier call ended, so that a recording can be given in pieces.

        The pieces give the same values as the whole recording, to the last bit. Frames aren't
        checked, and no gradients are computed.

        Args:
            frames: The next time steps, (T, 1, polarities, height, width), of the weights' type;
                sparse where ``takes_sparse`` says so.
            state: The state that the previous call returned; None at the beginning.

        Returns:
            Voltages (T, 1, classes), and the state for the next call.

        Raises:
            TypeError: The network can only be given whole recordings.
        """
        name = type(self).__name__
        raise TypeError(f"{name} reads whole recordings; for a stream take SNN, or FastSNN")


def time_step(time_window: float) -> float:
    """Return the ``dt`` in s of a network for time bins of this width in µs."""
    return time_window / 1e6


def named_arguments(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments of a call by name, with defaults, and without the first one."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = {}
    for parameter in list(signature.parameters.values())[1:]:
        value = bound.arguments[parameter.name]
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments.update(value)
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            arguments[parameter.name] = value
    return {name: plain_number(value) for name, value in arguments.items()}


def plain_number(value: Any) -> Any:
    """Return a number of NumPy's as Python's, which a checkpoint can hold; copy lists and dicts."""
    if isinstance(value, np.floating):
        return float(str(value))  # 0.001 in single precision is 0.001
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, dict)):
        return copy.deepcopy(value)
    return value


class SpikingNetwork(FrameNetwork):
    """The loop over time of a spiking network, with a recorder of all states.

    A network of your own adds two methods: ``__init__`` makes the layers, and ``step`` computes a
    time step with them.

    Attributes:
        record: Whether to keep the states of every step in ``recording``.
        recording: The states of the last run with ``record`` on, or None. They have the form in
            which ``step`` returns them, with the time as first axis of each tensor, (T, B, ...).

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

    def step(self, frame: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Compute one time step, from a frame (B, polarities, height, width) and the last state.

        Returns:
            Voltages of the readout, (B, classes), and the new state: a NamedTuple of tensors, or of
            further NamedTuples. The first step is given None as its state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method step(frame, state)")

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Step through frames (T, B, polarities, height, width); return voltages (T, B, classes).

        It raises the errors of ``check``.
        """
        self.check(frames)
        voltages, states = self._loop(frames, None)
        self.recording = stack_states(states) if self.record else None
        return voltages

    @torch.no_grad()
    def resume(self, frames: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Continue a recording, as ``FrameNetwork.resume`` describes. No states are recorded."""
        voltages, states = self._loop(frames, state)
        return voltages, states[-1]

    def _loop(self, frames: torch.Tensor, state: Any) -> tuple[torch.Tensor, list[Any]]:
        """Step on from a state; return voltages, and the last state or, to record, all of them."""
        dtype = next(self.parameters(), frames).dtype
        voltages: list[torch.Tensor] = []
        states: list[Any] = []
        for frame in frames.to(dtype):
            returned = self.step(frame, state)
            self._check_step(returned, voltages)
            voltage, state = returned
            voltages.append(voltage)
            if not self.record:
                states.clear()
            states.append(state)
        return torch.stack(voltages), states

    def _check_step(self, returned: Any, voltages: list[torch.Tensor]) -> None:
        """Refuse what isn't voltages and a state, or the voltages of the last step once more."""
        pair = isinstance(returned, tuple) and len(returned) == 2
        if not pair or not isinstance(returned[0], torch.Tensor):
            raise TypeError(
                f"{type(self).__name__}.step returned {type(returned).__name__}; return voltages "
                "and the new state"
            )
        if voltages and returned[0].data_ptr() == voltages[-1].data_ptr() != 0:
            raise ValueError(
                f"{type(self).__name__}.step returned the voltages of the last step again; return "
                "new ones"
            )


def stack_states(states: list[Any]) -> Any:
    """Stack the states of all time steps: tensors, or tuples of them."""
    first = states[0]
    if isinstance(first, torch.Tensor):
        return torch.stack(states).detach()
    if not isinstance(first, tuple):
        kind = type(first).__name__
        raise TypeError(f"states can't be recorded, return tensors: one is of type {kind}")
    parts = [stack_states(list(part)) for part in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
