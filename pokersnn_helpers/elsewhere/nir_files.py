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
polarities) and the ``surrogate_slope``. Inputs are frames (polarities, height, width), flattened in
this order.
"""

import io
import math
from os import PathLike
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

from ..checks import errors_in
from ..files import atomic_write, default_device
from ..snn import SNN, Classifier, decode, frame_network

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
EDGES = [
    ("input", "input_weights"),
    ("input_weights", "hidden"),
    ("hidden", "recurrent_weights"),
    ("recurrent_weights", "hidden"),
    ("hidden", "readout_weights"),
    ("readout_weights", "readout_current"),
    ("readout_current", "readout"),
    ("readout", "output"),
]
WEIGHTS = {  # by node, their name in the network
    "input_weights": "lif0.input_weights",
    "recurrent_weights": "lif0.recurrent_weights",
    "readout_weights": "linear.weight",
}
CONSTANTS = ("tau_syn_inv", "tau_mem_inv", "v_leak", "v_th", "v_reset")  # of neurons


def save_nir(classifier: Classifier, path: str | PathLike[str], overwrite: bool = True) -> None:
    """Save a classifier as a NIR graph; an older file gives way when the new one has been read.

    Args:
        classifier: Of an ``SNN`` or a ``FastSNN``, of any sizes and time constants.
        path: The file to write, by custom ``*.nir``.
        overwrite: Replace a file that is there.

    Raises:
        TypeError: NIR can't hold this network, or it is no ``Classifier`` of a ``FrameNetwork``.
        ValueError: NIR can't hold its ``decode``; or ``load_nir`` couldn't make such a network
            again, since constants differ between neurons or weights aren't finite.
        FileExistsError: There is such a file, and ``overwrite`` is off.
        OSError: The file can't be written. What stood there before stands there still.

    Example:
        >>> save_nir(Classifier(SNN(hidden_size=20)), "network.nir")
        >>> load_nir("network.nir").snn.linear
        Linear(in_features=20, out_features=4, bias=False)
    """
    buffer = io.BytesIO()
    with errors_in(f"{path} isn't written"):
        nir.write(buffer, _graph(classifier))
        _compare(_rebuild(_read(buffer.getvalue()), SNN), classifier)
    with atomic_write(Path(path), overwrite) as file:
        file.write(buffer.getbuffer())
        file.flush()
        _read(Path(file.name).read_bytes())


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
        ValueError: The file is damaged, or holds another graph or less than ``save_nir`` writes.

    Example:
        >>> save_nir(Classifier(SNN(hidden_size=20)), "network.nir")
        >>> load_nir("network.nir").classes
        ('club', 'heart', 'diamond', 'spade')
    """
    if Path(path).exists() and not Path(path).is_file():  # a pipe or a device may have no end
        raise ValueError(f"{path} is not a regular file; choose one that save_nir wrote")
    with errors_in(f"{path} can't be loaded"):
        classifier = _rebuild(_read(Path(path).read_bytes()), network)
    return classifier.to(device or default_device())


