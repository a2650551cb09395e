"""The book's network: a recurrent layer of spiking neurons and a readout, with Norse."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from ..system.checks import (
    check_numbers,
    suggests_names,
)
from ..system.norse_cells import (
    LICell,
    LIFParameters,
    LIFRecurrentCell,
    LIFState,
    LIParameters,
    LIState,
    lif_step,
)
from ..system.warn import warn
from .spiking_network import SpikingNetwork, plain_number


class SNNState(NamedTuple):
    """State of ``SNN``; each tensor has shape (B, neurons), and (T, B, neurons) when recorded.

    Example:
        >>> voltages, state = SNN().step(torch.ones(8, 2, 35, 35), None)
        >>> state.lif0.v.shape, state.readout.v.shape
        (torch.Size([8, 100]), torch.Size([8, 4]))
    """

    lif0: LIFState  # spikes z, membrane voltages v (after the reset), synaptic currents i
    readout: LIState  # membrane voltages v, synaptic currents i


class LearnedTaus(LIFRecurrentCell):  # type: ignore[misc]
    """Norse's recurrent LIF neurons, with time constants that are learned, two for each neuron.

    The share of a voltage that a neuron loses in a time step is the sigmoid of a parameter (Fang et
    al. 2021, doi:10.1109/ICCV48922.2021.00266), and so is that of a current. It stays between 0 and
    1, so a time constant stays longer than a time step, and nothing grows::

        dt / tau_mem = sigmoid(mem)
        dt / tau_syn = sigmoid(syn)

    Attributes:
        mem: A parameter for each neuron, (neurons,).
        syn: The same for their currents.

    Example:
        >>> cell = LearnedTaus(5, 3)
        >>> cell.mem.shape, cell.taus()["tau_syn"].shape
        (torch.Size([3]), torch.Size([3]))
    """

    def __init__(self, input_size: int, hidden_size: int, **options: Any):
        super().__init__(input_size, hidden_size, **options)
        for name, rate in (("mem", self.p.tau_mem_inv), ("syn", self.p.tau_syn_inv)):
            share = self.dt * float(rate)
            if share >= 1:
                raise ValueError(
                    f"tau_{name} is {1 / rate:g} s; a time constant that is learned has to be "
                    f"longer than dt, {self.dt:g} s"
                )
            logit = torch.full((hidden_size,), math.log(share / (1 - share)), dtype=torch.float32)
            setattr(self, name, nn.Parameter(logit))

    @torch.no_grad()
    def taus(self) -> dict[str, Tensor]:
        """Return the time constants in s, in double precision."""
        parameters = {"tau_mem": self.mem, "tau_syn": self.syn}
        return {name: self.dt / each.double().sigmoid() for name, each in parameters.items()}

    @torch.no_grad()
    def set_taus(self, taus: Mapping[str, Tensor]) -> None:
        """Set what ``taus`` returns."""
        for parameter, name in ((self.mem, "tau_mem"), (self.syn, "tau_syn")):
            parameter.copy_(-torch.log(taus[name] / self.dt - 1))

    def forward(self, x: Tensor, state: LIFState | None = None) -> Any:
        """Compute one time step, as Norse's cell does."""
        p = self.p._replace(
            tau_mem_inv=self.mem.sigmoid() / self.dt, tau_syn_inv=self.syn.sigmoid() / self.dt
        )
        state = state or self.initial_state(x)
        return lif_step(x, state, self.input_weights, self.recurrent_weights, p, self.dt)


