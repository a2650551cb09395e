"""Decode what event cameras write: AEDAT 1 to 3, Prophesee's RAW and DAT, and N-MNIST's files."""

import re
from collections.abc import Callable

import numpy as np

from ..checks import EVENT_DTYPE

HEADER = re.compile(rb"(?:#[\t -~]*\r?\n)*")  # of AEDAT: a first address may begin with "#", too
TEXT = rb"[\t -~]|[\xc2-\xf4][\x80-\xbf]*"  # a character, in ASCII or UTF-8
LINE = rb"% (?!end\r?\n)(?:" + TEXT + rb")+\r?\n"  # a first event may begin with "%", too
PERCENT = re.compile(rb"(?:" + LINE + rb")*(?:% end\r?\n)?")  # the header of RAW and DAT
SENSORS = {b"DVS128": (128, 128), b"DAVIS240": (240, 180), b"DAVIS346": (346, 260)}
PROPHESEE = {b"gen3": (640, 480), b"gen4": (1280, 720), b"imx636": (1280, 720)}  # plugins' names
WIDTH, PIXELS = np.zeros(16, np.uint8), np.zeros(16, np.uint16)  # of EVT 3's vectors, by kind
WIDTH[[4, 5]], PIXELS[[4, 5]] = (12, 8), (0xFFF, 0xFF)
PORTION = 2**16  # words that are decoded at a time: what stands between takes much memory

Found = tuple[np.ndarray, tuple[int, int, int] | None]  # events, and the sensor where it is known


