"""Renew tools/colab.txt, which holds what Google Colab has.

Usage: python tools/colab.py

Google publishes the list in a repository. The newest commit that changed the list counts.
"""

import json
import os
import re
import urllib.request
from pathlib import Path
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pokersnn_helpers.system.writing import atomic_write

REPOSITORY = "googlecolab/backend-info"
API = f"https://api.github.com/repos/{REPOSITORY}/"
FILES = f"https://raw.githubusercontent.com/{REPOSITORY}/"
PYTORCH = "https://download.pytorch.org/"
LIST = Path(__file__).with_name("colab.txt")


def fetch(address: str) -> str:
    request = urllib.request.Request(address)
    token = os.environ.get("GITHUB_TOKEN")
    if token and address.startswith("https://api.github.com/"):
        # GitHub's own machines share addresses, and often their few requests without a token.
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def newest_commit(api: str) -> tuple[str, str]:
    """Return the newest commit that changed the list, and its date."""
    newest = json.loads(fetch(f"{api}commits?path=pip-freeze.txt&per_page=1"))[0]
    return newest["sha"], newest["commit"]["committer"]["date"][:10]


def pins(freeze: str) -> list[str]:
    """Return the packages of a list by ``pip freeze`` as they are pinned for PyPI.

    Left out are packages that Google has from other places than PyPI and PyTorch's index, and those
    of NVIDIA: PyTorch's build on PyPI requires other versions of them.
    """
    packages = []
    for line in freeze.splitlines():
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if requirement.url is None:
            (pin,) = requirement.specifier
            version = Version(pin.version)
        elif requirement.url.startswith(PYTORCH):
            wheel = unquote(requirement.url.rpartition("/")[2])
            version = parse_wheel_filename(wheel)[1]
        else:
            continue
        if not name.startswith("nvidia-"):
            packages.append(f"{name}=={version.public}")  # 2.11.0 where Google has 2.11.0+cpu
    return sorted(packages)


def colab_list(api: str = API, files: str = FILES) -> str:
    """Return what tools/colab.txt has to hold; tests have the two addresses on this machine."""
    commit, date = newest_commit(api)
    os_info = fetch(f"{files}{commit}/os-info.txt")
    python = re.search(r"^Python (3\.\d+\.\d+)$", os_info, re.MULTILINE)
    packages = pins(fetch(f"{files}{commit}/pip-freeze.txt"))
    header = [
        f"# What Google Colab had on {date}: Python {python[1]} and the packages of",
        f"# {FILES}{commit}/pip-freeze.txt",
        "# The version of Python stands in",
        f"# {FILES}{commit}/os-info.txt",
        "# Renew this file: python tools/colab.py",
    ]
    return "\n".join([*header, *packages, ""])


if __name__ == "__main__":
    text = colab_list()
    with atomic_write(LIST) as file:
        file.write(text.encode())
    print(f"{LIST.name}: {text.splitlines()[0].removeprefix('# ')}")
