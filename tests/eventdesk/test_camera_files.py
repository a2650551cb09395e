"""Files as cameras write them, with all that stands between the events."""

import struct

import numpy as np
import pytest
import tonic.io
from camera_bytes import HEADER3, aedat, dvs128, packet
from test_event_files import some_events

from benchmarks import readers
from eventdesk.evidence.perturbations import replaced
from eventdesk.files import camera_files
from eventdesk.files.camera_files import read_aedat, read_bin, read_dat, read_raw
from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.events.recordings import make_events

IMX636 = """% camera_integrator_name Prophesee
% evt {version}
% format {format};height=720;width=1280
% geometry 1280x720
% plugin_name hal_plugin_imx636_evk4
% end
"""
GEN31 = b"% evt 2.0\n% plugin_name hal_plugin_gen31_fx3\n% serial_number 00001495\n"
HD = (1280, 720)


NO_EVENTS = {  # words that need others before them
    "no time": [0x0803, 0x2005, 0x8001],
    "no row": [0x8001, 0x2005, 0x0803],
    "no place": [0x8001, 0x0803, 0x4001],
}


@pytest.mark.parametrize("begin", NO_EVENTS.values(), ids=NO_EVENTS)
def test_words_of_evt3_mean_what_prophesee_says(begin):
    """An event; a place; vectors of 12 places, of 8 and of 12 again; triggers and other words."""
    words = [*begin, 0x6007, 0x2805, 0xA001, 0x3010, 0x4801, 0x5F81, 0x7FFF, 0x4002, 0xE001, 0xF001]
    header = IMX636.format(version="3.0", format="EVT3").encode()
    events, sensor_size = read_raw(header + np.array(words, "<u2").tobytes())
    assert set(events["t"]) == {4096 + 7} and set(events["y"]) == {3}
    assert events["x"].tolist() == [5, 16, 27, 28, 35, 37]
    assert events["p"].tolist() == [1, 0, 0, 0, 0, 0]
    assert sensor_size == HD


def test_a_time_that_a_camera_repeats_keeps_its_low_bits():
    words = np.array([0x8001, 0, 0x6005, 0x2003, 0x8001, 0x2004, 0x8002, 0x2005], "<u2")
    events, _ = read_raw(b"% evt 3.0\n" + words.tobytes())
    assert events["t"].tolist() == [4096 + 5, 4096 + 5, 2 * 4096]


def test_vectors_take_no_more_memory_than_there_is(monkeypatch):
    asked = []
    monkeypatch.setattr(camera_files, "check_memory", asked.append)
    words = np.array([0x8000, 0, 0x3000, *[0x4FFF] * 1000], "<u2")  # 12 events in each of the last
    events, _ = read_raw(b"% evt 3.0\n" + words.tobytes())
    assert len(events) == 12_000
    assert asked == [2 * events.nbytes]


def evt2(events):
    """Words of 32 bits, with triggers and others between them."""
    words = [0x1 << 28, 0x2 << 28]  # an event before any time, and an unknown word
    for t, x, y, p in events.tolist():
        high, low = 0x8 << 28 | t >> 6 & 0xFFFFFFF, (t & 63) << 22
        if high not in words[-4:]:
            words += [high, 0xA << 28 | low | 1, 0xE << 28]  # a trigger and another word follow
        words.append(p << 28 | low | x << 11 | y)
    return np.array(words, "<u4")


def five_hours():
    """Times whose 34 bits begin anew after 4.77 hours, and their 32 bits every 71 minutes."""
    times = np.arange(200) * 90_000_000 + 7
    turns = 2**32 * np.arange(1, 5)
    times[:8] = [*turns - 5_000_000, *turns + 5]  # close to each time at which one does
    return replaced(some_events(200), t=np.sort(times))


@pytest.mark.parametrize(
    ("header", "order", "sensor_size"),
    [
        (GEN31, None, (640, 480)),
        (IMX636.format(version="2.0", format="EVT2").encode(), None, HD),
        (IMX636.format(version="2.1", format="EVT21").encode(), [1, 0], HD),
        (b"% evt 2.1\n% format EVT21;endianness=legacy\n% end\n", [0, 1], None),
        (b"% format EVT21;height=48;width=64\n% end\n", [1, 0], (64, 48)),
    ],
)
def test_evt2_and_evt21_are_decoded(header, order, sensor_size):
    events = five_hours()
    words = evt2(events)
    if order:  # a word of pixels beside each, of which the first and the last send events
        pixels = np.full_like(words, 1 | 1 << 31)
        words = np.stack([words, pixels], axis=1)[:, order]
        events = events.repeat(2)
        events["x"][1::2] += 31
    decoded, decoded_size = read_raw(header + words.tobytes())
    assert np.array_equal(decoded, events)
    assert decoded_size == sensor_size


