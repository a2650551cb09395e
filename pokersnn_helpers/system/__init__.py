"""What all else stands on: checks, files, compiled loops, devices, progress bars and Norse.

- ``checks``: what is refused, in words.
- ``units``: in which unit the times of a recording are.
- ``training_checks``: what training is watched for.
- ``writing``: files written whole or not at all.
- ``reading``: regular files alone are read, and what fits into the memory.
- ``names``: whether two names are the same, or look so.
- ``compiling``: loops that Numba compiles.
- ``devices``: the GPU, or how many threads of the CPU.
- ``progress``: progress bars, and none where nobody sees them.
- ``norse_cells``: what the package takes from Norse, with or without TorchScript.
"""
