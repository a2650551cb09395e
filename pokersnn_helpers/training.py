"""Train a classifier, test it, ask it about one recording. Nothing in the loop is about spikes."""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .classifier import SETTLE, Classifier, check_classifier, decode, unique_argmax
from .frames import check_finite_frames, count_batch, make_loader
from .networks import WHOLE, time_window_of
from .out_of_distribution import Familiar, training_ranges, warn_if_unlike
from .recipe import AUGMENTS, Augment, choose_recipe
from .recordings import (
    PackedRecording,
    Recordings,
    Split,
    check_recordings,
    density_and_ms,
    warn_of_other_units,
)
from .snn import SNN, accepted_arguments, build_network, exact_decays
from .system.checks import (
    check_batch,
    check_events,
    check_loader,
    check_numbers,
    check_range,
    check_seed,
    check_tensor,
    errors_in,
    suggestion,
    suggests_names,
)
from .system.devices import Device, chosen_device, one_cpu_thread
from .system.progress import progress_bar
from .system.training_checks import (
    check_finite,
    check_training,
    norm,
    warn_if_it_climbs,
    warn_if_silent,
    warn_of_no_probabilities,
)

Batches = Iterable[tuple[Tensor, Tensor]]
# Voltages (T, B, classes), targets (B,), frames (T, B, ...) and each recording's own number of
# steps (B,) in; a loss per recording (B,) out.
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

MIN_TIME_WINDOW = 10  # µs: narrower bins are ms by mistake more often
HIGH_RATE = 0.1  # with which Adam changes weights by more than most of them are
RARE_EVENTS = 0.005  # per ms and input: input weights are drawn for this rate; POKER-DVS has 0.07


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


@dataclass(frozen=True)
class Evaluation:
    """The answers of a classifier to some recordings, in the loader's order, on the CPU.

    Example:
        >>> sure = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
        >>> found = Evaluation(sure, targets=torch.tensor([0, 1, 1]))
        >>> found.predicted, found.correct, found.n_samples
        (tensor([0, 1, 0]), 2, 3)
    """

    log_probabilities: Tensor  # (N, classes)
    targets: Tensor  # the true classes, int64 of shape (N,)

    @property
    def predicted(self) -> Tensor:
        """Most probable classes, int64 of shape (N,), or -1 where several share the first place."""
        return unique_argmax(self.log_probabilities)

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
        """Share of the recordings classified correctly, from 0 to 1; NaN where there are none."""
        return self.correct / self.n_samples if self.n_samples else math.nan

    def __repr__(self) -> str:
        return f"{self.correct} of {self.n_samples} correct, loss {self.loss:.3f}"

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of the true classes."""
        return nll_loss(self.log_probabilities, self.targets).item()


@suggests_names
def evaluate(classifier: Classifier, loader: Batches, device: Device = None) -> Evaluation:
    """Classify all recordings of a loader of (frames, targets).

    Args:
        classifier: It moves to ``device``.
        loader: Its time bins are as wide as the network's time steps.
        device: Where to run; default ``default_device()``.

    Raises:
        TypeError: The classifier isn't one, or the frames are of another kind.
        ValueError: The time bins have another width, the recordings another sensor or other
            classes, the loader is empty, or a target isn't the number of a class.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs, make_loader
        >>> data = load_pokerdvs(source="simulated")
        >>> evaluate(Classifier(SNN()), make_loader(data.test)).n_samples
        20
    """
    check_classifier(classifier)
    check_loader(loader, classifier)
    evaluation, _ = _evaluate(classifier, loader, device)
    warn_if_silent("", int((evaluation.predicted >= 0).sum()), evaluation.n_samples)
    return evaluation


@one_cpu_thread()
def _evaluate(
    classifier: Classifier, loader: Batches, device: Device, loss: Loss | None = None
) -> tuple[Evaluation, float]:
    """Return with the evaluation the mean loss; default: the negative log-likelihood."""
    device = chosen_device(device)
    classifier.to(device).eval()
    batches = []
    with torch.no_grad():
        for _, frames, targets in batches_of(loader, classifier):
            log_probabilities, losses = classify_batch(
                classifier, frames.to(device), targets.to(device), loss
            )
            batches.append((log_probabilities.cpu(), losses.cpu(), targets.cpu()))
    if not batches:
        raise ValueError("the loader is empty: there is nothing to evaluate")
    log_probabilities, losses, targets = map(torch.cat, zip(*batches, strict=True))
    check_finite(classifier, log_probabilities)
    evaluation = Evaluation(log_probabilities, targets)
    return evaluation, losses.mean().item() if loss else evaluation.loss


def batches_of(
    loader: Batches, classifier: Classifier, during: str = "in "
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield where a batch is, its frames and its class numbers, or say where what is wrong."""
    for number, batch in enumerate(loader, 1):
        where = f"{during}batch {number}"
        with errors_in(where):
            frames, targets = check_batch(batch, len(classifier.classes))
        yield where, frames, targets


