"""Train a classifier, test it, and keep it.

``recipe`` chooses what training depends on, and ``train`` trains by it. Below it, ``fit`` minimises
a ``loss`` over ``batches``, ``evaluation`` tests, ``slips`` and ``watch`` warn of what goes wrong,
and ``checkpoints`` saves and loads.
"""
