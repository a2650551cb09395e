"""Ask every data source for every archive; fail and name those that don't deliver."""

import sys
import tempfile

import pooch

from pokersnn_helpers import archives


def dead_sources(sources: tuple[str, ...] = archives.SOURCES) -> list[str]:
    """Return a line for each address that fails, with the reason."""
    dead = []
    for url, md5 in ((source + a.filename, a.md5) for source in sources for a in archives.ARCHIVES):
        downloader = pooch.HTTPDownloader(timeout=archives.DOWNLOAD_TIMEOUT)
        try:
            with tempfile.TemporaryDirectory() as folder:
                pooch.retrieve(url, f"md5:{md5}", path=folder, downloader=downloader)
        except (OSError, ValueError) as error:
            dead.append(f"{url}: {type(error).__name__}: {error}")
    return dead


if __name__ == "__main__":
    sys.exit("\n".join(dead_sources()) or None)
