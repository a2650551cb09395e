"""Advice on errors of PyTorch's and Python's that newcomers meet, for the notebooks."""

import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

PACKAGES = ("pokersnn_helpers", "eventdesk")
ADVICE = {  # on errors of PyTorch's and Python's, by what they say
    r"\(\d+x(\d+) and (\d+)x\d+\)": "a layer that was made for {1} numbers is given {0}",
    r"size of tensor a \((\d+)\) must match": "an axis of {0} meets another; is a state kept?",
    r"size (\d+) is different from (\d+)": "{1} numbers meet {0} in a product",
    r"Expected input batch_size|1D target": "scores are (batch, classes), and come before targets; "
    "frames are (time, batch, ...), so a loader that puts the batch first swaps these two",
    r"values to unpack \(expected (\d+)": "look at what is unpacked: it isn't {0} things",
    r"size mismatch for ([\w.]+):": "make the network with the sizes of the one whose {0} it loads",
    r"Unable to allocate": "are all times in one unit? Tonic's and this book's bins are in µs",
    r"tuple indices must be .* not str": "an item is a pair: events, target = recordings[0]",
    r"'NoneType' object has no attribute 'lif0'": "set record = True before the network runs",
    r"(\w+?)(?:_nm_base)?(?:\.__\w+__)?\(\) got an unexpected keyword": "help({0}) lists its "
    "arguments",
    r"is read-only": "take a copy first, as by events = events.copy()",
    r"'tuple' object has no attribute": "take its parts: classifier, history = train_classifier()",
    r"no field of name|ndarray' object has no attribute '[txyp]'": "events['t'], 'x', 'y' or 'p'",
    r"inhomogeneous|with a sequence": "recordings have different lengths; add each up first",
    r"index out of range|is out of bounds": "it is shorter, or empty; counting begins with 0",
    r"^('[^']*'|\d+)$": "there is no such key; print those that there are",
    r"'float' object has no attribute 'backward'": "leave out .item(), which makes a number of it",
    r"'(int|float)' object is not iterable": "give several, as (1,) or [1]",
    r"expected sparse": "this takes sparse frames, as frames.to_sparse() makes them",
    r"Found array with dim": "flatten each image, by images.reshape(len(images), -1)",
    r'Unexpected key.*\s*.*"snn\.': "these are a Classifier's; load classifier.snn.state_dict()",
    r'Unexpected key.*\s*.*"format"': "a checkpoint; load it by load_checkpoint(path, network)",
    r"before Module.__init__": "begin __init__ with super().__init__()",
    r"more than 1 value per channel": "choose a batch_size that leaves no recording alone",
    r"uninitialized parameter": "run the network once on frames before it is trained",
    r"too many indices": "look at its axes, as by print(array.shape)",
    r"have (\d+) channels, but got (\d+)": "made for {0} channels, the polarities or the delayed "
    "copies of a frame, and given {1}",
    r"forward\(\) (takes|missing)": "write it as def forward(self, frames)",
    r"input to conv2d": "join time and batch by frames.flatten(0, 1), and part them afterwards",
    r"step must be greater than zero": "turn a tensor round by frames.flip(0), which is a copy",
    r"a view of a leaf Variable": "weights learn, so change them in with torch.no_grad():",
    r"order must be str, not int": "this is an array of NumPy's; give frames, a tensor, as "
    "to_frames(events).unsqueeze(1) or torch.from_numpy(frames)",
    r"does not require grad": "no gradient reaches it: a comparison such as v > 0.3 has none and "
    "needs a surrogate, and record_states needs gradients=True",
    r"only (one element|integer) tensors": "one number is wanted here; give one value",
    r"only integer scalar arrays": "this is a list; give an array, as numpy.array(...)",
    r"invalid index to scalar": "this is one number; give one of each recording",
    r"Dimension out of range": "an axis is missing; one recording needs an axis for the batch, "
    "as frames.unsqueeze(1)",
    r"type 'Split'|'Split' object is not": "data holds parts; give one, as data.train",
    r"to have the same dtype": "bring frames and weights to one type, as by .float()",
}


def explain_errors() -> None:
    """Let the notebook add advice to errors of PyTorch's and Python's that newcomers meet.

    Example:
        >>> explain_errors()  # outside of a notebook, it does nothing
    """
    from IPython import get_ipython

    def explain(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> None:
        advice = advice_on(error) or nearest_name(error, shell.user_ns)
        if advice and advice not in str(error):
            error.args = (f"{error}; {advice}",)
        if advice not in str(error):  # NumPy's MemoryError has words of its own
            error.add_note(advice)
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython():
        get_ipython().set_custom_exc((Exception,), explain)


def nearest_name(error: BaseException, in_notebook: Iterable[str] = ()) -> str:
    """Return what may be meant where a name isn't found: of a variable, or in the packages.

    Args:
        error: What was raised.
        in_notebook: The names of variables that there are.
    """
    from torch.nn import Module  # which takes seconds to import

    loaded = [package for package in PACKAGES if package in sys.modules]
    functions = {name: package for package in loaded for name in sys.modules[package].__all__}
    wanted = getattr(error, "name", None)
    owner = getattr(error, "obj", None)
    package, _, _ = type(owner).__module__.partition(".")
    known = [name for name in dir(owner) if name[0] != "_"]
    otherwise = ""
    match error:
        case NameError():
            known = [*in_notebook, *functions]
            otherwise = "run the cells above first, or write self. before it"
        case ImportError() if wanted in PACKAGES:
            said = re.match(r"cannot import name '(\w+)'", str(error))
            wanted = said and said[1]  # ``name_from`` is of Python 3.12
            known = [*functions]
        case AttributeError() if package in (*PACKAGES, "norse") or isinstance(owner, Module):
            own = sorted({*known} - {*dir(Module), *dir(tuple)})
            otherwise = f"it has {', '.join(own)}"
        case _:
            return ""
    module = module_of(str(wanted)) if isinstance(error, NameError) else ""
    if module:
        return f"first write: from {module} import {wanted}"
    near = [name for name in known if name.startswith(str(wanted))]
    near += get_close_matches(str(wanted), [*known, *functions], 1)
    if not near:
        return otherwise
    of_package = f", a function of {functions[near[0]]}" if near[0] in functions else ""
    return f"did you mean {near[0]}{of_package}?"


def module_of(name: str) -> str:
    """Return the module, loaded by now, in which a package defines a function or a class, or ""."""
    for package in PACKAGES:
        if name in getattr(sys.modules.get(package), "__all__", ()):
            return package
    for module_name, module in list(sys.modules.items()):
        defined = vars(module).get(name) if module_name.startswith(PACKAGES) else None
        if getattr(defined, "__module__", "") == module_name:
            return module_name
    return ""


def advice_on(error: BaseException) -> str:
    """Return what to look at after an error of PyTorch's or Python's; "" for most."""
    for pattern, words in ADVICE.items():
        found = re.search(pattern, str(error))
        if found:
            return words.format(*found.groups())
    return ""
