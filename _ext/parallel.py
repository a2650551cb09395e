"""Sphinx extension: chapters that have changed are executed side by side, one per core.

Without it a build executes one after the other while it reads them, and most of a chapter's time is
one core's. What has been executed lies in the cache of jupyter-cache, where MyST-NB finds it. A
chapter that fails isn't there: MyST-NB executes it once more, and reports the error. A chapter that
measures times says ``executed_alone`` in its metadata, and is executed after the others.

Side by side, each chapter computes on one thread: threads of several kernels would wait for each
other, which takes three times as long.
"""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

import nbformat
from executed import executed_at, surroundings_of
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from sphinx.application import Sphinx
from sphinx.util import logging
from traitlets.config import Config

from pokersnn_helpers.system.devices import usable_cores

KEPT = 100  # results in the cache, the newest
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# Else each kernel says that what it sends over the loopback address isn't encrypted.
ENCRYPTED = Config(KernelManager={"transport_encryption": "auto"})


def setup(app: Sphinx) -> dict:
    """Connect what is below to a build."""
    os.environ["POKERSNN_STRICT"] = "1"  # a chapter that doesn't find what it says fails
    # After MyST-NB's own function for this event, which reads its options.
    app.connect("builder-inited", execute_chapters, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def execute_chapters(app: Sphinx) -> None:
    """Execute all chapters that the cache doesn't have as they are."""
    config = app.env.mystnb_config
    if config.execution_mode != "cache":
        return
    folder = Path(config.execution_cache_path)
    cache = get_cache(folder)
    cache.change_cache_limit(KEPT)
    together, alone = [], []
    for path in sorted(Path(app.srcdir).glob("book/*.ipynb")):
        if not executed_at(path, folder):
            notebook = nbformat.read(path, as_version=4)
            (alone if notebook.metadata.get("executed_alone") else together).append(path)
    if together or alone:
        count = len(together) + len(alone)
        logging.getLogger(__name__).info("executing %d notebooks, which takes minutes", count)
    own = dict(os.environ)
    asyncio.run(_execute_all(together, cache, config.execution_timeout, ONE_THREAD | own))
    for path in alone:
        asyncio.run(_execute_all([path], cache, config.execution_timeout, own))


async def _execute_all(
    paths: list[Path], cache: JupyterCacheAbstract, timeout: int, environment: dict
) -> None:
    """Execute chapters side by side."""
    # Else nbclient takes Ctrl-C, ends one kernel, and the build goes on.
    asyncio.get_running_loop().add_signal_handler = _refuse_handler
    cores = asyncio.Semaphore(usable_cores())

    async def execute_on_a_core(path: Path) -> None:
        async with cores:
            await _execute(path, cache, timeout, environment)

    await asyncio.gather(*map(execute_on_a_core, paths))


def _refuse_handler(*arguments) -> None:
    raise RuntimeError


async def _execute(
    path: Path, cache: JupyterCacheAbstract, timeout: int, environment: dict
) -> None:
    """Execute a chapter, and put it into the cache unless it fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        record_timing=False,  # in metadata, with which the cache would take it for another chapter
        resources={"metadata": {"path": str(path.parent)}},
        config=ENCRYPTED,
    )
    with suppress(KeyError):  # what it once gave, with other code or recordings
        cache.remove_cache(cache.match_cache_notebook(notebook).pk)
    executed_with = surroundings_of(notebook)
    start = time.monotonic()
    with suppress(CellExecutionError, RuntimeError, TimeoutError):
        await client.async_execute(env=environment)
        seconds = time.monotonic() - start
        data = {"execution_seconds": seconds, "executed_with": executed_with}
        bundle = CacheBundleIn(notebook, str(path), data=data)
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
