"""Spiking networks, and how a readout becomes a class."""

import inspect
import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from norse.torch import LICell, LIFRecurrentCell
from norse.torch.functional.leaky_integrator import LIParameters, LIState
from norse.torch.functional.lif import LIFParameters, LIFState
from torch.utils._pytree import tree_map

from .checks import check_frames, check_numbers
from .recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE


class SpikingNetwork(torch.nn.Module):
    """The loop over time, and a recorder of all states. A network of your own adds two methods.

    ``__init__`` makes the layers, and ``step`` computes a time step with them::

        class Tiny(SpikingNetwork):
            def __init__(self, classes=3):
                super().__init__()
                self.linear = torch.nn.Linear(2 * 64 * 64, classes)
                self.readout = LICell(dt=self.dt)

            def step(self, frame, state):
                return self.readout(self.linear(frame.flatten(1)), state)

    Attributes:
        arguments: What the network was made with; a checkpoint makes it anew with them.
        dt: Duration of a time step in s: the width of the frames' time bins.
        input_size: Inputs per time step, which ``forward`` checks; None for any number.
        record: Keep the states of every step in ``recording``.
        recording: States of the last run with ``record`` on, else None: as ``step`` returns them,
            with the time in front of each tensor, (T, B, ...).
    """

    arguments: dict[str, Any]
    dt: float = 0.001
    input_size: int | None = None
    record: bool = False
    recording: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> "SpikingNetwork":
        """Note the arguments before ``__init__`` runs, so that no network has to do it itself."""
        network = super().__new__(cls)
        bound = inspect.signature(cls.__init__).bind_partial(network, *args, **kwargs)
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])  # without self
        given |= given.pop(inspect.getfullargspec(cls.__init__).varkw or "", {})
        # A NumPy number would be saved, but not loaded with weights_only.
        plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()}
        network.__dict__["arguments"] = plain
        return network

    def step(self, frame: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Compute one time step, from a frame (B, polarities, height, width) and the last state.

        Returns:
            Voltages of the readout, (B, classes), and the new state: a NamedTuple of tensors or of
            further ones. The first step gets None as its state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method step(frame, state)")

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Step through frames (T, B, polarities, height, width); return voltages (T, B, classes).

        Raises:
            TypeError: The frames are no dense tensor of a floating-point type.
            ValueError: There is no time step, not ``input_size`` inputs per step, NaN or infinity,
                or the network is on another device.
        """
        check_frames(frames, next(self.parameters(), frames), self.input_size)
        if frames.is_sparse:
            raise TypeError("frames are sparse, for FastSNN; give frames.to_dense()")
        state, voltages, states = None, [], []
        for frame in frames.to(next(self.parameters(), frames).dtype):
            voltage, state = self.step(frame, state)
            voltages.append(voltage)
            if self.record:
                states.append(state)
        self.recording = None
        if self.record:
            self.recording = tree_map(lambda *steps: torch.stack(steps).detach(), *states)
        return torch.stack(voltages)


class SNNState(NamedTuple):
    """State of ``SNN``; each tensor has shape (B, neurons), and (T, B, neurons) when recorded."""

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
        if dt > (longest := 2 * min(tau_syn, tau_mem, readout_tau_syn, readout_tau_mem)):
            raise ValueError(
                f"dt is {dt:g} s, more than twice the shortest time constant: voltages would grow "
                f"without end; choose at most {longest:g} s, bins of {1e6 * longest:g} microseconds"
            )
        self.input_size, self.dt, self.surrogate_slope = input_size, dt, surrogate_slope
        lif = LIFParameters(
            tau_syn_inv=torch.as_tensor(1 / tau_syn),
            tau_mem_inv=torch.as_tensor(1 / tau_mem),
            v_th=torch.as_tensor(v_th),
            alpha=torch.as_tensor(1.0),  # Norse 1.1 ignores it; later ones use alpha · |v - v_th|
        )
        li = LIParameters(
            tau_syn_inv=torch.as_tensor(1 / readout_tau_syn),
            tau_mem_inv=torch.as_tensor(1 / readout_tau_mem),
        )
        self.lif0 = LIFRecurrentCell(input_size, hidden_size, p=lif, dt=dt)
        self.linear = torch.nn.Linear(hidden_size, output_size, bias=False)
        self.readout = LICell(p=li, dt=dt)

    def step(self, frame: torch.Tensor, state: SNNState | None) -> tuple[torch.Tensor, SNNState]:
        """Compute one time step, as ``SpikingNetwork`` says."""
        hidden, readout = state or (None, None)  # Norse starts from rest
        spikes, hidden = self.lif0(frame.flatten(1), hidden)  # (B, hidden_size)
        if self.surrogate_slope != 1:  # spikes stay what they are; their gradient is scaled
            spikes = torch.lerp(spikes.detach(), spikes, self.surrogate_slope)
            hidden = hidden._replace(z=spikes)
        voltage, readout = self.readout(self.linear(spikes), readout)  # (B, output_size)
        return voltage, SNNState(hidden, readout)


def decode(voltages: torch.Tensor) -> torch.Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their maxima."""
    return torch.log_softmax(voltages.max(dim=0).values, dim=-1)


class Classifier(torch.nn.Module):
    """A network, the rule that reads a class off its voltages, the classes and the sensor.

    Args:
        snn: Frames (T, B, ...) in, readout voltages (T, B, classes) out.
        decode: Voltages in, log-probabilities (B, classes) out.
        classes: Their names.
        sensor_size: Width, height and polarities of the sensor.
    """

    def __init__(
        self,
        snn: torch.nn.Module,
        decode: Callable[[torch.Tensor], torch.Tensor] = decode,
        *,
        classes: Sequence[str] = POKERDVS_CLASSES,
        sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
    ):
        super().__init__()
        self.snn = snn
        self.decode = decode
        self.classes = tuple(classes)
        width, height, polarities = sensor_size
        self.sensor_size = (width, height, polarities)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, classes) of frames (T, B, ...)."""
        return self.decode(self.snn(frames))


def leading(values: torch.Tensor) -> torch.Tensor:
    """Return which value along the last axis is the largest, and -1 where several are.

    A network that hasn't spiked has the same voltage for all classes: that is no answer.
    """
    largest = values.amax(dim=-1, keepdim=True)
    return torch.where((values == largest).sum(dim=-1) == 1, values.argmax(dim=-1), -1)
