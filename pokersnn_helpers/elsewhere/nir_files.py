"""Save the book's network in a form that other simulators read, and load it again.

The Neuromorphic Intermediate Representation (NIR; Pedersen et al. 2024,
doi:10.1038/s41467-024-52259-9) describes neurons by differential equations. It holds neither a time
step nor an order of computation, so here is what gives this network's spikes: forward Euler along
the edges of the graph, where each node takes what the node before it gives in the same step, and
only the recurrent weights take the spikes of the step before::

    i += dt / tau_syn * (w_in * S - i)    S: weighted inputs + weighted spikes of the last step
    v += dt / tau_mem * (r * i - v)       with the new i
    z = v > v_threshold
    v = v_reset where z

An event adds its whole weight to the current, however short a step is. Therefore ``w_in`` of the
neurons, and ``r`` of the readout's current, are ``tau_syn / dt``. The graph's ``metadata`` hold
``dt`` and ``settle`` (s), the names of the ``classes``, the ``sensor_size`` (width, height,
polarities), the ``surrogate_slope``, and a digest of the weights. Inputs are frames
(polarities, height, width), flattened in this order.
"""

import hashlib
import io
import math
from itertools import pairwise
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

from ..checks import check_numbers, check_range, errors_in, refuse_hooks
from ..classifier import Classifier, decode, frame_network
from ..devices import default_device
from ..fast import FastSNN
from ..files import atomic_write
from ..snn import SNN

NODES = {
    "input": nir.Input,
    "input_weights": nir.Affine,
    "hidden": nir.CubaLIF,
    "recurrent_weights": nir.Affine,
    "readout_weights": nir.Affine,
    "readout_current": nir.LI,
    "readout": nir.LI,
    "output": nir.Output,
}
_names = [*NODES]  # one after the other, and from the recurrent weights back to the neurons
EDGES = [*pairwise([*_names[:4], "hidden", *_names[4:]])]
WEIGHTS = {  # by node, their name in the network
    "input_weights": "lif0.input_weights",
    "recurrent_weights": "lif0.recurrent_weights",
    "readout_weights": "linear.weight",
}


def save_nir(classifier: Classifier, path: str | PathLike[str], overwrite: bool = True) -> None:
    """Save a classifier as a NIR graph; an older file gives way when the new one is complete.

    Args:
        classifier: Of an ``SNN`` or a ``FastSNN``, of any sizes and time constants.
        path: The file to write, by custom ``*.nir``.
        overwrite: Replace a file that is there.

    Raises:
        TypeError: NIR can't hold this network or its hooks, or it is no ``Classifier`` of a
            ``FrameNetwork``.
        ValueError: NIR can't hold its ``decode``; or ``load_nir`` couldn't make such a network
            again, since constants differ between neurons or are over 1 s, or weights aren't finite.
        FileExistsError: There is such a file, and ``overwrite`` is off.
        OSError: The file can't be written. What stood there before stands there still.

    Example:
        >>> save_nir(Classifier(SNN(hidden_size=20)), "network.nir")
        >>> load_nir("network.nir").snn.linear
        Linear(in_features=20, out_features=4, bias=False)
    """
    buffer = io.BytesIO()
    with errors_in(f"{path} isn't written"):
        graph = _graph(classifier)
        _rebuild(graph, SNN)
    nir.write(buffer, graph)
    with atomic_write(Path(path), overwrite) as file:
        file.write(buffer.getbuffer())


def load_nir(
    path: str | PathLike[str],
    device: torch.device | str | None = None,
    network: type[SNN] = SNN,
) -> Classifier:
    """Rebuild the classifier that ``save_nir`` wrote.

    Args:
        path: The file to read.
        device: Where to put it; default ``default_device()``.
        network: ``SNN`` or ``FastSNN``, whichever was saved.

    Returns:
        The classifier, ready to evaluate or to train on.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds another graph or less than ``save_nir`` writes, or
            times in ms.

    Example:
        >>> save_nir(Classifier(SNN(hidden_size=20)), "network.nir")
        >>> load_nir("network.nir").classes
        ('club', 'heart', 'diamond', 'spade')
    """
    with errors_in(f"{path} can't be loaded"):
        classifier = _rebuild(_read(Path(path).read_bytes()), network)
    return classifier.to(device or default_device())


