"""Train a classifier, test it, ask it about one recording. Nothing in the loop is about spikes."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import nll_loss
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import trange

from .checks import (
    check_events,
    check_finite,
    check_loader,
    check_numbers,
    check_optimizer,
    check_range,
    check_seed,
    check_targets,
    check_training,
    errors_in,
    norm,
    warn_if_it_climbs,
)
from .classifier import SETTLE, Classifier, check_classifier, frame_network, unique_argmax
from .frames import make_loader, sparse_batch
from .networks import FrameNetwork
from .recipe import AUGMENTS, Augment, choose_recipe
from .recordings import PackedRecording, Recordings, Split, density_and_ms
from .snn import SNN, build_network, exact_decays, fixed_time_window
from .system.devices import default_device, one_cpu_thread
from .system.distributed import all_reduce_sum, own_random_numbers, rank, shard_batch

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]
# Voltages (T, B, classes), targets (B,), frames (T, B, ...) and each recording's own number of
# steps (B,) in; a loss per recording (B,) out.
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

MAX_STEPS = 2**22  # of a prediction: 70 minutes at 1 ms, whose voltages take some gigabytes
MAX_COUNTS = 2**30  # in its dense frames, of 4 bytes each
RARE_EVENTS = 0.005  # per ms and input: for as many weights are drawn; POKER-DVS has 0.07
_progress_shown = ContextVar("_progress_shown", default=True)


@dataclass
class History:
    """The mean of the loss that was minimised and the accuracy (0 to 1), with an entry per epoch.

    Example:
        >>> history = History(loss=[1.2, 0.7], accuracy=[0.4, 0.8])
        >>> history.loss[-1]
        0.7
    """

    loss: list[float] = field(default_factory=list)  # of training recordings, as trained on
    accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)  # after the epoch
    test_accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluation:
    """The answers of a classifier to some recordings, in the loader's order, on the CPU.

    Example:
        >>> sure = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
        >>> found = Evaluation(sure, targets=torch.tensor([0, 1, 1]))
        >>> found.predicted, found.correct, found.n_samples
        (tensor([0, 1, 0]), 2, 3)
    """

    log_probabilities: torch.Tensor  # (N, classes)
    targets: torch.Tensor  # the true classes, int64 of shape (N,)

    @property
    def predicted(self) -> torch.Tensor:
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

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of the true classes."""
        return nll_loss(self.log_probabilities, self.targets).item()


def evaluate(
    classifier: Classifier, loader: Batches, device: torch.device | str | None = None
) -> Evaluation:
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
    evaluation, _ = _evaluate(classifier, loader, device or default_device())
    return evaluation


@one_cpu_thread()
def _evaluate(
    classifier: Classifier, loader: Batches, device: torch.device | str, loss: Loss | None = None
) -> tuple[Evaluation, float]:
    """Return with the evaluation the mean loss; default: the negative log-likelihood."""
    check_classifier(classifier)
    check_loader(loader, classifier)
    classifier.to(device).eval()
    batches = []
    with torch.no_grad():
        for frames, targets in loader:
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


