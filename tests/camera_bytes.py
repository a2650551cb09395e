"""What cameras and N-MNIST write, for tests."""

import struct

import numpy as np

HEADER3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def dvs128(t, x, y, p):
    return y << 8 | x << 1 | (1 - p)


def aedat(events, header=b"#!AER-DAT2.0\r\n", kinds=">II", address=dvs128):
    """An address and a time for each event."""
    content = header
    for event in events.tolist():
        content += struct.pack(kinds, address(*event), event[0] % 2**32)
    return content


def packet(kind, words, overflows=0):
    number = len(words) // 2
    header = struct.pack("<HHIIIIII", kind, 1, 8, 4, overflows, number, number, number)
    return header + np.array(words, "<u4").tobytes()


def mnist_bytes(t, x, y, p):
    """Encode events as N-MNIST does, in 40 bits each."""
    t, x, y, p = map(np.asarray, (t, x, y, p))
    columns = [x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()
