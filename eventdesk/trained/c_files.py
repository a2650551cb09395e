"""Write a trained network as one C file, which needs no library and allocates nothing.

``network.c`` beside this module holds the functions that such a file ends with. The numbers of the
network are written before them.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.fast.fast_snn import check_network, shares_lost
from pokersnn_helpers.networks.classifier import Classifier, decode
from pokersnn_helpers.networks.snn import SNN, LearnedTaus
from pokersnn_helpers.system.checks import errors_in
from pokersnn_helpers.system.writing import StrPath, atomic_write

FUNCTIONS = Path(__file__).with_name("network.c")


def save_c(classifier: Classifier, path: StrPath, *, bits: int = 32) -> None:
    """Write a classifier as a C99 file, with weights in single precision or in 8 bits.

    ``network_push(&n, t, x, y, p)`` adds an event, and ``network_answer(&n, maxima)`` says which
    class it is so far. Time in which nothing comes and no neuron can spike is passed over in one
    go. Its spikes are those of PyTorch but for rounding, since events are added up as they come.
    The file's ``main`` reads lines ``t x y p``; ``-DNETWORK_NO_MAIN`` leaves it out.

    With 8 bits, weights are rounded by ``to_int8``, which makes the file and the flash that it
    takes about a quarter as large. Each is multiplied by its scale when it is added, which takes
    more instructions, and the rounded network can answer otherwise than the trained one.

    A file of the same name is replaced once the new one is complete.

    Args:
        classifier: The classifier to write, of an ``SNN`` or a ``FastSNN``.
        path: The file to write, usually ``*.c``.
        bits: Per weight, 32 or 8.

    Raises:
        ValueError: The network can't be written in C, which holds for any that isn't an ``SNN`` or
            a ``FastSNN`` in single precision, for a ``decode`` of your own, for time bins that are
            no whole number of µs or longer than a time constant, for weights that aren't finite,
            and for ``bits`` other than 32 and 8.
        OSError: The file can't be written. An older file stays as it was.

    Example:
        >>> save_c(Classifier(SNN(hidden_size=20)), "network.c")
    """
    with errors_in(f"{path} isn't written"):
        text = _numbers(classifier, bits) + FUNCTIONS.read_text(encoding="utf-8")
    with atomic_write(Path(path)) as file:
        file.write(text.encode())


@torch.no_grad()
def to_int8(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights to the nearest multiples of a scale, of which each row has its own.

    Args:
        weights: A row for each neuron, of the weights of what it receives.

    Returns:
        The multiples, of which a row's largest is 127 or -127, and the scale of each row. A row of
        zeros stays so.

    Example:
        >>> to_int8(torch.tensor([[-127.0, 1.4], [0.0, 254.0]]))
        (tensor([[-127,    1],
                [   0,  127]], dtype=torch.int8), tensor([1., 2.]))
    """
    scales = weights.abs().amax(1).clamp(min=1e-12) / 127  # zeros divide by it, too
    return (weights / scales[:, None]).round().to(torch.int8), scales


