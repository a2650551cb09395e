"""What all else stands on: files, downloads, compiled loops, devices, processes, and Norse.

- ``files``: files written whole or not at all.
- ``downloads``: a download with limits on its time and its size.
- ``compiling``: loops that Numba compiles.
- ``devices``: the GPU, or how many threads of the CPU.
- ``distributed``: a training run that several processes share under ``torchrun``.
- ``norse_cells``: what the package takes from Norse, with or without TorchScript.
"""
