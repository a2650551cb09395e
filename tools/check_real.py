"""Fail unless all recordings are real, those that the pages of a built book show among them.

python tools/check_real.py [_build/html]
"""

import sys
from pathlib import Path

from pokersnn_helpers import load_pokerdvs, load_pokerdvs131

SIMULATED = "made with simulated events say nothing about real cards"  # in the banner of such data
REAL = "real recordings: "  # in that of others


def pages_without_real_recordings(html: Path) -> list[str]:
    """Say which pages were made with simulated recordings, or that none shows real ones."""
    simulated = []
    real = False
    for page in sorted((html / "book").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        real = real or REAL in text
        if SIMULATED in text:
            simulated.append(f"{page.name} was made with simulated recordings")
    if not real:
        simulated.append(f"no page in {html / 'book'} says that its recordings are real")
    return simulated


def main(folders: list[str]) -> None:
    try:
        load_pokerdvs(source="real")
        load_pokerdvs131(source="real")
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    for folder in folders:
        problems = pages_without_real_recordings(Path(folder))
        if problems:
            raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main(sys.argv[1:])
