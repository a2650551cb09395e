"""Train a classifier, test it, ask it about one recording. Nothing in the loop is about spikes."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import nll_loss
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import trange

from .distributed import (
    all_reduce_sum,
    batch_mean,
    default_device,
    one_cpu_thread,
    rank,
    shard_batch,
    wrap_ddp,
)
from .frames import to_frames
from .snn import Classifier

Batches = DataLoader[Any] | Iterable[tuple[torch.Tensor, torch.Tensor]]


@dataclass
class History:
    """Mean negative log-likelihood and accuracy (0 to 1), one entry per epoch."""

    loss: list[float] = field(default_factory=list)  # of training recordings, as trained on
    accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)  # after the epoch
    test_accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluation:
    """What a classifier said about some recordings, in the loader's order, on the CPU."""

    log_probabilities: torch.Tensor  # (N, classes)
    targets: torch.Tensor  # the true classes, int64 of shape (N,)

    @property
    def predicted(self) -> torch.Tensor:
        """Most probable classes, int64 of shape (N,)."""
        return self.log_probabilities.argmax(dim=1)

    @property
    def n_samples(self) -> int:
        """How many recordings there were."""
        return len(self.targets)

    @property
    def correct(self) -> int:
        """How many of them were classified correctly."""
        return int((self.predicted == self.targets).sum())

    @property
    def accuracy(self) -> float:
        """Share of the recordings classified correctly, from 0 to 1."""
        return self.correct / self.n_samples

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of the true classes."""
        return nll_loss(self.log_probabilities, self.targets).item()


def evaluate(
    classifier: torch.nn.Module, loader: Batches, device: torch.device | str | None = None
) -> Evaluation:
    """Classify all recordings of a loader of (frames, targets).

    Args:
        classifier: Frames in, log-probabilities (B, classes) out. It moves to ``device``.
        loader: Its time bins are as wide as the network's time steps, else a ``ValueError``.
        device: Where to run; default ``default_device()``.
    """
    _check_time_window(classifier, loader)
    device = device or default_device()
    classifier.to(device).eval()
    log_probabilities, targets = [], []
    with torch.no_grad():
        for frames, target in loader:
            log_probabilities.append(classifier(frames.to(device)).cpu())
            targets.append(target)
    return Evaluation(torch.cat(log_probabilities), torch.cat(targets))


class Prediction(NamedTuple):
    """What a classifier says about one recording."""

    class_name: str  # the most probable
    probabilities: dict[str, float]  # by class; not calibrated
    readout: torch.Tensor  # voltages over time, (T, classes), on the CPU


def predict(
    classifier: Classifier, events: np.ndarray, device: torch.device | str | None = None
) -> Prediction:
    """Classify one recording, whose events ``check_events`` accepts.

    Args:
        classifier: It moves to ``device``. Its network's ``dt`` is the width of the time bins.
        events: Structured array with fields t (µs), x, y and p, of the classifier's sensor.
        device: Where to run; default ``default_device()``.
    """
    device = device or default_device()
    snn: Any = classifier.to(device).eval().snn
    frames = to_frames(events, 1e6 * snn.dt, classifier.sensor_size)
    with torch.no_grad():
        voltages = snn(frames[:, None].to(device))
        probabilities = classifier.decode(voltages)[0].exp().tolist()
    by_name = dict(zip(classifier.classes, probabilities, strict=True))
    return Prediction(max(by_name, key=by_name.__getitem__), by_name, voltages[:, 0].cpu())


def _check_time_window(classifier: torch.nn.Module, loader: Batches) -> None:
    time_window = getattr(getattr(loader, "dataset", None), "time_window", None)
    dt = getattr(getattr(classifier, "snn", None), "dt", None)
    if time_window and dt and not math.isclose(time_window, 1e6 * dt, rel_tol=1e-6):
        raise ValueError(
            f"the loader's time bins are {time_window:g} µs wide, the network's dt is {dt:g} s. "
            f"Make the loader with time_window={1e6 * dt:g} or the network with "
            f"dt={1e-6 * time_window:g}"
        )


@dataclass
class TrainingState:
    """All that the rest of a training run depends on."""

    weights: dict[str, torch.Tensor]  # of the classifier after the last step
    ema: dict[str, torch.Tensor]  # their exponential moving average
    n_averaged: int  # steps that the average holds
    optimizer: dict[str, Any]
    rng: torch.Tensor  # state of PyTorch's random numbers on the CPU
    history: dict[str, list[float]]

    def restore(
        self, classifier: torch.nn.Module, ema: AveragedModel, optimizer: torch.optim.Optimizer
    ) -> History:
        """Put everything back where ``fit`` took it from, and return the history."""
        classifier.load_state_dict(self.weights)
        ema.module.load_state_dict(self.ema)
        ema.n_averaged.fill_(self.n_averaged)
        optimizer.load_state_dict(self.optimizer)
        torch.set_rng_state(self.rng)
        return History(**self.history)


@one_cpu_thread()
def fit(
    classifier: torch.nn.Module,
    train_loader: Batches,
    test_loader: Batches | None = None,
    *,
    epochs: int = 10,
    optimizer: torch.optim.Optimizer | None = None,
    clip_norm: float | None = None,
    ema_decay: float = 0.0,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
    resume_from: TrainingState | None = None,
    on_epoch_end: Callable[[torch.nn.Module, TrainingState], None] | None = None,
) -> History:
    """Minimise the negative log-likelihood.

    The defaults are plain; ``train_classifier`` holds the recipe that the book arrives at. On the
    CPU one thread computes: sums don't depend on the number of cores then, and the tensors are too
    small for more. Under ``torchrun`` each process computes its shard of every batch.

    Args:
        classifier: Frames in, log-probabilities (B, classes) out. It moves to ``device`` and is
            trained in place.
        train_loader: Yields (frames, targets) to learn from.
        test_loader: Watched after each epoch, never learned from. Default: nothing is watched.
        epochs: Passes over the training recordings.
        optimizer: Of the classifier's parameters. Default: Adam with a learning rate of 0.002.
        clip_norm: Clip the gradient to this Euclidean norm. Default: leave it.
        ema_decay: End with an exponential moving average (EMA) of the weights over the steps, which
            keeps this share of itself in each, and watch the test recordings with it. Default: end
            with the last weights.
        augment: Changes the frames of a training batch at random. Default: leave them.
        device: Where to run; default ``default_device()``.
        resume_from: What ``on_epoch_end`` was given in an earlier run, to go on from there.
        on_epoch_end: Called in process 0 with the averaged classifier and the state of the run.
            Both change in the next epoch: save them at once.

    Raises:
        ValueError: A loader's time bins aren't as wide as the network's time steps.
        RuntimeError: The loss or the gradient is no longer a finite number.
    """
    for loader in filter(None, (train_loader, test_loader)):
        _check_time_window(classifier, loader)
    device = device or default_device()
    model = wrap_ddp(classifier.to(device))
    optimizer = optimizer or torch.optim.Adam(classifier.parameters(), lr=0.002, fused=True)
    ema = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    history = resume_from.restore(classifier, ema, optimizer) if resume_from else History()
    done = len(history.loss)
    hidden = {"disable": True} if rank() else {}  # disable=False would overrule TQDM_DISABLE
    progress = trange(
        done, epochs, initial=done, total=epochs, desc="training", unit="epoch", **hidden
    )
    for epoch in progress:
        classifier.train()
        sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, correct, n_samples
        for frames, targets in train_loader:
            frames = augment(frames) if augment else frames
            frames, targets = shard_batch(frames, targets)
            frames, targets = frames.to(device), targets.to(device)
            log_probabilities = model(frames)
            losses = nll_loss(log_probabilities, targets, reduction="none")
            loss = batch_mean(losses)
            optimizer.zero_grad()
            loss.backward()
            norm = clip_grad_norm_(classifier.parameters(), clip_norm or math.inf)
            _check_finite(epoch, optimizer, loss=loss.item(), gradient=norm.item())
            optimizer.step()
            ema.update_parameters(classifier)
            correct = log_probabilities.argmax(dim=1) == targets
            sums += torch.stack([losses.detach(), correct, torch.ones_like(losses)]).sum(dim=1)
        loss_sum, correct, n_samples = all_reduce_sum(sums).tolist()
        history.loss.append(loss_sum / n_samples)
        history.accuracy.append(correct / n_samples)
        if rank() == 0 and test_loader is not None:
            evaluation = evaluate(ema.module, test_loader, device)
            history.test_loss.append(evaluation.loss)
            history.test_accuracy.append(evaluation.accuracy)
        if rank() == 0 and on_epoch_end is not None:
            weights, averaged = classifier.state_dict(), ema.module.state_dict()
            steps, state, rng = int(ema.n_averaged), optimizer.state_dict(), torch.get_rng_state()
            run = TrainingState(weights, averaged, steps, state, rng, asdict(history))
            on_epoch_end(ema.module, run)
        progress.set_postfix(loss=f"{history.loss[-1]:.3f}", accuracy=f"{history.accuracy[-1]:.0%}")
    classifier.load_state_dict(ema.module.state_dict())
    return history


def _check_finite(epoch: int, optimizer: torch.optim.Optimizer, **values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise RuntimeError(
                f"the {name} is {value} in epoch {epoch + 1}; try a learning rate below "
                f"{optimizer.param_groups[0]['lr']:g}, with bins finer than 1 ms a smaller "
                "surrogate_slope, as build_network has it, and look for NaN in the frames"
            )