def classify_batch(
    classifier: Classifier, frames: Tensor, targets: Tensor, loss: Loss | None = None
) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of a batch (B, classes), and the loss of each recording (B,)."""
    if not hasattr(frames, "time_window"):
        check_finite_frames(frames)
    voltages, steps, frames = classifier.run(frames)
    log_probabilities = classifier.read(voltages, steps)
    if loss is None:
        if classifier.decode is not decode:
            warn_of_no_probabilities(log_probabilities)
        return log_probabilities, nll_loss(log_probabilities, targets, reduction="none")
    try:
        losses = loss(voltages, targets, frames, steps)
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            f"loss={name_of(loss)}: {error}; it is called as loss(voltages, targets, frames, "
            "steps), with voltages (T, B, classes) and targets (B,), and returns a tensor (B,)"
        ) from error
    shape = getattr(losses, "shape", type(losses).__name__)
    if shape != targets.shape:
        raise ValueError(f"loss returned {shape}; return a tensor of shape {tuple(targets.shape)}")
    return log_probabilities, losses


class Prediction(NamedTuple):
    """What a classifier says about one recording.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").test[0]
        >>> list(predict(Classifier(SNN()), events).probabilities)
        ['club', 'heart', 'diamond', 'spade']
    """

    class_name: str | None  # the most probable; None where several are, which is no answer
    probabilities: dict[str, float]  # by class; not calibrated
    readout: Tensor  # voltages over the recording's own time, (T, classes), on the CPU

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.probabilities.items())
        return (
            f"class_name: {self.class_name}\nprobabilities: {shares}\n"
            f"readout: {len(self.readout)} time steps of {len(self.probabilities)} voltages"
        )


@suggests_names
def predict(classifier: Classifier, events: np.ndarray, device: Device = None) -> Prediction:
    """Classify one recording, whose events ``check_events`` accepts.

    Args:
        classifier: It moves to ``device``. Its ``time_window`` is the width of the time bins.
        events: Structured array with fields t (µs), x, y and p, of the classifier's sensor.
        device: Where to run; default ``default_device()``.

    Raises:
        TypeError: The classifier isn't one, or as ``check_events``.
        ValueError: As ``check_events``; or nothing says how wide the time bins are.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").test[0]
        >>> prediction = predict(Classifier(SNN()), events)
        >>> round(sum(prediction.probabilities.values()), 3)
        1.0
    """
    check_classifier(classifier)
    events = check_events(events, classifier.sensor_size)
    recording = PackedRecording.pack(events, classifier.sensor_size)
    warn_of_other_units(recording)
    warn_if_unlike(classifier, recording)
    return predict_recording(classifier, recording, device)


@one_cpu_thread()
def predict_recording(
    classifier: Classifier, recording: PackedRecording, device: Device = None
) -> Prediction:
    """Classify a recording that was checked and packed, as ``predict`` says."""
    frames = count_batch([recording], classifier.time_window, classifier.sensor_size)
    device = chosen_device(device)
    classifier.to(device).eval()
    with torch.no_grad():
        voltages, _, _ = classifier.run(frames.to(device))
    return read_prediction(classifier, voltages)


def read_prediction(classifier: Classifier, voltages: Tensor) -> Prediction:
    """Read what a classifier says off its network's voltages (T, 1, classes)."""
    log_probabilities = classifier.read(voltages)[0]
    check_finite(classifier, log_probabilities)
    probabilities = log_probabilities.exp().tolist()
    answer = int(unique_argmax(log_probabilities))
    return Prediction(
        class_name=None if answer < 0 else classifier.classes[answer],
        probabilities=dict(zip(classifier.classes, probabilities, strict=True)),
        readout=voltages[:, 0].cpu(),
    )


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
    optimizer: Adam
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
            if where == "in epoch 1, batch 1":
                warn_of_slips(self.classifier, frames.to(self.device))
            sums += self.step(frames.to(self.device), targets.to(self.device), where)
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
        evaluation, loss = _evaluate(self.ema.module, validation_loader, self.device, self.loss)
        self.history.validation_loss.append(loss)
        self.history.validation_accuracy.append(evaluation.accuracy)
        best = best_epoch(self.history.validation_accuracy, evaluation.n_samples)
        if best == len(self.history.loss):
            self.history.kept_epoch = best
            self.best = copy.deepcopy(self.ema.module)

    def test(self, classifier: Classifier, test_loader: Batches) -> None:
        """Note how well the test recordings are classified."""
        evaluation, loss = _evaluate(classifier, test_loader, self.device, self.loss)
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


