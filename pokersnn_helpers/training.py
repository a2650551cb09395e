"""Train and test a classifier. Nothing in the loop is about spikes."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import torch
from torch.nn.functional import nll_loss
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm, trange

from .data import PokerDVS
from .distributed import add_up, in_parallel, own_share, process_rank
from .fast import FastSNN
from .frames import augment, make_loaders
from .snn import SNN, Classifier


def pick_device() -> torch.device:
    """Return the CUDA GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class History:
    """What happened in training, one entry an epoch.

    Attributes:
        loss: Mean negative log-likelihood over the training recordings, as they were trained on.
        accuracy: Share of them named right, from 0 to 1.
        test_loss: The same for the test recordings, after the epoch; empty without a test loader.
        test_accuracy: As ``test_loss``.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluation:
    """What a classifier said about a set of recordings, in the loader's order, on the CPU.

    Attributes:
        log_probabilities: Of shape (N, classes).
        targets: True classes, int64 of shape (N,).
    """

    log_probabilities: torch.Tensor
    targets: torch.Tensor

    @property
    def predicted(self) -> torch.Tensor:
        """Classes named, int64 of shape (N,)."""
        return self.log_probabilities.argmax(dim=1)

    @property
    def accuracy(self) -> float:
        """Share of the recordings named right, from 0 to 1."""
        return (self.predicted == self.targets).float().mean().item()

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of the true classes."""
        return nll_loss(self.log_probabilities, self.targets).item()


def evaluate(
    classifier: torch.nn.Module, loader: DataLoader, device: torch.device | str | None = None
) -> Evaluation:
    """Name the class of every recording, and compare.

    Args:
        classifier: Frames in, log-probabilities (B, classes) out. It moves to ``device``.
        loader: Yields (frames, targets).
        device: Where to run; default ``pick_device()``.

    Returns:
        Log-probabilities and true classes, with accuracy and loss.
    """
    device = device or pick_device()
    classifier.to(device).eval()
    log_probabilities, targets = [], []
    with torch.no_grad():
        for frames, target in loader:
            log_probabilities.append(classifier(frames.to(device)).cpu())
            targets.append(target)
    return Evaluation(torch.cat(log_probabilities), torch.cat(targets))


