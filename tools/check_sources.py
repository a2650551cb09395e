"""Ask every data source for every archive; fail and name those that don't deliver."""

import sys
import tempfile
from pathlib import Path

from pokersnn_helpers.data import pokerdvs_archives as archives


def all_addresses() -> list[tuple[str, str]]:
    """Return every address, with the archive that it has to deliver."""
    places = archives.SOURCES.items()
    return [(source + name, name) for name, sources in places for source in sources]


def dead_sources(places: list[tuple[str, str]]) -> list[str]:
    """Return a line for each address that fails to deliver its archive, with the reason."""
    dead = []
    for url, archive in places:
        try:
            with tempfile.TemporaryDirectory() as folder:
                archives.retrieve(url, archive, Path(folder))
        except (OSError, ValueError) as error:
            dead.append(f"{url}: {type(error).__name__}: {error}")
    return dead


if __name__ == "__main__":
    sys.exit("\n".join(dead_sources(all_addresses())) or None)