def warn_of_slips(classifier: Classifier, frames: Tensor) -> None:
    """Warn of what a network of one's own may do wrong without an error.

    All is computed once more, and then the last recording together with others that are empty.
    """
    if frames.is_sparse or isinstance(classifier.snn, SNN):
        return
    alone = torch.zeros_like(frames)
    alone[:, -1] = frames[:, -1]
    classifier.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]), errors_in("in epoch 1, batch 1"):
        first, again, changed = map(classifier.voltages_of, (frames, frames, alone))
    classifier.train()
    is_binary = first.any() and ((first == 0) | (first == 1)).all()
    slips = [
        (
            (first - again).abs().max() > 1e-3,
            "answers the same frames otherwise when they come again: let forward begin with state "
            "= None, and dropout look at self.training",
        ),
        (
            (again - changed)[:, -1].abs().max() > 1e-3,
            "answers a recording by the others of its batch, too: frames are (time, batch, "
            "polarity, y, x), and not (batch, time, ...)",
        ),
        (
            (first.sum(dim=-1) - 1).abs().max() < 1e-3,
            "returns probabilities, of which decode takes a softmax once more; return the numbers "
            "before its softmax",
        ),
        (
            classifier.decode is decode and is_binary,
            "returns spikes, whose maxima are all 1; return voltages, or give a decode that adds "
            "up",
        ),
        (
            has_hidden_weights(classifier.snn),
            "has layers in a list, or weights that are no torch.nn.Parameter of its own, so they "
            "don't learn; make it a torch.nn.ModuleList, or them parameters",
        ),
    ]
    found = [slip for is_so, slip in slips if is_so]
    for slip in found[:1]:  # which may be the reason for the others
        warnings.warn(f"{type(classifier.snn).__name__} {slip}", stacklevel=6)


def has_hidden_weights(network: nn.Module) -> bool:
    """Say whether a network has weights that PyTorch doesn't find: in lists, or plain tensors."""
    values = [value for module in network.modules() for value in vars(module).values()]
    parts = [
        part for value in values for part in (value if isinstance(value, list | tuple) else [value])
    ]
    learning = {
        part
        for part in parts
        if isinstance(part, nn.Module)
        or (isinstance(part, Tensor) and part.is_leaf and part.requires_grad)
    }
    return not learning <= {*network.parameters(), *network.modules()}


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
            ``steps`` (B,) says how many of the voltages (T, B, classes) are its own. Default: the
            negative log-likelihood of the true classes.
        epochs: Passes over the training recordings.
        learning_rate: Of the optimizer, Adam.
        clip_norm: The largest Euclidean norm of a gradient; larger ones are clipped. None: they
            aren't.
        ema_decay: The training ends with an exponential moving average (EMA) of the weights, which
            is also used for the test recordings. In each step the average keeps this share of
            itself. 0: the training ends with the last weights.
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
        UserWarning: The loss has risen by a fifth of what it had fallen, and has stayed up for five
            epochs; or all voltages were the same in a whole epoch, as those of a network that never
            spikes.

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
    if learning_rate > HIGH_RATE:
        warnings.warn(f"learning_rate is {learning_rate:g}; Adam takes about 0.001", stacklevel=4)
    if clip_norm is not None:
        check_numbers(Real, clip_norm=clip_norm)
    check_range(0, 0.999999, ema_decay=ema_decay)  # at 1 it would stay at the first weights
    for loader in (train_loader, validation_loader, test_loader):
        check_loader(loader, classifier)
    if augment is not None and not callable(augment):
        raise TypeError(f"augment is {augment!r}; give a function, as pokersnn_helpers.augment")
    if not list(classifier.parameters()):
        raise ValueError(f"{type(classifier.snn).__name__} has no weights, so it can't be trained")
    device = chosen_device(device)
    classifier.to(device)
    optimizer = Adam(classifier.parameters(), learning_rate, fused=True)
    ema: Any = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    trainer = Trainer(classifier, optimizer, ema, loss, clip_norm, augment, device)
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


