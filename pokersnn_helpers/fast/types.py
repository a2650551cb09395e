"""What the backends take and return. T: time steps, B: recordings per batch, H: hidden neurons."""

from typing import NamedTuple

import torch


class LIFConstants(NamedTuple):
    """What a time step multiplies by and compares with.

    Attributes:
        dt_over_tau_mem: Share that the hidden neurons' voltages lose per step.
        dt_over_tau_syn: Share that their synaptic currents lose.
        v_th: Their threshold.
        readout_dt_over_tau_mem: Share that the readout's voltages lose.
        readout_dt_over_tau_syn: Share that its synaptic currents lose.
        surrogate_slope: Height of the surrogate for the threshold's derivative.
    """

    dt_over_tau_mem: float
    dt_over_tau_syn: float
    v_th: float
    readout_dt_over_tau_mem: float
    readout_dt_over_tau_syn: float
    surrogate_slope: float


class Trace(NamedTuple):
    """What the neurons did in every step.

    Attributes:
        v_decayed: Voltages of the hidden neurons before the reset, of shape (T, B, H).
        i: Their synaptic currents, of the same shape; no steps unless recorded.
        voltages: Voltages of the readout, of shape (T, B, outputs).
        i_out: Synaptic currents of the readout, of the same shape; no steps unless recorded.
    """

    v_decayed: torch.Tensor
    i: torch.Tensor
    voltages: torch.Tensor
    i_out: torch.Tensor


class WeightGradients(NamedTuple):
    """Gradients of the loss.

    Attributes:
        w_in: With respect to the input weights, of shape (H, inputs).
        w_rec: To the recurrent weights, of shape (H, H).
        w_out: To the readout weights, of shape (outputs, H).
        i: To the hidden neurons' currents before they decay, of shape (T, B, H); no steps unless
            the frames need a gradient.
    """

    w_in: torch.Tensor
    w_rec: torch.Tensor
    w_out: torch.Tensor
    i: torch.Tensor


class CSR(NamedTuple):
    """The inputs other than 0 of a batch, as a compressed sparse row (CSR) matrix (T * B, inputs).

    Those of step t and recording b are numbers ``indptr[t * B + b]`` to ``indptr[t * B + b + 1]``.

    Attributes:
        indptr: Of shape (T * B + 1,).
        indices: Which input it is, of shape (N,).
        data: How many events, of shape (N,).
    """

    indptr: torch.Tensor
    indices: torch.Tensor
    data: torch.Tensor
