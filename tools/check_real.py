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
    pages = sorted((html / "book").glob("*.html"))
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    simulated = [name for name, text in texts.items() if SIMULATED in text]
    found = [f"{name} was made with simulated recordings" for name in simulated]
    if not any(REAL in text for text in texts.values()):
        found.append(f"no page in {html / 'book'} says that its recordings are real")
    return found


def main(words: list[str]) -> None:
    try:
        for load in (load_pokerdvs, load_pokerdvs131):
            load(source="real")
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    if found := [line for word in words for line in pages_without_real_recordings(Path(word))]:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])