@suggests_names
def train_classifier(
    data: Split | Recordings,
    *,
    seed: int = 0,
    device: Device = None,
    network: Callable[..., nn.Module] = SNN,
    decode: Callable[[Tensor], Tensor] = decode,
    settle: float = SETTLE,
    time_window: float | None = None,
    augment: str | Augment | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    surrogate_slope: float | None = None,
    **further: Any,
) -> tuple[Classifier, History]:
    """Train a network by the recipe.

    If there are validation recordings, they choose the epoch whose weights are kept, and the test
    recordings are classified once, at the end. Otherwise the weights of the last epoch are kept,
    and test recordings are classified after each epoch; nothing is ever decided by them. Arguments
    that you don't give are chosen by the number and length of the training recordings
    (``choose_recipe``). The classifier's ``recipe`` holds what was chosen, its ``ranges`` what the
    recordings are like (``training_ranges``), and its checkpoint holds both.

    Args:
        data: Recordings to train on, or a split of them, of any sensor and any classes.
        seed: Determines the initial weights, the order of the recordings and how they are changed.
            It seeds PyTorch's global random numbers.
        device: Where to train; default ``default_device()``.
        network: ``SNN``, ``FastSNN`` or a network of your own, as for ``build_network``.
        decode: The rule that reads a class off voltages, as for ``Classifier``.
        settle: Silence after the last event in s, as for ``Classifier``.
        time_window: Width of a time bin in µs.
        augment: ``"none"``, ``"shift"`` by up to a pixel, ``"mirror"`` and shift, which makes right
            of left, or a function that changes dense frames.
        epochs: Passes over the training recordings.
        batch_size: Recordings per batch.
        learning_rate: Learning rate of Adam.
        surrogate_slope: Slope of a spiking network's surrogate gradient.
        further: Further arguments of the network, such as ``hidden_size`` or ``tau_mem``, and of
            ``fit``, such as ``loss`` or ``ema_decay``.

    Returns:
        The trained classifier, and loss and accuracy by epoch, with the epoch that is kept.

    Raises:
        TypeError: ``data`` is no ``Split`` and no ``Recordings``, or neither the network nor
            ``fit`` has such an argument.
        ValueError: As for ``fit`` and ``build_network``; ``augment`` is an unknown name; or the
            network doesn't say how wide its time bins are, and neither do you.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, history = train_classifier(data, network=FastSNN, epochs=2)
        >>> print(classifier.recipe)
        FastSNN, bins of 1000 µs, augmentation mirror, 2 epochs, batches of 32, learning rate 0.001
    """
    train, test, validation = _parts(data)
    if not callable(augment) and augment not in (None, *AUGMENTS):
        raise ValueError(f"augment is {augment!r}; choose none, shift or mirror, or a function")
    arguments = of_the_network(network, further)
    training = {name: value for name, value in further.items() if name not in arguments}
    choose = partial(
        choose_recipe,
        train,
        network=name_of(network),
        augment=name_of(augment) if callable(augment) else augment,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        surrogate_slope=surrogate_slope,
    )
    density, duration_ms = density_and_ms(train)
    while True:
        recipe = choose(time_window=time_window)
        torch.manual_seed(check_seed(seed))
        snn = build_network(
            network,
            time_window=recipe.time_window,
            sensor_size=train.sensor_size,
            output_size=len(train.classes),
            surrogate_slope=recipe.surrogate_slope,
            **exact_decays(network, recipe.time_window) | arguments,
        )
        own = time_window_of(snn)
        if time_window is not None or own in (None, WHOLE, recipe.time_window):
            break
        time_window = own  # its time step is fixed, and the recipe follows it
    if density < RARE_EVENTS and hasattr(snn, "scale_input_weights"):
        snn.scale_input_weights(math.sqrt(RARE_EVENTS / density))  # silence teaches nothing
    absent = [name for number, name in enumerate(train.classes) if number not in train.targets]
    if absent or len(train.classes) == 1:
        warnings.warn(
            f"there is no recording to train on of {', '.join(absent) or 'a second class'}; the "
            "numbers of classes begin with 0",
            stacklevel=3,
        )
    width = f"{recipe.time_window:g}"
    if recipe.time_window < MIN_TIME_WINDOW:
        warnings.warn(f"time_window is {width} µs; for {width} ms write {width}000", stacklevel=3)
    elif 1000 * duration_ms < recipe.time_window < WHOLE:
        warnings.warn(
            f"time_window is {width} µs, and the median recording lasts {duration_ms:.3g} ms: most "
            "are a single frame, in which no order of events is left",
            stacklevel=3,
        )
    classifier = Classifier(
        snn,
        decode,
        classes=train.classes,
        sensor_size=train.sensor_size,
        settle=settle,
        time_window=time_window if own is None else None,
    )
    check_numbers(Real, time_window=classifier.time_window)  # which asks for it
    classifier.recipe = recipe
    known = train + validation if validation else train
    classifier.ranges = training_ranges(known)
    callback = training.pop("callback", None)

    def after_epoch(trainer: Trainer) -> None:
        if len(trainer.history.loss) == recipe.epochs:
            groups = getattr(data, "groups", None)
            familiar = Familiar.fit(known, trainer.kept, groups)
            trainer.kept.familiar = classifier.familiar = familiar
        if callback:
            callback(trainer)

    loader = partial(
        make_loader,
        batch_size=recipe.batch_size,
        time_window=recipe.time_window,
        sparse=classifier.takes_sparse and not callable(augment),
    )
    history = fit(
        classifier,
        loader(train, shuffle=True),
        None if test is None else loader(test),
        validation_loader=loader(validation) if validation else None,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        augment=augment if callable(augment) else AUGMENTS[recipe.augment],
        device=device,
        callback=after_epoch,
        **training,
    )
    return classifier, history


