"""Spiking networks, and how a readout becomes a class."""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from norse.torch import LICell, LIFRecurrentCell
from norse.torch.functional.leaky_integrator import LIParameters, LIState
from norse.torch.functional.lif import LIFParameters, LIFState
from torch.nn.utils.rnn import pad_sequence
from torch.utils._pytree import tree_map

from .checks import (
    check_classes,
    check_frames,
    check_indices,
    check_numbers,
    check_range,
    check_sensor_size,
)
from .frames import with_steps
from .pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE

WHOLE = 2.0**53  # µs: a time bin that holds a whole recording
STEADY_STEPS = 100  # through which gradients don't explode; ``benchmarks widths`` has more
SETTLE = 0.01  # s of silence after the last event; ``benchmarks settle`` compares others

# Norse names another module, in which pickle doesn't find them.
LIFParameters.__module__ = LIFState.__module__ = "norse.torch.functional.lif"
LIParameters.__module__ = LIState.__module__ = "norse.torch.functional.leaky_integrator"


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


class SNNState(NamedTuple):
    """State of ``SNN``; each tensor has shape (B, neurons), and (T, B, neurons) when recorded.

    Example:
        >>> voltages, state = SNN().resume(torch.ones(20, 8, 2, 35, 35))
        >>> state.lif0.v.shape, state.readout.v.shape
        (torch.Size([8, 100]), torch.Size([8, 4]))
    """

    lif0: LIFState  # spikes z, membrane voltages v (after the reset), synaptic currents i
    readout: LIState  # membrane voltages v, synaptic currents i


class SNN(SpikingNetwork):
    """A recurrent layer of spiking neurons and a readout that never spikes.

    The hidden neurons are leaky integrate-and-fire (LIF) neurons with current-based synapses
    (Gerstner et al., Neuronal Dynamics, 2014, chapter 1), as computed by
    ``norse.torch.functional.lif.lif_step``. Gradients pass the threshold by the SuperSpike
    surrogate (Zenke and Ganguli 2018, doi:10.1162/neco_a_01086).

    Args:
        input_size: Inputs: polarities times pixels.
        hidden_size: Hidden neurons.
        output_size: Readout neurons, one per class.
        v_th: Threshold of the hidden neurons, in the voltage's arbitrary unit.
        tau_syn: Synaptic time constant of the hidden neurons, in s.
        tau_mem: Membrane time constant of the hidden neurons, in s.
        readout_tau_syn: Synaptic time constant of the readout, in s.
        readout_tau_mem: Membrane time constant of the readout, in s.
        dt: Duration of a time step in s, at most twice the shortest time constant.
        surrogate_slope: The surrogate's slope at the threshold. A neuron has more chances to spike
            the shorter a step is, so ``dt`` / 1 ms makes gradients in fine steps about what they
            are in steps of 1 ms.

    Raises:
        ValueError: An argument isn't a finite number greater than 0, or ``dt`` is too long.

    Warns:
        UserWarning: ``dt`` is longer than a time constant.

    Example:
        >>> snn = SNN(hidden_size=20)
        >>> snn.record = True
        >>> snn(torch.ones(30, 8, 2, 35, 35)).shape  # time, batch, class
        torch.Size([30, 8, 4])
        >>> snn.recording.lif0.z.shape  # spikes of the hidden neurons
        torch.Size([30, 8, 20])
    """

    def __init__(
        self,
        input_size: int = math.prod(POKERDVS_SENSOR_SIZE),
        hidden_size: int = 100,
        output_size: int = len(POKERDVS_CLASSES),
        *,
        v_th: float = 0.3,
        tau_syn: float = 0.010,
        tau_mem: float = 0.010,
        readout_tau_syn: float = 0.005,
        readout_tau_mem: float = 0.010,
        dt: float = 0.001,
        surrogate_slope: float = 1.0,
    ):
        super().__init__()
        check_numbers(
            Integral, input_size=input_size, hidden_size=hidden_size, output_size=output_size
        )
        check_numbers(Real, v_th=v_th, tau_syn=tau_syn, tau_mem=tau_mem, dt=dt)
        check_numbers(Real, readout_tau_syn=readout_tau_syn, readout_tau_mem=readout_tau_mem)
        check_numbers(Real, surrogate_slope=surrogate_slope)
        shortest = min(tau_syn, tau_mem, readout_tau_syn, readout_tau_mem)
        most = f"choose at most {shortest:g} s, bins of {1e6 * shortest:g} microseconds"
        if dt > 2 * shortest:
            raise ValueError(f"dt is {dt:g} s, so voltages would grow; {most}")
        if dt > shortest:
            warnings.warn(f"dt is {dt:g} s, so what decays changes its sign; {most}", stacklevel=2)
        v_th, tau_syn, tau_mem, dt = map(_kept, (v_th, tau_syn, tau_mem, dt))
        readout_tau_syn, readout_tau_mem = map(_kept, (readout_tau_syn, readout_tau_mem))
        self.input_size, self.dt, self.surrogate_slope = input_size, dt, surrogate_slope
        f32 = partial(torch.as_tensor, dtype=torch.float32)  # whatever the default is
        # Norse 1.1 ignores alpha; later ones use alpha · |v - v_th|.
        lif = LIFParameters(f32(1 / tau_syn), f32(1 / tau_mem), v_th=f32(v_th), alpha=f32(1.0))
        li = LIParameters(f32(1 / readout_tau_syn), f32(1 / readout_tau_mem))
        self.lif0 = LIFRecurrentCell(input_size, hidden_size, p=lif, dt=dt)
        self.linear = torch.nn.Linear(hidden_size, output_size, bias=False)
        self.readout = LICell(p=li, dt=dt)

    @torch.no_grad()
    def enlarge_input_weights(self, factor: float) -> None:
        """Multiply the input weights of the hidden neurons."""
        self.lif0.input_weights *= factor

    def step(self, frame: torch.Tensor, state: SNNState | None) -> tuple[torch.Tensor, SNNState]:
        """Compute one time step, as ``SpikingNetwork`` says."""
        hidden, readout = state or (None, None)  # Norse starts from rest
        spikes, hidden = self.lif0(frame.flatten(1), hidden)  # (B, hidden_size)
        if self.surrogate_slope != 1:  # spikes stay what they are; their gradient is scaled
            spikes = torch.lerp(spikes.detach(), spikes, self.surrogate_slope)
            hidden = hidden._replace(z=spikes)
        voltage, readout = self.readout(self.linear(spikes), readout)  # (B, output_size)
        return voltage, SNNState(hidden, readout)


