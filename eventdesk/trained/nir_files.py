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
polarities), the ``surrogate_slope``, and, where the hidden neurons learn their time constants,
``tau_mem`` and ``tau_syn`` at which they began (s), as ``learn_taus``. Inputs are frames
(polarities, height, width), flattened in this order.

Importers take fewer kinds of nodes, and a step of their own, so a file can be written for one of
``SIMULATORS`` instead, with the same spikes there::

    from norse.torch import from_nir                                          # Norse 1.1.0
    from snntorch.import_nir import import_from_nir                           # snnTorch 1.0.0
    from spikingjelly.activation_based.nir_exchange import import_from_nir    # SpikingJelly 2.0.0

    network = from_nir(nir.read(path))  # or import_from_nir(nir.read(path))
    state = None                        # at the beginning of each recording
    snntorch.utils.reset(network)       # this, too, of snnTorch: its network keeps a state
    for frame in frames:                # (recordings, inputs)
        output, state = network(frame, state)

Time constants are those of the simulator's own step, 1 ms in Norse and 0.1 ms in the others;
``metadata`` hold it as ``dt``, and as ``bin`` the seconds of a frame. The others refuse a file for
Norse. Norse doesn't notice one for them: then give ``from_nir`` its ``dt``.

In such a file ``r`` is ``tau_mem / dt``, and the weights of the hidden neurons are divided by it. A
node that changes nothing stands behind the recurrent weights: without it snnTorch sends the inputs
through them, too (``import_nir.py``, line 41). The output is what spikes add to the readout's
currents in each step, so that two sums are left::

    i += output - dt / tau_syn * i        tau_syn and tau_mem of the readout, dt of the network
    v += dt / tau_mem * (i - v)

sinabs 3.1.3 reads no ``CubaLIF`` (``sinabs/nir.py`` returns none): set its ``LIFRecurrent``.
"""

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import nir
import numpy as np
import torch
from numpy import ndarray

from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.networks.classifier import Classifier, check_classifier, decode
from pokersnn_helpers.networks.snn import SNN, LearnedTaus
from pokersnn_helpers.system.checks import check_range, errors_in, refuse_hooks
from pokersnn_helpers.system.devices import Device, chosen_device
from pokersnn_helpers.system.reading import check_hdf5, check_memory, read_input
from pokersnn_helpers.system.writing import StrPath, atomic_write
from pokersnn_helpers.training.checkpoints import check_constants

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
WAY = [  # along all edges
    "input",
    "input_weights",
    "hidden",
    "recurrent_weights",
    "hidden",
    "readout_weights",
    "readout_current",
    "readout",
    "output",
]


class Importer(NamedTuple):
    """What makes a network of a graph in another simulator."""

    step: float  # s, unless it is told another
    module: str
    function: str


SIMULATORS = {
    "norse": Importer(1e-3, "norse.torch", "from_nir"),
    "snntorch": Importer(1e-4, "snntorch.import_nir", "import_from_nir"),
    "spikingjelly": Importer(1e-4, "spikingjelly.activation_based.nir_exchange", "import_from_nir"),
}
PLAIN_WAY = [
    "input",
    "input_weights",
    "hidden",
    "recurrent_weights",
    "unchanged",
    "hidden",
    "readout_weights",
    "output",
]
WEIGHTS = {  # by node, their name in the network
    "input_weights": "lif0.input_weights",
    "recurrent_weights": "lif0.recurrent_weights",
    "readout_weights": "linear.weight",
}
TAUS = {"lif0.mem", "lif0.syn"}  # which the neurons' tau_mem and tau_syn say


def save_nir(classifier: Classifier, path: StrPath, simulator: str = "") -> None:
    """Save a classifier as a NIR graph.

    A file of the same name is replaced once the new one is complete.

    Args:
        classifier: The classifier to save, of an ``SNN`` or a ``FastSNN`` with any sizes and time
            constants.
        path: The file to write, usually ``*.nir``.
        simulator: ``norse``, ``snntorch`` or ``spikingjelly``, to write it for that importer, as
            above; ``load_nir`` doesn't read that.

    Raises:
        TypeError: NIR can't hold this network or its hooks, or it is no ``Classifier``.
        ValueError: ``simulator`` is another one; NIR can't hold the ``decode``; or ``load_nir``
            couldn't make such a network again, since constants were changed later or are over 1 s,
            or weights aren't finite.
        OSError: The file can't be written. An older file stays as it was.

    Example:
        >>> save_nir(Classifier(SNN(hidden_size=20)), "network.nir")
        >>> load_nir("network.nir").snn.linear
        Linear(in_features=20, out_features=4, bias=False)
    """
    with errors_in(f"{path} isn't written"):
        if simulator and simulator not in SIMULATORS:
            raise ValueError(f"simulator is {simulator!r}; choose {', '.join(SIMULATORS)}")
        graph = _graph(classifier)
        check_constants(_rebuild(graph, type(classifier.snn)).snn, classifier.snn)
    buffer = io.BytesIO()
    nir.write(buffer, _plain(graph, SIMULATORS[simulator].step) if simulator else graph)
    with atomic_write(Path(path)) as file:
        file.write(buffer.getbuffer())


def load_nir(
    path: StrPath,
    device: Device = None,
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
        ValueError: It is no readable NIR file, or holds another graph than ``save_nir`` writes, or
            times in ms.

    Example:
        >>> save_nir(Classifier(SNN(hidden_size=20)), "network.nir")
        >>> load_nir("network.nir").classes
        ('club', 'heart', 'diamond', 'spade')
    """
    data = read_input(path)
    with errors_in(f"{path} can't be loaded"):
        graph = _read(data)
        classifier = _rebuild(graph, network)
    return classifier.to(chosen_device(device))


