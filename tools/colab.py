"""Renew tools/colab.txt, which holds what Google Colab has: python tools/colab.py.

Google publishes the list in a repository.
"""

import re
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from packaging.utils import canonicalize_name

FILES = "https://raw.githubusercontent.com/googlecolab/backend-info/main/"
LIST = Path(__file__).with_name("colab.txt")
# "numpy==2.0.2", or a wheel of PyTorch's index: ".../whl/cpu/torch-2.11.0%2Bcpu-cp313-...".
PINNED = re.compile(r"([\w.-]+)==([^+\s]+)")
OF_PYTORCH = re.compile(r"([\w.-]+) @ https://download\.pytorch\.org/.*/\w+-([\d.]+)")


def fetch(name: str) -> str:
    with urllib.request.urlopen(FILES + name, timeout=60) as answer:
        return answer.read().decode()


def pins(freeze: str) -> Iterator[str]:
    """Yield the packages of a list by ``pip freeze`` as they are pinned for PyPI.

    Left out are packages that Google has from other places than PyPI and PyTorch's index, and those
    of NVIDIA: PyTorch's build on PyPI requires other versions of them.
    """
    for line in freeze.splitlines():
        pin = PINNED.match(line) or OF_PYTORCH.match(line)
        if pin and not line.startswith("nvidia-"):
            yield f"{canonicalize_name(pin[1])}=={pin[2]}"


def main() -> None:
    """Fetch the list, and write it."""
    python = re.search(r"^Python (3\.\d+\.\d+)$", fetch("os-info.txt"), re.MULTILINE)
    header = [
        f"# What Google Colab had on {date.today()}: Python {python[1]} and the packages of",
        f"# {FILES}pip-freeze.txt",
        "# Renew this file: python tools/colab.py",
    ]
    lines = [*header, *sorted(pins(fetch("pip-freeze.txt"))), ""]
    LIST.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