@torch.no_grad()
def _numbers(classifier: Any, bits: int) -> str:
    """Return the part of the file that differs from network to network."""
    if bits not in (8, 32):
        raise ValueError(f"bits is {bits}; give 8 or 32")
    _check_kind(classifier)
    snn = classifier.snn
    width, height, polarities = classifier.sensor_size
    check_network(snn, width * height * polarities)
    a, s = _shares(snn)
    a_out, s_out = shares_lost(snn.readout)
    weights = {
        "W_IN": snn.lif0.input_weights,
        "W_REC": snn.lif0.recurrent_weights,
        "W_OUT": snn.linear.weight,
    }
    shares = {"A": a, "S": s}
    shares_out = {"A_OUT": torch.tensor(a_out), "S_OUT": torch.tensor(s_out)}
    _check_values({**weights, **shares, **shares_out})
    arrays = {}
    for name, rows in weights.items():
        if bits == 8:
            rows, arrays[f"{name}_SCALES"] = to_int8(rows)
        arrays[name] = rows.t()
    arrays |= shares
    names = ", ".join(_quoted(name) for name in classifier.classes)
    lines = [
        "#include <stdint.h>",
        "#include <string.h>",
        "",
        f"#define WIDTH {width}",
        f"#define HEIGHT {height}",
        f"#define POLARITIES {polarities}",
        f"#define HIDDEN {len(a)}",
        f"#define NETWORK_CLASSES {len(classifier.classes)}",
        f"#define TIME_WINDOW {_whole_window(classifier)} /* of a time step, in microseconds */",
        f"#define SETTLE_STEPS {classifier.settle_steps} /* of silence after the last event */",
        f"#define BITS {bits} /* per weight */",
        f"#define V_TH {_number(float(snn.lif0.p.v_th))}",
        f"#define A_OUT {_number(a_out)} /* shares that the readout loses */",
        f"#define S_OUT {_number(s_out)}",
        "",
        f"static const char *const NETWORK_NAMES[NETWORK_CLASSES] = {{{names}}};",
        "",
        "/* Weights of inputs, recurrent and of the readout, a row for each sender, as multiples",
        " * of the receiver's scale if there are scales; and the shares that voltages (A) and",
        " * currents (S) of the hidden neurons lose in a step. */",
        *(_array(name, values.numpy(force=True)) for name, values in arrays.items()),
        "",
    ]
    return "\n".join(lines)


def _check_kind(classifier: Any) -> None:
    """Refuse what the C functions don't compute."""
    kind = type(getattr(classifier, "snn", classifier))
    if not isinstance(classifier, Classifier) or kind not in (SNN, FastSNN):
        raise ValueError(
            f"there is no C for what {kind.__name__} computes; give a Classifier of an SNN or a "
            "FastSNN, as of train --network fast"
        )
    if classifier.decode is not decode:
        raise ValueError("there is no C for a decode of your own; give a Classifier without one")
    dtype = classifier.snn.linear.weight.dtype
    if dtype != torch.float32:
        raise ValueError(f"its weights are {dtype}; convert it with classifier.float()")
    outputs, classes = len(classifier.snn.linear.weight), len(classifier.classes)
    if outputs != classes:
        raise ValueError(f"it has {outputs} outputs for {classes} classes")


def _shares(snn: SNN) -> tuple[Tensor, Tensor]:
    """Return which share of its voltage and of its current each hidden neuron loses in a step."""
    cell = snn.lif0
    if isinstance(cell, LearnedTaus):
        return cell.mem.sigmoid(), cell.syn.sigmoid()
    a, s = shares_lost(cell)
    ones = torch.ones(len(cell.input_weights))
    return a * ones, s * ones


def _check_values(values: dict[str, Tensor]) -> None:
    for name, each in values.items():
        if not each.isfinite().all():
            raise ValueError(f"{name} holds numbers that aren't finite")
        if name[0] in "AS" and (each > 1).any():
            raise ValueError(
                "its time bins are longer than a time constant, so voltages jump over what they "
                "decay to, and idle time can't be passed over; choose narrower bins"
            )


def _whole_window(classifier: Classifier) -> int:
    window = round(classifier.time_window)
    if window < 1 or abs(window - classifier.time_window) > 1e-6 * window:
        raise ValueError(
            f"its time bins are {classifier.time_window:g} µs wide; C takes a whole number"
        )
    return window


def _array(name: str, values: ndarray) -> str:
    sizes = "".join(f"[{size}]" for size in values.shape)
    rows: Iterable[ndarray] = np.atleast_2d(values)
    kind, literal = ("int8_t", str) if values.dtype == np.int8 else ("float", _number)
    lines = [", ".join(map(literal, row.tolist())) for row in rows]
    body = ",\n".join(f"{{{line}}}" if values.ndim > 1 else line for line in lines)
    return f"static const {kind} {name}{sizes} = {{\n{body}}};\n"


def _number(value: float) -> str:
    """Return a C literal from which the same bits of single precision are read."""
    return f"{value:.8e}f"


def _quoted(name: str) -> str:
    """Return a C string, in which all bytes that could mean something else are numbers."""
    plain = [
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in name.encode()
    ]
    return f'"{"".join(plain)}"'
