"""``python -m pokersnn_helpers``: see ``commands``."""

try:
    from .commands.main import main

    main()
except KeyboardInterrupt:  # while Python still imports
    raise SystemExit(130) from None