def build_network(
    network: Callable[..., FrameNetwork] = SNN,
    *,
    time_window: float = 1000,
    sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
    output_size: int = len(POKERDVS_CLASSES),
    steps: float = 1,
    **arguments: Any,
) -> Any:
    """Draw the network that training begins with, by PyTorch's global random numbers.

    Args:
        network: A class of networks, or a function that makes one. It is given those of
            ``sensor_size``, ``input_size``, ``output_size``, ``dt`` and ``surrogate_slope`` that it
            has as parameters, so a network of your own fits any sensor, any classes and any time
            bins if it has them. ``SNN`` and ``FastSNN`` begin with the recipe's weights.
        time_window: Width of a time bin in µs. Time constants stay what they are in s.
        sensor_size: Width, height and polarities of the sensor.
        output_size: One output per class.
        steps: How many time steps the recordings have, about. Through more than 100 of them
            gradients explode, and ``surrogate_slope`` is smaller by as much.
        arguments: Further ones, such as ``hidden_size`` or the time constants of ``SNN``.

    Returns:
        The network.

    Raises:
        TypeError: ``network`` makes no ``FrameNetwork``, or needs an argument that it isn't given.
        ValueError: A number isn't greater than 0, or the time bins are too wide for ``SNN``.

    Example:
        >>> build_network(sensor_size=(64, 64, 2), output_size=3, hidden_size=20).input_size
        8192
    """
    check_numbers(Real, time_window=time_window, steps=steps)
    if isinstance(network, torch.nn.Module):
        raise TypeError("network is made already; give its class, or a function that makes it")
    inputs = math.prod(check_sensor_size(sensor_size))
    # In finer steps neurons spike more often, and gradients grow at each of them.
    dt_ratio = min(1, time_window / 1000)
    given = {"sensor_size": sensor_size, "input_size": inputs, "output_size": output_size}
    given |= {"dt": time_window / 1e6, "surrogate_slope": min(dt_ratio, STEADY_STEPS / steps)}
    takes, kind = {*inspect.signature(network).parameters}, getattr(network, "func", network)
    if isinstance(kind, type) and issubclass(kind, SNN):
        takes |= {*inspect.signature(SNN).parameters}  # a subclass may pass them on
    takes -= {*getattr(network, "keywords", {})}  # what a partial fixes
    made = network(**{name: given[name] for name in given if name in takes} | arguments)
    if not isinstance(made, FrameNetwork):
        raise TypeError(f"network={network!r} made a {type(made).__name__}; make a FrameNetwork")
    if isinstance(made, SNN):
        cell: Any = made.lif0
        with torch.no_grad():
            # Norse scales them by the number of hidden neurons. The number of inputs is the usual
            # choice (He et al. 2015, doi:10.1109/ICCV.2015.123).
            cell.input_weights *= math.sqrt(len(cell.input_weights) / inputs)
            cell.recurrent_weights *= math.sqrt(dt_ratio)
    return made