def _graph(classifier: Classifier) -> nir.NIRGraph:
    check_classifier(classifier)
    network: Any = classifier.snn
    _check_network(network)
    if classifier.decode is not decode:
        raise ValueError("NIR holds no decode of your own; save a Classifier with the default one")
    made_with = network.arguments
    dt = made_with["dt"]
    outputs = made_with["output_size"]
    taus = {name: each.numpy(force=True) for name, each in network.hidden_taus().items()}
    hidden = _for_each(
        made_with["hidden_size"],
        **taus,
        r=1.0,
        v_leak=0.0,
        v_threshold=made_with["v_th"],
        v_reset=0.0,
        w_in=taus["tau_syn"] / dt,
    )
    tau_syn = made_with["readout_tau_syn"]
    current = _for_each(outputs, tau=tau_syn, r=tau_syn / dt, v_leak=0.0)
    voltage = _for_each(outputs, tau=made_with["readout_tau_mem"], r=1.0, v_leak=0.0)
    nodes = {
        "input": nir.Input(np.array([made_with["input_size"]])),
        "input_weights": _affine(network.lif0.input_weights),
        "hidden": nir.CubaLIF(**hidden),
        "recurrent_weights": _affine(network.lif0.recurrent_weights),
        "readout_weights": _affine(network.linear.weight),
        "readout_current": nir.LI(**current),
        "readout": nir.LI(**voltage),
        "output": nir.Output(np.array([outputs])),
    }
    about = {
        "dt": [dt],
        "settle": [classifier.settle],
        "classes": [name.encode() for name in classifier.classes],
        "sensor_size": classifier.sensor_size,
        "surrogate_slope": [float(made_with["surrogate_slope"])],
    }
    if made_with["learn_taus"]:
        about["learn_taus"] = [made_with[name] for name in taus]
    metadata = {name: np.array(values) for name, values in about.items()}  # have a checksum
    return nir.NIRGraph(nodes, list(pairwise(WAY)), metadata)


def _plain(graph: nir.NIRGraph, step: float) -> nir.NIRGraph:
    """Return the same network in the form that importers take, for their step in s."""
    nodes = graph.nodes
    lif = nodes["hidden"]
    dt = graph.metadata["dt"]
    tau_syn, tau_mem = lif.tau_syn * step / dt, lif.tau_mem * step / dt
    hidden = replace(lif, tau_syn=tau_syn, tau_mem=tau_mem, r=lif.tau_mem / dt)
    w_in, w_rec = nodes["input_weights"], nodes["recurrent_weights"]
    decays = hidden.r[:, None].astype(w_rec.weight.dtype)
    plain = {
        **{name: nodes[name] for name in ("input", "readout_weights", "output")},
        "input_weights": nir.Affine(w_in.weight / decays, w_in.bias),
        "hidden": hidden,
        "recurrent_weights": nir.Affine(w_rec.weight / decays, w_rec.bias),
        "unchanged": nir.Affine(np.eye(*w_rec.weight.shape, dtype=w_rec.weight.dtype), w_rec.bias),
    }
    metadata = graph.metadata | {"dt": np.array([step]), "bin": dt}
    return nir.NIRGraph(plain, list(pairwise(PLAIN_WAY)), metadata)


