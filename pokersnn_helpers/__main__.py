"""The package's commands: ``python -m pokersnn_helpers train`` and ``benchmark``."""

import argparse

from .benchmark import add_benchmark_arguments, run_benchmark
from .train_command import add_train_arguments, run_training


def main(arguments: list[str] | None = None) -> None:
    """Run the command that the command line names.

    Args:
        arguments: The words of the command line; default: what the program was started with.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pokersnn_helpers",
        description="Train the POKER-DVS book's spiking neural network from the command line.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    train = commands.add_parser("train", help="train the network by the book's recipe")
    add_train_arguments(train)
    train.set_defaults(run=run_training)
    benchmark = commands.add_parser("benchmark", help="measure how fast the network trains")
    add_benchmark_arguments(benchmark)
    benchmark.set_defaults(run=run_benchmark)
    parsed = parser.parse_args(arguments)
    parsed.run(parsed)


if __name__ == "__main__":
    main()
