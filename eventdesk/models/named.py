"""The networks that go by a name, on the command line and in a checkpoint."""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.networks.snn import SNN

from .layered import LayerThenSNN
from .ordinary import CNN, GRU, EventGRU, FrameMLP, LeakySum


class NamedNetwork(NamedTuple):
    """A network that needs no file of its own."""

    kind: Callable[..., nn.Module]  # its class
    loaded: Callable[..., nn.Module]  # the class that its checkpoint is loaded into
    option: str = ""  # what ``train --network`` calls it; "" where only ``compare`` trains it


# By the name in a checkpoint. FastSNN, for SNN, takes sparse frames: memory grows with the events.
NETWORKS = {
    "SNN": NamedNetwork(SNN, FastSNN, "snn"),
    "FastSNN": NamedNetwork(FastSNN, FastSNN, "fast"),
    "LayerThenSNN": NamedNetwork(LayerThenSNN, LayerThenSNN, "layer"),
    "CNN": NamedNetwork(CNN, CNN),
    "FrameMLP": NamedNetwork(FrameMLP, FrameMLP),
    "GRU": NamedNetwork(GRU, GRU),
    "EventGRU": NamedNetwork(EventGRU, EventGRU),
    "LeakySum": NamedNetwork(LeakySum, LeakySum),
}
NETWORKS_OF_TRAIN = {each.option: each.kind for each in NETWORKS.values() if each.option}
