"""What all else stands on: files, compiled loops, devices, and Norse.

- ``writing``: files written whole or not at all.
- ``compiling``: loops that Numba compiles.
- ``devices``: the GPU, or how many threads of the CPU.
- ``norse_cells``: what the package takes from Norse, with or without TorchScript.
"""
