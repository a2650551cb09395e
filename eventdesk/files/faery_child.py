"""Read files by faery in a separate process: damaged bytes can abort it, or let it hang.

``python -m eventdesk.files.faery_child`` reads from each line of its standard input a pair
[file_type, file] in JSON, and writes, pickled, what the file holds, or a text that says what is
wrong. It ends with its input, or where a file takes more time or memory than it should.
"""

import faulthandler
import json
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


def read(file_type: str, path: str) -> Any:
    """Return the events of a file, and the width and height of its sensor."""
    import faery

    size = Path(path).stat().st_size
    faulthandler.dump_traceback_later(10 + 1e-5 * size, exit=True)
    with suppress(ImportError, OSError, ValueError):  # where the system has no such limits
        import resource
        import signal

        signal.setitimer(signal.ITIMER_PROF, 0.5 + 1e-6 * size)  # s of work: others may be busy
        _, highest = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (2**29 + 200 * size, highest))
    stream = faery.events_stream_from_file(path, file_type=file_type)
    return stream.to_array(), stream.dimensions()


def main() -> None:
    """Answer until the input ends."""
    while request := sys.stdin.buffer.readline():
        try:
            answer = read(*json.loads(request))
        except BaseException as error:  # damaged bytes can raise anything, Rust's panics too
            answer = str(error).partition("\n")[0] or type(error).__name__
        faulthandler.cancel_dump_traceback_later()
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
