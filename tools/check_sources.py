"""Ask every data source for every archive; fail and name those that don't deliver."""

import sys
import tempfile

import pooch

from pokersnn_helpers import pokerdvs


def dead_sources(sources: tuple[str, ...] = pokerdvs.SOURCES) -> list[str]:
    """Return a line for each address that fails, with the reason."""
    dead = []
    for url, archive in ((source + name, name) for source in sources for name in pokerdvs.ARCHIVES):
        downloader = pooch.HTTPDownloader(timeout=pokerdvs.SILENCE_LIMIT)
        try:
            with tempfile.TemporaryDirectory() as folder:
                md5 = f"md5:{pokerdvs.REGISTRY[archive]}"
                pooch.retrieve(url, md5, path=folder, downloader=downloader)
        except (OSError, ValueError) as error:
            dead.append(f"{url}: {type(error).__name__}: {error}")
    return dead


if __name__ == "__main__":
    sys.exit("\n".join(dead_sources()) or None)