def make_events(t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return an array of ``EVENT_DTYPE`` of its columns."""
    columns = np.stack([t, x, y, p], axis=1, dtype=np.int64, casting="unsafe")
    return columns.view(EVENT_DTYPE)[:, 0]


def read_aedat(content: bytes) -> Found:
    """Read the events of an AEDAT file of version 1 to 3, from a DVS128 or a DAVIS.

    Lines that begin with "#" come first. Then versions 1 and 2 have an address, of 16 or of 32
    bits, and a time stamp in µs per event, all big-endian, and version 3 has packets of
    little-endian numbers: https://docs.inivation.com/software/software-advanced-usage/file-formats

    A ``ValueError`` says that it is of a later version or another camera, or ends within an event.
    """
    header = HEADER.match(content)[0]  # type: ignore[index]
    version = re.match(rb"#!AER-DAT(\d)", header)
    number = int(version[1]) if version else 1
    if number == 3:
        return _aedat3(content)
    if number not in (1, 2):
        raise ValueError(f"it is of AEDAT version {number}, not 1 to 3; convert it to CSV with DV")
    words = _words(memoryview(content)[len(header) :], f">u{2 * number}, >u4")
    address, t = words["f0"].astype(np.int64), _unwrapped(words["f1"], 32)
    if chip := re.search(rb"(?i)AEChip: .*(DAVIS240|DAVIS346)", header):
        size, own = SENSORS[chip[1].upper()], address & 0x80000400 == 0  # no images, no triggers
        x, y, p = address >> 12 & 0x3FF, address >> 22 & 0x1FF, address >> 11 & 1
    elif (highest := address.max(initial=0)) < 2**16:
        size, own = SENSORS[b"DVS128"], address < 2**15  # no triggers
        x, y, p = address >> 1 & 0x7F, address >> 8, 1 - (address & 1)
    else:
        raise ValueError(f"address {highest:#x} is no DVS128's; export it from jAER as CSV")
    return make_events(t, x, y, p)[own], (*size, 2)


def _aedat3(content: bytes) -> Found:
    """Read packets of events that have 15 bits for each coordinate, as in DVS Gesture."""
    place = content.find(b"#!END-HEADER\r\n") + 14
    header, found = content[:place], [np.empty(0, EVENT_DTYPE)]
    source = re.search(rb"#Source \d+: (DVS128|DAVIS240|DAVIS346)", header)
    while place < len(content):
        about = np.frombuffer(content[place : place + 28].ljust(28, b"\0"), "<u4").tolist()
        kind, size, overflows, number = about[0] & 0xFFFF, about[1], about[3], about[5]
        end = place + 28 + size * number
        if len(content) < end or number > about[4] or (kind == 1 and size != 8):
            raise ValueError(f"it is damaged within the packet at byte {place}; copy it again")
        if kind == 1 and number:
            data, stamp = np.frombuffer(content[place + 28 : end], "<u4").reshape(-1, 2).T
            t = stamp.astype(np.int64) + (overflows << 31)
            events = make_events(t, data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1)
            found.append(events[data & 1 == 1])
        place = end
    return np.concatenate(found), (*SENSORS[source[1]], 2) if source else None


def read_raw(content: bytes) -> Found:
    """Read the events of a Prophesee RAW file, of EVT 2, 2.1 or 3.

    https://docs.prophesee.ai/stable/data/encoding_formats/index.html

    What comes before the first time stamp is left out, as Prophesee's own decoder does.
    """
    header = PERCENT.match(content)[0]  # type: ignore[index]
    body = memoryview(content)[len(header) :]
    version = re.search(rb"% (?:evt (\S+)|format EVT(\d+))", header)
    name = (version[1] or version[2]).decode("latin-1") if version else "none"
    if name in ("3.0", "3"):
        events = _evt3(_words(body, "<u2"))
    elif name in ("2.0", "2"):
        events = _evt2(_words(body, "<u4"), np.ones(1, np.uint32))
    elif name in ("2.1", "21"):
        pixels, words = _words(body, "(2,)<u4").T
        legacy = b"endianness=legacy" in header  # as the IMX636 sends them
        events = _evt2(pixels, words) if legacy else _evt2(words, pixels)
    else:
        raise ValueError(f"it is EVT {name}, not 2, 2.1 or 3; export it by metavision_file_to_csv")
    return events, _sensor(header)


def _evt2(words: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Decode words that have 28 bits of time, or 6 and a place; each bit of ``pixels`` an event."""
    high_at = np.flatnonzero(words >> 28 == 8)
    high = _unwrapped(words[high_at] & 0xFFFFFFF, 28) << 6
    at = np.flatnonzero(words >> 28 <= 1)
    at = at[np.searchsorted(at, high_at[0]) :] if len(high_at) else at[:0]
    pixels = np.broadcast_to(pixels, words.shape)

    def decode(at: np.ndarray) -> np.ndarray:
        row, bit = np.nonzero(pixels[at, None] >> np.arange(32) & 1)
        at = at[row]
        word = words[at].astype(np.int64)
        t = high[np.searchsorted(high_at, at) - 1] + (word >> 22 & 63)
        return make_events(t, (word >> 11 & 0x7FF) + bit, word & 0x7FF, word >> 28)

    return _in_portions(decode, at)


def _evt3(words: np.ndarray) -> np.ndarray:
    """Decode words that each change a part of what the next event has, or are an event or many."""
    kind, value = words >> 12, words & 0xFFF
    high_at, low_at, y_at = (np.flatnonzero(kind == each) for each in (8, 6, 0))
    high = _unwrapped(value[high_at], 12)
    new = np.diff(high, prepend=-1) != 0
    high_at, high = high_at[new], high[new]
    base_at = np.flatnonzero((kind == 2) | (kind == 3))
    width = WIDTH[kind]
    before = np.cumsum(width, dtype=np.uint32) - width
    pixels = np.where(kind == 2, 1, value & PIXELS[kind])
    at = np.flatnonzero(pixels)
    begin = max([places[0] if len(places) else len(words) for places in (high_at, y_at, base_at)])
    low_at = np.append(-1, low_at)  # 0 until a new time has one

    def decode(at: np.ndarray) -> np.ndarray:
        row, bit = np.nonzero(pixels[at, None] >> np.arange(12) & 1)
        at = at[row]
        last_high, last_low, y, base = (
            np.searchsorted(places, at, "right") - 1 for places in (high_at, low_at, y_at, base_at)
        )
        low = np.where(low_at[last_low] > high_at[last_high], value[low_at[last_low]], 0)
        first = base_at[base]
        x = (value[first] & 0x7FF) + before[at] - before[first] + bit
        t = (high[last_high] << 12) + low
        return make_events(t, x, value[y_at[y]] & 0x7FF, value[first] >> 11)

    return _in_portions(decode, at[np.searchsorted(at, begin) :])


def _in_portions(decode: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    parts = np.split(at, range(PORTION, len(at), PORTION))
    return np.concatenate([decode(part) for part in parts])


def read_dat(content: bytes) -> Found:
    """Read the events of a Prophesee DAT file, of version 1 or 2.

    https://docs.prophesee.ai/stable/data/file_formats/dat.html
    """
    header = PERCENT.match(content)[0]  # type: ignore[index]
    kind = content[len(header) : len(header) + 2]
    if kind not in (b"\x00\x08", b"\x0c\x08"):
        raise ValueError(f"it holds words of type {list(kind)}, no events; name another file")
    stamp, word = _words(memoryview(content)[len(header) + 2 :], "(2,)<u4").T
    x, y, p = word & 0x3FFF, word >> 14 & 0x3FFF, word >> 28
    if re.search(rb"(?i)% version 1", header):
        x, y, p = word & 0x1FF, word >> 9 & 0xFF, word >> 17 & 0xF
    return make_events(_unwrapped(stamp, 32), x, y, p > 0), _sensor(header)


def read_bin(content: bytes) -> Found:
    """Read events of 40 bits, as of N-MNIST and N-Caltech101."""
    x, y, *rest = _words(content, "(5,)u1").astype(np.int64).T
    t = (rest[0] & 127) << 16 | rest[1] << 8 | rest[2]
    overflows = y == 240  # after each, time goes on from 2**13 µs more
    events = make_events(t + (np.cumsum(overflows) << 13), x, y, rest[0] >> 7)
    return events[~overflows], None


def _sensor(header: bytes) -> tuple[int, int, int] | None:
    said = re.sub(rb"geometry (-?\d+)x(-?\d+)", rb"width \1 height \2", header.lower())
    sides = dict(re.findall(rb"(width|height)[= ](-?\d+)", said)[::-1])  # the first of each
    if len(sides) == 2:
        return int(sides[b"width"]), int(sides[b"height"]), 2
    camera = re.search(rb"% plugin_name hal_plugin_(gen3|gen4|imx636)", header)
    return (*PROPHESEE[camera[1]], 2) if camera else None


def _words(content: bytes | memoryview, dtype: str) -> np.ndarray:
    """Return what comes after the header, which is neither zeros nor text."""
    if re.fullmatch(rb"(?:[\r\n]|" + TEXT + rb")+", bytes(content[:1000])):
        raise ValueError("it holds text, and no events; copy it again, or name another file")
    if rest := len(content) % np.dtype(dtype).itemsize:
        raise ValueError(f"it ends within an event; copy it again, or cut off {rest} bytes")
    words = np.frombuffer(content, dtype)
    if len(words) and not np.frombuffer(content, "u1").any():
        raise ValueError("it holds nothing but zeros where events should be; copy it again")
    return words


def _unwrapped(stamps: np.ndarray, bits: int) -> np.ndarray:
    """Go on counting where a counter of so many bits begins again from 0, or goes back over it.

    Where it falls by less than half of what it can count, a camera began anew: times run backwards.
    """
    stamps = stamps.astype(np.int64)
    steps = np.diff(stamps, prepend=stamps[:1])
    again, back = steps < -(8 << bits - 4), steps > 15 << bits - 4
    return stamps + (np.cumsum(again.astype(np.int8) - back) << bits)
