import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from same import altered, same

from pokersnn_helpers import (
    SNN,
    Classifier,
    SpikingNetwork,
    decode,
    load_checkpoint,
    save_checkpoint,
)
from pokersnn_helpers.checkpoints import Run, load_run
from pokersnn_helpers.training import TrainingState


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return Classifier(SNN(hidden_size=12, tau_mem=0.02, v_th=0.4))


def test_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.save(torch.nn.Linear(3, 4).state_dict(), path)
    with pytest.raises(ValueError, match=r"other\.pt is not a checkpoint of this book's network"):
        load_checkpoint(path)


def test_what_could_not_be_loaded_is_not_saved(classifier, tmp_path):
    """The file is read back before it takes the place of an older one."""
    save_checkpoint(classifier, tmp_path / "a.pt")
    before = (tmp_path / "a.pt").read_bytes()
    state = TrainingState({}, {}, 0, {}, torch.zeros(1), {})
    with pytest.raises(ValueError, match=r"Unsupported global: GLOBAL pathlib.*; make") as refused:
        save_checkpoint(classifier, tmp_path / "a.pt", Run({"folder": tmp_path}, state))
    assert "\n" not in str(refused.value)
    assert (tmp_path / "a.pt").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_run_is_saved_with_the_classifier_and_its_average_once(classifier, tmp_path):
    averaged = dict(classifier.state_dict())
    last = {name: weights + 1 for name, weights in averaged.items()}
    state = TrainingState(last, averaged, 7, {"lr": 0.1}, torch.get_rng_state(), {"loss": [1.0]})
    save_checkpoint(classifier, tmp_path / "a.pt", Run({"seed": 3}, state))
    options, found = load_run(tmp_path / "a.pt")
    assert options == {"seed": 3} and same(vars(found), vars(state))
    size = sum(weights.numel() * 4 for weights in averaged.values())
    assert 2 * size < (tmp_path / "a.pt").stat().st_size < 2.2 * size


def test_run_goes_on_where_it_was_though_an_earlier_epoch_was_better(classifier, tmp_path):
    best = dict(classifier.state_dict())
    averaged = {name: weights + 1 for name, weights in best.items()}
    state = TrainingState(best, averaged, 7, {"lr": 0.1}, torch.get_rng_state(), {"loss": [1.0]})
    save_checkpoint(classifier, tmp_path / "a.pt", Run({}, state))
    assert same(load_run(tmp_path / "a.pt").state.ema, averaged)
    assert same(dict(load_checkpoint(tmp_path / "a.pt").state_dict()), best)


def test_weights_that_are_no_numbers_are_neither_saved_nor_loaded(classifier, tmp_path):
    path = tmp_path / "a.pt"
    save_checkpoint(classifier, path)
    before = path.read_bytes()
    classifier.snn.linear.weight.data[2, 3] = torch.nan
    with pytest.raises(ValueError, match=r"a\.pt: .*snn\.linear\.weight.* holds NaN or infinity"):
        save_checkpoint(classifier, path)
    assert path.read_bytes() == before
    infinite = {"weights": {"deep": torch.tensor([1.0, -torch.inf])}}
    altered(path, path, lambda content: content.update(state=infinite))
    for load in (load_checkpoint, load_run):
        with pytest.raises(ValueError, match=r"a\.pt: .*'deep'.* holds NaN or infinity"):
            load(path)


def test_classes_and_sensor_from_numpy_can_be_loaded(tmp_path):
    classes, sensor = np.unique(["b", "a"]), np.array([8, 6, 2])
    classifier = Classifier(SNN(96, 5, 2), classes=classes, sensor_size=sensor)
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert (loaded.classes, loaded.sensor_size) == (("a", "b"), (8, 6, 2))


