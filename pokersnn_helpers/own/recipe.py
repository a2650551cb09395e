"""How recordings of your own are trained on: ``train --data`` and ``compare`` share this."""

from collections.abc import Callable
from functools import partial

import torch

from ..frames import augment
from ..study.models import LayerThenSNN

# A Reichardt detector's, in time bins: delayed copies, and neurons that forget quickly.
DELAYS, TAU_MEM, TAU_SYN = (0, 2, 4, 8), 5, 2
# How frames of a training batch may be changed; what a mirror does to your classes only you know.
AUGMENTS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "none": None,
    "shift": partial(augment, mirror=False),
    "mirror": augment,
}


def detector(time_window: float) -> Callable[..., LayerThenSNN]:
    """Return what makes the network, for time bins of so many µs, with its times in proportion."""
    dt = time_window / 1e6  # s
    return partial(
        LayerThenSNN,
        delays=tuple(dt * steps for steps in DELAYS),
        tau_mem=TAU_MEM * dt,
        tau_syn=TAU_SYN * dt,
        readout_tau_syn=max(0.005, dt),
        readout_tau_mem=max(0.010, dt),
    )
