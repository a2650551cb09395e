"""Loops over the words of cameras' files, which Numba compiles.

A decoder writes as many events as fit into an array, and returns how many there are: a caller
counts with an empty one, and asks for the memory before it decodes. ``high`` has the time of each
word that says its high bits, in µs; what comes before the first of these is left out, as
Prophesee's own decoder does.
"""

from pokersnn_helpers.system.compiling import compiled


@compiled
def _add(events, count, t, x, y, p):
    """Write an event behind ``count`` others, if there is room, and return how many there are."""
    if count < len(events):
        event = events[count]
        event.t = t
        event.x = x
        event.y = y
        event.p = p
    return count + 1


@compiled
def decode_evt2(words, pixels, high, events):
    """Decode words with the 28 high bits of the time, or with its 6 low bits and a place.

    Bit n of ``pixels`` is an event n columns to the right of this place.
    """
    count = 0
    times = 0  # words of time so far
    for word, bits in zip(words, pixels):  # noqa: B905 (Numba knows no strict)
        kind = word >> 28
        if kind == 8:
            times += 1
        elif kind <= 1 and times:
            for bit in range(32):
                if bits >> bit & 1:
                    t = high[times - 1] + (word >> 22 & 63)
                    x = (word >> 11 & 0x7FF) + bit
                    count = _add(events, count, t, x, word & 0x7FF, kind)
    return count


@compiled
def decode_evt3(words, high, events):
    """Decode words that set a part of the next event, such as its row, or hold events."""
    count = 0
    times = 0  # words of the high bits of time so far
    low = 0  # until a new time has its low bits
    y = base = -1  # none so far
    x = p = 0
    for word in words:
        kind = word >> 12
        value = word & 0xFFF
        bits = width = 0
        if kind == 0:
            y = value & 0x7FF
        elif kind == 2 or kind == 3:  # an event, or the place where vectors begin
            x = base = value & 0x7FF
            p = value >> 11
            bits = 3 - kind
        elif kind == 4:
            bits = value
            width = 12
        elif kind == 5:
            bits = value & 0xFF
            width = 8
        elif kind == 6:
            low = value
        elif kind == 8:
            times += 1
            if times == 1 or high[times - 1] != high[times - 2]:  # cameras repeat the same
                low = 0
        if times and y >= 0 and base >= 0:
            place = x
            while bits:
                if bits & 1:
                    count = _add(events, count, high[times - 1] + low, place, y, p)
                bits >>= 1
                place += 1
        x += width
    return count


@compiled
def es_ends_within_an_event(content):
    """Say whether the bytes of an ES file of changes of light end before an event does.

    Each event is 5 bytes, of which the first says how much time has passed; 0xFE and 0xFF are time
    alone: https://github.com/neuromorphicsystems/event_stream
    """
    if content[15] != 1:  # events of another kind
        return False
    at = 20  # bytes of the header
    while at < len(content):
        at += 1 if content[at] >= 0xFE else 5
    return at > len(content)