def _check_network(network: Any) -> None:
    """Refuse what a graph would leave out without a word."""
    kind = type(network)
    if kind not in (SNN, FastSNN):
        raise TypeError(
            f"NIR has no nodes for what {kind.__name__} computes; save an SNN or a FastSNN, as of "
            "train --network fast"
        )
    expected = {*WEIGHTS.values(), *(TAUS if network.arguments["learn_taus"] else ())}
    other = expected ^ dict(network.named_parameters()).keys()
    if other:
        raise TypeError(f"{kind.__name__} isn't saved: SNN differs in {', '.join(sorted(other))}")
    refuse_hooks(*network.modules())


def _affine(weights: torch.Tensor) -> nir.Affine:
    weight = weights.numpy(force=True)
    return nir.Affine(weight, np.zeros_like(weight[:, 0]))


def _for_each(neurons: int, **constants: Any) -> dict[str, ndarray]:
    return {name: np.full(neurons, value, float) for name, value in constants.items()}


def _read(data: bytes) -> nir.NIRGraph:
    try:
        with h5py.File(io.BytesIO(data)) as file:
            check_memory(check_hdf5(file), "its arrays", "name another file")
        return nir.read(io.BytesIO(data))
    except Exception as error:  # damaged bytes can raise anything
        reason, _, _ = str(error).strip().partition("\n")
        raise ValueError(f"it is no readable NIR file: {reason}") from error


def _rebuild(graph: Any, network: type[SNN]) -> Classifier:
    """Make a classifier of a graph, or refuse one that ``save_nir`` wouldn't write for it."""
    kinds = {name: type(node) for name, node in graph.nodes.items()}
    if kinds != NODES or sorted(graph.edges) != sorted(pairwise(WAY)):
        names = ", ".join(kinds)
        expected = ", ".join(NODES)
        raise ValueError(f"its nodes are {names}, or linked otherwise; save_nir writes {expected}")
    try:
        classifier = _classifier(graph.nodes, graph.metadata, network)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"it holds something else than an SNN: {error!r}") from error
    for name, node in _graph(classifier).nodes.items():
        for field, expected_values in vars(node).items():
            if isinstance(expected_values, ndarray):
                _compare(f"{name}.{field}", getattr(graph.nodes[name], field), expected_values)
    return classifier


def _classifier(nodes: dict[str, Any], about: dict[str, Any], network: type[SNN]) -> Classifier:
    """Make a classifier of the numbers of each node's first neuron, or of learned ones of all."""
    weights = {name: torch.from_numpy(nodes[node].weight) for node, name in WEIGHTS.items()}
    hidden_size, input_size = nodes["input_weights"].weight.shape
    output_size = len(nodes["readout_weights"].weight)
    hidden = nodes["hidden"]
    numbers = {
        "v_th": hidden.v_threshold,
        "tau_syn": hidden.tau_syn,
        "tau_mem": hidden.tau_mem,
        "readout_tau_syn": nodes["readout_current"].tau,
        "readout_tau_mem": nodes["readout"].tau,
        "dt": about["dt"],
        "surrogate_slope": about["surrogate_slope"],
    }
    constants: dict[str, Any] = {name: float(values[0]) for name, values in numbers.items()}
    hidden_taus = {"tau_mem": hidden.tau_mem, "tau_syn": hidden.tau_syn}
    if "learn_taus" in about:
        constants |= dict(zip(hidden_taus, about["learn_taus"].tolist(), strict=True))
        constants["learn_taus"] = True
    taus = {name: value for name, value in constants.items() if "tau" in name}
    with errors_in("times are in s"):
        check_range(0, 1, **taus)
    with torch.random.fork_rng(devices=[]):
        snn = network(input_size, hidden_size, output_size, **constants)
    snn.to(dtype=weights["linear.weight"].dtype)
    snn.load_state_dict(snn.state_dict() | weights)
    if isinstance(snn.lif0, LearnedTaus):
        snn.lif0.set_taus({name: torch.from_numpy(each) for name, each in hidden_taus.items()})
    return Classifier(
        snn,
        classes=tuple(name.decode() for name in about["classes"]),
        sensor_size=about["sensor_size"],
        settle=float(about.get("settle", [0])[0]),  # older files have none
    )


def _compare(name: str, values: ndarray, expected: ndarray) -> None:
    values, expected = np.broadcast_arrays(values, expected)
    close = np.isclose(values, expected, rtol=1e-6, atol=0)
    wrong = ~(close & np.isfinite(values))
    if wrong.any():
        value = values[wrong][0]
        other = expected[wrong][0]
        raise ValueError(f"{name} is {value:g}; SNN has {other:g}, one number for all neurons")
