"""Decode what event cameras write: AEDAT 1 to 3, Prophesee's RAW and DAT, and N-MNIST's files."""

import re
import struct
from collections.abc import Iterator

import numpy as np

from pokersnn_helpers.checks import EVENT_DTYPE, check_memory
from pokersnn_helpers.recordings import make_events

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
    b"DAVIS240": (240, 180),
    b"DAVIS346": (346, 260),
    b"gen3": (640, 480),
    b"gen4": (1280, 720),
    b"imx636": (1280, 720),
}
VECTOR_WIDTHS = np.zeros(16, np.uint16)  # pixels, by the type of a word of EVT 3
VECTOR_WIDTHS[4] = 12
VECTOR_WIDTHS[5] = 8
NO_EVENTS = np.empty(0, EVENT_DTYPE)
Array = np.ndarray
WORDS_AT_ONCE = 2**16  # when decoding: what stands between takes much memory

# Events; width and height, and perhaps polarities, where they are known.
Decoded = tuple[Array, tuple[int, ...] | None]


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
    t = _unwrapped(words["f1"], 32)
    chip = CHIP.search(header)
    if chip and not chip[1]:
        raise ValueError(f"{chip[0].decode().strip()} is unknown; export it from jAER as CSV")
    name = chip[1].upper() if chip else b"DVS128"
    if name.startswith(b"DAVIS"):
        x = address >> 12 & 0x3FF
        y = address >> 22 & 0x1FF
        p = address >> 11 & 1
        is_event = address & 0x80000400 == 0  # and neither a part of an image nor a trigger
        return make_events(t, x, y, p)[is_event], SENSORS[name]
    if (address >= 2**16).any():
        raise ValueError("its addresses aren't those of a DVS128; export it from jAER as CSV")
    x = address >> 1 & 0x7F
    y = address >> 8
    p = ~address & 1
    is_event = address < 2**15  # and no trigger
    return make_events(t, x, y, p)[is_event], SENSORS[b"DVS128"]


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
    header = PROPHESEE_HEADER.match(content)[0]  # type: ignore[index]
    version = re.search(rb"% (?:evt |format EVT)([\d.]+)", header)
    name = version[1].decode() if version else "none"
    match name:
        case "3.0" | "3":
            words = _words(content, len(header), "<u2")
            portions = _decode_evt3(words)
        case "2.0" | "2":
            words = _words(content, len(header), "<u4")
            portions = _decode_evt2(words, np.ones_like(words))
        case "2.1" | "21":
            pixels, words = _words(content, len(header), "(2,)<u4").T
            if b"endianness=legacy" in header:  # as the IMX636 sends them
                pixels, words = words, pixels
            portions = _decode_evt2(words, pixels)
        case _:
            raise ValueError(
                f"it is EVT {name}, not 2, 2.1 or 3; export it by metavision_file_to_csv"
            )
    decoded = [NO_EVENTS]
    size = 0
    for portion in portions:  # a word can hold 32 events
        decoded.append(portion)
        size += portion.nbytes
        check_memory(2 * size)  # to join them, and to check them
    return np.concatenate(decoded), _sensor(header)


def _decode_evt2(words: Array, pixels: Array) -> Iterator[Array]:
    """Decode words of 28 bits of time, or of 6 and a place; each bit of ``pixels`` is an event."""
    word_type = words >> 28
    is_high = word_type == 8
    high_at = np.flatnonzero(is_high)
    count = words[high_at] & 0xFFFFFFF
    high = _unwrapped(count, 28) << 6
    has_time = np.logical_or.accumulate(is_high)
    event_at = np.flatnonzero(has_time & (word_type <= 1))
    for at, bit in _single_events(event_at, pixels, 32):
        word = words[at]
        low = word >> 22 & 63
        left = word >> 11 & 0x7FF
        t = _latest(high, high_at, at) + low
        x = left + bit
        y = word & 0x7FF
        p = word >> 28
        yield make_events(t, x, y, p)