def _graph(classifier: Classifier) -> nir.NIRGraph:
    network: Any = frame_network(classifier)
    _check_network(network)
    if classifier.decode is not decode:
        raise ValueError("NIR holds no decode of your own; save a Classifier with the default one")
    weights = {
        node: nir.Affine(weight, np.zeros(len(weight), weight.dtype))
        for node, name in WEIGHTS.items()
        for weight in [network.get_parameter(name).detach().cpu().numpy()]
    }
    hidden, readout, dt = network.lif0.p, network.readout.p, network.dt
    hidden_size, output_size = len(network.lif0.input_weights), len(network.linear.weight)
    tau_syn, tau_out = _tau(hidden.tau_syn_inv), _tau(readout.tau_syn_inv)
    neurons = nir.CubaLIF(
        tau_syn=_each(hidden_size, tau_syn),
        tau_mem=_each(hidden_size, _tau(hidden.tau_mem_inv)),
        r=np.ones(hidden_size),
        v_leak=_each(hidden_size, _decimal(hidden.v_leak)),
        v_threshold=_each(hidden_size, _decimal(hidden.v_th)),
        v_reset=_each(hidden_size, _decimal(hidden.v_reset)),
        w_in=_each(hidden_size, tau_syn / dt),
    )
    zero, leak = np.zeros(output_size), _each(output_size, _decimal(readout.v_leak))
    nodes = {
        "input": nir.Input(np.array([network.input_size])),
        **weights,
        "hidden": neurons,
        "readout_current": nir.LI(
            _each(output_size, tau_out), _each(output_size, tau_out / dt), zero
        ),
        "readout": nir.LI(_each(output_size, _tau(readout.tau_mem_inv)), 1 + zero, leak),
        "output": nir.Output(np.array([output_size])),
    }
    metadata = {  # as arrays, which have a checksum in the file
        "dt": np.array([dt]),
        "settle": np.array([float(classifier.settle)]),
        "classes": np.array([str(name).encode() for name in classifier.classes]),
        "sensor_size": np.array(classifier.sensor_size),
        "surrogate_slope": np.array([float(network.surrogate_slope)]),
    }
    return nir.NIRGraph({name: nodes[name] for name in NODES}, EDGES, metadata)


def _check_network(network: Any) -> None:
    kind = type(network)
    if isinstance(network, SNN) and kind.step is SNN.step:
        layers = {name for name, _ in network.named_parameters()}
        if other := layers ^ set(WEIGHTS.values()):
            raise TypeError(
                f"{kind.__name__} isn't saved: SNN differs in {', '.join(sorted(other))}"
            )
        return
    advice = "save an SNN or a FastSNN"
    if isinstance(getattr(network, "snn", None), SNN):
        advice = (
            "it has no ReLU, for one. Save the spiking network behind the layer, whose inputs are "
            "what the layer finds: Classifier(network.snn, classes=..., sensor_size=...)"
        )
    raise TypeError(f"NIR has no nodes for what {kind.__name__} computes: {advice}")


def _each(size: int, value: Any) -> np.ndarray:
    """Return a number, or one per neuron, as a parameter of so many neurons."""
    return np.broadcast_to(np.asarray(value, float), size).copy()


def _decimal(value: torch.Tensor) -> Any:
    """Return the shortest decimal number that is this one in single precision."""
    return value.numpy().astype(str).astype(float)


def _tau(inverse: torch.Tensor) -> Any:
    """Return a time constant (s) with as few digits as give its inverse in single precision."""
    return next(
        tau
        for digits in range(1, 18)
        for tau in [np.vectorize(lambda x, n=digits: float(f"{1 / x:.{n}g}"))(inverse.double())]
        if torch.equal(torch.as_tensor(1 / tau, dtype=inverse.dtype), inverse)
    )


def _read(data: bytes) -> nir.NIRGraph:
    try:
        return nir.read(io.BytesIO(data))
    except Exception as error:  # damaged bytes can raise anything
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"it is no readable NIR file ({type(error).__name__}: {reason})"
        ) from error


