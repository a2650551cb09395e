"""Which command takes which options, and which options need another one."""

from pathlib import Path
from typing import Any

NETWORK = "snn, fast, layer (for --data) or a class of your own, FILE.py:Class"
GROUP = "what in a file's path is its group, as user([0-9]+); else its folder"
EVENTS = "events, such as .npy, .csv or a camera's own file"
FILE: Any = {"metavar": "FILE", "type": Path}
FOLDER: Any = {"metavar": "FOLDER", "type": Path}
PIXELS = {"metavar": "WIDTHxHEIGHT"}
MS = {"metavar": "MS", "type": float}
US = {"metavar": "MICROSECONDS", "type": int}
NUMBER = {"type": int}
REAL = {"type": float}
SWITCH = {"action": "store_true"}
SIMULATOR = {"choices": ("norse", "snntorch", "spikingjelly")}
AUGMENT = {"choices": ("none", "shift", "mirror")}
OPTIONS = [  # the commands, an option of theirs, its meaning, and what else argparse takes
    ("predict", "recordings", f"{EVENTS}; or a folder per class", FILE | {"nargs": "+"}),
    ("inspect", "recordings", "files of events, or folders of them", FILE | {"nargs": "+"}),
    ("clean", "recordings", "a file of events, or a folder of them", FILE),
    ("compare", "folder", "a folder per class", {"metavar": "FOLDER"}),
    ("live", "file", EVENTS, FILE | {"nargs": "?"}),
    (
        "predict live export",
        "--checkpoint",
        "what train saved, or compare --out",
        FILE | {"required": True},
    ),
    ("predict live", "--refuse", "give what is unlike training no answer", SWITCH),
    ("train predict compare live", "--sensor", "for files that don't say it", PIXELS),
    ("train compare", "--size", "bring recordings to it; else at most 64x64", PIXELS),
    ("train compare", "--window-ms", "cut recordings into such parts", MS),
    ("train compare", "--group-by", GROUP, {"metavar": "REGEX"}),
    ("train compare", "--time-window", "of a bin; else chosen", US | REAL),
    ("train compare", "--augment", "how training recordings change", AUGMENT),
    ("train", "--data", "folder per class; else POKER-DVS", {"metavar": "PATH"}),
    ("train", "--like", "a folder of compare --out, whose sizes and recipe are taken", FOLDER),
    ("train compare", "--epochs", "passes over the training recordings; else chosen", NUMBER),
    ("train predict live export", "--network", NETWORK, {"metavar": "NAME"}),
    ("train", "--hidden-size", "hidden neurons of the network", NUMBER),
    ("train", "--learning-rate", "of the optimizer, Adam; else chosen", REAL),
    ("train", "--batch-size", "recordings per batch; else chosen", NUMBER),
    ("train compare", "--seed", "fixes what is drawn at random (0)", NUMBER),
    ("train", "--checkpoint", "save the network and the run here after every epoch", FILE),
    ("train", "--history", "write loss and accuracy of each epoch here, as CSV", FILE),
    ("train", "--resume", "go on with this run and its options; only --epochs may differ", FILE),
    ("train", "--device", "cpu, cuda or cuda:NUMBER; else a CUDA GPU where there is one", {}),
    ("predict", "--each", "a line per file of a folder, too", SWITCH),
    ("inspect", "--plot", "draw the pixels of the first, as .pdf, .png or .svg", FILE),
    ("inspect", "--json", "print all numbers, as JSON", SWITCH),
    ("clean", "--out", "a new folder", FOLDER | {"required": True}),
    ("clean", "--refractory", "leave out what a pixel sends so soon again", US),
    ("clean", "--noise", "leave out what has had no neighbour for so long", US),
    ("compare", "--folds", "parts that test in turn (3)", NUMBER),
    (
        "compare",
        "--out",
        "write all numbers, the recipe and the winner into this new folder",
        FOLDER,
    ),
    ("compare", "--processes", "how many train at once (1); each needs about 1.2 GB", NUMBER),
    ("live", "--camera", "listen to faery's first camera", SWITCH),
    ("export", "--c", "the C file to write", FILE),
    ("export", "--nir", "the NIR file to write", FILE),
    ("export", "--simulator", "whose importer is to read it", SIMULATOR),
    ("export", "--bits", "per weight of the C file, 32 or 8 (32)", NUMBER),
    ("live", "--pause", "silence that ends a gesture (200)", MS),
]
# Without one of these, where a command knows them, an option would say nothing: it is refused.
NEEDED = {
    "sensor": "data resume file",  # of train, and of live
    "size": "data resume",
    "like": "data",
    "simulator": "nir",
    "window_ms": "data resume",
    "group_by": "data resume",
}