def of_the_network(network: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return those of some arguments that the network has; refuse what ``fit`` hasn't either."""
    of_network = accepted_arguments(network)
    said = {"sensor_size", "input_size", "output_size"} & of_network & given.keys()
    if said:
        raise TypeError(f"{said.pop()} is what the recordings say; leave it out")
    known = set(of_network)
    for function in (fit, train_classifier):
        known |= inspect.signature(function).parameters.keys()
    known -= {"classifier", "train_loader", "validation_loader", "test_loader", "further"}
    for name in given:
        if name not in known:
            raise TypeError(
                f"neither train_classifier nor {name_of(network)} has an argument "
                f"{name}{suggestion(name, known)}"
            )
    return {name: value for name, value in given.items() if name in of_network}


def _parts(data: Any) -> tuple[Recordings, Recordings | None, Recordings | None]:
    """Return what there is to train on, to test on and to choose the epoch by."""
    parts: Any = (data, None, None)
    if isinstance(data, Split):
        parts = (data.train, data.test, data.validation)
    given = [part for part in parts if part is not None]
    for part in given:
        check_recordings(part, "data")
    packed = [{id(recording) for recording in part.events.packed} for part in given]
    twice = sum(map(len, packed)) - len(set().union(*packed))
    if twice:
        warnings.warn(
            f"{twice} recordings are in two parts of the data; a test on what was learned from, or "
            "on what has chosen the epoch, says nothing about others",
            stacklevel=5,
        )
    return parts


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function or a class, also of a partial one."""
    return getattr(getattr(function, "func", function), "__name__", repr(function))