def exact_decays(network: Callable[..., Any], time_window: float) -> dict[str, float]:
    """Return the time constants of ``SNN`` with which Norse's forward Euler decays exactly.

    A step of forward Euler leaves 1 − dt/τ of a voltage, which is wrong where dt isn't much shorter
    than τ and changes its sign where it is longer. With dt / (1 − exp(−dt/τ)) in the place of τ it
    leaves exp(−dt/τ). In steps up to a quarter of τ, as of 1 ms, Euler is the book's.

    Args:
        network: A class of networks, or a partial of one; what it fixes stays as it is.
        time_window: Width of a time bin in µs.

    Returns:
        Those that have to change, by name, in s; none for a network that isn't an ``SNN``.

    Example:
        >>> from functools import partial
        >>> round(exact_decays(partial(SNN, tau_syn=0.02), 5000)["tau_mem"], 5)  # and not 0.01
        0.01271
    """
    kind, fixed = getattr(network, "func", network), getattr(network, "keywords", {})
    if not (isinstance(kind, type) and issubclass(kind, SNN)):
        return {}
    dt = time_window / 1e6
    defaults = {name: each.default for name, each in inspect.signature(SNN).parameters.items()}
    constants = {name: defaults[name] for name in defaults.keys() - fixed if "tau" in name}
    return {name: dt / -math.expm1(-dt / tau) for name, tau in constants.items() if dt > tau / 4}


def last_steps(frames: torch.Tensor) -> torch.Tensor:
    """Return how many time steps each recording has up to its last event, (B,)."""
    if frames.is_sparse:
        if frames.dense_dim():
            check_indices(frames)  # which refuses it
        time, recording = frames._indices()[:2]
        time = torch.where(frames._values() != 0, time, -1)
    else:
        time, recording = frames.flatten(2).any(2).nonzero().t()
    return time.new_zeros(frames.shape[1]).scatter_reduce_(0, recording, time + 1, "amax")


def own_steps(frames: torch.Tensor) -> torch.Tensor:
    """Return how many time steps are each recording's own, (B,).

    A batch ends with silence, in which its longest recording settles. Each of the others has as
    many silent steps after its own last event. What is left belongs to none.

    Example:
        >>> frames = torch.zeros(20, 2, 2, 35, 35)
        >>> frames[11, 0], frames[14, 1] = 1, 1  # the last events; then 5 silent steps
        >>> own_steps(frames)
        tensor([17, 20])
    """
    last = last_steps(frames).clamp(min=1)  # without any event, too, there is something to read
    return last + len(frames) - max(last.tolist(), default=1)