def _graph(classifier: Classifier) -> nir.NIRGraph:
    network: Any = frame_network(classifier)
    _check_network(network)
    if classifier.decode is not decode:
        raise ValueError("NIR holds no decode of your own; save a Classifier with the default one")
    arrays = {node: network.get_parameter(WEIGHTS[node]).numpy(force=True) for node in WEIGHTS}
    digest = hashlib.sha256(b"".join(each.tobytes() for each in arrays.values())).digest()
    weights = {node: nir.Affine(each, np.zeros_like(each[:, 0])) for node, each in arrays.items()}
    hidden, readout, dt = network.lif0.p, network.readout.p, network.dt
    outputs, size = network.linear.weight.shape
    tau_syn, tau_out = _tau(hidden.tau_syn_inv), _tau(readout.tau_syn_inv)
    current = tau_out, tau_out / dt, 0.0
    voltage = _tau(readout.tau_mem_inv), 1.0, _decimal(readout.v_leak)
    nodes = {
        "input": nir.Input(np.array([network.input_size])),
        **weights,
        "hidden": nir.CubaLIF(
            tau_syn=np.full(size, tau_syn),
            tau_mem=np.full(size, _tau(hidden.tau_mem_inv)),
            r=np.ones(size),
            v_leak=np.full(size, _decimal(hidden.v_leak)),
            v_threshold=np.full(size, _decimal(hidden.v_th)),
            v_reset=np.full(size, _decimal(hidden.v_reset)),
            w_in=np.full(size, tau_syn / dt),
        ),
        "readout_current": nir.LI(*(np.full(outputs, value) for value in current)),
        "readout": nir.LI(*(np.full(outputs, value) for value in voltage)),
        "output": nir.Output(np.array([outputs])),
    }
    metadata = {  # as arrays, which have a checksum in the file
        "dt": np.array([dt]),
        "settle": np.array([float(classifier.settle)]),
        "classes": np.array([str(name).encode() for name in classifier.classes]),
        "sensor_size": np.array(classifier.sensor_size),
        "surrogate_slope": np.array([float(network.surrogate_slope)]),
        "sha256": np.frombuffer(digest, np.uint8),
    }
    return nir.NIRGraph({name: nodes[name] for name in NODES}, EDGES, metadata)


def _check_network(network: Any) -> None:
    """Refuse what a graph would leave out without a word."""
    kind = type(network)
    own = {kind.forward, getattr(kind, "step", None)} - {SNN.forward, FastSNN.forward, SNN.step}
    if own or not isinstance(network, SNN):
        name = kind.__name__
        raise TypeError(f"NIR has no nodes for what {name} computes; save an SNN or a FastSNN")
    if other := {*dict(network.named_parameters())} ^ {*WEIGHTS.values()}:
        raise TypeError(f"{kind.__name__} isn't saved: SNN differs in {', '.join(sorted(other))}")
    refuse_hooks(*network.modules())
    check_numbers(Real, dt=network.dt)
    if {network.lif0.dt, network.readout.dt} != {network.dt}:
        raise ValueError(f"a layer's dt isn't that of the network, {network.dt}")


def _decimal(value: torch.Tensor) -> float:
    """Return the shortest decimal number that is this one in single precision."""
    return float(str(_number(value).numpy()))


def _tau(inverse: torch.Tensor) -> float:
    """Return a time constant (s) with as few digits as give its inverse in single precision."""
    inverse = _number(inverse)
    taus = (float(f"{1 / inverse.double():.{digits}g}") for digits in range(1, 18))
    return next(tau for tau in taus if torch.as_tensor(1 / tau, dtype=inverse.dtype) == inverse)


