"""What ``compare`` says of films that have a shortcut, and of those that have none."""

from collections.abc import Callable
from typing import Any

from pokersnn_helpers import Recordings
from pokersnn_helpers.own.compare import compare
from pokersnn_helpers.own.folders import resize
from pokersnn_helpers.simulation.gestures import SENSOR_SIZE, film_gestures
from pokersnn_helpers.simulation.motions import MOTIONS, film_dots, film_motions
from pokersnn_helpers.study.perturbations import merge_polarities


def small_gestures(takes: int) -> tuple[Recordings, list[str]]:
    """Film gestures and bring them to 16 × 16 pixels, as chapter 9 does."""
    films, people = film_gestures(takes)
    events = [resize(each, SENSOR_SIZE, (16, 16)) for each in films.events]
    return Recordings(events, films.targets, films.classes, (16, 16, 2)), people


FILMS: dict[str, Callable[[int], Any]] = {  # without groups, each film is one
    "single discs": lambda size: (film_motions(size * len(MOTIONS)), None),
    "random dots": lambda size: (merge_polarities(film_dots(size * len(MOTIONS))), None),
    "gestures": small_gestures,
}
OPTIONS: dict[str, dict[str, Any]] = {"gestures": {"folds": 4, "time_window": 10_000}}


def measure(size: int = 10, *, processes: int = 2, epochs: int = 20) -> dict[str, Any]:
    """Compare models on each kind of films.

    Args:
        size: Films of each motion, and of each gesture of each person.
        processes: How many models train at the same time.
        epochs: Of each network.

    Returns:
        A row per kind of films and model, and the verdict on each kind.
    """
    how, rows, verdicts = {"epochs": epochs, "processes": processes}, [], []
    for kind, film in FILMS.items():
        films, groups = film(size)
        found = compare(films, groups or range(len(films)), **how | OPTIONS.get(kind, {}))
        table = found.table.rename_axis("model").reset_index().to_dict("records")
        rows += [{"films": kind} | row for row in table]
        verdicts.append({"films": kind, "verdict": found.verdict, "why": found.sentences[-1]})
    return {"rows": rows, "verdicts": verdicts}
