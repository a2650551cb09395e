"""AEDAT files, for tests."""

import struct


def dvs128(t, x, y, p):
    return y << 8 | x << 1 | (1 - p)


def aedat(events, header=b"#!AER-DAT2.0\r\n", kinds=">II", address=dvs128):
    """An address and a time for each event."""
    content = header
    for event in events.tolist():
        content += struct.pack(kinds, address(*event), event[0] % 2**32)
    return content
