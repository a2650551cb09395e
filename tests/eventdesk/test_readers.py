"""What faery reads is what we read, whatever the events; hypothesis looks for exceptions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import readers
from eventdesk.files.camera_files import read_dat, read_raw
from pokersnn_helpers import EVENT_DTYPE

pytest.importorskip("faery")
WIDTH, HEIGHT = readers.SENSOR
rows = st.tuples(
    st.sampled_from([0, 1, 63, 64, 4095, 4096, 2**18]),  # µs since the row before
    st.integers(0, HEIGHT - 1),
    st.integers(0, 1),
    st.sets(st.integers(0, WIDTH - 1), min_size=1, max_size=40),
)


@st.composite
def any_events(draw):
    """Events in rows, sorted by time, that begin near where a counter of 24 or 34 bits ends."""
    t = draw(st.sampled_from([0, 2**24, 2**34])) + draw(st.integers(2**13, 2**14))
    events = set()
    for step, y, p, columns in draw(st.lists(rows, min_size=1, max_size=20)):
        t += step
        events |= {(t, y, p, x) for x in columns}
    return np.array([(t, x, y, p) for t, y, p, x in sorted(events)], EVENT_DTYPE)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(events=any_events(), kind=st.sampled_from(["EVT 2", "EVT 2.1", "EVT 3", "DAT 2"]))
def test_events_are_read_as_written_and_as_faery_reads_them(events, kind, tmp_path_factory):
    suffix, write, known = readers.FORMATS[kind]
    decoded, sensor_size = (read_dat if kind == "DAT 2" else read_raw)(write(events))
    assert sensor_size == readers.SENSOR
    assert not readers.differs(decoded, events)
    if "faery" in known:
        path = tmp_path_factory.getbasetemp() / f"a{suffix}"
        path.write_bytes(write(events))
        assert not readers.differs(readers.read_by("faery", path), events)
