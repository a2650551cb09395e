"""How voltages become a class: a network, and the rule that reads its answer."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ..events.frames import last_steps, with_steps
from ..events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from ..system.checks import (
    SensorSize,
    check_classes,
    check_numbers,
    check_range,
    check_sensor_size,
    check_tensor,
    check_type,
    suggests_names,
)
from ..system.reading import check_memory
from .spiking_network import (
    WHOLE,
    needs_step,
    run_steps,
    said_of,
    stack_states,
    time_window_of,
    warn_of_rates,
)

SETTLE = 0.01  # s of silence after the last event


def decode(voltages: Tensor) -> Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their maxima.

    Example:
        >>> voltages = torch.tensor([[[0.1, 0.0]], [[0.9, 0.2]], [[0.3, 0.5]]])  # (3, 1, 2)
        >>> decode(voltages).exp()  # of the maxima, 0.9 and 0.5
        tensor([[0.5987, 0.4013]])
    """
    return torch.log_softmax(voltages.max(dim=0).values, dim=-1)


class Classifier(nn.Module):
    """A network with the rule that reads a class off its voltages, the classes and the sensor.

    A recording's own time is the time up to its last event and a silence of ``settle`` after it.
    The rule reads only the voltages of that time, so that an answer doesn't depend on the other
    recordings of a batch.

    Args:
        snn: The network, any module that is given frames (T, B, polarities, height, width) and
            returns voltages (T, B, classes); the head of ``spiking_network`` says more.
        decode: The rule. It is given voltages (T, B, classes) of recordings of the same length and
            returns log-probabilities (B, classes).
        classes: The names of the classes, no two of them alike.
        sensor_size: Width, height and polarities of the sensor.
        settle: Silence after the last event, in s.
        time_window: Width of the time bins in µs. Default: the network's ``dt``, or that of the
            first loader that the classifier is tested or trained with.

    Raises:
        ValueError: Two classes have the same name, the sensor isn't given by three numbers,
            ``settle`` isn't from 0 to 1 s, or ``time_window`` isn't the network's.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> classifier = Classifier(SNN(2 * 64 * 64, output_size=2), classes=("left", "right"),
        ...                         sensor_size=(64, 64, 2))
        >>> classifier(torch.zeros(20, 8, 2, 64, 64), time_window=1000).shape
        torch.Size([8, 2])
    """

    snn: Any

    @suggests_names
    def __init__(
        self,
        snn: nn.Module,
        decode: Callable[[Tensor], Tensor] = decode,
        *,
        classes: Sequence[str] = POKERDVS_CLASSES,
        sensor_size: SensorSize = POKERDVS_SENSOR_SIZE,
        settle: float = SETTLE,
        time_window: float | None = None,
    ):
        super().__init__()
        if not isinstance(snn, nn.Module):
            raise TypeError(f"snn is {snn!r}; give a network, as Classifier(SNN())")
        if not callable(decode):
            raise TypeError(f"decode is {decode!r}; give a function, and classes as classes=...")
        check_range(0, 1, settle=settle)
        self.snn = snn
        if not hasattr(snn, "time_constants"):  # which were looked at
            warn_of_rates(snn)
        self.bin_width = time_window_of(snn)  # µs; None until something says it
        if time_window is not None:
            check_numbers(Real, time_window=time_window)
            self.check_time_window(time_window)
        self.decode = decode
        self.classes = check_classes(classes)
        self.sensor_size = check_sensor_size(sensor_size)
        self.settle = float(settle)
        self.causal: bool | None = getattr(snn, "causal", True if hasattr(snn, "step") else None)
        self.recipe: Any = None  # the ``Recipe`` by which it was trained

    @property
    def time_window(self) -> float:
        """Width of the time bins in µs.

        Raises:
            ValueError: Nothing has said it.
        """
        if self.bin_width is None:
            name = type(self.snn).__name__
            raise ValueError(
                f"{name} has no dt, so how wide are its time bins? Say it in µs, as "
                f"time_window=1000, where you train it or make its Classifier; or give {name} a "
                "dt in s, as 0.001"
            )
        return self.bin_width

    def check_time_window(self, time_window: float) -> None:
        """Refuse time bins (µs) of another width than the network's, or learn how wide they are."""
        if self.bin_width is None:
            self.bin_width = float(time_window)
        if not math.isclose(time_window, self.bin_width, rel_tol=1e-6) and self.bin_width < WHOLE:
            dt = self.bin_width / 1e6
            raise ValueError(
                f"the time bins are {time_window:g} µs wide, the network's dt is {dt:g} s; choose "
                f"time_window={self.bin_width:g}, or make the network with dt={time_window / 1e6:g}"
            )

    @property
    def takes_sparse(self) -> bool:
        """Whether frames may be sparse tensors."""
        return bool(getattr(self.snn, "takes_sparse", False))

    @property
    def settle_steps(self) -> int:
        """Silent time steps after the last event."""
        return math.ceil(round(1e6 * self.settle / self.time_window, 6))

    def forward(self, frames: Tensor, time_window: float | None = None) -> Tensor:
        """Return log-probabilities (B, classes) of frames.

        Args:
            frames: Event counts (T, B, polarities, height, width).
            time_window: Width of their time bins in µs, which frames alone don't tell. Only a
                network that adds them all up needs none.

        Raises:
            ValueError: The bins are of another width than the network's, or you don't say theirs.
        """
        if time_window is not None:
            self.check_time_window(time_window)
        elif self.bin_width != WHOLE:
            raise ValueError(
                "how wide are the time bins of these frames? Say it in µs, as you said it to "
                "to_frames or make_loader: classifier(frames, time_window=1000)"
            )
        voltages, steps, _ = self.run(frames)
        return self.read(voltages, steps)

    def run(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network on frames (T, B, ...) and on the silence in which it settles.

        Sparse frames become dense where the network takes no others.

        Returns:
            Voltages (T, B, classes), how many of them are each recording's own, (B,), and the
            frames with that silence.
        """
        frames, steps = self.append_silence(frames)
        if frames.is_sparse and not self.takes_sparse:
            dense = f"{len(frames)} time steps as dense frames"
            check_memory(4 * frames.numel(), dense, "choose wider bins, or FastSNN, or cut them")
            frames = frames.to_dense()
        if self.is_causal(frames, steps):
            return self.voltages_of(frames), steps, frames
        return *self._run_by_length(frames, steps), frames

    def run_with_states(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Any]:
        """Return what ``run`` returns, and the states of all steps, of a network with a ``step``.

        Raises:
            TypeError: The network has no ``step``.
        """
        needs_step(self.snn, "a loss can't see its states")
        frames, steps = self.append_silence(frames)
        if frames.is_sparse:
            frames = frames.to_dense()
        voltages, states = run_steps(self.snn, frames, keep_states=True)
        return voltages, steps, frames, stack_states(states)

    def voltages_of(self, frames: Tensor) -> Tensor:
        """Return what the network makes of frames, if it has the right shape."""
        frames = frames.to(next(self.parameters(), frames.float()).dtype)
        with said_of(self.snn, frames):
            voltages: Any = self.snn(frames)
        is_tensor = isinstance(voltages, Tensor)
        shape = tuple(voltages.shape) if is_tensor else ()
        if len(shape) != 3 or shape[1] != frames.shape[1] or not voltages.is_floating_point():
            kind = type(voltages).__name__
            found = f"shape {shape} of {voltages.dtype}" if is_tensor else f"a {kind}"
            raise ValueError(
                f"{type(self.snn).__name__} returned {found} for frames of shape "
                f"{tuple(frames.shape)}; forward has to return only voltages (time, batch, "
                "classes), and of a single answer answer[None]"
            )
        return voltages

    def is_causal(self, frames: Tensor, steps: Tensor) -> bool:
        """Say whether later frames change earlier voltages; where nothing tells, try it once.

        The network is shown the frames (T, B, ...) with and without what comes after the end of
        the shortest recording. ``steps`` (B,) says how long each is.
        """
        if self.causal is None and steps.unique().numel() > 1:
            length = int(steps.min())
            was_training = self.snn.training
            self.snn.eval()
            with torch.no_grad():
                whole = self.voltages_of(frames)
                cut = self.voltages_of(with_steps(frames, length))
            self.snn.train(was_training)
            spread = float((whole.amax((0, 1)) - whole.amin((0, 1))).max())
            if spread == 0:  # as of a last layer of zeros: ask again once it has learned
                return False
            same_times = len(whole) == len(frames)
            self.causal = same_times and torch.allclose(whole[:length], cut, 0, 1e-4 * spread)
        return bool(self.causal)

    def append_silence(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Append the silence in which the longest recording of a batch settles.

        This also finds out how long each recording is, because a loader pads the shorter ones with
        silence without saying how much.

        Returns:
            Frames (T, B, ...), and how many of their steps are each recording's own, (B,).
        """
        check_tensor(frames)
        expected = self.sensor_size[::-1]
        shape = tuple(frames.shape[2:])
        if shape != expected and sorted(shape) == sorted(expected):
            raise ValueError(
                f"frames have shape {tuple(frames.shape)}; bring them into the order (time, batch, "
                f"polarity, y, x), which end in {expected}"
            )
        steps = last_steps(frames).clamp(min=1) + self.settle_steps
        return with_steps(frames, max(steps.tolist(), default=1)), steps

    def _run_by_length(self, frames: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Show the network recordings of one length at a time; ``run`` says what is returned."""
        if self.bin_width == WHOLE:  # silence adds nothing to a sum
            voltages = self.voltages_of(frames)
            return voltages, torch.full_like(steps, len(voltages))
        of_recording: dict[int, Tensor] = {}
        for length in steps.unique().tolist():
            members = (steps == length).nonzero()[:, 0]
            part = self.voltages_of(with_steps(frames.index_select(1, members), length))
            of_recording.update(zip(members.tolist(), part.unbind(1), strict=True))
        parts = [of_recording[number] for number in range(len(steps))]
        return pad_sequence(parts), steps.new_tensor([len(part) for part in parts])

    def read(self, voltages: Tensor, steps: Tensor | None = None) -> Tensor:
        """Return log-probabilities (B, classes) of voltages (T, B, classes).

        Args:
            voltages: Voltages that the network returned.
            steps: The number of time steps that are each recording's own, (B,). Default: all.

        Raises:
            ValueError: There aren't as many voltages as classes, or ``decode`` returns another
                shape.
        """
        if steps is None or (steps == len(voltages)).all():
            return self._decode(voltages)
        if self.decode is decode:  # which reads the maxima
            later = torch.arange(len(voltages), device=steps.device)[:, None] >= steps
            return self._decode(voltages.masked_fill(later[..., None], -math.inf))
        decoded = [
            self._decode(voltages[:length, number : number + 1])
            for number, length in enumerate(steps.tolist())
        ]
        return torch.cat(decoded)

    def _decode(self, voltages: Tensor) -> Tensor:
        log_probabilities = self.decode(voltages)
        shape = tuple(log_probabilities.shape)
        expected = (voltages.shape[1], len(self.classes))
        if shape != expected:
            raise ValueError(
                f"voltages of shape {tuple(voltages.shape)} are decoded to {shape}, but "
                f"{expected[1]} classes need {expected}; make the network with "
                f"output_size={expected[1]}, or name as many classes"
            )
        return log_probabilities


def unique_argmax(values: Tensor) -> Tensor:
    """Return which value along the last axis is the largest, and -1 where several are.

    A network that hasn't spiked has the same voltage for all classes: that is no answer.
    """
    largest = values.amax(dim=-1, keepdim=True)
    return torch.where((values == largest).sum(dim=-1) == 1, values.argmax(dim=-1), -1)


def check_classifier(classifier: Any) -> None:
    """Refuse what isn't a ``Classifier``, such as a network alone."""
    check_type(classifier, Classifier, "classifier is", "a Classifier(network)")
