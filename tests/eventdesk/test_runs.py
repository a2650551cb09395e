"""A training run goes on where it was, or is refused under the name of its file."""

import pytest
from same import same

from eventdesk.trained.runs import load_run, restore, save_run, state_of
from pokersnn_helpers import Classifier, FastSNN, fit, load_checkpoint, make_loader


@pytest.fixture(scope="module")
def loader(data):
    return make_loader(data.test.subset([0, 5, 10, 15]), sparse=True)


def resumed(state, **options):
    """Train a new classifier from this state on."""

    def go_on(trainer):
        if not trainer.history.loss:
            restore(trainer, state)

    return fit(Classifier(FastSNN()), callback=go_on, **options)


def test_run_goes_on_where_it_was_though_an_earlier_epoch_was_better(loader, tmp_path):
    path = tmp_path / "a.pt"
    good = fit(Classifier(FastSNN()), loader, epochs=1, device="cpu")  # of which nothing is kept
    assert good.kept_epoch == 1

    def save_with_an_earlier_best(trainer):
        if trainer.history.loss:
            trainer.best = Classifier(FastSNN())
            save_run(trainer, path, {})
            assert same(load_run(path).state.ema, dict(trainer.ema.module.state_dict()))
            best = dict(trainer.best.state_dict())
            assert same(dict(load_checkpoint(path, "cpu").state_dict()), best)

    fit(Classifier(FastSNN()), loader, epochs=1, callback=save_with_an_earlier_best)


def test_state_of_an_epoch_is_not_changed_by_the_next(loader):
    states = []
    options = {"train_loader": loader, "epochs": 3, "device": "cpu"}
    keep = lambda trainer: states.append(state_of(trainer))  # noqa: E731
    last = fit(Classifier(FastSNN()), callback=keep, **options)
    assert [len(state.history["loss"]) for state in states] == [0, 1, 2, 3]
    for state in states[1:]:
        assert resumed(state, **options).loss == last.loss


LOSS = {"loss": [1.0], "accuracy": [1.0]}
CHANGES = [
    ({"weights": {}}, {}, "Missing key"),
    ({"history": {"loss": ["x"]}}, {}, "its loss is"),
    ({"history": {"loss": []}}, {}, "it has losses of 0 epochs"),
    ({"history": LOSS | {"test_accuracy": [1.0]}}, {}, "it has losses of 0 tests"),
    ({"n_averaged": None}, {}, "fill_"),
    ({}, {"learning_rate": 0.5}, r"its learning_rate was 0\.001, and is 0\.5"),
]


@pytest.mark.parametrize(("changes", "options", "message"), CHANGES)
def test_a_run_that_cannot_go_on_is_refused_in_words(changes, options, message, loader):
    states = []
    keep = lambda trainer: states.append(state_of(trainer))  # noqa: E731
    fit(Classifier(FastSNN()), loader, epochs=1, device="cpu", callback=keep)
    vars(states[1]).update(changes)
    with pytest.raises(ValueError, match=f"the run doesn't fit this classifier: .*{message}"):
        resumed(states[1], train_loader=loader, epochs=3, device="cpu", **options)