def _decode_evt3(words: Array) -> Iterator[Array]:
    """Decode words that each change a part of what the next event has, or are an event or many."""
    word_type = words >> 12
    value = words & 0xFFF
    y_at = np.flatnonzero(word_type == 0)
    high_at = np.flatnonzero(word_type == 8)
    is_base = (word_type == 2) | (word_type == 3)  # the first pixel of the vectors after it
    base_at = np.flatnonzero(is_base)
    needed = [high_at, y_at, base_at]
    if not all(map(len, needed)):
        return
    complete = max(at[0] for at in needed)  # from here on, an event has all that it needs
    high = _unwrapped(value[high_at], 12) << 12
    is_new = np.diff(high, prepend=-1) != 0
    high_at = high_at[is_new]
    time_at = np.union1d(high_at, np.flatnonzero(word_type == 6))
    is_low = word_type[time_at] == 6
    low = np.where(is_low, value[time_at], 0)  # 0 until a new time has one
    time = _latest(high[is_new], high_at, time_at) + low
    width = VECTOR_WIDTHS[word_type]
    before = np.cumsum(width, dtype=np.uint32)  # pixels up to each word, but not in it
    before -= width
    base = value[base_at]
    base_x = base & 0x7FF
    first_x = base_x - before[base_at]
    pixels = value & (1 << width) - 1
    pixels[word_type == 2] = 1
    pixels[:complete] = 0
    event_at = np.flatnonzero(pixels)
    for at, bit in _single_events(event_at, pixels, 12):
        t = _latest(time, time_at, at)
        left = _latest(first_x, base_at, at) + before[at]
        x = left + bit
        y = _latest(value[y_at], y_at, at) & 0x7FF
        p = _latest(base, base_at, at) >> 11
        yield make_events(t, x, y, p)


def _single_events(at: Array, pixels: Array, bits: int) -> Iterator[tuple[Array, Array]]:
    """Yield portions of events: at which word each is, and which of the bits of its pixels."""
    masks = 1 << np.arange(bits)
    for start in range(0, len(at), WORDS_AT_ONCE):
        portion = at[start : start + WORDS_AT_ONCE]
        row, bit = np.nonzero(pixels[portion, None] & masks)
        yield portion[row], bit


def _latest(values: Array, known_at: Array, at: Array) -> Array:
    """Return for each word the last of some values, which are known from these words on."""
    return values[np.searchsorted(known_at, at, "right") - 1]


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
    t = _unwrapped(stamp, 32)
    if re.search(rb"(?i)% version 1", header):
        x = word & 0x1FF
        y = word >> 9 & 0xFF
        p = word >> 17 & 0xF
    else:
        x = word & 0x3FFF
        y = word >> 14 & 0x3FFF
        p = word >> 28
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


def _sensor(header: bytes) -> tuple[int, int] | None:
    """Find the sensor in a header of Prophesee's: its sides, or else its name."""
    width = re.search(rb"(?i)(?:width[= ]|geometry )(-?\d+)", header)
    height = re.search(rb"(?i)(?:height[= ]|geometry -?\d+x)(-?\d+)", header)
    if width and height:
        return int(width[1]), int(height[1])
    camera = re.search(rb"% plugin_name hal_plugin_(gen3|gen4|imx636)", header)
    return camera and SENSORS[camera[1]]


def _words(content: bytes, start: int, dtype: str) -> Array:
    """Return what comes after the header: whole events, and neither text nor all zeros."""
    if PLAIN_TEXT.fullmatch(content[start : start + 1000]):  # such as a page that says "not found"
        raise ValueError("it holds text in place of events; copy it again")
    size = np.dtype(dtype).itemsize
    rest = (len(content) - start) % size
    if rest:
        raise ValueError(f"it ends within an event; copy it again, or cut off {rest} bytes")
    if not any(content[start:]):
        raise ValueError("it holds no events, or zeros in their place; copy it again")
    return np.frombuffer(content, dtype, offset=start)


def _unwrapped(stamps: Array, bits: int) -> Array:
    """Go on counting where a counter of so many bits begins again from 0, or goes back over it.

    Where it falls by less than half of what it can count, a camera began anew: times run backwards.
    """
    stamps = stamps.astype(np.int64)
    period = 2**bits
    steps = np.diff(stamps, prepend=stamps[:1])
    forwards = np.cumsum(steps < -period // 2)
    backwards = np.cumsum(steps > period * 15 // 16)
    return stamps + period * (forwards - backwards)