def _number(values: torch.Tensor) -> torch.Tensor:
    """Return the number that all neurons share."""
    if len(different := values.unique()) != 1:
        raise ValueError(f"a constant differs between neurons: {different.tolist()}")
    return different[0]


def _read(data: bytes) -> nir.NIRGraph:
    try:
        return nir.read(io.BytesIO(data))
    except Exception as error:  # damaged bytes can raise anything
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"it is no readable NIR file: {reason}") from error


def _rebuild(graph: Any, network: type[SNN]) -> Classifier:
    """Make a classifier of a graph, or refuse one that ``save_nir`` wouldn't write for it."""
    kinds = {name: type(node) for name, node in getattr(graph, "nodes", {}).items()}
    if kinds != NODES or sorted(graph.edges) != sorted(EDGES):
        found, nodes = ", ".join(kinds), ", ".join(NODES)
        raise ValueError(f"its nodes are {found}, or linked otherwise; save_nir writes {nodes}")
    try:
        classifier = _classifier(graph.nodes, graph.metadata, network)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"it holds something else than an SNN: {error!r}") from error
    sizes = classifier.snn.input_size, len(classifier.snn.linear.weight)
    if sizes != (math.prod(classifier.sensor_size), len(classifier.classes)):
        about = f"a sensor of {classifier.sensor_size} and classes {classifier.classes}"
        raise ValueError(f"{sizes[0]} inputs and {sizes[1]} outputs don't fit {about}")
    known = _graph(classifier)
    for name, node in known.nodes.items():
        for field, expected in vars(node).items():
            if isinstance(expected, np.ndarray):
                _compare(f"{name}.{field}", getattr(graph.nodes[name], field), expected)
    digest = known.metadata["sha256"]
    if not np.array_equal(graph.metadata.get("sha256", digest), digest):  # older files have none
        raise ValueError("weights have changed since save_nir; save it anew, or delete its sha256")
    return classifier


def _classifier(nodes: dict[str, Any], about: dict[str, Any], network: type[SNN]) -> Classifier:
    """Make a classifier of the numbers of each node's first neuron."""
    hidden, current, readout = nodes["hidden"], nodes["readout_current"], nodes["readout"]
    weights = {name: torch.from_numpy(nodes[node].weight) for node, name in WEIGHTS.items()}
    sizes = *weights["lif0.input_weights"].shape[::-1], len(weights["linear.weight"])
    numbers = {
        "v_th": hidden.v_threshold,
        "tau_syn": hidden.tau_syn,
        "tau_mem": hidden.tau_mem,
        "readout_tau_syn": current.tau,
        "readout_tau_mem": readout.tau,
        "dt": about["dt"],
        "surrogate_slope": about["surrogate_slope"],
    }
    arguments: dict[str, Any] = {name: float(values[0]) for name, values in numbers.items()}
    with errors_in("times are in s"):
        check_range(0, 1, **{name: each for name, each in arguments.items() if "tau" in name})
    with torch.random.fork_rng(devices=[]):
        snn = network(*sizes, **arguments)
    snn.to(dtype=weights["linear.weight"].dtype)
    snn.load_state_dict(weights)
    return Classifier(
        snn,
        classes=tuple(name.decode() for name in about["classes"]),
        sensor_size=about["sensor_size"],
        settle=float(about.get("settle", [0])[0]),  # older files have none
    )


def _compare(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    found, expected = np.broadcast_arrays(found, expected)
    wrong = ~(np.isfinite(found) & np.isclose(found, expected, rtol=1e-6, atol=0))
    if wrong.any():
        one, other = found[wrong][0], expected[wrong][0]
        raise ValueError(f"{name} is {one:g}; SNN has {other:g}, one number for all neurons")
