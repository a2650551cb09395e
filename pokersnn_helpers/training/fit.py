"""Minimise a loss, epoch by epoch. Nothing in this loop is about spikes."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..events.frames import check_finite_frames
from ..networks.classifier import Classifier, check_classifier, unique_argmax
from ..system.checks import check_numbers, check_range, check_tensor, errors_in, suggests_names
from ..system.devices import Device, chosen_device, one_cpu_thread
from ..system.progress import progress_bar
from ..system.warn import warn
from .batches import Batches, batches_of, check_loader
from .evaluation import evaluate_with_loss
from .loss import Loss, classify_batch
from .recipe import Augment
from .slips import warn_of_slips, warn_of_unreached_weights
from .watch import check_training, norm, warn_if_it_climbs, warn_if_silent

HIGH_RATE = 0.1  # with which Adam changes weights by more than most of them are


@dataclass
class History:
    """Loss and accuracy (0 to 1) with an entry per epoch, and which epoch is kept.

    Example:
        >>> history = History(loss=[1.2, 0.7], accuracy=[0.4, 0.8])
        >>> history.loss[-1]
        0.7
    """

    loss: list[float] = field(default_factory=list)  # minimised, of training recordings
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)  # after the epoch
    validation_accuracy: list[float] = field(default_factory=list)
    # Of the test recordings after each epoch; where others choose the epoch, only of that one.
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    kept_epoch: int = 0  # whose weights the classifier has, from 1 on


@dataclass
class Trainer:
    """A classifier in training, with all that changes in it from step to step.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, make_loader
        >>> loader = make_loader(load_pokerdvs(source="simulated").test)
        >>> show = lambda trainer: print(len(trainer.history.loss), "epochs")
        >>> history = fit(Classifier(FastSNN()), loader, epochs=1, callback=show)
        0 epochs
        1 epochs
    """

    classifier: Classifier
    optimizer: Optimizer
    ema: Any  # an AveragedModel of the classifier
    loss: Loss | None
    clip_norm: float | None
    augment: Augment | None
    device: torch.device
    history: History = field(default_factory=History)
    best: Classifier | None = None  # the average after the epoch that validation recordings choose

    @property
    def kept(self) -> Classifier:
        """The classifier that training would end with now, with averaged weights."""
        return self.ema.module if self.best is None else self.best

    def train_epoch(self, loader: Batches, epoch: int) -> None:
        """Learn from each batch once; note the mean of the loss, and the accuracy on the way."""
        self.classifier.train()
        # Sums of the losses, of the correct answers, of answers and of recordings.
        sums = torch.zeros(4, dtype=torch.float64, device=self.device)
        during = f"in epoch {epoch}, "
        for where, frames, targets in batches_of(loader, self.classifier, during):
            if self.augment:
                frames = self.augment(frames)
                check_tensor(frames)
                check_finite_frames(frames)
            if where == "in epoch 1, batch 1":
                warn_of_slips(self.classifier, frames.to(self.device))
            sums += self.step(frames.to(self.device), targets.to(self.device), where)
            if where == "in epoch 1, batch 1":
                warn_of_unreached_weights(self.classifier)
        loss_sum, correct_sum, answered, n_samples = sums.tolist()
        if n_samples == 0:
            raise ValueError("train_loader is empty: give a DataLoader or a list of batches")
        if epoch == 1:
            warn_if_silent("in epoch 1 ", answered, n_samples)
        check_training(f"after epoch {epoch}", norm_of_the_weights=norm(self.ema))
        self.history.loss.append(loss_sum / n_samples)
        self.history.accuracy.append(correct_sum / n_samples)

    def step(self, frames: Tensor, targets: Tensor, where: str) -> Tensor:
        """Learn from a batch; return the sums that ``train_epoch`` adds up."""
        # Forward through time, and back.
        with errors_in(where):
            log_probabilities, losses = classify_batch(self.classifier, frames, targets, self.loss)
            mean = losses.mean()
            if not mean.requires_grad:
                raise RuntimeError(
                    f"no gradient reaches the weights {where}: gradients are off, as by "
                    "torch.no_grad, or all weights are frozen, or forward detaches the voltages"
                )
            self.optimizer.zero_grad()
            mean.backward()
        # Clip the gradient to a norm.
        gradient = clip_grad_norm_(self.classifier.parameters(), self.clip_norm or math.inf)
        check_training(where, loss=mean, gradient=gradient)
        # Step against the gradient; the moving average follows.
        self.optimizer.step()
        for average, own in zip(self.ema.module.buffers(), self.classifier.buffers(), strict=True):
            if average.shape != own.shape:  # as of a state that is made with the first batch
                average.resize_(own.shape)
        self.ema.update_parameters(self.classifier)
        answers = unique_argmax(log_probabilities)
        one = torch.ones_like(losses)
        return torch.stack([losses.detach(), answers == targets, answers >= 0, one]).sum(dim=1)

    def keep_best(self, validation_loader: Batches) -> None:
        """Keep the averaged weights if this is the epoch that validation recordings choose."""
        evaluation, loss = evaluate_with_loss(
            self.ema.module, validation_loader, self.device, self.loss
        )
        self.history.validation_loss.append(loss)
        self.history.validation_accuracy.append(evaluation.accuracy)
        best = best_epoch(self.history.validation_accuracy, evaluation.n_samples)
        if best == len(self.history.loss):
            self.history.kept_epoch = best
            self.best = copy.deepcopy(self.ema.module)

    def test(self, classifier: Classifier, test_loader: Batches) -> None:
        """Note how well the test recordings are classified."""
        evaluation, loss = evaluate_with_loss(classifier, test_loader, self.device, self.loss)
        self.history.test_loss.append(loss)
        self.history.test_accuracy.append(evaluation.accuracy)


def best_epoch(accuracies: Sequence[float], n_samples: int) -> int:
    """Return the last epoch, from 1 on, within two standard errors of the best.

    Of epochs that are about as good, the first to be best would be so by chance.

    Args:
        accuracies: Accuracy on the validation recordings after each epoch.
        n_samples: How many validation recordings there are.

    Example:
        >>> best_epoch([0.5, 0.9, 0.88, 0.6], n_samples=100)
        3
    """
    best = max(accuracies)
    standard_error = math.sqrt(best * (1 - best) / n_samples)
    lowest = best - 2 * standard_error
    return max(epoch for epoch, accuracy in enumerate(accuracies, 1) if accuracy >= lowest)


@suggests_names
@one_cpu_thread()
def fit(
    classifier: Classifier,
    train_loader: Batches,
    test_loader: Batches | None = None,
    *,
    validation_loader: Batches | None = None,
    loss: Loss | None = None,
    epochs: int = 60,
    learning_rate: float = 0.001,
    clip_norm: float | None = 0.3,
    ema_decay: float = 0.95,
    optimizer: Callable[..., Optimizer] | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    device: Device = None,
    callback: Callable[[Trainer], None] | None = None,
) -> History:
    """Train a classifier: minimise a loss.

    The defaults are the numbers of the book's recipe. ``train_classifier`` adds what is particular
    to the suits of cards and to the book's network. On the CPU PyTorch computes on one thread, so
    that sums don't depend on the number of cores; the tensors are too small to gain from more.
    ``FastSNN`` uses a second thread.

    Args:
        classifier: The classifier to train. It is moved to ``device``, trained in place, and left
            ready to be tested.
        train_loader: Yields (frames, targets) to learn from, anew in each epoch.
        test_loader: Yields recordings that are classified but never learned from: after each
            epoch, or where ``validation_loader`` chooses the epoch, once in the end. Default: none.
        validation_loader: Yields recordings that choose the epoch: the classifier ends with the
            averaged weights of the last epoch whose accuracy on them lies within two standard
            errors of the best. Default: it ends with those of the last epoch.
        loss: ``loss(voltages, targets, frames, steps)`` returns a number per recording, (B,), where
            ``steps`` (B,) says how many of the voltages (T, B, classes) are its own. One that has a
            further argument ``states`` is also given the states of all steps, as ``record_states``
            returns them, with gradients, such as spikes to be penalised. Default: the negative
            log-likelihood of the true classes.
        epochs: Passes over the training recordings.
        learning_rate: Of the optimizer.
        clip_norm: The largest Euclidean norm of a gradient; larger ones are clipped. None: they
            aren't.
        ema_decay: The training ends with an exponential moving average (EMA) of the weights, which
            is also used for the test recordings. In each step the average keeps this share of
            itself. 0: the training ends with the last weights.
        optimizer: A class of optimizers, or a partial of one, as ``torch.optim.SGD``; it is called
            with the weights and ``learning_rate``. Default: Adam.
        augment: A function that changes the frames of a training batch at random. Default: they
            stay as they are.
        device: Where to run; default ``default_device()``.
        callback: A function that is called with the ``Trainer`` before the first epoch and after
            each. It may change the trainer, and so continue an earlier run.

    Raises:
        TypeError: As for ``evaluate``.
        ValueError: As for ``evaluate``; or a number is out of range, ``loss`` doesn't return one
            number per recording, or a loader yields its batches only once.
        RuntimeError: The loss, the gradient or a weight is no longer a finite number, or gradients
            are off.

    Warns:
        UserWarning: The first backward pass reaches some weights by no gradient; or the loss has
            risen by a fifth of what it had fallen, and has stayed up for five epochs; or all
            voltages were the same in a whole epoch, as those of a network that never spikes.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, make_loader
        >>> recordings = load_pokerdvs(source="simulated").train
        >>> loader = make_loader(recordings, sparse=True, shuffle=True)
        >>> history = fit(Classifier(FastSNN()), loader, epochs=2)
        >>> len(history.loss)
        2
    """
    check_classifier(classifier)
    check_numbers(Integral, epochs=epochs)
    check_numbers(Real, learning_rate=learning_rate)
    if learning_rate > HIGH_RATE and optimizer is None:
        warn(f"learning_rate is {learning_rate:g}; Adam takes about 0.001")
    if clip_norm is not None:
        check_numbers(Real, clip_norm=clip_norm)
    check_range(0, 0.999999, ema_decay=ema_decay)  # at 1 it would stay at the first weights
    check_loader(train_loader, classifier)
    for loader in (validation_loader, test_loader):
        if loader is not None:
            check_loader(loader, classifier)
    if augment is not None and not callable(augment):
        raise TypeError(f"augment is {augment!r}; give a function, as pokersnn_helpers.augment")
    if not list(classifier.parameters()):
        raise ValueError(f"{type(classifier.snn).__name__} has no weights, so it can't be trained")
    device = chosen_device(device)
    classifier.to(device)
    if optimizer is None:
        optimizer = partial(Adam, fused=True)
    elif isinstance(optimizer, Optimizer) or not callable(optimizer):
        raise TypeError(
            f"optimizer is {type(optimizer).__name__}(...); give a class, as torch.optim.SGD; fit "
            "calls it with the classifier's weights"
        )
    stepping = optimizer(classifier.parameters(), lr=learning_rate)
    ema: Any = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    trainer = Trainer(classifier, stepping, ema, loss, clip_norm, augment, device)
    if callback is not None:
        callback(trainer)
    history = trainer.history
    done = len(history.loss)
    bar = progress_bar(range(done, epochs), "training", "epoch", initial=done, total=epochs)
    for epoch in bar:
        trainer.train_epoch(train_loader, epoch + 1)
        bar.set_postfix(loss=f"{history.loss[-1]:.3f}", accuracy=f"{history.accuracy[-1]:.0%}")
        warn_if_it_climbs(history.loss)
        if validation_loader is not None:
            trainer.keep_best(validation_loader)
        else:
            history.kept_epoch = epoch + 1
            if test_loader is not None:
                trainer.test(trainer.kept, test_loader)
        if callback is not None:
            callback(trainer)
    classifier.load_state_dict(trainer.kept.state_dict())
    classifier.eval()
    if validation_loader is not None and test_loader is not None:
        trainer.test(classifier, test_loader)
    return history
