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
from .classifier import SETTLE, Classifier, check_classifier, frame_network, leading
from .devices import default_device, one_cpu_thread
from .distributed import all_reduce_sum, own_random_numbers, rank, shard_batch
from .frames import augment, make_loader, to_frames, to_sparse_frames
from .networks import FrameNetwork, refuse_self_connections
from .recordings import Recordings, Split, density_and_ms
from .snn import SNN, build_network, exact_decays

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]
MOST_STEPS = 2**22  # of a prediction: 70 minutes at 1 ms, whose voltages take some gigabytes
MOST_COUNTS = 2**30  # in its dense frames, of 4 bytes each
# Voltages (T, B, classes), targets (B,) and frames (T, B, ...) in, a loss per recording (B,) out;
# ``own_steps`` says of the frames where each recording ends.
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

_progress_shown = ContextVar("_progress_shown", default=True)
SPARSEST = 0.005  # events per ms and input for which weights are drawn; POKER-DVS has 0.07


@dataclass
class History:
    """Mean of the loss that was minimised, and accuracy (0 to 1), one entry per epoch.

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
    """What a classifier said about some recordings, in the loader's order, on the CPU.

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
        """Most probable classes, int64 of shape (N,); -1 where several are, which is no answer."""
        return leading(self.log_probabilities)

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
    return _evaluate(classifier, loader, device or default_device())[0]


@one_cpu_thread()
def _evaluate(
    classifier: Classifier, loader: Batches, device: torch.device | str, loss: Loss | None = None
) -> tuple[Evaluation, float]:
    """Return with the evaluation the mean loss; default: the negative log-likelihood."""
    check_classifier(classifier)
    check_loader(loader, classifier)
    classifier.to(device).eval()
    parts = []
    with torch.no_grad():
        for frames, targets in loader:
            found = _answer(classifier, frames.to(device), targets.to(device), loss)
            parts.append([each.cpu() for each in (*found, targets)])
    if not parts:
        raise ValueError("the loader is empty: there is nothing to evaluate")
    log_probabilities, losses, targets = map(torch.cat, zip(*parts, strict=True))
    evaluation = Evaluation(log_probabilities, targets)
    check_finite(classifier, log_probabilities)
    return evaluation, losses.mean().item() if loss else evaluation.loss


