"""The changes of chapter 7, and recordings beside their time reversals."""

from pokersnn_helpers import Recordings
from pokersnn_helpers.study import perturbations
from pokersnn_helpers.study.estimators import Perturbation
from pokersnn_helpers.study.perturbations import reversed_time


def forwards_and_backwards(recordings: Recordings) -> Recordings:
    """Return all recordings, and then the time reversal of each, as two classes."""
    backwards = reversed_time(recordings)
    events = [*recordings.events, *backwards.events]
    targets = [0] * len(recordings) + [1] * len(recordings)
    return Recordings(events, targets, ("forwards", "backwards"), recordings.sensor_size)


CHANGES: dict[str, Perturbation] = {
    "time shuffled": perturbations.shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": perturbations.merge_polarities,
}
