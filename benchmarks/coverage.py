"""How often intervals of 95 % hold the true accuracy, or the true difference, by simulation.

Answers are drawn for the 131 recordings in passes of their real sizes, again and again, from a
known accuracy, and each method is asked for its interval. The rule was set beforehand: a method has
to hold the true value in at least 93 % of all draws in each cell of the table, and of those that
do, the narrowest is used.
"""

import functools
import itertools
import warnings
from collections.abc import Callable

import numpy as np
from numpy import ndarray
from scipy.stats import bootstrap, norm
from scipy.stats import t as student
from tqdm import tqdm

from eventdesk.evidence.differences import paired_difference
from eventdesk.evidence.intervals import accuracy_interval

from . import Row, folds

SHARES = (0.85, 0.9, 0.94, 0.97, 0.985)
PAIRS = ((0.985, 0.985), (0.985, 0.97), (0.985, 0.93), (0.94, 0.94), (0.9, 0.85))
CORRELATIONS = (0.0, 0.02, 0.06, 0.2)  # of the answers to two recordings of a pass
SEEDS = (1, 10)
OF_SEEDS = 0.3  # correlation of two seeds' answers to a recording, beyond that of its pass
LEVEL = 0.93
MARGIN = 0.03  # within which two models are called equal
DRAWS = 1000  # of a bootstrap

Ends = tuple[float, float]


def draw_pass(share: float, correlation: float, size: int, random: np.random.Generator) -> ndarray:
    """Return numbers from 0 to 1 with a mean and a correlation (beta distribution)."""
    if correlation == 0:
        return np.full(size, share)
    rest = 1 / correlation - 1
    return random.beta(share * rest, (1 - share) * rest, size)


def draw_answers(
    share: float, correlation: float, seeds: int, numbers: ndarray, random: np.random.Generator
) -> ndarray:
    """Return the share of seeds that are right about each recording.

    Args:
        share: The true accuracy.
        correlation: Of the answers to two recordings of a pass.
        seeds: How many networks are asked.
        numbers: The number of each recording's pass.
        random: Where the numbers come from.
    """
    of_pass = draw_pass(share, correlation, numbers.max() + 1, random)[numbers]
    if seeds == 1:
        return random.binomial(1, of_pass).astype(float)
    rest = 1 / OF_SEEDS - 1
    inner = of_pass.clip(1e-9, 1 - 1e-9)
    of_recording = random.beta(inner * rest, (1 - inner) * rest)
    return random.binomial(seeds, of_recording) / seeds


def draw_two(
    shares: tuple[float, float],
    correlation: float,
    seeds: int,
    numbers: ndarray,
    random: np.random.Generator,
) -> list[ndarray]:
    """Return the same of two models, which find some passes and some recordings hard together.

    The correlation is that of the normal numbers behind the answers, half of it between models.
    """
    half = np.sqrt(correlation / 2)
    passes = numbers.max() + 1
    common = half * random.normal(size=passes)[numbers]
    common += np.sqrt(OF_SEEDS) * random.normal(size=len(numbers))
    rest = np.sqrt(1 - correlation - OF_SEEDS)
    both = []
    for share in shares:
        hard = common + half * random.normal(size=passes)[numbers]
        right = norm.cdf((norm.ppf(share) - hard) / rest)
        both.append(random.binomial(seeds, right) / seeds)
    return both


def error_of(sums: ndarray, sizes: ndarray) -> tuple[ndarray, ndarray]:
    """Return the mean over recordings and its standard error, by the last axis of sums."""
    mean = sums.sum(axis=-1) / sizes.sum(axis=-1)
    deviations = sums - mean[..., None] * sizes
    count = sums.shape[-1]
    squares = count / (count - 1) * (deviations**2).sum(axis=-1)
    return mean, np.sqrt(squares) / sizes.sum(axis=-1)


@functools.cache
def drawn_passes(count: int) -> ndarray:
    """Return the passes of each round of a bootstrap."""
    return np.random.default_rng(0).integers(count, size=(DRAWS, count))


def percentile(rates: ndarray, numbers: ndarray) -> Ends:
    """Return the middle 95 % of means over passes that are drawn anew."""
    sums, sizes = np.bincount(numbers, rates), np.bincount(numbers)
    drawn = drawn_passes(len(sizes))
    low, high = np.quantile(error_of(sums[drawn], sizes[drawn])[0], [0.025, 0.975])
    return low, high


def bias_corrected(rates: ndarray, numbers: ndarray) -> Ends:
    """Return SciPy's bias-corrected and accelerated bootstrap interval (BCa)."""
    parts = np.bincount(numbers, rates), np.bincount(numbers)
    mean = lambda sums, sizes, axis=-1: sums.sum(axis) / sizes.sum(axis)  # noqa: E731
    options = {"paired": True, "vectorized": True, "n_resamples": DRAWS, "method": "BCa"}
    with warnings.catch_warnings(action="ignore"):  # where all answers are right, it is nan
        found = bootstrap(parts, mean, random_state=0, **options).confidence_interval
    return found.low, found.high