def _rebuild(graph: Any, network: type[SNN]) -> Classifier:
    kinds = {name: type(node) for name, node in getattr(graph, "nodes", {}).items()}
    if kinds != NODES or sorted(graph.edges) != sorted(EDGES):
        found = ", ".join(f"{name} ({kind.__name__})" for name, kind in kinds.items())
        raise ValueError(
            f"its nodes are {found or type(graph).__name__}, or linked otherwise; "
            f"save_nir writes {', '.join(NODES)}"
        )
    nodes, about = graph.nodes, graph.metadata
    if missing := {"dt", "classes", "sensor_size", "surrogate_slope"} - set(about):
        raise ValueError(f"its metadata lack {', '.join(sorted(missing))}, which save_nir writes")
    hidden, current, readout = nodes["hidden"], nodes["readout_current"], nodes["readout"]
    weights = {name: torch.from_numpy(nodes[node].weight) for node, name in WEIGHTS.items()}
    sizes = [*weights["lif0.input_weights"].shape[::-1], len(weights["linear.weight"])]
    dt = _one("dt", about["dt"])
    tau_syn, tau_out = _one("tau_syn", hidden.tau_syn), _one("readout tau_syn", current.tau)
    fixed = {
        "hidden.r": (hidden.r, 1),
        "hidden.w_in": (hidden.w_in, tau_syn / dt),
        "hidden.v_leak": (hidden.v_leak, 0),
        "hidden.v_reset": (hidden.v_reset, 0),
        "readout_current.r": (current.r, tau_out / dt),
        "readout_current.v_leak": (current.v_leak, 0),
        "readout.r": (readout.r, 1),
        "readout.v_leak": (readout.v_leak, 0),
        **{f"{node}.bias": (nodes[node].bias, 0) for node in WEIGHTS},
    }
    for name, (value, expected) in fixed.items():
        if _one(name, value) != expected:
            raise ValueError(f"{name} is {_one(name, value):g}; SNN has {expected:g}")
    types = {each.dtype for each in weights.values()}
    if types not in ({torch.float32}, {torch.float64}):
        raise ValueError(f"its weights are of type {', '.join(map(str, types))}")
    if not all(each.isfinite().all() for each in weights.values()):
        raise ValueError("it holds weights that are NaN or infinite")
    try:
        with torch.random.fork_rng(devices=[]):
            snn = network(
                *sizes,
                v_th=_one("v_th", hidden.v_threshold),
                tau_syn=tau_syn,
                tau_mem=_one("tau_mem", hidden.tau_mem),
                readout_tau_syn=tau_out,
                readout_tau_mem=_one("readout tau_mem", readout.tau),
                dt=dt,
                surrogate_slope=_one("surrogate_slope", about["surrogate_slope"]),
            ).to(dtype=types.pop())
        snn.load_state_dict(weights)
        classes = tuple(name.decode() for name in about["classes"])
        width, height, polarities = map(int, about["sensor_size"])
        classifier = Classifier(
            snn,
            classes=classes,
            sensor_size=(width, height, polarities),
            settle=_one("settle", about.get("settle", np.zeros(1))),  # older files have none
        )
    except (AttributeError, RuntimeError, TypeError) as error:
        raise ValueError(f"it holds something else than an SNN: {error}") from error
    inputs, outputs = math.prod(classifier.sensor_size), len(classes)
    if (inputs, outputs) != (sizes[0], sizes[2]):
        raise ValueError(
            f"{sizes[0]} inputs and {sizes[2]} outputs don't fit a sensor of "
            f"{inputs} inputs and {outputs} classes"
        )
    return classifier


def _one(name: str, values: np.ndarray) -> float:
    """Return the number that all neurons share."""
    if len(different := np.unique(values)) != 1:
        raise ValueError(f"{name} differs between neurons; SNN has one number for all")
    return float(different[0])


def _compare(loaded: Classifier, classifier: Classifier) -> None:
    """Refuse what a graph doesn't say."""
    own = classifier.state_dict()
    for name, weights in loaded.state_dict().items():
        if not torch.equal(weights, own[name].cpu()):
            raise ValueError(f"{name} couldn't be loaded again")
    for cell in ("lif0", "readout"):
        made, changed = (getattr(each.snn, cell) for each in (loaded, classifier))
        if made.dt != changed.dt:
            raise ValueError(f"{cell}.dt is {changed.dt}, not the network's {made.dt}")
        for name in sorted(set(CONSTANTS) & set(made.p._fields)):
            found = getattr(changed.p, name)
            if torch.as_tensor(found != getattr(made.p, name)).any():  # or a constant per neuron
                raise ValueError(f"{cell}.p.{name} is {found}, which couldn't be loaded again")
