"""Decode what event cameras write: AEDAT 1 to 3, Prophesee's RAW and DAT, and N-MNIST's files."""

import re
import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.system.checks import EVENT_DTYPE
from pokersnn_helpers.system.reading import check_memory

AEDAT_HEADER = re.compile(rb"(?:#[\t -~]*\r?\n)*")  # a first address may begin with "#", too
AEDAT3_PACKET = struct.Struct("<HHIIIIII")  # what each packet of version 3 begins with
# Lines of text, in ASCII or UTF-8: a first event of RAW or DAT may begin with "%", too.
PROPHESEE_HEADER = re.compile(
    rb"(?:% (?!end\r?\n)(?:[\t -~]|[\xc2-\xf4][\x80-\xbf]*)+\r?\n)*(?:% end\r?\n)?"
)
PLAIN_TEXT = re.compile(rb"[\s -~\x80-\xff]+")
# Such as AEChip: ch.unizh.ini.jaer.chip.retina.DVS128, whose addresses a Tmpdiff128 has, too.
CHIP = re.compile(rb"(?i)AEChip: .*?((?:DVS128|Tmpdiff128|DAVIS240|DAVIS346)(?!\d)|$)", re.M)
SENSORS = {  # width and height, by what headers call them
    b"DVS128": (128, 128),
    b"TMPDIFF128": (128, 128),
    b"DAVIS240": (240, 180),
    b"DAVIS346": (346, 260),
    b"gen3": (640, 480),
    b"gen4": (1280, 720),
    b"imx636": (1280, 720),
}
NO_EVENTS = np.empty(0, EVENT_DTYPE)
Array = np.ndarray
Size = tuple[int, int]  # width and height
Decoded = tuple[Array, Size | None]  # events, and where it is known, the size of the sensor


def read_aedat(content: bytes) -> Decoded:
    """Read the events of an AEDAT file of version 1 to 3, from a DVS128 or a DAVIS.

    Lines that begin with "#" come first. Then versions 1 and 2 have an address, of 16 or of 32
    bits, and a time stamp in µs per event, all big-endian, and version 3 has packets of
    little-endian numbers: https://docs.inivation.com/software/software-advanced-usage/file-formats

    A ``ValueError`` says that it is of a later version or another camera, or ends within an event.
    """
    header = AEDAT_HEADER.match(content)[0]  # type: ignore[index]
    if header.startswith(b"#!AER-DAT3"):
        source = re.search(rb"#Source \d+: (DVS128|DAVIS240|DAVIS346)", header)
        packets = _decode_aedat3(content, len(header))
        return np.concatenate([NO_EVENTS, *packets]), source and SENSORS[source[1]]
    has_32_bits = re.match(rb"#!AER-DAT[^1]", header)  # and those of version 1 are of 16
    dtype = ">u4, >u4" if has_32_bits else ">u2, >u4"
    words = _words(content, len(header), dtype)
    address = words["f0"]
    t = unwrapped(words["f1"], 32)
    chip = CHIP.search(header)
    if chip and not chip[1]:
        raise ValueError(f"{chip[0].decode().strip()} is unknown; export it from jAER as CSV")
    name = chip[1].upper() if chip else b"DVS128"
    if name.startswith(b"DAVIS"):
        x = address >> 12 & 0x3FF
        y = address >> 22 & 0x1FF
        p = address >> 11 & 1
        is_event = address & 0x80000400 == 0  # and neither a part of an image nor a trigger
    elif (address >= 2**16).any():
        raise ValueError("its addresses aren't those of a DVS128; export it from jAER as CSV")
    else:
        x = address >> 1 & 0x7F
        y = address >> 8
        p = ~address & 1
        is_event = address < 2**15  # and no trigger
    return make_events(t, x, y, p)[is_event], SENSORS[name]


def _decode_aedat3(content: bytes, start: int) -> Iterator[Array]:
    """Yield packets of events that have 15 bits for each coordinate, as in DVS Gesture."""
    while start < len(content):
        header = AEDAT3_PACKET.unpack_from(content, start)
        packet_type, _, size, _, overflows, _, number, _ = header
        first = start + AEDAT3_PACKET.size  # byte of the first event
        end = first + size * number
        if end > len(content):
            raise ValueError(f"it is damaged within the packet at byte {start}; copy it again")
        if packet_type == 1:  # of events
            data, stamp = np.frombuffer(content[first:end], "(2,)<u4").T
            t = stamp.astype(np.int64)
            t += overflows << 31
            x = data >> 17
            y = data >> 2 & 0x7FFF
            p = data >> 1 & 1
            is_valid = data & 1 == 1
            yield make_events(t, x, y, p)[is_valid]
        start = end


