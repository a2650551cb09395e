"""A download with limits on its time and its size."""

import subprocess
import sys
import threading
import time
from pathlib import Path

SILENCE_LIMIT = 10  # seconds without an answer
TIME_LIMIT = 60  # seconds for all of a file
# Run by a process of its own, which can be ended whatever it waits for. A time-out of requests
# begins anew with each byte.
RECEIVE = """
import sys, pooch
url, silence_limit = sys.argv[1:]
pooch.HTTPDownloader(timeout=float(silence_limit))(url, sys.stdout.buffer, None)
"""


def download(url: str, path: str, largest: int) -> None:
    """Download a file of at most ``largest`` bytes within ``TIME_LIMIT``.

    Raises:
        ValueError: The server sent more.
        TimeoutError: It wasn't done in time.
        ConnectionError: It failed otherwise, and how.
    """
    start = time.monotonic()
    command = [sys.executable, "-c", RECEIVE, url, str(SILENCE_LIMIT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as receiver:
        timer = threading.Timer(TIME_LIMIT, receiver.kill)
        timer.start()
        try:
            content = receiver.stdout.read(largest + 1)  # type: ignore[union-attr]
            if len(content) > largest:
                raise ValueError(f"the server sent more than {largest} bytes")
            _, errors = receiver.communicate()
        finally:
            timer.cancel()
            receiver.kill()
    if time.monotonic() - start > TIME_LIMIT:
        raise TimeoutError(f"the download wasn't complete after {TIME_LIMIT} s")
    if receiver.returncode != 0:
        last_line = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise ConnectionError(last_line)
    Path(path).write_bytes(content)
