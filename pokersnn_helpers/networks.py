"""What a network is: frames in, voltages out. ``SpikingNetwork`` has the loop over time."""

import copy
import inspect
from typing import Any

import numpy as np
import torch
from norse.torch import LIFRecurrentCell
from torch.utils._pytree import tree_map

from .checks import check_frames, check_indices

WHOLE = 2.0**53  # µs: a time bin that holds a whole recording


class FrameNetwork(torch.nn.Module):
    """A network that reads frames, and knows with what arguments and for which frames it was made.

    A subclass has ``forward``: frames (T, B, polarities, height, width) in, values (T, B, classes)
    out. A network that looks ahead, or sums up time and returns one value, is shown recordings of
    one length at a time. Whatever takes a network (``fit``, ``predict``, ``save_checkpoint``) then
    works with it.

    Attributes:
        arguments: What the network was made with; a checkpoint makes it anew with them.
        dt: Duration of a time step in s: the width of the frames' time bins. None for a network
            that adds up all frames first, so that any width will do.
        input_size: Inputs per time step; None for any number.
        takes_sparse: Whether frames may be sparse tensors, which are made where they may.

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

    def __new__(cls, *args: Any, **kwargs: Any) -> "FrameNetwork":
        """Note the arguments before ``__init__`` runs, so that no network has to do it itself."""
        network = super().__new__(cls)
        bound = inspect.signature(cls).bind_partial(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        given |= given.pop(inspect.getfullargspec(cls.__init__).varkw or "", {})
        network.__dict__["arguments"] = {name: _kept(value) for name, value in given.items()}
        return network

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the signature of a class be that of its ``__init__``, and not that of ``__new__``."""
        super().__init_subclass__(**kwargs)
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Let a copy learn as the original does."""
        super().__setstate__(state)
        refuse_self_connections(self)

    @property
    def time_window(self) -> float:
        """Width of the time bins in µs: of ``dt``, or one that holds a whole recording."""
        return WHOLE if self.dt is None else float(f"{1e6 * _kept(self.dt):.15g}")  # not 122.99…

    def check(self, frames: torch.Tensor) -> None:
        """Refuse frames that aren't for this network.

        Raises:
            TypeError: The frames are no tensor of a floating-point type, or sparse and the network
                takes dense ones only.
            ValueError: There is no time step, not ``input_size`` inputs per step, NaN or infinity.
            RuntimeError: Sparse frames have an index outside their shape.
        """
        check_frames(frames, next(self.parameters(), frames), self.input_size)
        if frames.is_sparse and not self.takes_sparse:
            raise TypeError("frames are sparse; give this network frames.to_dense()")
        if frames.is_sparse:
            check_indices(frames)

    def enlarge_input_weights(self, factor: float) -> None:
        """Multiply the weights of the inputs, before training on recordings with rare events.

        A network that spikes does so: silence teaches it nothing. Others stay as they are.
        """

    def resume(self, frames: Any, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Go on where an earlier call ended, so that one recording can come in pieces.

        Pieces give the same bits as the whole. Frames aren't checked, and no gradient is for this.

        Args:
            frames: The next time steps, (T, 1, polarities, height, width), of the weights' type.
                Where they may be sparse, they come as a list of arrays (``fast.cpu.to_csr``).
            state: What the call before returned; None at the beginning.

        Returns:
            Voltages (T, 1, classes), and the state for the next call.

        Raises:
            TypeError: This network needs whole recordings.
        """
        name = type(self).__name__
        raise TypeError(f"{name} reads whole recordings; for a stream take SNN, or FastSNN")


class SpikingNetwork(FrameNetwork):
    """The loop over time, and a recorder of all states. A network of your own adds two methods.

    ``__init__`` makes the layers, and ``step`` computes a time step with them.

    Attributes:
        record: Keep the states of every step in ``recording``.
        recording: States of the last run with ``record`` on, else None: as ``step`` returns them,
            with the time in front of each tensor, (T, B, ...).

    Example:
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
    record: bool = False
    recording: Any = None

    def step(self, frame: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Compute one time step, from a frame (B, polarities, height, width) and the last state.

        Returns:
            Voltages of the readout, (B, classes), and the new state, a NamedTuple of tensors or of
            further ones. The first step gets None as its state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method step(frame, state)")

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Step through frames (T, B, polarities, height, width); return voltages (T, B, classes).

        Errors are those of ``check``.
        """
        self.check(frames)
        voltages, states = self._loop(frames, None)
        self.recording = None
        if self.record:
            try:
                self.recording = tree_map(lambda *steps: torch.stack(steps).detach(), *states)
            except (TypeError, ValueError) as error:
                raise TypeError(f"states can't be recorded, return tensors: {error}") from error
        return voltages

    @torch.no_grad()
    def resume(self, frames: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Go on, as ``FrameNetwork`` says; nothing is recorded."""
        voltages, states = self._loop(frames, state)
        return voltages, states[-1]

    def _loop(self, frames: torch.Tensor, state: Any) -> tuple[torch.Tensor, list[Any]]:
        """Step on from a state; return voltages, and the last state or, to record, all of them."""
        voltages: list[torch.Tensor] = []
        states: list[Any] = []
        what = f"{type(self).__name__}.step returned"
        for frame in frames.to(next(self.parameters(), frames).dtype):
            match self.step(frame, state):
                case (torch.Tensor() as voltage, state):
                    pass
                case other:
                    found = type(other).__name__
                    raise TypeError(f"{what} {found}; return voltages and the new state")
            if voltages and voltage.data_ptr() == voltages[-1].data_ptr() != 0:
                raise ValueError(f"{what} the voltages of the last step again; return new ones")
            voltages.append(voltage)
            if not self.record:
                states.clear()
            states.append(state)
        return torch.stack(voltages), states


def refuse_self_connections(network: torch.nn.Module) -> None:
    """Let a neuron's weight to itself stay 0: copied and loaded weights lack Norse's hook."""
    for cell in network.modules():
        if not isinstance(cell, LIFRecurrentCell) or cell.autapses:
            continue
        weights, learns = cell.recurrent_weights, cell.recurrent_weights.requires_grad
        if not weights._backward_hooks:
            weights.requires_grad_().register_hook(lambda grad: grad.clone().fill_diagonal_(0))
            weights.requires_grad_(learns)


def _kept(argument: Any) -> Any:
    """Return an argument so that it can be saved, and that ``__init__`` can't change it."""
    if isinstance(argument, np.floating):  # 0.001 in single precision, too
        return float(str(argument))
    if isinstance(argument, np.generic):  # would be saved, but not loaded with weights_only
        return argument.item()
    return copy.deepcopy(argument) if isinstance(argument, (list, dict)) else argument