class SNN(SpikingNetwork):
    """A recurrent layer of spiking neurons and a readout that never spikes.

    The hidden neurons are leaky integrate-and-fire (LIF) neurons with current-based synapses
    (Gerstner et al., Neuronal Dynamics, 2014, section 1.3), stepped by forward Euler as Norse does.
    In a time step, the frame ``x`` and the spikes ``z`` of the step before change, in this order,
    the synaptic current ``i``, the membrane voltage ``u`` before and ``v`` after the reset, and
    the spikes::

        i = i + w_in x + w_rec z
        u = v + dt / tau_mem * (i - v)
        i = i - dt / tau_syn * i
        z = 1 where u > v_th, else 0
        v = (1 - z) * u

    The readout is a leaky integrator of the new spikes, with voltages ``v_out``::

        i_out = i_out + w_out z
        v_out = v_out + dt / readout_tau_mem * (i_out - v_out)
        i_out = i_out - dt / readout_tau_syn * i_out

    With ``learn_taus``, each hidden neuron has a ``tau_mem`` and a ``tau_syn`` of its own, which
    are learned with the weights; see ``LearnedTaus``.

    Where gradients pass the threshold, the SuperSpike surrogate (Zenke and Ganguli 2018,
    doi:10.1162/neco_a_01086) replaces its derivative; none passes through the ``z`` of the reset::

        dz / du = surrogate_slope / (1 + |u - v_th|)**2

    Args:
        input_size: Number of inputs, which is polarities times pixels.
        hidden_size: Hidden neurons.
        output_size: Readout neurons, one per class.
        v_th: Threshold of the hidden neurons, in the voltage's arbitrary unit.
        tau_syn: Synaptic time constant of the hidden neurons, in s.
        tau_mem: Membrane time constant of the hidden neurons, in s.
        readout_tau_syn: Synaptic time constant of the readout, in s.
        readout_tau_mem: Membrane time constant of the readout, in s.
        dt: Duration of a time step in s, at most twice the shortest time constant.
        surrogate_slope: The surrogate's slope at the threshold. The shorter the steps, the more
            of them there are, and the surrogate passes a gradient in each. With a slope of
            ``dt`` / 1 ms, gradients stay about as large as with steps of 1 ms.
        learn_taus: Whether the time constants of the hidden neurons are learned. Those that are
            given are where learning begins, and have to be longer than ``dt``.

    Raises:
        ValueError: An argument isn't a finite number greater than 0, or ``dt`` is too long.

    Warns:
        UserWarning: ``dt`` is longer than a time constant, or one of these is a second or longer.

    Attributes:
        arguments: What it was made with, by name, as a checkpoint keeps it.

    Example:
        >>> snn = SNN(hidden_size=20)
        >>> snn.record = True
        >>> snn(torch.ones(30, 8, 2, 35, 35)).shape  # time, batch, class
        torch.Size([30, 8, 4])
        >>> snn.recording.lif0.z.shape  # spikes of the hidden neurons
        torch.Size([30, 8, 20])
    """

    time_constants = {  # in s  # noqa: RUF012
        "tau_syn": 0.010,
        "tau_mem": 0.010,
        "readout_tau_syn": 0.005,
        "readout_tau_mem": 0.010,
    }

    @suggests_names
    def __init__(
        self,
        input_size: int = math.prod(POKERDVS_SENSOR_SIZE),
        hidden_size: int = 100,
        output_size: int = len(POKERDVS_CLASSES),
        *,
        v_th: float = 0.3,
        tau_syn: float = time_constants["tau_syn"],
        tau_mem: float = time_constants["tau_mem"],
        readout_tau_syn: float = time_constants["readout_tau_syn"],
        readout_tau_mem: float = time_constants["readout_tau_mem"],
        dt: float = 0.001,
        surrogate_slope: float = 1.0,
        learn_taus: bool = False,
    ):
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "output_size": output_size}
        taus = {
            "tau_syn": tau_syn,
            "tau_mem": tau_mem,
            "readout_tau_syn": readout_tau_syn,
            "readout_tau_mem": readout_tau_mem,
        }
        numbers = {"v_th": v_th, **taus, "dt": dt, "surrogate_slope": surrogate_slope}
        check_numbers(Integral, **sizes)
        check_numbers(Real, **numbers)
        check_time_step(dt, taus)
        given = {**sizes, **numbers, "learn_taus": learn_taus}
        self.arguments = {name: plain_number(value) for name, value in given.items()}
        rates = {name: single(1 / self.arguments[name]) for name in taus}
        self.input_size = input_size
        self.dt = self.arguments["dt"]
        self.surrogate_slope = surrogate_slope
        hidden = LIFParameters(
            tau_syn_inv=rates["tau_syn"],
            tau_mem_inv=rates["tau_mem"],
            v_th=single(self.arguments["v_th"]),
            alpha=single(1.0),  # Norse 1.1 ignores it; later ones use alpha · |v - v_th|
        )
        readout = LIParameters(
            tau_syn_inv=rates["readout_tau_syn"], tau_mem_inv=rates["readout_tau_mem"]
        )
        kind = LearnedTaus if learn_taus else LIFRecurrentCell
        self.lif0 = kind(input_size, hidden_size, p=hidden, dt=self.dt)
        self.linear = nn.Linear(hidden_size, output_size, bias=False)
        self.readout = LICell(p=readout, dt=self.dt)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Let a neuron's weight to itself stay 0 in a copy, which lacks Norse's hook."""
        super().__setstate__(state)
        weights = self.lif0.recurrent_weights
        learns = weights.requires_grad
        weights.requires_grad_().register_hook(lambda grad: grad.clone().fill_diagonal_(0))
        weights.requires_grad_(learns)

    @torch.no_grad()
    def hidden_taus(self) -> dict[str, Tensor]:
        """Return ``tau_mem`` and ``tau_syn`` of each hidden neuron in s, in double precision.

        Example:
            >>> SNN(hidden_size=3, learn_taus=True).hidden_taus()["tau_mem"]
            tensor([0.0100, 0.0100, 0.0100], dtype=torch.float64)
        """
        if isinstance(self.lif0, LearnedTaus):
            return self.lif0.taus()
        hidden_size = self.arguments["hidden_size"]
        return {
            name: torch.full((hidden_size,), self.arguments[name], dtype=torch.float64)
            for name in ("tau_mem", "tau_syn")
        }

    @torch.no_grad()
    def scale_input_weights(self, factor: float) -> None:
        """Multiply the input weights of the hidden neurons."""
        self.lif0.input_weights *= factor

    def step(self, frame: Tensor, state: SNNState | None) -> tuple[Tensor, SNNState]:
        """Compute one time step, as ``SpikingNetwork`` says."""
        hidden, readout = state or (None, None)  # Norse starts from rest
        x = frame.flatten(1)
        z, hidden = self.lif0(x, hidden)  # i, u, i, z and v, in this order
        if self.surrogate_slope != 1:  # spikes stay what they are; their gradient is scaled
            z = torch.lerp(z.detach(), z, self.surrogate_slope)
            hidden = hidden._replace(z=z)
        v_out, readout = self.readout(self.linear(z), readout)  # i_out, v_out and i_out
        return v_out, SNNState(hidden, readout)


def check_time_step(dt: float, taus: dict[str, float]) -> None:
    """Refuse a ``dt`` in which voltages would grow; warn of one in which decays change their sign.

    Time constants (s) are in milliseconds by mistake more often than they last a second.
    """
    for name, tau in taus.items():
        if tau >= max(1, 2 * dt):
            warn(
                f"{name} is {tau:g} s; time constants are in s: for {tau:g} ms, write "
                f"{tau / 1000:g}"
            )
    shortest = min(taus.values())
    most = f"choose at most {shortest:g} s, bins of {1e6 * shortest:g} microseconds"
    if dt > 2 * shortest:
        raise ValueError(f"dt is {dt:g} s, so voltages would grow; {most}")
    if dt > shortest:
        warn(f"dt is {dt:g} s, so what decays changes its sign; {most}")


def single(number: float) -> Tensor:
    """Return a number in single precision, whatever PyTorch's default is."""
    return torch.as_tensor(number, dtype=torch.float32)
