"""What has been trained, by ``train`` or as the winner of ``compare``.

``stored`` reads a checkpoint, ``runs`` saves one that can be resumed, ``winners`` writes the best
model of a comparison and loads either. ``familiar`` keeps what a model has learned from. A network
leaves Python by ``c_files``, as C, or by ``nir_files``, which writes and reads networks for other
simulators.
"""
