"""Each door that was once open, where knocking takes no time."""

import warnings

import pytest

from tests import doors


@pytest.mark.parametrize("case", doors.QUICK, ids=lambda case: case.__name__)
def test_door_is_shut(case, tmp_path):
    pytest.importorskip("faery")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", doors.SLOW, ids=lambda case: case.__name__)
def test_door_is_shut_for_longer(case, tmp_path):
    test_door_is_shut(case, tmp_path)
