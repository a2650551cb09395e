"""Write a trained network as one C file, which needs no library and allocates nothing.

The folder ``c`` beside this module holds the functions that such a file is made of: ``begin.c``
and ``end.c``, and between them how a network of its kind computes a step. The numbers of the
network are written before them.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.fast.fast_snn import check_network, shares_lost
from pokersnn_helpers.networks.classifier import Classifier, decode
from pokersnn_helpers.networks.rounding import to_int8
from pokersnn_helpers.networks.snn import SNN, LearnedTaus
from pokersnn_helpers.system.checks import errors_in, refuse_hooks
from pokersnn_helpers.system.writing import StrPath, atomic_write

from ..models.layered import LayerThenSNN
from ..models.ordinary import GRU, EventGRU, LeakySum

FUNCTIONS = Path(__file__).with_name("c")


def save_c(classifier: Classifier, path: StrPath, *, bits: int = 32) -> None:
    """Write a classifier as a C99 file, with weights in single precision or in 8 bits.

    ``network_push(&n, t, x, y, p)`` adds an event, and ``network_answer(&n, maxima)`` says which
    class it is so far. Time in which nothing comes is passed over in one go: by the exact decay of
    a sum, or of neurons as long as none can spike, and of a ``GRU`` once its units stand still. Its
    spikes and voltages are those of PyTorch but for rounding, since events are added up as they
    come. The file's ``main`` reads lines ``t x y p``; ``-DNETWORK_NO_MAIN`` leaves it out.

    With 8 bits, weights are rounded by ``to_int8``, which makes the file and the flash that it
    takes about a quarter as large. Each is multiplied by its scale when it is added, which takes
    more instructions, and the rounded network can answer otherwise than the trained one.

    A file of the same name is replaced once the new one is complete.

    Args:
        classifier: The classifier to write, of an ``SNN``, ``FastSNN``, ``LayerThenSNN``, ``GRU``,
            ``EventGRU`` or ``LeakySum``.
        path: The file to write, usually ``*.c``.
        bits: Per weight, 32 or 8.

    Raises:
        ValueError: The network can't be written in C, which holds for any of another kind or not in
            single precision, for a ``decode`` of your own, for time bins that are no whole number
            of µs or longer than a time constant, for weights that aren't finite, and for ``bits``
            other than 32 and 8.
        TypeError: It has hooks, which C would leave out.
        OSError: The file can't be written. An older file stays as it was.

    Example:
        >>> save_c(Classifier(SNN(hidden_size=20)), "network.c")
    """
    with errors_in(f"{path} isn't written"):
        text = _text(classifier, bits)
    with atomic_write(Path(path)) as file:
        file.write(text.encode())


class _Parts(NamedTuple):
    """What a network's C file is made of."""

    functions: tuple[str, ...]  # the files that compute a step
    weights: dict[str, Tensor]  # a row for each receiver; first those of inputs, last the readout's
    numbers: dict[str, float]  # by the names that C has for them
    vectors: dict[str, Tensor]


def _spiking(snn: SNN) -> _Parts:
    cell = snn.lif0
    check_network(snn, cell.input_weights.shape[1])
    weights = {"W_INPUTS": cell.input_weights, "W_REC": cell.recurrent_weights}
    a, s = _shares(snn)
    a_out, s_out = shares_lost(snn.readout)
    shares_out = {"A_OUT": a_out, "S_OUT": s_out}
    numbers = {"HIDDEN": len(a), "V_TH": float(cell.p.v_th)} | shares_out
    return _Parts(("spiking.c",), weights | {"W_OUT": snn.linear.weight}, numbers, {"A": a, "S": s})


def _shares(snn: SNN) -> tuple[Tensor, Tensor]:
    """Return which share of its voltage and of its current each hidden neuron loses in a step."""
    cell = snn.lif0
    if isinstance(cell, LearnedTaus):
        return cell.mem.sigmoid(), cell.syn.sigmoid()
    a, s = shares_lost(cell)
    ones = torch.ones(len(cell.input_weights))
    return a * ones, s * ones


def _layered(network: LayerThenSNN) -> _Parts:
    inner = _spiking(network.snn)
    to_neurons = inner.weights.pop("W_INPUTS")
    weights = {"W_INPUTS": network.inputs.weight, "W_IN": to_neurons, **inner.weights}
    features = network.inputs.out_features
    copies = len(network.steps)
    late = torch.as_tensor(network.steps_late())
    if network.late is None:
        late = late.repeat_interleave(features)
    whole = late.int()
    sizes = {"FEATURES": features, "COPIES": copies, "ROWS": int(whole.max()) + 2}
    vectors = {"B_INPUTS": network.inputs.bias, "DELAYS": whole, "PARTS": late - whole}
    files = ("layer.c", "spiking.c")
    return _Parts(files, weights, sizes | inner.numbers, vectors | inner.vectors)


