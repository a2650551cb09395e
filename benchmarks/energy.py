"""Estimates of the energy that counted operations take, from published figures for one of them.

These are orders of magnitude, not measurements:

- Memory decides: where the weights lie, and how often a weight that was read is used again. Here it
  never is, which is hard on convolutions and on batches.
- Control, data on their way, leakage, and what a chip takes while it waits for events are left out.
"""

import numpy as np

from .counting import Operations

# In pJ, 45 nm at 0.9 V: Horowitz 2014, doi:10.1109/ISSCC.2014.6757323, figure 1.1.9.
# Floating point of 32 bits, multiplied and added, or added.
MAC_PJ = 3.7 + 0.9
AC_PJ = 0.9
SRAM_8_KIB_PJ = 10  # access to 64 bits
SRAM_1_MIB_PJ = 100


def estimate_energy(operations: Operations) -> dict[str, np.ndarray]:
    """Multiply operations by published energies of one operation.

    The update of a neuron takes two multiply-accumulates of floating point, for its voltage and its
    current. With memory, each operation also reads its weight, of 32 bits, from an SRAM of 1 MiB,
    and an update reads and writes voltage and current, 32 bits each, in 8 KiB. Inputs and sums stay
    in registers.

    Args:
        operations: What ``count_operations`` returns.

    Returns:
        Estimates for each recording in µJ, of shape (B,): ``effective``, of hardware that skips
        every zero, and ``effective_with_memory``.

    Example:
        >>> import torch
        >>> from pokersnn_helpers import FastSNN
        >>> from benchmarks.counting import count_operations
        >>> energy = estimate_energy(count_operations(FastSNN(), torch.ones(2, 1, 2, 35, 35)))
        >>> bool(energy["effective"] < energy["effective_with_memory"])
        True
    """
    read_pj = SRAM_1_MIB_PJ * 32 / 64
    states_pj = 4 * 32 / 64 * SRAM_8_KIB_PJ
    updates = operations.membrane_updates
    effective = MAC_PJ * operations.effective_macs + AC_PJ * operations.effective_acs
    effective = effective + 2 * MAC_PJ * updates
    memory = read_pj * operations.effective + states_pj * updates
    return {
        "effective": effective / 1e6,
        "effective_with_memory": (effective + memory) / 1e6,
    }
