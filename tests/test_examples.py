"""Every example in a docstring runs and prints what stands there."""

import doctest
import importlib

import matplotlib.pyplot as plt
import pytest
from test_layout import FILES

import pokersnn_helpers

PACKAGE = "pokersnn_helpers"
# What a reader calls has one.
FOR_READERS = {
    "recordings.Recordings", "frames.to_frames", "frames.make_loader", "snn.SpikingNetwork",
    "snn.SNN", "snn.Classifier", "fast.network.FastSNN", "training.fit", "training.evaluate",
    "training.predict", "recipe.build_network", "recipe.train_classifier",
    "checkpoints.save_checkpoint", "study.protocol.NetworkEstimator",
    "study.protocol.cross_validate", "study.protocol.bootstrap_interval",
    "study.latency.predict_over_time", "study.losses.nll_over_time",
    "study.operations.count_operations", "figures.recordings.plot_frames",
    "figures.networks.plot_dynamics", "figures.results.plot_history",
}  # fmt: skip


def examples(name):
    module = importlib.import_module(f"{PACKAGE}.{name}".rstrip("."))
    return doctest.DocTestFinder(exclude_empty=True).find(module, PACKAGE)


@pytest.fixture(scope="module", autouse=True)
def simulated_once(simulated, everything):
    """Many examples take the same simulated recordings, which take seconds to make."""
    made = {"load_pokerdvs": simulated, "load_pokerdvs131": everything}
    with pytest.MonkeyPatch.context() as patch:
        for name, recordings in made.items():
            patch.setattr(pokersnn_helpers, name, lambda source, found=recordings: found)
        yield


@pytest.mark.parametrize("name", sorted(FILES))
def test_examples_print_what_they_say(name, tmp_path, monkeypatch):
    if name == "__main__":
        return
    monkeypatch.chdir(tmp_path)  # where an example may write a file
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with plt.rc_context():  # an example may choose the book's style, which other tests don't
        for example in examples(name):
            runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


def test_what_a_reader_calls_has_an_example():
    found = {
        f"{module}.{example.name.removeprefix(f'{PACKAGE}.')}"
        for module in {name.rpartition(".")[0] for name in FOR_READERS}
        for example in examples(module)
        if example.examples
    }
    assert sorted(FOR_READERS - found) == []
