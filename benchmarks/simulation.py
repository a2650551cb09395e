"""How close simulated recordings are to the real ones, and whether training carries over."""

import time
from typing import Any

import pandas as pd

from pokersnn_helpers import (
    FastSNN,
    Split,
    evaluate,
    load_pokerdvs,
    make_loader,
    train_classifier,
)
from pokersnn_helpers.simulation import simulate_pokerdvs
from pokersnn_helpers.simulation.comparison import (
    all_statistics,
    c2st_accuracy,
    compare_statistics,
    count_close,
)

from . import timing

N_TRAIN = 400  # simulated recordings to compare and to train on
C2ST_SEEDS = range(10)


def measure(seeds: int = 10) -> dict[str, Any]:
    """Compare simulated recordings with the real ones, without which there is no comparison.

    Args:
        seeds: Train with seeds 0 to ``seeds - 1``, once on simulated and once on real recordings,
            and test each network on the other kind.
    """
    real = load_pokerdvs(source="real")
    start = time.perf_counter()
    simulated = simulate_pokerdvs(seed=1, n_train=N_TRAIN)
    elapsed = time.perf_counter() - start
    real_table, simulated_table = all_statistics(real), all_statistics(simulated)
    statistics = compare_statistics(real_table, simulated_table)
    scores = [c2st_accuracy(real_table, simulated_table, seed) for seed in C2ST_SEEDS]
    transfer = [carry_over(real, simulated, seed) for seed in range(seeds)]
    return {
        "ms_per_recording": 1000 * elapsed / (len(simulated.train) + len(simulated.test)),
        "c2st_accuracy": sum(scores) / len(scores),
        **pd.DataFrame(transfer).drop(columns="seed").add_suffix("_mean").mean().to_dict(),
        "closeness": [
            {"compared": "simulated with real", **count_close(statistics)._asdict()},
            *chance_closeness(real, simulated_table),
        ],
        "transfer": transfer,
        "statistics": statistics.reset_index().to_dict("records"),
    }


def chance_closeness(real: Split, simulated_table: pd.DataFrame) -> list[dict[str, Any]]:
    """Count what is close between sets of one kind, which differ by chance alone."""
    pairs = {
        "real test with real training": (all_statistics(real.train), all_statistics(real.test)),
        "68 simulated with the others": (
            all_statistics(simulate_pokerdvs(seed=2)),
            simulated_table,
        ),
    }
    return [
        {"compared": name, **count_close(compare_statistics(*pair))._asdict()}
        for name, pair in pairs.items()
    ]


def carry_over(real: Split, simulated: Split, seed: int) -> dict[str, Any]:
    """Train on one kind of recordings and return the accuracy (0 to 1) on the other, both ways.

    Each seed trains on other simulated recordings, in about as many steps as on the 48 real
    ones; all 68 real and all 420 simulated recordings are tested on.
    """

    def accuracy(train: Split, test: Split, epochs: int) -> float:
        everything = test.train + test.test
        classifier, _ = train_classifier(train, seed, "cpu", network=FastSNN, epochs=epochs)
        return evaluate(classifier, make_loader(everything, sparse=True), "cpu").accuracy

    many = simulate_pokerdvs(seed=100 + seed, n_train=N_TRAIN)
    return {
        "seed": seed,
        "simulated_to_real": accuracy(many, real, epochs=12),
        "real_to_simulated": accuracy(real, simulated, epochs=60),
    }


def report(result: dict[str, Any]) -> str:
    """Return a result as text: its numbers by name, and below them a table of each list."""
    tables = {name: value for name, value in result.items() if isinstance(value, list)}
    numbers = {name: value for name, value in result.items() if name not in tables}
    parts = [timing.report({"rows": rows}).lstrip("\n") for rows in tables.values()]
    return "\n\n".join([timing.report(numbers), *parts])