def classify_batch(
    classifier: Classifier, frames: torch.Tensor, targets: torch.Tensor, loss: Loss | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log-probabilities of a batch (B, classes), and the loss of each recording (B,)."""
    frames, steps = classifier.append_silence(frames)
    voltages, steps = classifier.run(frames, steps)
    log_probabilities = classifier.read(voltages, steps)
    check_targets(targets, log_probabilities)
    if loss is None:
        return log_probabilities, nll_loss(log_probabilities, targets, reduction="none")
    losses = loss(voltages, targets, frames, steps)
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
    readout: torch.Tensor  # voltages over the recording's own time, (T, classes), on the CPU


@one_cpu_thread()
def predict(
    classifier: Classifier, events: np.ndarray, device: torch.device | str | None = None
) -> Prediction:
    """Classify one recording, whose events ``check_events`` accepts.

    Args:
        classifier: It moves to ``device``. Its network's ``dt`` is the width of the time bins.
        events: Structured array with fields t (µs), x, y and p, of the classifier's sensor.
        device: Where to run; default ``default_device()``.

    Raises:
        TypeError: The classifier isn't one of a ``FrameNetwork``, or as ``check_events``.
        ValueError: As ``check_events``.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").test[0]
        >>> prediction = predict(Classifier(SNN()), events)
        >>> round(sum(prediction.probabilities.values()), 3)
        1.0
    """
    network = frame_network(classifier)
    device = device or default_device()
    events = check_events(events, classifier.sensor_size)
    recording = PackedRecording.pack(events, classifier.sensor_size)
    n_steps = recording.t[-1] / network.time_window + classifier.settle_steps
    max_steps = MAX_STEPS
    if not network.takes_sparse:
        max_steps = MAX_COUNTS // math.prod(classifier.sensor_size)
    if n_steps > max_steps:
        raise ValueError(
            f"the recording has {n_steps:.0f} time steps of {network.time_window:g} µs, more than "
            f"{max_steps}; are its times in µs? Otherwise choose wider bins, or FastSNN, or cut it"
        )
    frames = sparse_batch([recording], network.time_window, classifier.sensor_size)
    if not network.takes_sparse:
        frames = frames.to_dense()
    classifier.to(device).eval()
    with torch.no_grad():
        frames, steps = classifier.append_silence(frames.to(device))
        voltages, _ = classifier.run(frames, steps)
    return read_prediction(classifier, voltages)


def read_prediction(classifier: Classifier, voltages: torch.Tensor) -> Prediction:
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
class TrainingState:
    """The state of a training run: everything that the rest of the run depends on.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, make_loader
        >>> states, loader = [], make_loader(load_pokerdvs(source="simulated").test)
        >>> keep = lambda classifier, state: states.append(state)
        >>> history = fit(Classifier(FastSNN()), loader, epochs=1, on_epoch_end=keep)
        >>> history = fit(Classifier(FastSNN()), loader, epochs=2, resume_from=states[0])
        >>> len(history.loss)
        2
    """

    weights: dict[str, torch.Tensor]  # of the classifier after the last step
    ema: dict[str, torch.Tensor]  # their exponential moving average
    n_averaged: int  # steps that the average holds
    optimizer: dict[str, Any]
    rng: torch.Tensor  # state of PyTorch's random numbers on the CPU
    history: dict[str, list[float]]
    cuda_rng: torch.Tensor | None = None  # and on the GPU, which dropout there draws from

    @classmethod
    def of(
        cls, classifier: Classifier, ema: AveragedModel, optimizer: Optimizer, history: History
    ) -> "TrainingState":
        """Return a copy of the state of a run, which the rest of the run doesn't change."""
        state = cls(
            weights=classifier.state_dict(),
            ema=ema.module.state_dict(),
            n_averaged=int(ema.n_averaged),
            optimizer=optimizer.state_dict(),
            rng=torch.get_rng_state(),
            history=vars(history),
            cuda_rng=torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        )
        return copy.deepcopy(state)

    def restore(
        self,
        classifier: Classifier,
        ema: AveragedModel,
        optimizer: Optimizer,
        epochs: int,
        learning_rate: float | None,
    ) -> History:
        """Restore the state of a run, and return its history.

        Args:
            classifier: The classifier to restore. If this fails, it stays as it was.
            ema: The moving average of the classifier.
            optimizer: The optimizer, which is given the numbers that the run's optimizer had.
            epochs: The largest number of epochs that the run may have done.
            learning_rate: The learning rate that the run must have had. None: it may be any.

        Raises:
            ValueError: Something is missing, has another size, or isn't what it must be.
        """
        before = copy.deepcopy(classifier.state_dict())
        try:
            history = History(**copy.deepcopy(self.history))
            if len(history.loss) > epochs:
                raise ValueError(
                    f"epochs is {epochs}, and {len(history.loss)} are done; choose more"
                )
            rate = self.optimizer["param_groups"][0]["lr"]
            if learning_rate not in (None, rate):
                raise ValueError(f"learning_rate is {learning_rate}, that of the run {rate}")
            classifier.load_state_dict(self.weights)
            ema.module.load_state_dict(self.ema)
            ema.n_averaged.fill_(self.n_averaged)
            optimizer.load_state_dict(self.optimizer)
            torch.set_rng_state(self.rng)
            if self.cuda_rng is not None and torch.cuda.is_available():
                torch.cuda.set_rng_state(self.cuda_rng)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            classifier.load_state_dict(before)
            raise ValueError(f"resume_from doesn't fit this classifier: {error!r}") from error
        return history


@contextmanager
def progress_hidden() -> Iterator[None]:
    """Let ``fit`` show no progress bar, where several of them would share a terminal."""
    token = _progress_shown.set(False)
    try:
        yield
    finally:
        _progress_shown.reset(token)


@one_cpu_thread()
def fit(
    classifier: Classifier,
    train_loader: Batches,
    test_loader: Batches | None = None,
    *,
    loss: Loss | None = None,
    epochs: int = 60,
    learning_rate: float = 0.001,
    optimizer: Optimizer | None = None,
    clip_norm: float | None = 0.3,
    ema_decay: float = 0.95,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
    resume_from: TrainingState | None = None,
    on_epoch_end: Callable[[Classifier, TrainingState], None] | None = None,
) -> History:
    """Train a classifier: minimise a loss.

    The defaults are the numbers of the book's recipe. ``train_classifier`` adds what is particular
    to the suits of cards and to the book's network. On the CPU PyTorch computes on one thread, so
    that sums don't depend on the number of cores; the tensors are too small to gain from more.
    ``FastSNN`` uses a second thread. Under ``torchrun`` each process computes its share of every
    batch.

    Args:
        classifier: The classifier to train. It is moved to ``device``, trained in place, and left
            ready to be tested.
        train_loader: Yields (frames, targets) to learn from, anew in each epoch.
        test_loader: Yields recordings that are classified after each epoch but never learned from.
            Default: none are.
        loss: ``loss(voltages, targets, frames, steps)`` returns a number per recording, (B,), where
            ``steps`` (B,) says how many of the voltages (T, B, classes) are its own. Default: the
            negative log-likelihood of the true classes.
        epochs: Passes over the training recordings.
        learning_rate: Of Adam, the default optimizer.
        optimizer: An optimizer of the classifier's parameters. Default: Adam.
        clip_norm: The largest Euclidean norm of a gradient; larger ones are clipped. None: they
            aren't.
        ema_decay: The training ends with an exponential moving average (EMA) of the weights, which
            is also used for the test recordings. In each step the average keeps this share of
            itself. 0: the training ends with the last weights.
        augment: A function that changes the frames of a training batch at random. Default: they
            stay as they are.
        device: Where to run; default ``default_device()``.
        resume_from: The state that ``on_epoch_end`` was given in an earlier run. The training
            continues from there, with the numbers that the optimizer had.
        on_epoch_end: A function that is called after each epoch, in process 0 only, with the
            averaged classifier, which changes in the next epoch, and a copy of the run's state.

    Raises:
        TypeError: As for ``evaluate``.
        ValueError: As for ``evaluate``; or a number is out of range, ``loss`` doesn't return one
            number per recording, a loader yields its batches only once, or ``resume_from`` is of
            another classifier.
        RuntimeError: The loss, the gradient or a weight is no longer a finite number, or gradients
            are off.

    Warns:
        UserWarning: The loss has risen by a fifth of what it had fallen, and has stayed up for five
            epochs.

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
    if clip_norm is not None:
        check_numbers(Real, clip_norm=clip_norm)
    check_range(0, 0.999999, ema_decay=ema_decay)  # at 1 it would stay at the first weights
    for loader in (train_loader, test_loader):
        check_loader(loader, classifier)
    device = torch.device(device or default_device())
    classifier.to(device)
    rate_of_run = learning_rate if optimizer is None else None
    if optimizer is None:
        optimizer = Adam(classifier.parameters(), learning_rate, fused=True)
    check_optimizer(optimizer, classifier)
    ema: Any = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    history = History()
    if resume_from is not None:
        history = resume_from.restore(classifier, ema, optimizer, epochs, rate_of_run)

    done = len(history.loss)
    shown = rank() == 0 and _progress_shown.get()
    hidden = {} if shown else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    bar = trange(done, epochs, initial=done, total=epochs, desc="training", unit="epoch", **hidden)
    for epoch in bar:
        mean_loss, accuracy = _train_epoch(
            classifier, train_loader, optimizer, ema, epoch, loss, clip_norm, augment, device
        )
        history.loss.append(mean_loss)
        history.accuracy.append(accuracy)
        bar.set_postfix(loss=f"{mean_loss:.3f}", accuracy=f"{accuracy:.0%}")
        if rank() > 0:
            continue
        warn_if_it_climbs(history.loss)
        if test_loader is not None:
            evaluation, test_loss = _evaluate(ema.module, test_loader, device, loss)
            history.test_loss.append(test_loss)
            history.test_accuracy.append(evaluation.accuracy)
        if on_epoch_end is not None:
            on_epoch_end(ema.module, TrainingState.of(classifier, ema, optimizer, history))
    classifier.load_state_dict(ema.module.state_dict())
    classifier.eval()
    return history


def _train_epoch(
    classifier: Classifier,
    loader: Batches,
    optimizer: Optimizer,
    ema: AveragedModel,
    epoch: int,
    loss: Loss | None,
    clip_norm: float | None,
    augment: Augment | None,
    device: torch.device,
) -> tuple[float, float]:
    """Learn from each batch once; return the mean of the loss, and the accuracy on the way."""
    classifier.train()
    weights = list(classifier.parameters())
    sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, correct, recordings
    for number, (frames, targets) in enumerate(loader, 1):
        place = f"in epoch {epoch + 1}, batch {number}"
        batch_size = len(targets)
        # Change the frames at random, and take this process's share of them.
        if augment:
            frames = augment(frames)
        frames, targets = shard_batch(frames, targets)
        frames = frames.to(device)
        targets = targets.to(device)
        # Forward through time, and back.
        with own_random_numbers(epoch, number), errors_in(place):
            log_probabilities, losses = classify_batch(classifier, frames, targets, loss)
            mean = losses.sum() / batch_size
            optimizer.zero_grad()
            mean.backward()
        # Add up the gradients of all processes, and clip them to a norm.
        for weight in weights:
            if weight.grad is not None:
                all_reduce_sum(weight.grad)
        gradient = clip_grad_norm_(weights, clip_norm or math.inf)
        check_training(place, loss=mean, gradient=gradient)
        # Step against the gradient; the moving average follows.
        optimizer.step()
        ema.update_parameters(classifier)
        # Keep count.
        correct = unique_argmax(log_probabilities) == targets
        sums += torch.stack([losses.detach(), correct, torch.ones_like(losses)]).sum(dim=1)
    loss_sum, correct_sum, n_samples = all_reduce_sum(sums).tolist()
    if n_samples == 0:
        raise ValueError("train_loader is empty: give a DataLoader or a list of batches")
    check_training(f"after epoch {epoch + 1}", norm_of_the_weights=norm(ema))
    return loss_sum / n_samples, correct_sum / n_samples


def train_classifier(
    data: Split | Recordings,
    seed: int = 0,
    device: torch.device | str | None = None,
    *,
    network: Callable[..., FrameNetwork] = SNN,
    hidden_size: int | None = None,
    settle: float = SETTLE,
    time_window: float | None = None,
    augment: str | Augment | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    surrogate_slope: float | None = None,
    **training: Any,
) -> tuple[Classifier, History]:
    """Train a network by the recipe.

    If there are test recordings, they are classified after each epoch, but nothing is decided by
    them. Arguments that you don't give are chosen by the number and length of the training
    recordings (``choose_recipe``). The classifier's ``recipe`` holds what was chosen, and so does
    its checkpoint.

    Args:
        data: Recordings to train on, or to train and to test on, of any sensor and any classes.
        seed: Determines the initial weights, the order of the recordings and how they are changed.
            It seeds PyTorch's global random numbers.
        device: Where to train; default ``default_device()``.
        network: ``SNN``, ``FastSNN`` or a network of your own, as for ``build_network``.
        hidden_size: Number of hidden neurons. Default: that of the network.
        settle: Silence after the last event in s, as for ``Classifier``.
        time_window: Width of a time bin in µs.
        augment: ``"none"``, ``"shift"`` by up to a pixel, ``"mirror"`` and shift, which makes right
            of left, or a function that changes frames.
        epochs: Passes over the training recordings.
        batch_size: Recordings per batch.
        learning_rate: Learning rate of Adam.
        surrogate_slope: Slope of a spiking network's surrogate gradient.
        training: Further arguments of ``fit``, such as ``loss`` or ``ema_decay``.

    Returns:
        The trained classifier, and loss and accuracy by epoch.

    Raises:
        TypeError: ``data`` is no ``Split`` and no ``Recordings``.
        ValueError: As for ``fit`` and ``build_network``; or ``augment`` is an unknown name.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, history = train_classifier(data, network=FastSNN, epochs=2)
        >>> print(classifier.recipe)
        FastSNN, bins of 1000 µs, augmentation mirror, 2 epochs, batches of 32, learning rate 0.001
    """
    if not isinstance(data, (Split, Recordings)):
        kind = type(data).__name__
        raise TypeError(f"data is of type {kind}; give Recordings, or a Split of them")
    if isinstance(augment, str) and augment not in AUGMENTS:
        raise ValueError(f"augment is {augment!r}; choose none, shift or mirror, or a function")
    torch.manual_seed(check_seed(seed))
    train = data.train if isinstance(data, Split) else data
    recipe = choose_recipe(
        train,
        network=name_of(network),
        time_window=fixed_time_window(network) if time_window is None else time_window,
        augment=augment if isinstance(augment, str) or augment is None else name_of(augment),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        surrogate_slope=surrogate_slope,
    )
    arguments = exact_decays(network, recipe.time_window)
    if hidden_size is not None:
        arguments["hidden_size"] = hidden_size
    snn = build_network(
        network,
        time_window=recipe.time_window,
        sensor_size=train.sensor_size,
        output_size=len(train.classes),
        surrogate_slope=recipe.surrogate_slope,
        **arguments,
    )
    density, _ = density_and_ms(train)
    if density < RARE_EVENTS:  # on a large sensor: silence teaches nothing
        snn.scale_input_weights(math.sqrt(RARE_EVENTS / density))
    classifier = Classifier(
        snn, classes=train.classes, sensor_size=train.sensor_size, settle=settle
    )
    classifier.recipe = recipe

    def loader_of(recordings: Recordings, shuffle: bool) -> Batches:
        return make_loader(
            recordings,
            recipe.batch_size,
            recipe.time_window,
            sparse=snn.takes_sparse,
            shuffle=shuffle,
        )

    history = fit(
        classifier,
        loader_of(train, shuffle=True),
        loader_of(data.test, shuffle=False) if isinstance(data, Split) else None,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        augment=augment if callable(augment) else AUGMENTS[recipe.augment],
        device=device,
        **training,
    )
    return classifier, history


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function or a class, also of a partial one."""
    return getattr(getattr(function, "func", function), "__name__", repr(function))
