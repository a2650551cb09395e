"""What the backends take and return. T: time steps, B: recordings per batch, H: hidden neurons."""

from typing import NamedTuple

import torch


class LIFConstants(NamedTuple):
    """What a time step multiplies by and compares with."""

    dt_over_tau_mem: float  # share that the hidden neurons' voltages lose per step
    dt_over_tau_syn: float  # share that their synaptic currents lose
    v_th: float  # their threshold
    readout_dt_over_tau_mem: float  # share that the readout's voltages lose
    readout_dt_over_tau_syn: float  # share that its synaptic currents lose
    surrogate_slope: float  # height of the surrogate for the threshold's derivative


class Trace(NamedTuple):
    """What the neurons did in every step."""

    v_decayed: torch.Tensor  # voltages of the hidden neurons before the reset, (T, B, H)
    i: torch.Tensor  # their synaptic currents, of the same shape; no steps unless recorded
    voltages: torch.Tensor  # of the readout, (T, B, outputs)
    i_out: torch.Tensor  # its synaptic currents, of the same shape; no steps unless recorded


class WeightGradients(NamedTuple):
    """Gradients of the loss with respect to weights, and to what the frames send."""

    w_in: torch.Tensor  # (H, inputs)
    w_rec: torch.Tensor  # (H, H)
    w_out: torch.Tensor  # (outputs, H)
    i: torch.Tensor  # hidden currents before they decay, (T, B, H); no steps unless needed


class CSR(NamedTuple):
    """The inputs other than 0 of a batch, as a compressed sparse row (CSR) matrix (T * B, inputs).

    Those of step t and recording b are numbers ``indptr[t * B + b]`` to ``indptr[t * B + b + 1]``.
    """

    indptr: torch.Tensor  # (T * B + 1,)
    indices: torch.Tensor  # which input it is, (N,)
    data: torch.Tensor  # how many events, (N,)
