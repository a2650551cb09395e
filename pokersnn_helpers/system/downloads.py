"""A download with limits on its time and its size."""

import sys
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Timer

SILENCE_LIMIT = 10  # seconds without an answer
TIME_LIMIT = 59  # seconds for all of a file, so that ending a process is within a minute
# Run by a process of its own, which can be ended whatever it waits for. A time-out of requests
# begins anew with each byte.
RECEIVE = """
import sys
import pooch

url, silence_limit = sys.argv[1:]
receive = pooch.HTTPDownloader(timeout=float(silence_limit))
try:
    receive(url, sys.stdout.buffer, None)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def download(url: str, path: str, _: object, *, largest: int) -> None:
    """Download a file of at most ``largest`` bytes within ``TIME_LIMIT``; ``pooch`` calls it.

    Raises:
        ValueError: The server sent more.
        ConnectionError: The download failed, or took longer.
    """
    command = [sys.executable, "-W", "ignore", "-c", RECEIVE, url, str(SILENCE_LIMIT)]
    with Popen(command, stdout=PIPE, stderr=PIPE) as receiver:
        timer = Timer(TIME_LIMIT, receiver.kill)
        timer.start()
        try:
            content = receiver.stdout.read(largest + 1)  # type: ignore[union-attr]
            if len(content) > largest:
                raise ValueError(f"the server sent more than {largest} bytes")
            _, errors = receiver.communicate()
        finally:
            timer.cancel()
            receiver.kill()
    if receiver.returncode:
        # What is killed says nothing.
        raise ConnectionError(errors.decode().strip() or f"not complete after {TIME_LIMIT} s")
    Path(path).write_bytes(content)
