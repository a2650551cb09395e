"""What ``compare`` says of films that have a shortcut, and of those that have none."""

from collections.abc import Callable
from typing import Any

from pokersnn_helpers import Recordings
from pokersnn_helpers.own.compare import compare
from pokersnn_helpers.own.folders import resize
from pokersnn_helpers.simulation.gestures import SENSOR_SIZE, film_gestures
from pokersnn_helpers.simulation.motions import film_dots, film_motions
from pokersnn_helpers.study.perturbations import merge_polarities

from . import folds


def small_gestures(takes: int) -> tuple[Recordings, list[str]]:
    """Film gestures and bring them to 16 × 16 pixels, as chapter 10 does."""
    films, people = film_gestures(takes)
    events = [resize(each, SENSOR_SIZE, (16, 16)) for each in films.events]
    return Recordings(events, films.targets, films.classes, (16, 16, 2)), people


FILMS: dict[str, Callable[[int], tuple[Recordings, Any]]] = {
    "single discs": lambda size: (film_motions(6 * size), range(6 * size)),
    "random dots": lambda size: (merge_polarities(film_dots(6 * size)), range(6 * size)),
    "gestures": small_gestures,
}
EPOCHS = 20  # of each network
OPTIONS: dict[str, dict[str, Any]] = {"gestures": {"folds": 4, "time_window": 10_000}}


def measure(size: int = 10) -> dict[str, Any]:
    """Compare models on each kind of films, so many of each motion, or gesture of a person.

    Returns:
        A row per kind of films and model, and the verdict on each kind.
    """
    rows, verdicts = [], []
    for kind, film in FILMS.items():
        recordings, groups = film(size)
        options = {"processes": folds.PROCESSES, "epochs": EPOCHS} | OPTIONS.get(kind, {})
        found = compare(recordings, groups, **options)
        table = found.table.rename_axis("model").reset_index().to_dict("records")
        rows += [{"films": kind} | row for row in table]
        verdicts.append({"films": kind, "verdict": found.verdict, "why": found.sentences[-1]})
    return {"rows": rows, "verdicts": verdicts}
