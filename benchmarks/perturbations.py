"""The changes of chapter 7."""

from pokersnn_helpers.study import perturbations
from pokersnn_helpers.study.estimators import Perturbation
from pokersnn_helpers.study.perturbations import reversed_time

CHANGES: dict[str, Perturbation] = {
    "time shuffled": perturbations.shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": perturbations.merge_polarities,
}