def _answer(
    classifier: Classifier, frames: torch.Tensor, targets: torch.Tensor, loss: Loss | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log-probabilities of a batch (B, classes), and the loss of each recording (B,)."""
    frames = classifier.settled(frames)
    voltages, steps = classifier.run(frames)
    log_probabilities = classifier.read(voltages, steps)
    check_targets(targets, log_probabilities)
    if loss is None:
        return log_probabilities, nll_loss(log_probabilities, targets, reduction="none")
    losses = loss(voltages, targets, frames)
    found = getattr(losses, "shape", type(losses).__name__)
    if found != targets.shape:
        raise ValueError(f"loss returned {found}; return a tensor of shape {tuple(targets.shape)}")
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
    network, device = frame_network(classifier), device or default_device()
    events = check_events(events, classifier.sensor_size)
    steps = (events["t"][-1] - events["t"][0]) / network.time_window + classifier.settle_steps
    count, most = to_frames, MOST_COUNTS // math.prod(classifier.sensor_size)
    if network.takes_sparse:
        count, most = to_sparse_frames, MOST_STEPS
    if steps > most:
        raise ValueError(
            f"the recording has {steps:.0f} time steps of {network.time_window:g} µs, more than "
            f"{most}; are its times in µs? Otherwise choose wider bins, or FastSNN, or cut it"
        )
    frames = count(events, network.time_window, classifier.sensor_size).unsqueeze(1)
    classifier.to(device).eval()
    with torch.no_grad():
        voltages, _ = classifier.run(classifier.settled(frames.to(device)))
    return read_prediction(classifier, voltages)


def read_prediction(classifier: Classifier, voltages: torch.Tensor) -> Prediction:
    """Read what a classifier says off its network's voltages (T, 1, classes)."""
    log_probabilities = classifier.read(voltages)[0]
    check_finite(classifier, log_probabilities)
    by_name = dict(zip(classifier.classes, log_probabilities.exp().tolist(), strict=True))
    answer = int(leading(log_probabilities))
    name = None if answer < 0 else classifier.classes[answer]
    return Prediction(name, by_name, voltages[:, 0].cpu())


@dataclass
class TrainingState:
    """All that the rest of a training run depends on.

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
        """Return where a run is: weights, their average and the optimizer change with it."""
        parts = classifier.state_dict(), ema.module.state_dict(), int(ema.n_averaged)
        random = torch.get_rng_state()
        on_gpu = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
        return cls(*parts, optimizer.state_dict(), random, copy.deepcopy(vars(history)), on_gpu)

    def restore(
        self,
        classifier: Classifier,
        ema: AveragedModel,
        optimizer: Optimizer,
        epochs: int,
        learning_rate: float | None,
    ) -> History:
        """Put everything back where ``fit`` took it from, and return the history.

        Args:
            classifier: It stays as it is where this fails.
            ema: Its average.
            optimizer: It takes over the run's numbers.
            epochs: At most so many may be done.
            learning_rate: That the run should have had. None: any.

        Raises:
            ValueError: Something is missing, is of another size, or isn't as it should have been.
        """
        before = copy.deepcopy(classifier.state_dict())
        try:
            classifier.load_state_dict(self.weights)
            ema.module.load_state_dict(self.ema)
            ema.n_averaged.fill_(self.n_averaged)
            options = {*optimizer.param_groups[0]}
            optimizer.load_state_dict(self.optimizer)
            if other := options ^ {*optimizer.param_groups[0]}:
                raise ValueError(f"its optimizer isn't {type(optimizer).__name__}: {other}")
            for weights, kept in optimizer.state.items():  # a fused step would write beyond them
                if any(each.ndim and each.shape != weights.shape for each in kept.values()):
                    raise ValueError("its optimizer is of weights of another size")
            if learning_rate not in (None, found := optimizer.param_groups[0]["lr"]):
                raise ValueError(f"learning_rate is {learning_rate}, that of the run {found}")
            history = History(**{name: list(self.history[name]) for name in vars(History())})
            if (done := len(history.loss)) > epochs:
                raise ValueError(f"epochs is {epochs}, and {done} are done; choose more")
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
    to the suits of cards and to the book's network. On the CPU PyTorch computes on one thread: sums
    don't depend on the number of cores then, and the tensors are too small for more. ``FastSNN``
    takes a second one. Under ``torchrun`` each process computes its shard of every batch.

    Args:
        classifier: It moves to ``device``, is trained in place, and ends ready to be tested.
        train_loader: Yields (frames, targets) to learn from, anew in each epoch.
        test_loader: Watched after each epoch, never learned from. Default: nothing is watched.
        loss: ``loss(voltages, targets, frames)`` returns a number per recording, (B,);
            ``study.losses`` has some. Default: the negative log-likelihood of the true classes.
        epochs: Passes over the training recordings.
        learning_rate: Of Adam, the default optimizer.
        optimizer: Of the classifier's parameters. Default: Adam.
        clip_norm: Clip the gradient to this Euclidean norm. None: leave it.
        ema_decay: End with an exponential moving average (EMA) of the weights over the steps, which
            keeps this share of itself in each, and watch the test recordings with it. 0: end with
            the last weights.
        augment: Changes the frames of a training batch at random. Default: leave them.
        device: Where to run; default ``default_device()``.
        resume_from: What ``on_epoch_end`` was given in an earlier run, to go on from there, with
            the numbers that its optimizer had.
        on_epoch_end: Called in process 0 with the averaged classifier and the state of the run.
            Both change in the next epoch: save them at once.

    Raises:
        TypeError: As for ``evaluate``.
        ValueError: As for ``evaluate``; or a number is out of range, ``loss`` doesn't return one
            number per recording, a loader yields its batches only once, or ``resume_from`` is of
            another classifier.
        RuntimeError: The loss, the gradient or a weight is no longer a finite number, or gradients
            are off.

    Warns:
        UserWarning: The loss has climbed by a fifth of what it had fallen, and has stayed there for
            five epochs.

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
    refuse_self_connections(classifier.to(device))
    expected_rate = None if optimizer else learning_rate
    optimizer = optimizer or Adam(classifier.parameters(), learning_rate, fused=True)
    check_optimizer(optimizer, classifier)
    ema: Any = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    weights = list(classifier.parameters())
    history = History()
    if resume_from is not None:
        history = resume_from.restore(classifier, ema, optimizer, epochs, expected_rate)
    done = len(history.loss)
    shown = rank() == 0 and _progress_shown.get()
    hidden = {} if shown else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    bar = trange(done, epochs, initial=done, total=epochs, desc="training", unit="epoch", **hidden)
    for epoch in bar:
        classifier.train()
        sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, correct, n_samples
        for batch, (frames, targets) in enumerate(train_loader, 1):
            place = f"in epoch {epoch + 1}, batch {batch}"
            frames = augment(frames) if augment else frames
            size = len(targets)
            frames, targets = (each.to(device) for each in shard_batch(frames, targets))
            with own_random_numbers(epoch, batch), errors_in(place):
                log_probabilities, losses = _answer(classifier, frames, targets, loss)
                mean = losses.sum() / size
                optimizer.zero_grad()
                mean.backward()
            for weight in weights:
                if weight.grad is not None:
                    all_reduce_sum(weight.grad)
            gradient = clip_grad_norm_(weights, clip_norm or math.inf)
            check_training(place, classifier, optimizer, loss=mean, gradient=gradient)
            optimizer.step()
            ema.update_parameters(classifier)
            correct = leading(log_probabilities) == targets
            sums += torch.stack([losses.detach(), correct, torch.ones_like(losses)]).sum(dim=1)
        loss_sum, correct, n_samples = all_reduce_sum(sums).tolist()
        if n_samples == 0:
            raise ValueError("train_loader is empty: give a DataLoader or a list of batches")
        place = f"after epoch {epoch + 1}"
        check_training(place, classifier, optimizer, norm_of_the_weights=norm(ema))
        history.loss.append(loss_sum / n_samples)
        if rank() == 0:
            warn_if_it_climbs(history.loss)
        history.accuracy.append(correct / n_samples)
        if rank() == 0 and test_loader is not None:
            evaluation, test_loss = _evaluate(ema.module, test_loader, device, loss)
            history.test_loss.append(test_loss)
            history.test_accuracy.append(evaluation.accuracy)
        if rank() == 0 and on_epoch_end is not None:
            on_epoch_end(ema.module, TrainingState.of(classifier, ema, optimizer, history))
        bar.set_postfix(loss=f"{history.loss[-1]:.3f}", accuracy=f"{history.accuracy[-1]:.0%}")
    classifier.load_state_dict(ema.module.state_dict())
    classifier.eval()
    return history


def train_classifier(
    data: Split | Recordings,
    seed: int = 0,
    device: torch.device | str | None = None,
    *,
    network: Callable[..., FrameNetwork] = SNN,
    time_window: float = 1000,
    hidden_size: int | None = None,
    settle: float = SETTLE,
    batch_size: int = 32,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = augment,
    **training: Any,
) -> tuple[Classifier, History]:
    """Train a network by the recipe; test recordings are watched and decide nothing.

    Args:
        data: Recordings to train on, or to train and to test on, of any sensor and any classes.
        seed: Fixes the initial weights, the order of the recordings and how they are changed. It
            seeds PyTorch's global random numbers.
        device: Where to train; default ``default_device()``.
        network: ``SNN``, ``FastSNN`` or a network of your own, as for ``build_network``.
        time_window: Width of a time bin in µs.
        hidden_size: Hidden neurons. Default: that of the network.
        settle: As for ``Classifier``.
        batch_size: Recordings per batch.
        augment: As for ``fit``. The default suits playing cards: none looks different in a mirror.
        training: Further arguments of ``fit``, such as ``loss``, ``epochs`` or ``learning_rate``.

    Returns:
        The trained classifier, and loss and accuracy by epoch.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, history = train_classifier(data, network=FastSNN, epochs=2)
        >>> len(history.test_accuracy)
        2
    """
    torch.manual_seed(check_seed(seed))
    train, test = (data.train, data.test) if isinstance(data, Split) else (data, None)
    sizes: dict[str, Any] = {} if hidden_size is None else {"hidden_size": hidden_size}
    density, ms = density_and_ms(train)
    snn = build_network(
        network,
        time_window=time_window,
        sensor_size=train.sensor_size,
        output_size=len(train.classes),
        steps=1000 * ms / time_window,
        **sizes,
        **exact_decays(network, time_window),
    )
    # Rare events on a large sensor: silence teaches nothing.
    snn.enlarge_input_weights(math.sqrt(max(1, SPARSEST / density)))
    classifier = Classifier(
        snn, classes=train.classes, sensor_size=train.sensor_size, settle=settle
    )
    options = {"batch_size": batch_size, "time_window": time_window, "sparse": snn.takes_sparse}
    train_loader = make_loader(train, shuffle=True, **options)
    test_loader = None if test is None else make_loader(test, **options)
    history = fit(classifier, train_loader, test_loader, augment=augment, device=device, **training)
    return classifier, history
