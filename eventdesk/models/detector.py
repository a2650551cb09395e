"""The network that looks for motion in recordings of your own."""

from collections.abc import Callable
from functools import partial

from .layered import LayerThenSNN

# A Reichardt detector's, in usual time bins: delayed copies, and neurons that forget quickly.
DELAYS = (0, 2, 4, 8)
TAU_MEM = 5
TAU_SYN = 2


def detector(time_window: float, usual: float = 0) -> Callable[..., LayerThenSNN]:
    """Return what makes the network, whose delays reach as far where time bins are narrow.

    Args:
        time_window: Width of the time bins in µs.
        usual: The width that ``choose_recipe`` chooses. Delays and time constants are proportional
            to it, or to wider bins, so that with narrower bins the delays reach equally far back.

    Example:
        >>> detector(10_000)(dt=0.01).steps  # its delays, in time bins
        [0, 2, 4, 8]
        >>> detector(1000, usual=5000)(dt=0.001).steps
        [0, 10, 20, 40]
    """
    dt = time_window / 1e6  # s
    unit = max(time_window, usual) / 1e6
    return partial(
        LayerThenSNN,
        delays=tuple(dt * round(unit * steps / dt) for steps in DELAYS),
        tau_mem=TAU_MEM * unit,
        tau_syn=TAU_SYN * unit,
        readout_tau_syn=max(0.005, unit),
        readout_tau_mem=max(0.010, unit),
    )
