"""``python -m pokersnn_helpers``, for readers who work in a terminal.

Begin with ``train``, which trains on any recordings; ``others`` has the commands that inspect
files, compare models, and ask a trained classifier.
"""
