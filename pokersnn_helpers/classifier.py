"""How voltages become a class: a network, and the rule that reads its answer."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from .checks import check_classes, check_indices, check_range, check_sensor_size
from .frames import with_steps
from .networks import FrameNetwork, SpikingNetwork
from .pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE

SETTLE = 0.01  # s of silence after the last event; ``benchmarks settle`` compares others


def decode(voltages: torch.Tensor) -> torch.Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their maxima.

    Example:
        >>> voltages = torch.tensor([[[0.1, 0.0]], [[0.9, 0.2]], [[0.3, 0.5]]])  # (3, 1, 2)
        >>> decode(voltages).exp()  # of the maxima, 0.9 and 0.5
        tensor([[0.5987, 0.4013]])
    """
    return torch.log_softmax(voltages.max(dim=0).values, dim=-1)


class Classifier(torch.nn.Module):
    """A network, the rule that reads a class off its voltages, the classes and the sensor.

    A recording's own time ends with its last event and ``settle`` of silence after it. The rule
    reads voltages up to there, so an answer doesn't depend on the other recordings of a batch.

    Args:
        snn: Frames (T, B, ...) in, voltages (T, B, classes) out: a ``FrameNetwork``.
        decode: Voltages (T, B, classes) in, log-probabilities (B, classes) out. It is called with
            recordings of the same length.
        classes: Their names, which differ.
        sensor_size: Width, height and polarities of the sensor.
        settle: Silence after the last event, in s. The steps of a network that is no
            ``FrameNetwork`` count as 1 ms.

    Raises:
        ValueError: Two classes have the same name, the sensor isn't given by three numbers, or
            ``settle`` isn't from 0 to 1 s.

    Example:
        >>> classifier = Classifier(SNN(2 * 64 * 64, output_size=2), classes=("left", "right"),
        ...                         sensor_size=(64, 64, 2))
        >>> classifier(torch.zeros(20, 8, 2, 64, 64)).shape
        torch.Size([8, 2])
    """

    snn: Any

    def __init__(
        self,
        snn: torch.nn.Module,
        decode: Callable[[torch.Tensor], torch.Tensor] = decode,
        *,
        classes: Sequence[str] = POKERDVS_CLASSES,
        sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
        settle: float = SETTLE,
    ):
        super().__init__()
        check_range(0, 1, settle=settle)
        self.snn = snn
        self.decode = decode
        self.classes = check_classes(classes)
        self.sensor_size = check_sensor_size(sensor_size)
        self.settle = settle
        self._ahead: bool | None = None  # whether the network looks ahead, once it is known

    @property
    def settle_steps(self) -> int:
        """Silent time steps after the last event."""
        return math.ceil(round(self.settle / self._dt, 6)) if self._dt else 0

    @property
    def _dt(self) -> float | None:
        return getattr(self.snn, "dt", FrameNetwork.dt)

    def settled(self, frames: torch.Tensor) -> torch.Tensor:
        """Return frames that end ``settle`` after the last event of the batch."""
        last = max([1, *last_steps(frames).tolist()])
        return with_steps(frames, last + self.settle_steps)

    def run(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the network on frames (T, B, ...) that ``settled`` returned.

        Returns:
            Voltages (T, B, classes), and how many of them are each recording's own, (B,).
        """
        steps, ahead = own_steps(frames), self._looks_ahead(frames)
        voltages = self.snn(frames)
        if len(voltages) == len(frames) and not ahead:
            return voltages, steps
        groups = _by_steps(steps)
        steps = torch.full_like(steps, len(voltages))
        if len(groups) < 2 or self._dt is None:  # a sum: silence adds nothing
            return voltages, steps
        found: list[torch.Tensor] = []  # its values are of the whole: show it each one's own alone
        for own, some in groups:
            part = self.snn(with_steps(frames.index_select(1, some), own))
            steps[some] = len(part)
            found += part.unbind(1)
        order = torch.cat([some for _, some in groups]).argsort()
        return pad_sequence(found)[:, order], steps

    @torch.no_grad()
    def _looks_ahead(self, frames: torch.Tensor) -> bool:
        """Say whether earlier values of the network change with later frames; tried once."""
        known = isinstance(self.snn, SpikingNetwork) or self._dt is None
        if self._ahead is None and not known and len(frames) > 1 and frames.shape[1] > 0:
            modes = [(module, module.training) for module in self.snn.modules()]
            self.snn.eval()
            part = self.snn(with_steps(frames, len(frames) // 2))
            whole = self.snn(frames)[: len(part)]
            for module, mode in modes:
                module.training = mode
            same = torch.isclose(part, whole, 1e-3, 1e-3, equal_nan=True).all(2).all(0)
            self._ahead = 2 * int(same.sum()) < len(same)  # rounding may move a spike of a few
        return bool(self._ahead)

    def read(self, voltages: torch.Tensor, steps: torch.Tensor | None = None) -> torch.Tensor:
        """Return log-probabilities (B, classes) of voltages (T, B, classes).

        Args:
            voltages: Of the network.
            steps: How many of them are each recording's own, (B,). Default: all.

        Raises:
            ValueError: There aren't as many voltages as classes, or ``decode`` returns another
                shape.
        """
        if steps is None or bool((steps == len(voltages)).all()):
            return self._decoded(voltages)
        if self.decode is decode:  # which looks at the maxima
            later = torch.arange(len(voltages), device=steps.device)[:, None] >= steps
            return self._decoded(voltages.masked_fill(later[..., None], -math.inf))
        groups = _by_steps(steps)
        order = torch.cat([some for _, some in groups]).argsort()
        return torch.cat([self._decoded(voltages[:own, some]) for own, some in groups])[order]

    def _decoded(self, voltages: torch.Tensor) -> torch.Tensor:
        log_probabilities = self.decode(voltages)
        found, expected = tuple(log_probabilities.shape), (voltages.shape[1], len(self.classes))
        if found != expected:
            raise ValueError(
                f"voltages of shape {tuple(voltages.shape)} are decoded to {found}, but "
                f"{expected[1]} classes need {expected}; make the network with "
                f"output_size={expected[1]}, or name as many classes"
            )
        return log_probabilities

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, classes) of frames (T, B, ...)."""
        return self.read(*self.run(self.settled(frames)))


def leading(values: torch.Tensor) -> torch.Tensor:
    """Return which value along the last axis is the largest, and -1 where several are.

    A network that hasn't spiked has the same voltage for all classes: that is no answer.
    """
    largest = values.amax(dim=-1, keepdim=True)
    return torch.where((values == largest).sum(dim=-1) == 1, values.argmax(dim=-1), -1)


def check_classifier(classifier: Any) -> None:
    """Refuse what isn't a ``Classifier``, such as a network alone."""
    if not isinstance(classifier, Classifier):
        found = type(classifier).__name__
        raise TypeError(f"classifier is of type {found}; give a Classifier(network)")


def frame_network(classifier: Any) -> FrameNetwork:
    """Return the network of a classifier, or refuse what isn't a ``Classifier`` of one."""
    check_classifier(classifier)
    if not isinstance(classifier.snn, FrameNetwork):
        found = type(classifier.snn).__name__
        raise TypeError(f"{found} is no FrameNetwork; make the classifier of one")
    return classifier.snn


def last_steps(frames: torch.Tensor) -> torch.Tensor:
    """Return how many time steps each recording has up to its last event, (B,)."""
    if frames.is_sparse:
        if frames.dense_dim():
            check_indices(frames)  # which refuses it
        time, recording = frames._indices()[:2]
        time = torch.where(frames._values() != 0, time, -1)
    else:
        time, recording = frames.flatten(2).any(2).nonzero().t()
    return time.new_zeros(frames.shape[1]).scatter_reduce_(0, recording, time + 1, "amax")


def own_steps(frames: torch.Tensor) -> torch.Tensor:
    """Return how many time steps are each recording's own, (B,).

    A batch ends with silence, in which its longest recording settles. Each of the others has as
    many silent steps after its own last event. What is left belongs to none.

    Example:
        >>> frames = torch.zeros(20, 2, 2, 35, 35)
        >>> frames[11, 0], frames[14, 1] = 1, 1  # the last events; then 5 silent steps
        >>> own_steps(frames)
        tensor([17, 20])
    """
    last = last_steps(frames).clamp(min=1)  # without any event, too, there is something to read
    return last + len(frames) - max(last.tolist(), default=1)


def _by_steps(steps: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
    """Return each number of steps with the recordings that have so many."""
    return [(n, (steps == n).nonzero()[:, 0]) for n in steps.unique().tolist()]