@pytest.mark.parametrize("line", ["end_date 2026-01-01", "endianness little", "Ort München"])
@pytest.mark.parametrize("first", [0x25, 0x2025, 0xA0A2025])
def test_header_is_text_and_ends_where_events_begin(line, first):
    header = f"% evt 2.0\n% {line}\n% geometry 64x48\n".encode()
    words = evt2(some_events(200))[2:]  # they begin with a time
    words[0] = 0x8 << 28 | first  # and it with "%"
    events, sensor_size = read_raw(header + words.tobytes())
    assert len(events) == 200
    assert sensor_size == (64, 48)


def evt3(events):
    """An event at each of some times, which may fall, too."""
    content = b"% evt 3.0\n% end\n"
    for t in events["t"].tolist():
        content += struct.pack("<4H", 8 << 12 | t >> 12 & 4095, 6 << 12 | t & 4095, 0, 2 << 12)
    return content


@pytest.mark.parametrize(
    ("read", "write", "bits"),
    [
        (read_raw, readers.write_evt2, 34),
        (read_raw, evt3, 24),
        (read_dat, readers.write_dat, 32),
        (read_aedat, aedat, 32),
    ],
)
def test_clock_wraps_goes_back_over_it_and_begins_anew(read, write, bits):
    last = 2**bits - 100
    small = min(2**bits // 64, 10_000_000) - 2**13  # µs
    for times, expected in (
        ([last, 50, last, 90], [last, 2**bits + 50, last, 2**bits + 90]),
        ([150, last, 150], [150, -100, 150]),
        ([last, small], [last, 2**bits + small]),
        ([0, last // 4, 5], [0, last // 4, 5]),  # a camera that began anew
        ([last // 8 * 7, 5], [last // 8 * 7, 5]),  # and one that nearly had to begin anew
        ([last, small + 2**14], [last, small + 2**14]),
        ([0, last // 8 * 5, last], [0, last // 8 * 5, last]),  # nothing for a while
    ):
        events, _ = read(write(make_events(times, 0, 0, 0)))
        assert events["t"].tolist() == expected


def dvs(t, x, y, p):
    """Some are triggers."""
    return dvs128(t, x, y, p) | (x in (5, 6)) << 15


def davis(t, x, y, p):
    """Some are images or triggers."""
    return (x == 5) << 31 | y << 22 | x << 12 | p << 11 | (x == 6) << 10


DAVIS = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346blue\r\n"


@pytest.mark.parametrize(
    ("header", "kinds", "address", "sensor_size"),
    [
        (b"", ">HI", dvs, (128, 128)),
        (b"#!AER-DAT1.0\r\n# made in 2009\r\n", ">HI", dvs, (128, 128)),
        (b"#!AER-DAT2.0\r\n", ">II", dvs, (128, 128)),
        (DAVIS, ">II", davis, (346, 260)),
    ],
)
def test_aedat_is_decoded_without_images_and_triggers(header, kinds, address, sensor_size):
    events = five_hours()
    is_event = ~np.isin(events["x"], (5, 6))
    decoded, decoded_size = read_aedat(aedat(events, header, kinds, address))
    assert np.array_equal(decoded, events[is_event])
    assert decoded_size == sensor_size


def test_aedat3_is_decoded_packet_by_packet():
    valid = 3 << 17 | 4 << 2 | 0b11
    invalid = 8 << 17
    first = packet(1, [valid, 100, invalid, 250])
    special = packet(0, [7, 300])
    later = packet(1, [5 << 17 | 1, 3], overflows=1)
    events, sensor_size = read_aedat(HEADER3 + first + special + later)
    assert events.tolist() == [(100, 3, 4, 1), (2**31 + 3, 5, 0, 0)]
    assert sensor_size == (128, 128)
    assert read_aedat(HEADER3.replace(b"DVS128", b"other"))[1] is None
    with pytest.raises(ValueError, match=f"within the packet at byte {len(HEADER3)}; copy it"):
        read_aedat((HEADER3 + first)[:-1])


def test_files_of_nmnist_are_read_as_tonic_does(tmp_path):
    content = np.random.default_rng(0).integers(0, 256, 5 * 5000, "u1")
    content[1::500] = 240  # of these, time overflows
    content.tofile(tmp_path / "a.bin")
    events, _ = read_bin(content.tobytes())
    expected = tonic.io.read_mnist_file(str(tmp_path / "a.bin"), EVENT_DTYPE[list("xytp")])
    assert all(np.array_equal(events[field], expected[field]) for field in "txyp")