def studentized(rates: ndarray, numbers: ndarray) -> Ends:
    """Return the bootstrap-t interval."""
    sums, sizes = np.bincount(numbers, rates), np.bincount(numbers)
    drawn = drawn_passes(len(sizes))
    mean, error = error_of(sums, sizes)
    means, errors = error_of(sums[drawn], sizes[drawn])
    known = errors > 0
    if error == 0 or not known.any():
        return float(mean), float(mean)
    high, low = np.quantile((means[known] - mean) / errors[known], [0.025, 0.975])
    return float(mean - low * error), float(mean - high * error)


def of_student(rates: ndarray, numbers: ndarray) -> Ends:
    """Return the interval of Student's t over passes, at least an error of one recording wide."""
    mean, error = error_of(np.bincount(numbers, rates), np.bincount(numbers))
    width = student.ppf(0.975, numbers.max()) * max(error, 1 / len(rates))
    return mean - width, mean + width


def paired(difference: ndarray, numbers: ndarray) -> Ends:
    """Return the interval of ``paired_difference``."""
    found = paired_difference(difference, np.zeros(1), numbers)
    return found.low, found.high


OF_SHARES: dict[str, Callable[..., Ends]] = {
    "percentile bootstrap": percentile,
    "BCa bootstrap": bias_corrected,
    "bootstrap-t": studentized,
    "Student's t over passes": of_student,
    "exact, effective number": accuracy_interval,
}
OF_DIFFERENCES: dict[str, Callable[..., Ends]] = {
    "percentile bootstrap": percentile,
    "Student's t over passes": of_student,
    "paired difference": paired,
}


def measure(repeats: int = 1000) -> Row:
    """Draw answers, and ask each method for its interval.

    Args:
        repeats: Draws of each cell.

    Returns:
        For each method the smallest share of draws in a cell whose interval holds the true value,
        with the cell; its mean over cells, and the mean width; and how often models that are equal
        are called equal, as their interval lies within the margin.
    """
    numbers = np.unique(folds.cards().groups, return_inverse=True)[1]
    random = np.random.default_rng(0)
    cells: list[Row] = []
    equal: list[Row] = []
    settings = list(itertools.product(CORRELATIONS, SEEDS))
    for correlation, seeds in tqdm(settings, desc="cells"):
        for share in SHARES:
            rates = [
                draw_answers(share, correlation, seeds, numbers, random) for _ in range(repeats)
            ]
            cell = {"of": "accuracy", "true": share, "correlation": correlation, "seeds": seeds}
            cells += rows_of(cell, OF_SHARES, rates, numbers)
        for pair in PAIRS:
            drawn = [draw_two(pair, correlation, seeds, numbers, random) for _ in range(repeats)]
            rates = [first - second for first, second in drawn]
            true = round(pair[0] - pair[1], 3)
            cell = {"of": "difference", "true": true, "correlation": correlation, "seeds": seeds}
            cells += rows_of(cell, OF_DIFFERENCES, rates, numbers)
            if true == 0:
                ends = np.array([paired(each, numbers) for each in rates])
                called = (np.abs(ends) < MARGIN).all(axis=1).mean()
                about = {"accuracy": pair[0], "correlation": correlation, "seeds": seeds}
                equal.append({**about, "called equal": float(called)})
    return {"repeats": repeats, "rows": summary(cells), "equal": equal}


def rows_of(
    cell: Row, methods: dict[str, Callable[..., Ends]], rates: list[ndarray], numbers: ndarray
) -> list[Row]:
    """Say of each method how often its interval holds the true value of a cell."""
    rows = []
    for name, method in methods.items():
        ends = np.array([method(each, numbers) for each in rates])
        low, high = ends.T
        slack = 1e-9  # of sums of floating-point numbers
        covered = (low - slack <= cell["true"]) & (cell["true"] <= high + slack)
        width = float(np.nanmean(high - low))
        rows.append({**cell, "method": name, "coverage": float(covered.mean()), "width": width})
    return rows


def summary(cells: list[Row]) -> list[Row]:
    """Return a row for each method, of what is asked and its name."""
    rows = []
    for kind, name in dict.fromkeys((cell["of"], cell["method"]) for cell in cells):
        of_method = [cell for cell in cells if (cell["of"], cell["method"]) == (kind, name)]
        worst = min(of_method, key=lambda cell: cell["coverage"])
        rows.append(
            {
                "of": kind,
                "method": name,
                "least": worst["coverage"],
                "where": f"{worst['true']}, {worst['correlation']}, {worst['seeds']}",
                "on average": float(np.mean([cell["coverage"] for cell in of_method])),
                "width": float(np.mean([cell["width"] for cell in of_method])),
                "holds": worst["coverage"] >= LEVEL,
            }
        )
    return rows