def read_raw(content: bytes) -> Decoded:
    """Read the events of a Prophesee RAW file, of EVT 2, 2.1 or 3.

    https://docs.prophesee.ai/stable/data/encoding_formats/index.html

    What comes before the first time stamp is left out, as Prophesee's own decoder does.
    """
    from .word_loops import decode_evt3  # which needs Numba: half a second to import

    header = PROPHESEE_HEADER.match(content)[0]  # type: ignore[index]
    version = re.search(rb"% (?:evt |format EVT)([\d.]+)", header)
    name = version[1].decode() if version else "none"
    match name:
        case "3.0" | "3":
            words = _words(content, len(header), "<u2")
            of_time = words >> 12 == 8
            high = unwrapped(words[of_time] & 0xFFF, 12, 4096)
            decode = partial(decode_evt3, words, high)
        case "2.0" | "2":
            words = _words(content, len(header), "<u4")
            decode = _of_evt2(words, np.ones_like(words))
        case "2.1" | "21":
            pixels, words = _words(content, len(header), "(2,)<u4").T
            if b"endianness=legacy" in header:  # as the IMX636 sends them
                pixels, words = words, pixels
            decode = _of_evt2(words, pixels)
        case _:
            raise ValueError(
                f"it is EVT {name}, not 2, 2.1 or 3; export it by metavision_file_to_csv"
            )
    count = decode(NO_EVENTS)  # a word can hold 32 events
    check_memory(2 * count * EVENT_DTYPE.itemsize)  # to decode them, and to check them
    events = np.empty(count, EVENT_DTYPE)
    decode(events)
    return events, _sensor(header)


def _of_evt2(words: Array, pixels: Array) -> partial[Any]:
    """Return a function that decodes words of EVT 2 or 2.1 into an array, and counts the events."""
    from .word_loops import decode_evt2

    high = unwrapped(words[words >> 28 == 8] & 0xFFFFFFF, 28, 64)
    return partial(decode_evt2, words, pixels, high)


def read_dat(content: bytes) -> Decoded:
    """Read the events of a Prophesee DAT file, of version 1 or 2.

    https://docs.prophesee.ai/stable/data/file_formats/dat.html
    """
    header = PROPHESEE_HEADER.match(content)[0]  # type: ignore[index]
    start = len(header) + 2
    event_type = content[start - 2 : start]
    if event_type not in (b"\x00\x08", b"\x0c\x08"):
        raise ValueError(f"it holds words of type {list(event_type)}, no events; name another file")
    stamp, word = _words(content, start, "(2,)<u4").T
    t = unwrapped(stamp, 32)
    is_first = re.search(rb"(?i)% version 1", header)
    x_bits, y_bits = (9, 8) if is_first else (14, 14)
    x = word & 2**x_bits - 1
    y = word >> x_bits & 2**y_bits - 1
    p = word >> x_bits + y_bits & 0xF
    return make_events(t, x, y, p > 0), _sensor(header)


def read_bin(content: bytes) -> Decoded:
    """Read events of 40 bits, as of N-MNIST and N-Caltech101."""
    words = _words(content, 0, "(5,)u1").astype(np.int64)
    x, y, high, middle, low = words.T
    p = high >> 7
    high &= 127
    t = high << 16 | middle << 8 | low
    is_overflow = y == 240  # after each, time goes on from 2**13 µs more
    overflows = np.cumsum(is_overflow)
    t += overflows << 13
    return make_events(t, x, y, p)[~is_overflow], None


def _sensor(header: bytes) -> Size | None:
    """Return the size of the sensor that a header of Prophesee's gives, or else names."""
    width = re.search(rb"(?i)(?:width[= ]|geometry )(-?\d+)", header)
    height = re.search(rb"(?i)(?:height[= ]|geometry -?\d+x)(-?\d+)", header)
    if width and height:
        return int(width[1]), int(height[1])
    camera = re.search(rb"% plugin_name hal_plugin_(gen3|gen4|imx636)", header)
    return camera and SENSORS[camera[1]]


def _words(content: bytes, start: int, dtype: str) -> Array:
    """Return the words after the header; refuse text, zeros, and a file that ends within one."""
    if PLAIN_TEXT.fullmatch(content[start : start + 1000]):  # such as a page that says "not found"
        raise ValueError("it holds text in place of events; copy it again")
    size = np.dtype(dtype).itemsize
    rest = (len(content) - start) % size
    if rest:
        raise ValueError(f"it ends within an event; copy it again, or cut off {rest} bytes")
    if not any(content[start:]):
        raise ValueError("it holds no events, or zeros in their place; copy it again")
    return np.frombuffer(content, dtype, offset=start)


def unwrapped(stamps: Array, bits: int, tick: int = 1) -> Array:
    """Return the times of a counter that begins again from 0 when it is full.

    A full counter falls by all that it can count, and rises by as much where events on both sides
    of the fall changed places. Both are undone if the step that is left is small: at most 1/64 of
    what it can count, but at least 4 ms, which a counter of 16 bits needs, and at most 10 s. Other
    falls stay: a clock may begin anew after any time, and undoing that would add a gap that nobody
    recorded.

    Args:
        stamps: What the counter says.
        bits: The number of bits that it has.
        tick: The µs that it counts by.

    Returns:
        Times in µs.
    """
    stamps = stamps.astype(np.int64)
    period = 2**bits
    small = min(max(period / 64, 4096 / tick), 10e6 / tick)
    steps = np.diff(stamps, prepend=stamps[:1])
    forwards = np.cumsum(abs(steps + period) <= small)
    backwards = np.cumsum(abs(steps - period) <= small)
    return tick * (stamps + period * (forwards - backwards))
