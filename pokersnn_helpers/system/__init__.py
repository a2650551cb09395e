"""What all else stands on: files, compiled loops, devices, several processes, and Norse.

- ``files``: files written whole or not at all.
- ``compiling``: loops that Numba compiles.
- ``devices``: the GPU, or how many threads of the CPU.
- ``distributed``: a training run that several processes share under ``torchrun``.
- ``norse_cells``: what the package takes from Norse, with or without TorchScript.
"""
