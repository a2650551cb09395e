"""Train and test a classifier. Nothing in the loop is about spikes."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import trange

from .data import PokerDVS
from .frames import make_loaders
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
        return torch.nn.functional.nll_loss(self.log_probabilities, self.targets).item()


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
) -> History:
    """Minimise the negative log-likelihood with Adam.

    The defaults are the plain recipe of most tutorials; ``train_classifier`` holds
    the one that the book arrives at. On the CPU one thread computes: sums don't
    depend on the number of cores then, and the tensors are too small for more.

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

    Returns:
        Loss and accuracy by epoch.

    Raises:
        RuntimeError: The loss is no longer a finite number.
    """
    device = device or pick_device()
    classifier.to(device)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=learning_rate)
    averaging = get_ema_multi_avg_fn(average_decay)
    average = AveragedModel(classifier, multi_avg_fn=averaging)
    history = History()
    progress = trange(epochs, desc="training", unit="epoch")
    for epoch in progress:
        classifier.train()
        loss_sum = right = seen = 0
        for frames, targets in train_loader:
            frames = augment(frames) if augment else frames
            frames, targets = frames.to(device), targets.to(device)
            log_probabilities = classifier(frames)
            loss = torch.nn.functional.nll_loss(log_probabilities, targets)
            if not torch.isfinite(loss):
                raise RuntimeError(
                    f"the loss is {loss.item()} in epoch {epoch + 1}; "
                    f"try a learning rate below {learning_rate}"
                )
            optimizer.zero_grad()
            loss.backward()
            if max_gradient_norm is not None:
                clip_grad_norm_(classifier.parameters(), max_gradient_norm)
            optimizer.step()
            average.update_parameters(classifier)
            loss_sum += loss.item() * len(targets)
            right += (log_probabilities.argmax(dim=1) == targets).sum().item()
            seen += len(targets)
        history.loss.append(loss_sum / seen)
        history.accuracy.append(right / seen)
        if test_loader is not None:
            evaluation = evaluate(average.module, test_loader, device)
            history.test_loss.append(evaluation.loss)
            history.test_accuracy.append(evaluation.accuracy)
        loss, accuracy = history.loss[-1], history.accuracy[-1]
        progress.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.0%}")
    classifier.load_state_dict(average.module.state_dict())
    return history


def augment(frames: torch.Tensor) -> torch.Tensor:
    """Mirror about half of the recordings left to right, and shift each by up to a pixel.

    All four suits look the same in a mirror, and no suit changes when its pip moves a little.

    Args:
        frames: Counts of shape (T, B, polarity, y, x), dense or sparse (COO).

    Returns:
        A changed copy of the same shape and kind.
    """
    batch = frames.shape[1]
    mirrored = torch.rand(batch) < 0.5
    shifts = torch.randint(-1, 2, (batch, 2))  # pixels along y and x
    if frames.is_sparse:
        return _move_events(frames, mirrored, shifts)
    changed = []
    for recording, mirror, shift in zip(frames.unbind(1), mirrored, shifts, strict=True):
        recording = recording.flip(-1) if mirror else recording
        changed.append(recording.roll(shift.tolist(), dims=(-2, -1)))
    return torch.stack(changed, dim=1)


def _move_events(
    frames: torch.Tensor, mirrored: torch.Tensor, shifts: torch.Tensor
) -> torch.Tensor:
    """Do what ``augment`` does to the events of a sparse tensor."""
    step, recording, polarity, y, x = frames._indices()
    height, width = frames.shape[-2:]
    x = torch.where(mirrored[recording], width - 1 - x, x)
    y_shift, x_shift = shifts[recording].unbind(1)
    moved = [step, recording, polarity, (y + y_shift) % height, (x + x_shift) % width]
    return torch.sparse_coo_tensor(
        torch.stack(moved), frames._values(), frames.shape, check_invariants=False
    )


def train_classifier(
    data: PokerDVS, seed: int = 0, device: torch.device | str | None = None
) -> tuple[Classifier, History]:
    """Train the book's network by the book's recipe.

    The recipe was chosen by cross-validation on the 48 training recordings; the test
    recordings are watched in ``History`` and decide nothing.

    Args:
        data: What ``load_pokerdvs`` returns.
        seed: Fixes the initial weights, the order of the recordings and how they are
            changed. It seeds PyTorch's global random numbers.
        device: Where to train; default ``pick_device()``.

    Returns:
        The trained classifier, and loss and accuracy by epoch.
    """
    torch.manual_seed(seed)
    train_loader, test_loader = make_loaders(data, batch_size=32)
    snn = SNN()
    with torch.no_grad():
        # Norse scales them by the number of hidden neurons. The number of inputs
        # is the usual choice (He et al. 2015, doi:10.1109/ICCV.2015.123).
        hidden_size, input_size = snn.lif0.input_weights.shape
        snn.lif0.input_weights *= math.sqrt(hidden_size / input_size)
    classifier = Classifier(snn)
    history = fit(
        classifier,
        train_loader,
        test_loader,
        epochs=60,
        learning_rate=0.001,
        max_gradient_norm=0.3,
        average_decay=0.95,
        augment=augment,
        device=device,
    )
    return classifier, history