def _by_steps(steps: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
    """Return each number of steps with the recordings that have so many."""
    return [(n, (steps == n).nonzero()[:, 0]) for n in steps.unique().tolist()]


def decode(voltages: torch.Tensor) -> torch.Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their maxima.

    Example:
        >>> voltages = torch.tensor([[[0.1, 0.0]], [[0.9, 0.2]], [[0.3, 0.5]]])  # (3, 1, 2)
        >>> decode(voltages).exp()  # of the maxima, 0.9 and 0.5
        tensor([[0.5987, 0.4013]])
    """
    return torch.log_softmax(voltages.max(dim=0).values, dim=-1)


def leading(values: torch.Tensor) -> torch.Tensor:
    """Return which value along the last axis is the largest, and -1 where several are.

    A network that hasn't spiked has the same voltage for all classes: that is no answer.
    """
    largest = values.amax(dim=-1, keepdim=True)
    return torch.where((values == largest).sum(dim=-1) == 1, values.argmax(dim=-1), -1)


def check_classifier(classifier: Any) -> None:
    """Refuse what isn't a ``Classifier``, such as a network alone."""
    if not isinstance(classifier, Classifier):
        found = type(classifier).__name__
        raise TypeError(f"classifier is of type {found}; give a Classifier(network)")


def frame_network(classifier: Any) -> FrameNetwork:
    """Return the network of a classifier, or refuse what isn't a ``Classifier`` of one."""
    check_classifier(classifier)
    if not isinstance(classifier.snn, FrameNetwork):
        found = type(classifier.snn).__name__
        raise TypeError(f"{found} is no FrameNetwork; make the classifier of one")
    return classifier.snn


class Classifier(torch.nn.Module):
    """A network, the rule that reads a class off its voltages, the classes and the sensor.

    A recording's own time ends with its last event and ``settle`` of silence after it. The rule
    reads voltages up to there, so an answer doesn't depend on the other recordings of a batch.

    Args:
        snn: Frames (T, B, ...) in, voltages (T, B, classes) out: a ``FrameNetwork``.
        decode: Voltages (T, B, classes) in, log-probabilities (B, classes) out. It is called with
            recordings of the same length.
        classes: Their names, which differ.
        sensor_size: Width, height and polarities of the sensor.
        settle: Silence after the last event, in s. The steps of a network that is no
            ``FrameNetwork`` count as 1 ms.

    Raises:
        ValueError: Two classes have the same name, the sensor isn't given by three numbers, or
            ``settle`` isn't from 0 to 1 s.

    Example:
        >>> classifier = Classifier(SNN(2 * 64 * 64, output_size=2), classes=("left", "right"),
        ...                         sensor_size=(64, 64, 2))
        >>> classifier(torch.zeros(20, 8, 2, 64, 64)).shape
        torch.Size([8, 2])
    """

    snn: Any

    def __init__(
        self,
        snn: torch.nn.Module,
        decode: Callable[[torch.Tensor], torch.Tensor] = decode,
        *,
        classes: Sequence[str] = POKERDVS_CLASSES,
        sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
        settle: float = SETTLE,
    ):
        super().__init__()
        check_range(0, 1, settle=settle)
        self.snn = snn
        self.decode = decode
        self.classes = check_classes(classes)
        self.sensor_size = check_sensor_size(sensor_size)
        self.settle = settle
        self._ahead: bool | None = None  # whether the network looks ahead, once it is known

    @property
    def settle_steps(self) -> int:
        """Silent time steps after the last event."""
        return math.ceil(round(self.settle / self._dt, 6)) if self._dt else 0

    @property
    def _dt(self) -> float | None:
        return getattr(self.snn, "dt", FrameNetwork.dt)

    def settled(self, frames: torch.Tensor) -> torch.Tensor:
        """Return frames that end ``settle`` after the last event of the batch."""
        last = max([1, *last_steps(frames).tolist()])
        return with_steps(frames, last + self.settle_steps)

    def run(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the network on frames (T, B, ...) that ``settled`` returned.

        Returns:
            Voltages (T, B, classes), and how many of them are each recording's own, (B,).
        """
        steps, ahead = own_steps(frames), self._looks_ahead(frames)
        voltages = self.snn(frames)
        if len(voltages) == len(frames) and not ahead:
            return voltages, steps
        groups = _by_steps(steps)
        steps = torch.full_like(steps, len(voltages))
        if len(groups) < 2 or self._dt is None:  # a sum: silence adds nothing
            return voltages, steps
        found: list[torch.Tensor] = []  # its values are of the whole: show it each one's own alone
        for own, some in groups:
            part = self.snn(with_steps(frames.index_select(1, some), own))
            steps[some] = len(part)
            found += part.unbind(1)
        order = torch.cat([some for _, some in groups]).argsort()
        return pad_sequence(found)[:, order], steps

    @torch.no_grad()
    def _looks_ahead(self, frames: torch.Tensor) -> bool:
        """Say whether earlier values of the network change with later frames; tried once."""
        known = isinstance(self.snn, SpikingNetwork) or self._dt is None
        if self._ahead is None and not known and len(frames) > 1 and frames.shape[1] > 0:
            modes = [(module, module.training) for module in self.snn.modules()]
            self.snn.eval()
            part = self.snn(with_steps(frames, len(frames) // 2))
            whole = self.snn(frames)[: len(part)]
            for module, mode in modes:
                module.training = mode
            same = torch.isclose(part, whole, 1e-3, 1e-3, equal_nan=True).all(2).all(0)
            self._ahead = 2 * int(same.sum()) < len(same)  # rounding may move a spike of a few
        return bool(self._ahead)

    def read(self, voltages: torch.Tensor, steps: torch.Tensor | None = None) -> torch.Tensor:
        """Return log-probabilities (B, classes) of voltages (T, B, classes).

        Args:
            voltages: Of the network.
            steps: How many of them are each recording's own, (B,). Default: all.

        Raises:
            ValueError: There aren't as many voltages as classes, or ``decode`` returns another
                shape.
        """
        if steps is None or bool((steps == len(voltages)).all()):
            return self._decoded(voltages)
        if self.decode is decode:  # which looks at the maxima
            later = torch.arange(len(voltages), device=steps.device)[:, None] >= steps
            return self._decoded(voltages.masked_fill(later[..., None], -math.inf))
        groups = _by_steps(steps)
        order = torch.cat([some for _, some in groups]).argsort()
        return torch.cat([self._decoded(voltages[:own, some]) for own, some in groups])[order]

    def _decoded(self, voltages: torch.Tensor) -> torch.Tensor:
        log_probabilities = self.decode(voltages)
        found, expected = tuple(log_probabilities.shape), (voltages.shape[1], len(self.classes))
        if found != expected:
            raise ValueError(
                f"voltages of shape {tuple(voltages.shape)} are decoded to {found}, but "
                f"{expected[1]} classes need {expected}; make the network with "
                f"output_size={expected[1]}, or name as many classes"
            )
        return log_probabilities

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, classes) of frames (T, B, ...)."""
        return self.read(*self.run(self.settled(frames)))
