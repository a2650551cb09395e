from .ask.compare import compare
from .files.event_files import read_events
from .files.folders import load_folder, resize
from .look.cleaning import clean_files
from .look.inspection import inspect_file, plot_inspection
from .streaming import Stream
from .trained.winners import load_trained

__all__ = [
    "Stream",
    "clean_files",
    "compare",
    "inspect_file",
    "load_folder",
    "load_trained",
    "plot_inspection",
    "read_events",
    "resize",
]