@contextmanager
def _one_cpu_thread() -> Iterator[None]:
    """Run on one CPU thread, and put back the number of threads afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_cpu_thread()
def fit(
    classifier: torch.nn.Module,
    train_loader: DataLoader,
    test_loader: DataLoader | None = None,
    *,
    epochs: int = 10,
    learning_rate: float = 0.002,
    max_gradient_norm: float | None = None,
    average_decay: float = 0.0,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
    state: dict | None = None,
    after_epoch: Callable[[torch.nn.Module, dict], None] | None = None,
) -> History:
    """Minimise the negative log-likelihood with Adam.

    The defaults are the plain recipe of most tutorials; ``train_classifier`` holds
    the one that the book arrives at. On the CPU one thread computes: sums don't
    depend on the number of cores then, and the tensors are too small for more.
    Under ``torchrun`` each process computes its share of every batch.

    Args:
        classifier: Frames in, log-probabilities (B, classes) out. It moves to
            ``device`` and is trained in place.
        train_loader: Yields (frames, targets) to learn from.
        test_loader: Watched after each epoch, never learned from. Default: nothing
            is watched.
        epochs: Passes over the training recordings.
        learning_rate: Adam's step size.
        max_gradient_norm: Shorten longer gradients to this Euclidean norm. Default:
            leave them.
        average_decay: End with an exponential average of the weights over the steps
            instead of the last weights; each step keeps this share of the average.
            The test recordings are watched with it. Default: no averaging.
        augment: Changes the frames of a training batch at random. Default: leave
            them.
        device: Where to run; default ``pick_device()``.
        state: What ``after_epoch`` was given in an earlier run, to go on from there.
        after_epoch: Called in the first process with the averaged classifier and the
            state of the run. Both change in the next epoch: save them at once.

    Returns:
        Loss and accuracy by epoch.

    Raises:
        RuntimeError: The loss is no longer a finite number.
    """
    device = device or pick_device()
    classifier.to(device)
    model = in_parallel(classifier)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=learning_rate, fused=True)
    averaging = get_ema_multi_avg_fn(average_decay)
    average = AveragedModel(classifier, multi_avg_fn=averaging)
    parts = {"weights": classifier, "average": average, "optimizer": optimizer}
    history = _restore(parts, state) if state else History()
    progress = _progress_bar(len(history.loss), epochs)
    for epoch in progress:
        classifier.train()
        loss_sum = right_sum = seen = 0
        for frames, targets in train_loader:
            batch_size = len(targets)
            frames = augment(frames) if augment else frames
            frames, targets = own_share(frames, targets)
            frames, targets = frames.to(device), targets.to(device)
            log_probabilities = model(frames)
            # A share's part of the batch's mean; parts and gradients add up.
            loss = nll_loss(log_probabilities, targets, reduction="sum") / batch_size
            right = (log_probabilities.argmax(dim=1) == targets).sum()
            sums = add_up(torch.stack([loss.detach(), right]))
            batch_loss, batch_right = sums.tolist()
            if not math.isfinite(batch_loss):
                raise RuntimeError(
                    f"the loss is {batch_loss} in epoch {epoch + 1}; "
                    f"try a learning rate below {learning_rate}"
                )
            optimizer.zero_grad()
            loss.backward()
            if max_gradient_norm is not None:
                clip_grad_norm_(classifier.parameters(), max_gradient_norm)
            optimizer.step()
            average.update_parameters(classifier)
            loss_sum += batch_loss * batch_size
            right_sum += batch_right
            seen += batch_size
        history.loss.append(loss_sum / seen)
        history.accuracy.append(right_sum / seen)
        if process_rank() == 0:
            if test_loader is not None:
                evaluation = evaluate(average.module, test_loader, device)
                history.test_loss.append(evaluation.loss)
                history.test_accuracy.append(evaluation.accuracy)
            if after_epoch is not None:
                after_epoch(average.module, _state(parts, history))
        loss, accuracy = history.loss[-1], history.accuracy[-1]
        progress.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.0%}")
    classifier.load_state_dict(average.module.state_dict())
    return history


def _state(parts: dict, history: History) -> dict:
    """Collect all that the rest of a run depends on, the random numbers included."""
    state = {name: part.state_dict() for name, part in parts.items()}
    return {**state, "random": torch.get_rng_state(), "history": asdict(history)}


def _restore(parts: dict, state: dict) -> History:
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state["random"])
    return History(**state["history"])


def _progress_bar(done: int, epochs: int) -> tqdm:
    # Only the first process shows it. An explicit disable=False would overrule TQDM_DISABLE.
    hidden = {"disable": True} if process_rank() > 0 else {}
    return trange(done, epochs, initial=done, total=epochs, desc="training", unit="epoch", **hidden)


def initial_network(network: type[SNN] = SNN, time_window: float = 1000) -> SNN:
    """Draw the network that the book's recipe begins with.

    Args:
        network: ``SNN`` or ``FastSNN``.
        time_window: Width of a time bin in µs.

    Returns:
        A network of the default size. PyTorch's global random numbers fix its weights.
    """
    # In finer steps neurons spike more often, and gradients grow at each of them.
    fineness = min(1, time_window / 1000)
    snn = network(dt=time_window / 1e6, surrogate_slope=fineness)
    with torch.no_grad():
        # Norse scales them by the number of hidden neurons. The number of inputs is the usual
        # choice (He et al. 2015, doi:10.1109/ICCV.2015.123).
        hidden_size, input_size = snn.lif0.input_weights.shape
        snn.lif0.input_weights *= math.sqrt(hidden_size / input_size)
        snn.lif0.recurrent_weights *= math.sqrt(fineness)
    return snn


def train_classifier(
    data: PokerDVS,
    seed: int = 0,
    device: torch.device | str | None = None,
    *,
    epochs: int = 60,
    time_window: float = 1000,
    network: type[SNN] = SNN,
    state: dict | None = None,
    after_epoch: Callable[[torch.nn.Module, dict], None] | None = None,
) -> tuple[Classifier, History]:
    """Train the book's network by the book's recipe.

    The recipe was chosen by cross-validation on the 48 training recordings; the test
    recordings are watched in ``History`` and decide nothing.

    Args:
        data: What ``load_pokerdvs`` returns.
        seed: Fixes the initial weights, the order of the recordings and how they are
            changed. It seeds PyTorch's global random numbers.
        device: Where to train; default ``pick_device()``.
        epochs: Passes over the training recordings.
        time_window: Width of a time bin in µs. Time constants stay what they are in s.
        network: ``SNN``, or ``FastSNN``, which is then trained on sparse frames.
        state: As in ``fit``.
        after_epoch: As in ``fit``.

    Returns:
        The trained classifier, and loss and accuracy by epoch.
    """
    torch.manual_seed(seed)
    sparse = issubclass(network, FastSNN)
    train_loader, test_loader = make_loaders(data, 32, time_window, sparse)
    classifier = Classifier(initial_network(network, time_window))
    history = fit(
        classifier,
        train_loader,
        test_loader,
        epochs=epochs,
        learning_rate=0.001,
        max_gradient_norm=0.3,
        average_decay=0.95,
        augment=augment,
        device=device,
        state=state,
        after_epoch=after_epoch,
    )
    return classifier, history
