"""The command ``eventdesk``, also as ``python -m eventdesk``: see ``commands``."""


def run() -> None:
    """Run the command line; its modules are imported where Ctrl-C is understood."""
    try:
        from .commands.main import main

        main()
    except KeyboardInterrupt:  # while Python still imports
        raise SystemExit(130) from None


if __name__ == "__main__":
    run()
