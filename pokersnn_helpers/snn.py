"""The spiking neural network, and how its readout becomes a class."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from norse.torch import LICell, LIFRecurrentCell
from norse.torch.functional.leaky_integrator import LIParameters, LIState
from norse.torch.functional.lif import LIFParameters, LIFState


class SNNState(NamedTuple):
    """What a network did at every step; each tensor has shape (T, B, neurons).

    Attributes:
        lif0: Spikes ``z``, membrane voltages ``v`` (after the reset) and synaptic
            currents ``i`` of the hidden layer.
        readout: Membrane voltages ``v`` and synaptic currents ``i`` of the readout.
    """

    lif0: LIFState
    readout: LIState


class SNN(torch.nn.Module):
    """A recurrent layer of spiking neurons and a readout that never spikes.

    The hidden neurons are leaky integrate-and-fire (LIF) neurons with
    current-based synapses (Gerstner et al., Neuronal Dynamics, 2014, chapter 1),
    as computed by ``norse.torch.functional.lif.lif_step``. Gradients pass the
    threshold by the SuperSpike surrogate (Zenke and Ganguli 2018,
    doi:10.1162/neco_a_01086).

    Args:
        input_size: Inputs: polarities times pixels.
        hidden_size: Hidden neurons.
        output_size: Readout neurons, one a class.
        v_th: Threshold of the hidden neurons, in the voltage's arbitrary unit.
        tau_syn: Synaptic time constant of the hidden neurons, in s.
        tau_mem: Membrane time constant of the hidden neurons, in s.
        readout_tau_syn: Synaptic time constant of the readout, in s.
        readout_tau_mem: Membrane time constant of the readout, in s.
        dt: Duration of a time step, in s: the width of the frames' time bins.
        surrogate_slope: The surrogate's slope at the threshold. Norse's is 1. A neuron
            has more chances to spike the shorter a step is, so ``dt`` / 1 ms makes
            gradients in fine steps about what they are in steps of 1 ms.
        record: Keep the state of every step in ``recording``.

    Attributes:
        arguments: What the network was made with, except ``record``.
        recording: ``SNNState`` of the last run with ``record=True``, else None.
    """

    def __init__(
        self,
        input_size: int = 2 * 35 * 35,
        hidden_size: int = 100,
        output_size: int = 4,
        *,
        v_th: float = 0.3,
        tau_syn: float = 0.010,
        tau_mem: float = 0.010,
        readout_tau_syn: float = 0.005,
        readout_tau_mem: float = 0.010,
        dt: float = 0.001,
        surrogate_slope: float = 1.0,
        record: bool = False,
    ):
        super().__init__()
        self.arguments = {
            "input_size": input_size,
            "hidden_size": hidden_size,
            "output_size": output_size,
            "v_th": v_th,
            "tau_syn": tau_syn,
            "tau_mem": tau_mem,
            "readout_tau_syn": readout_tau_syn,
            "readout_tau_mem": readout_tau_mem,
            "dt": dt,
            "surrogate_slope": surrogate_slope,
        }
        self.record = record
        self.recording: SNNState | None = None
        lif = LIFParameters(
            tau_syn_inv=torch.as_tensor(1 / tau_syn),
            tau_mem_inv=torch.as_tensor(1 / tau_mem),
            v_th=torch.as_tensor(v_th),
        )
        li = LIParameters(
            tau_syn_inv=torch.as_tensor(1 / readout_tau_syn),
            tau_mem_inv=torch.as_tensor(1 / readout_tau_mem),
        )
        self.lif0 = LIFRecurrentCell(input_size, hidden_size, p=lif, dt=dt)
        self.linear = torch.nn.Linear(hidden_size, output_size, bias=False)
        self.readout = LICell(p=li, dt=dt)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Step the network through time, from rest.

        Args:
            frames: Event counts of shape (T, B, ...), floating point; the axes
                after time and batch hold ``input_size`` inputs.

        Returns:
            Voltages of the readout, of shape (T, B, output_size).

        Raises:
            TypeError: The frames are sparse, or aren't of a floating-point type.
            ValueError: There is no time step, or not ``input_size`` inputs.
        """
        check_frames(frames, self.arguments["input_size"])
        if frames.is_sparse:
            raise TypeError("frames are sparse, for FastSNN; give frames.to_dense()")
        slope = self.arguments["surrogate_slope"]
        hidden = readout = None  # the states; Norse starts from rest
        voltages, states = [], []
        for frame in frames.flatten(start_dim=2):  # (B, input_size)
            spikes, hidden = self.lif0(frame, hidden)  # (B, hidden_size)
            if slope != 1:
                spikes = slope * spikes + (1 - slope) * spikes.detach()
                hidden = hidden._replace(z=spikes)
            current = self.linear(spikes)  # (B, output_size)
            voltage, readout = self.readout(current, readout)
            voltages.append(voltage)
            if self.record:
                states.append((hidden, readout))
        self.recording = _stack_in_time(states) if self.record else None
        return torch.stack(voltages)


def check_frames(frames: torch.Tensor, input_size: int) -> None:
    """Refuse what isn't a batch of frames.

    Raises:
        TypeError: They aren't of a floating-point type.
        ValueError: There is no time step, or not ``input_size`` inputs.
    """
    shape = tuple(frames.shape)
    if len(shape) < 3:
        raise ValueError(f"frames have shape {shape}; expected (time, batch, polarity, y, x)")
    if shape[0] == 0:
        raise ValueError(f"frames have shape {shape}: there is no time step to run")
    if (inputs := math.prod(shape[2:])) != input_size:
        raise ValueError(
            f"frames of shape {shape} hold {inputs} inputs a time step, "
            f"but this network takes {input_size}"
        )
    if not frames.is_floating_point():
        raise TypeError(f"frames are of type {frames.dtype}; convert them with frames.float()")


def _stack_in_time(states: list[tuple[LIFState, LIState]]) -> SNNState:
    def stack(steps: tuple) -> list[torch.Tensor]:
        return [torch.stack(values).detach() for values in zip(*steps, strict=True)]

    hidden, readout = zip(*states, strict=True)
    return SNNState(LIFState(*stack(hidden)), LIState(*stack(readout)))


def decode(voltages: torch.Tensor) -> torch.Tensor:
    """Let the highest voltage that a readout neuron reached speak for its class.

    Args:
        voltages: Readout voltages of shape (T, B, classes).

    Returns:
        Log-probabilities of shape (B, classes).
    """
    return torch.log_softmax(voltages.max(dim=0).values, dim=-1)


class Classifier(torch.nn.Module):
    """A network and the rule that reads a class off its voltages.

    Args:
        snn: Frames (T, B, ...) in, readout voltages (T, B, classes) out.
        decode: Voltages in, log-probabilities (B, classes) out.
    """

    def __init__(
        self,
        snn: torch.nn.Module,
        decode: Callable[[torch.Tensor], torch.Tensor] = decode,
    ):
        super().__init__()
        self.snn = snn
        self.decode = decode

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, classes) of frames (T, B, ...)."""
        return self.decode(self.snn(frames))
