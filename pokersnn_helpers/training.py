"""Train a classifier, test it, ask it about one recording. Nothing in the loop is about spikes."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import nll_loss
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import trange

from .checks import (
    check_batch,
    check_numbers,
    check_optimizer,
    check_repeatable,
    check_targets,
    check_time_steps,
    check_training,
    errors_in,
    norm,
)
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
        loader: Its time bins are as wide as the network's time steps.
        device: Where to run; default ``default_device()``.

    Raises:
        TypeError: The loader's frames or targets aren't tensors.
        ValueError: The time bins have another width, the loader is empty, or a target isn't the
            number of a class.
    """
    check_time_steps(loader, classifier)
    device = device or default_device()
    classifier.to(device).eval()
    log_probabilities, targets = [], []
    with torch.no_grad():
        for frames, target in loader:
            check_batch(frames, target)
            log_probabilities.append(classifier(frames.to(device)).cpu())
            targets.append(target.cpu())
            check_targets(targets[-1], log_probabilities[-1])
    if not targets:
        raise ValueError("the loader is empty: there is nothing to evaluate")
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

    ``evaluate`` pads a recording with silence, in which the readout still moves, to the longest of
    its batch. Here there is no padding, so probabilities can differ from those.

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
        """Put everything back where ``fit`` took it from, and return the history.

        Raises:
            ValueError: Something is missing, is of another size, or isn't a finite number.
        """
        try:
            classifier.load_state_dict(self.weights)
            ema.module.load_state_dict(self.ema)
            ema.n_averaged.fill_(self.n_averaged)
            optimizer.load_state_dict(self.optimizer)
            torch.set_rng_state(self.rng)
            history = History(**{name: list(self.history[name]) for name in asdict(History())})
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"resume_from doesn't fit this classifier: {error!r}") from error
        if not (norm(classifier) + norm(ema)).isfinite():
            raise ValueError("resume_from holds weights that are NaN or infinite; start a new run")
        return history


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
        train_loader: Yields (frames, targets) to learn from, anew in each epoch.
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
        TypeError: A loader is an iterator, or ``augment`` or a loader doesn't give tensors.
        ValueError: As for ``evaluate``; or a number is out of range, or ``resume_from`` is of
            another classifier.
        RuntimeError: The loss, the gradient or a weight is no longer a finite number.
    """
    check_numbers(Integral, epochs=epochs)
    if clip_norm is not None:
        check_numbers(Real, clip_norm=clip_norm)
    if not 0 <= ema_decay < 1:
        raise ValueError(f"ema_decay is {ema_decay}; choose a number from 0 to below 1")
    for loader in (train_loader, test_loader):
        check_repeatable(loader)
        check_time_steps(loader, classifier)
    device = device or default_device()
    model = wrap_ddp(classifier.to(device))
    optimizer = optimizer or torch.optim.Adam(classifier.parameters(), lr=0.002, fused=True)
    check_optimizer(optimizer, classifier)
    ema = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    history = History()
    if resume_from is not None:
        history = resume_from.restore(classifier, ema, optimizer)
    done = len(history.loss)
    hidden = {"disable": True} if rank() else {}  # disable=False would overrule TQDM_DISABLE
    progress = trange(
        done, epochs, initial=done, total=epochs, desc="training", unit="epoch", **hidden
    )
    for epoch in progress:
        classifier.train()
        sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, correct, n_samples
        for batch, (frames, targets) in enumerate(train_loader, 1):
            place = f"in epoch {epoch + 1}, batch {batch}"
            frames = augment(frames) if augment else frames
            check_batch(frames, targets)
            frames, targets = shard_batch(frames, targets)
            frames, targets = frames.to(device), targets.to(device)
            with errors_in(place):
                log_probabilities = model(frames)
                check_targets(targets, log_probabilities)
            losses = nll_loss(log_probabilities, targets, reduction="none")
            loss = batch_mean(losses)
            optimizer.zero_grad()
            loss.backward()
            gradient = clip_grad_norm_(classifier.parameters(), clip_norm or math.inf)
            check_training(place, classifier, optimizer, loss=loss, gradient=gradient)
            optimizer.step()
            ema.update_parameters(classifier)
            correct = log_probabilities.argmax(dim=1) == targets
            sums += torch.stack([losses.detach(), correct, torch.ones_like(losses)]).sum(dim=1)
        loss_sum, correct, n_samples = all_reduce_sum(sums).tolist()
        if n_samples == 0:
            raise ValueError("train_loader is empty: there is nothing to learn from")
        place = f"after epoch {epoch + 1}"
        check_training(place, classifier, optimizer, norm_of_the_weights=norm(ema))
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
