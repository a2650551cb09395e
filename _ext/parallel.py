"""Sphinx extension: chapters that have changed are executed side by side, one per core.

Without it a build executes one after the other while it reads them, and most of a chapter's time is
one core's. What has been executed lies in the cache of jupyter-cache, where MyST-NB finds it. A
chapter that fails isn't there: MyST-NB executes it once more, and reports the error. A chapter that
measures times says ``executed_alone`` in its metadata, and MyST-NB executes it after the others.

Side by side, each chapter computes on one thread: threads of several kernels would wait for each
other, which takes three times as long.
"""

import logging
import os
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx.application import Sphinx


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
    cache = get_cache(config.execution_cache_path or ".jupyter_cache")  # as MyST-NB says it
    chapters = []
    for path in sorted(Path(app.srcdir).glob("book/*.ipynb")):
        if not nbformat.read(path, as_version=4).metadata.get("executed_alone"):
            chapters.append(str(path))
            cache.add_nb_to_project(str(path))
    quiet = logging.getLogger(__name__)
    quiet.setLevel(logging.CRITICAL)
    executor = load_executor("local-parallel", cache, logger=quiet)
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = threads or "1"
    try:
        executor.run_and_cache(filter_uris=chapters, timeout=config.execution_timeout)
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
