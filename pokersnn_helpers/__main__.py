"""``python -m pokersnn_helpers``: see ``commands``."""

from .commands.train import main

main()
