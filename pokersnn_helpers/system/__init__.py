"""What all else stands on: checks, files, compiled loops, devices, progress bars and Norse.

- ``warn``: warnings that point at the reader's own line.
- ``names``: whether two names are the same, or look so.
- ``checks``: what is refused, in words.
- ``writing``: files written whole or not at all.
- ``reading``: regular files alone are read, and what fits into the memory.
- ``compiling``: loops that Numba compiles.
- ``devices``: the GPU, or how many threads of the CPU.
- ``progress``: progress bars, and none where nobody sees them.
- ``norse_cells``: what the package takes from Norse, with or without TorchScript.
"""