def _gated(gru: GRU) -> _Parts:
    units: Any = gru.units
    weights = {"W_INPUTS": gru.inputs.weight, "W_IN": units.weight_ih_l0}
    weights |= {"W_REC": units.weight_hh_l0, "W_OUT": gru.readout.weight}
    biases = {"B_INPUTS": gru.inputs.bias, "B_IN": units.bias_ih_l0, "B_REC": units.bias_hh_l0}
    table = {"SIGMOID": (torch.arange(257) / 16).sigmoid()}
    numbers = {"UNITS": units.hidden_size}
    if isinstance(gru, EventGRU):
        numbers["KEEP"] = float(gru.keep.sigmoid())
    return _Parts(("gru.c",), weights, numbers, {**biases, "B_OUT": gru.readout.bias, **table})


def _leaky(network: LeakySum) -> _Parts:
    if network.weights.bias.any():
        raise ValueError("there is no C for a sum of biases; set weights.bias to 0")
    keep = float(network.keep.sigmoid())
    weights = {"W_INPUTS": network.weights.weight}
    return _Parts(("leaky.c",), weights, {"KEEP": keep}, {"B_OUT": network.bias})


KINDS: dict[Any, Callable[[Any], _Parts]] = {
    SNN: _spiking,
    FastSNN: _spiking,
    LayerThenSNN: _layered,
    GRU: _gated,
    EventGRU: _gated,
    LeakySum: _leaky,
}


@torch.no_grad()
def _text(classifier: Any, bits: int) -> str:
    if bits not in (8, 32):
        raise ValueError(f"bits is {bits}; give 8 or 32")
    network = _check_kind(classifier)
    functions, weights, numbers, vectors = KINDS[type(network)](network)
    _check_values({**weights, **vectors, **{k: torch.tensor(n) for k, n in numbers.items()}})
    width, height, polarities = classifier.sensor_size
    (receivers, inputs), outputs = weights["W_INPUTS"].shape, len([*weights.values()][-1])
    classes = len(classifier.classes)
    if (inputs, outputs) != (width * height * polarities, classes):
        raise ValueError(
            f"it has {inputs} inputs and {outputs} outputs for a sensor of {width}x{height} pixels "
            f"and {polarities} polarities, and {classes} classes"
        )
    arrays = {}
    for name, rows in weights.items():
        if bits == 8:
            rows, arrays[f"{name}_SCALES"] = to_int8(rows)
        arrays[name] = rows.t()
    names = ", ".join(_quoted(name) for name in classifier.classes)
    sizes = {"WIDTH": width, "HEIGHT": height, "POLARITIES": polarities, "RECEIVERS": receivers}
    sizes |= {"NETWORK_CLASSES": classes, "TIME_WINDOW": _whole_window(classifier)}
    sizes |= {"SETTLE_STEPS": classifier.settle_steps, "BITS": bits}
    lines = [
        "#include <stdint.h>",
        "#include <string.h>",
        "",
        *(f"#define {name} {_literal(value)}" for name, value in {**sizes, **numbers}.items()),
        "",
        f"static const char *const NETWORK_NAMES[NETWORK_CLASSES] = {{{names}}};",
        "",
        *(_array(name, each.numpy(force=True)) for name, each in {**arrays, **vectors}.items()),
        "",
    ]
    files = [FUNCTIONS / name for name in ("begin.c", *functions, "end.c")]
    return "\n".join(lines) + "".join(file.read_text(encoding="utf-8") for file in files)


def _check_kind(classifier: Any) -> Any:
    """Return the network, or refuse what the C functions don't compute."""
    network = getattr(classifier, "snn", classifier)
    if not isinstance(classifier, Classifier) or type(network) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise ValueError(
            f"there is no C for what {type(network).__name__} computes; give a Classifier of one "
            f"of these: {known}"
        )
    if classifier.decode is not decode:
        raise ValueError("there is no C for a decode of your own; give a Classifier without one")
    for name, values in network.named_parameters():
        if values.dtype != torch.float32:
            raise ValueError(f"{name} is {values.dtype}; convert it with classifier.float()")
    refuse_hooks(*network.modules())
    return network


def _check_values(values: dict[str, Tensor]) -> None:
    for name, each in values.items():
        if not each.isfinite().all():
            raise ValueError(f"{name} holds numbers that aren't finite")
        if name in ("A", "S", "A_OUT", "S_OUT") and (each > 1).any():
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
    kind = {"int8": "int8_t", "int32": "int32_t"}.get(values.dtype.name, "float")
    lines = [", ".join(map(_literal, row.tolist())) for row in rows]
    body = ",\n".join(f"{{{line}}}" if values.ndim > 1 else line for line in lines)
    return f"static const {kind} {name}{sizes} = {{\n{body}}};\n"


def _literal(value: float) -> str:
    """Return a C literal of a whole number, or of the same bits of single precision."""
    return str(value) if isinstance(value, int) else f"{value:.8e}f"


def _quoted(name: str) -> str:
    """Return a C string, in which all bytes that could mean something else are numbers."""
    plain = [
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in name.encode()
    ]
    return f'"{"".join(plain)}"'
