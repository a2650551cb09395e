"""``python -m pokersnn_helpers``: see ``commands``."""

from .commands.main import main

main()