def test_decode_of_your_own_is_missed_aloud(tmp_path):
    save_checkpoint(Classifier(SNN(8, 5), lambda voltages: decode(voltages)), tmp_path / "own.pt")
    with pytest.warns(UserWarning, match=r"own\.pt was saved with a decode of your own.*: set"):
        load_checkpoint(tmp_path / "own.pt")
    save_checkpoint(Classifier(SNN(8, 5)), tmp_path / "default.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_checkpoint(tmp_path / "default.pt")


def test_what_only_looks_like_a_classifier_is_refused_when_it_is_saved(tmp_path):
    """Not when it is loaded: then it would be too late."""
    with pytest.raises(ValueError, match=r"(?s)a\.pt holds a SNN, .*decode\.weight"):
        save_checkpoint(Classifier(SNN(8, 5), torch.nn.Linear(4, 4)), tmp_path / "a.pt")
    with pytest.raises(TypeError, match="Linear is no FrameNetwork"):
        save_checkpoint(Classifier(torch.nn.Linear(3, 4)), tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_network_derived_from_the_book_s_is_not_taken_for_it(tmp_path):
    class Doubled(SNN):
        def step(self, frame, state):
            return super().step(2 * frame, state)

    save_checkpoint(Classifier(Doubled(8, 5)), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt holds a Doubled.*load it with network=Doubled"):
        load_checkpoint(tmp_path / "a.pt")
    assert isinstance(load_checkpoint(tmp_path / "a.pt", network=Doubled).snn, Doubled)


@pytest.mark.parametrize("state", [None, {}, {"history": {}, "extra": 1}])
def test_odd_training_run_is_refused_by_name(classifier, tmp_path, state):
    path = tmp_path / "odd.pt"
    save_checkpoint(classifier, path)
    altered(path, path, lambda content: content.update(state=state, options={}))
    with pytest.raises(ValueError, match=r"odd\.pt holds a damaged training run"):
        load_run(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_file_without_an_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(ValueError, match=f"{path} is not a regular file"):
            load_checkpoint(path)


# ---- What a file says less than the network ----


def test_weights_that_are_not_trained_stay_so(tmp_path):
    classifier = Classifier(SNN(8, 5))
    classifier.snn.linear.weight.requires_grad_(False)
    save_checkpoint(classifier, tmp_path / "a.pt")
    found = load_checkpoint(tmp_path / "a.pt").named_parameters()
    assert [name for name, each in found if not each.requires_grad] == ["snn.linear.weight"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda snn: setattr(snn, "surrogate_slope", 0.5), r"snn\.surrogate_slope is 0\.5, but"),
        (lambda snn: setattr(snn.lif0, "dt", 0.002), r"snn\.lif0\.dt is 0\.002, but its arguments"),
        (lambda snn: with_threshold(snn, torch.tensor(5.0)), r"lif0\.p is .*v_th=tensor\(5\.\)"),
        (lambda snn: with_threshold(snn, torch.full((5,), 0.3)), r"lif0\.p is .*, but its argum"),
    ],
)
def test_changed_network_is_not_saved_as_the_unchanged_one(change, message, tmp_path):
    classifier = Classifier(SNN(8, 5))
    change(classifier.snn)
    with pytest.raises(ValueError, match=rf"a\.pt isn't written: .*{message}"):
        save_checkpoint(classifier, tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())


def with_threshold(snn, v_th):
    snn.lif0.p = snn.lif0.p._replace(v_th=v_th)


def test_shared_weights_are_not_saved_as_separate_ones(tmp_path):
    classifier = Classifier(SNN(5, 5, 5), classes=tuple("abcde"))
    classifier.snn.lif0.recurrent_weights = classifier.snn.lif0.input_weights
    with pytest.raises(ValueError, match="weights are shared that its class doesn't share"):
        save_checkpoint(classifier, tmp_path / "a.pt")


class Unnamed(SpikingNetwork):
    def __init__(self, *sizes):
        super().__init__()


def test_network_whose_arguments_have_no_names_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds a Unnamed.* unexpected keyword argument 'sizes'"):
        save_checkpoint(Classifier(Unnamed(1, 2)), tmp_path / "a.pt")


class Given(SpikingNetwork):
    def __init__(self, something=None):
        super().__init__()
        if isinstance(something, list):
            something.append(1)


def test_argument_that_the_network_changes_is_saved_as_given():
    assert Given([5]).arguments == {"something": [5]}


def test_compressed_file_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb/data.pkl", bytes(10**7))
    with pytest.raises(ValueError, match=r"bomb\.pt is not a readable .*: it is compressed"):
        load_checkpoint(tmp_path / "bomb.pt")


def test_advice_to_load_whatever_a_file_holds_is_not_passed_on(tmp_path):
    torch.save({"format": "x", "path": Path("a")}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt is not a readable") as refused:
        load_checkpoint(tmp_path / "a.pt")
    assert not any(word in str(refused.value) for word in ("weights_only", "safe_globals"))


def test_file_that_reads_back_otherwise_does_not_take_the_place_of_an_older_one(
    classifier, tmp_path, monkeypatch
):
    """As on a disk that says it has written and holds zeros."""
    save_checkpoint(classifier, tmp_path / "a.pt")
    before = (tmp_path / "a.pt").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: bytes(len(before)))
        with pytest.raises(OSError, match=r"reads back otherwise: '.*a\.pt'"):
            save_checkpoint(classifier, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["hidden_size", "input_size", "output_size"])
def test_forged_size_is_refused_before_memory_is_taken(name, tmp_path):
    save_checkpoint(Classifier(SNN(8, 5)), path := tmp_path / "a.pt")
    altered(path, path, lambda content: content["arguments"].update({name: 10**9}))
    with pytest.raises(ValueError, match=f"its {name} is 1000000000; weights and classes need"):
        load_checkpoint(path)


@pytest.mark.parametrize(("kind", "how_many"), [("half", None), ("half", 1), ("int8", 1)])
def test_weights_of_a_type_that_nothing_computes_with_are_refused(kind, how_many, tmp_path):
    def change(content):
        for name in list(content["weights"])[:how_many]:
            content["weights"][name] = content["weights"][name].to(getattr(torch, kind))

    save_checkpoint(Classifier(SNN(8, 5)), path := tmp_path / "a.pt")
    altered(path, path, change)
    with pytest.raises(ValueError, match=r"a\.pt holds a SNN, which network=SNN doesn't fit"):
        load_checkpoint(path)
