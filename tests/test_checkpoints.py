import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.models import FeedforwardSNN
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    FrameNetwork,
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


def test_loaded_classifier_answers_as_the_saved_one(classifier, tmp_path):
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt", device="cpu")
    frames = torch.poisson(torch.full((9, 3, 2, 35, 35), 0.1))
    assert torch.equal(loaded(frames), classifier(frames))
    assert loaded.snn.arguments == classifier.snn.arguments


def test_failed_save_keeps_the_older_file(classifier, tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    save_checkpoint(classifier, path)
    before = path.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(Classifier(SNN()), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def test_missing_folder_is_made(classifier, tmp_path):
    save_checkpoint(classifier, tmp_path / "new" / "a.pt")
    assert load_checkpoint(tmp_path / "new" / "a.pt").snn.arguments["hidden_size"] == 12


def test_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.save(torch.nn.Linear(3, 4).state_dict(), path)
    with pytest.raises(ValueError, match=r"other\.pt is not a checkpoint of this book's network"):
        load_checkpoint(path)


def test_weights_that_do_not_fit_are_refused(classifier, tmp_path):
    path = tmp_path / "a.pt"
    save_checkpoint(classifier, path)
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["arguments"]["output_size"] = 13
    torch.save(checkpoint, path)
    with pytest.raises(
        ValueError,
        match=r"(?s)a\.pt holds a SNN, which network=SNN doesn't fit: .*output_size is 13",
    ):
        load_checkpoint(path)


def test_numpy_numbers_as_arguments_can_be_loaded(tmp_path):
    snn = SNN(hidden_size=np.int64(12), dt=np.float64(0.002))
    save_checkpoint(Classifier(snn), tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt").snn.arguments == snn.arguments


def test_what_could_not_be_loaded_is_not_saved(classifier, tmp_path):
    """The file is read back before it takes the place of an older one."""
    save_checkpoint(classifier, tmp_path / "a.pt")
    before = (tmp_path / "a.pt").read_bytes()
    state = TrainingState({}, {}, 0, {}, torch.zeros(1), {})
    with pytest.raises(ValueError, match="not a readable PyTorch checkpoint"):
        save_checkpoint(classifier, tmp_path / "a.pt", Run({"folder": tmp_path}, state))
    assert (tmp_path / "a.pt").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_run_is_saved_with_the_classifier_and_its_average_once(classifier, tmp_path):
    averaged = classifier.state_dict()
    last = {name: weights + 1 for name, weights in averaged.items()}
    state = TrainingState(last, averaged, 7, {"lr": 0.1}, torch.get_rng_state(), {"loss": [1.0]})
    save_checkpoint(classifier, tmp_path / "a.pt", Run({"seed": 3}, state))
    options, found = load_run(tmp_path / "a.pt")
    assert options == {"seed": 3}
    assert (found.n_averaged, found.optimizer, found.history) == (7, {"lr": 0.1}, {"loss": [1.0]})
    for name, weights in averaged.items():
        assert torch.equal(found.ema[name], weights) and torch.equal(
            found.weights[name], weights + 1
        )
    size = sum(weights.numel() * 4 for weights in averaged.values())
    assert 2 * size < (tmp_path / "a.pt").stat().st_size < 2.2 * size


def test_classes_and_sensor_come_back(tmp_path):
    sensor = (8, 6, 2)
    classifier = Classifier(SNN(96, 5, 2), classes=("a", "b"), sensor_size=sensor)
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert (loaded.classes, loaded.sensor_size) == (("a", "b"), sensor)


def test_double_precision_comes_back(tmp_path):
    save_checkpoint(Classifier(SNN(8, 5)).double(), tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt").snn.linear.weight.dtype == torch.float64


class Own(SpikingNetwork):
    def __init__(self, size):
        super().__init__()
        self.linear = torch.nn.Linear(size, 4)

    def step(self, frame, state):
        return self.linear(frame.flatten(1)), None


def test_own_network_comes_back_if_its_class_is_given(tmp_path):
    classifier = Classifier(Own(6))
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt", "cpu", network=Own)
    frames = torch.rand(3, 2, 6)
    assert torch.equal(loaded(frames), classifier(frames))
    with pytest.raises(ValueError, match=r"a\.pt holds a Own, which network=SNN doesn't fit"):
        load_checkpoint(tmp_path / "a.pt")


def test_network_without_arguments_is_refused(tmp_path):
    with pytest.raises(TypeError, match="Linear is no FrameNetwork"):
        save_checkpoint(Classifier(torch.nn.Linear(3, 4)), tmp_path / "a.pt")


def test_trained_weights_train_on(tmp_path):
    save_checkpoint(Classifier(SNN(8, 5)), tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt", "cpu", network=FastSNN)
    assert all(weights.requires_grad for weights in loaded.parameters())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_damaged_checkpoint_is_named(tmp_path, content):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.pt is not a readable PyTorch checkpoint"):
        load_checkpoint(tmp_path / "bad.pt")


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        load_checkpoint(tmp_path / "none.pt")


def test_file_that_is_there_can_be_kept(classifier, tmp_path):
    (tmp_path / "a.pt").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"a\.pt"):
        save_checkpoint(classifier, tmp_path / "a.pt", overwrite=False)
    assert (tmp_path / "a.pt").read_bytes() == b"mine"
    save_checkpoint(classifier, tmp_path / "b.pt", overwrite=False)
    assert load_checkpoint(tmp_path / "b.pt").snn.arguments == classifier.snn.arguments


def test_saving_draws_no_random_numbers(classifier, tmp_path):
    """Reading the file back makes a network, whose initial weights are drawn."""
    before = torch.get_rng_state()
    save_checkpoint(classifier, tmp_path / "a.pt")
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_are_no_numbers_are_neither_saved_nor_loaded(classifier, tmp_path):
    path = tmp_path / "a.pt"
    save_checkpoint(classifier, path)
    before = path.read_bytes()
    classifier.snn.linear.weight.data[2, 3] = torch.nan
    with pytest.raises(ValueError, match=r"a\.pt: .*snn\.linear\.weight.* holds NaN or infinity"):
        save_checkpoint(classifier, path)
    assert path.read_bytes() == before
    content = torch.load(path, weights_only=True)
    content["state"] = {"weights": {"deep": torch.tensor([1.0, -torch.inf])}}
    torch.save(content, path)
    for load in (load_checkpoint, load_run):
        with pytest.raises(ValueError, match=r"a\.pt: .*'deep'.* holds NaN or infinity"):
            load(path)


def test_classes_and_sensor_from_numpy_can_be_loaded(tmp_path):
    classes, sensor = np.unique(["b", "a"]), np.array([8, 6, 2])
    save_checkpoint(
        Classifier(SNN(96, 5, 2), classes=classes, sensor_size=sensor), tmp_path / "a.pt"
    )
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


class Learned(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(4))

    def forward(self, voltages):
        return decode(self.scale * voltages)


def test_what_only_looks_like_a_classifier_is_refused_when_it_is_saved(tmp_path):
    """Not when it is loaded: then it would be too late."""
    with pytest.raises(ValueError, match=r"(?s)a\.pt holds a SNN, .*decode\.scale"):
        save_checkpoint(Classifier(SNN(8, 5), Learned()), tmp_path / "a.pt")
    compiled = torch.compile(SNN(8, 5), backend="eager")
    with pytest.raises(TypeError, match="OptimizedModule is no FrameNetwork"):
        save_checkpoint(Classifier(compiled), tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_network_derived_from_the_book_s_is_not_taken_for_it(tmp_path):
    class Doubled(SNN):
        def step(self, frame, state):
            return super().step(2 * frame, state)

    save_checkpoint(Classifier(Doubled(8, 5)), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt holds a Doubled.*load it with network=Doubled"):
        load_checkpoint(tmp_path / "a.pt")
    assert isinstance(load_checkpoint(tmp_path / "a.pt", network=Doubled).snn, Doubled)


def set_to(*keys, value):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("arguments"),
        lambda content: content.pop("weights"),
        lambda content: content.pop("network"),
        set_to("arguments", value=[1, 2]),
        set_to("arguments", "hidden_size", value=10**13),
        set_to("arguments", "hidden_size", value="many"),
        set_to("weights", value={}),
        set_to("weights", "snn.linear.weight", value="heavy"),
        set_to("sensor_size", value=(1, 2)),
        set_to("classes", value=7),
    ],
)
def test_right_format_with_odd_content_is_refused_by_name(classifier, tmp_path, change):
    path = tmp_path / "odd.pt"
    save_checkpoint(classifier, path)
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"odd\.pt holds a "):
        load_checkpoint(path)


@pytest.mark.parametrize("state", [None, 3, {}, {"weights": {}}, {"history": {}, "extra": 1}])
def test_odd_training_run_is_refused_by_name(classifier, tmp_path, state):
    path = tmp_path / "odd.pt"
    save_checkpoint(classifier, path)
    torch.save(torch.load(path, weights_only=True) | {"state": state, "options": {}}, path)
    with pytest.raises(ValueError, match=r"odd\.pt holds a damaged training run"):
        load_run(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_file_without_an_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(ValueError, match=f"{path} is not a regular file"):
            load_checkpoint(path)


def test_reason_is_one_line(classifier, tmp_path):
    state = TrainingState({}, {}, 0, {}, torch.zeros(1), {})
    with pytest.raises(ValueError, match="Unsupported global: GLOBAL pathlib") as refused:
        save_checkpoint(classifier, tmp_path / "a.pt", Run({"folder": tmp_path}, state))
    assert "\n" not in str(refused.value)


# ---- What a file says less than the network ----


def gradients(classifier):
    torch.manual_seed(2)
    classifier(torch.poisson(torch.full((30, 4, 1, 1, 8), 0.5)))[:, 0].sum().backward()
    return classifier.snn.lif0.recurrent_weights.grad


def test_loaded_network_learns_as_the_saved_one(tmp_path):
    """Norse keeps the gradients of self-connections at 0, which loading has to keep."""
    classifier = Classifier(SNN(8, 5))
    with torch.no_grad():
        classifier.snn.lif0.input_weights.abs_()
    save_checkpoint(classifier, tmp_path / "a.pt")
    found, expected = gradients(load_checkpoint(tmp_path / "a.pt", "cpu")), gradients(classifier)
    assert expected.any() and not found.diag().any()
    assert torch.equal(found, expected)


def test_weights_that_are_not_trained_stay_so(tmp_path):
    classifier = Classifier(SNN(8, 5))
    classifier.snn.linear.weight.requires_grad_(False)
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert [name for name, each in loaded.named_parameters() if not each.requires_grad] == [
        "snn.linear.weight"
    ]


def test_changed_neuron_is_not_saved_as_the_unchanged_one(tmp_path):
    classifier = Classifier(SNN(8, 5))
    classifier.snn.lif0.p = classifier.snn.lif0.p._replace(v_th=torch.as_tensor(5.0))
    with pytest.raises(ValueError, match=r"lif0\.p is .*v_th=tensor\(5\.\).*, but its arguments"):
        save_checkpoint(classifier, tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())


def test_shared_weights_are_not_saved_as_separate_ones(tmp_path):
    classifier = Classifier(SNN(5, 5, 5), classes=tuple("abcde"))
    classifier.snn.lif0.recurrent_weights = classifier.snn.lif0.input_weights
    with pytest.raises(ValueError, match="weights are shared that its class doesn't share"):
        save_checkpoint(classifier, tmp_path / "a.pt")


class Given(SpikingNetwork):
    def __init__(self, something=None):
        super().__init__()
        if isinstance(something, list):
            something.append(1)


@pytest.mark.parametrize("value", [np.zeros(2), Path("a"), len, {1, 2}, [Path("a")]])
def test_argument_that_cannot_be_saved_is_named(value, tmp_path):
    with pytest.raises(ValueError, match="the network's argument something is of type"):
        save_checkpoint(Classifier(Given(value)), tmp_path / "a.pt")


def test_argument_that_the_network_changes_is_saved_as_given():
    assert Given([5]).arguments == {"something": [5]}


@pytest.mark.parametrize("name", ["hidden_size", "input_size", "output_size"])
def test_forged_size_is_refused_before_memory_is_taken(name, tmp_path):
    save_checkpoint(Classifier(SNN(8, 5)), tmp_path / "a.pt")
    checkpoint = torch.load(tmp_path / "a.pt", weights_only=True)
    checkpoint["arguments"][name] = 10**9
    torch.save(checkpoint, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=f"its {name} is 1000000000; weights and classes need"):
        load_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize("change", ["half", "mixed", "int8"])
def test_weights_of_a_type_that_nothing_computes_with_are_refused(change, tmp_path):
    save_checkpoint(Classifier(SNN(8, 5)), tmp_path / "a.pt")
    checkpoint = torch.load(tmp_path / "a.pt", weights_only=True)
    kind = torch.int8 if change == "int8" else torch.half
    for name in list(checkpoint["weights"])[: None if change == "half" else 1]:
        checkpoint["weights"][name] = checkpoint["weights"][name].to(kind)
    torch.save(checkpoint, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt holds a SNN, which network=SNN doesn't fit"):
        load_checkpoint(tmp_path / "a.pt")


def test_outputs_are_as_many_as_classes_in_a_file(tmp_path):
    with pytest.raises(ValueError, match=r"its output_size is 4; weights and classes need 3"):
        save_checkpoint(Classifier(SNN(8, 5), classes=("a", "b", "c")), tmp_path / "a.pt")


@pytest.mark.parametrize("change", [{"lif0": {"dt": 0.002}}, {"surrogate_slope": 0.5}])
def test_changed_step_is_not_saved_as_the_unchanged_one(change, tmp_path):
    snn = SNN(8, 5)
    for name, value in change.items():
        if name == "lif0":
            vars(snn.lif0).update(value)
        else:
            setattr(snn, name, value)
    with pytest.raises(ValueError, match=r"a\.pt isn't written: snn.*(dt is|slope is)"):
        save_checkpoint(Classifier(snn), tmp_path / "a.pt")


def test_a_constant_per_neuron_is_not_saved_as_one_for_all(tmp_path):
    snn = SNN(8, 5)
    snn.lif0.p = snn.lif0.p._replace(tau_mem_inv=torch.full((5,), 90.0))
    with pytest.raises(ValueError, match=r"a\.pt isn't written: snn\.lif0\.p is"):
        save_checkpoint(Classifier(snn), tmp_path / "a.pt")


def test_weights_of_two_types_are_named(tmp_path):
    save_checkpoint(Classifier(SNN(8, 5)), tmp_path / "a.pt")
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    content["weights"]["snn.linear.weight"] = content["weights"]["snn.linear.weight"].double()
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="its weights are of type torch"):
        load_checkpoint(tmp_path / "a.pt")


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


class FiveFixed(FrameNetwork):
    """Has five outputs, and no argument that says so."""

    takes_sparse = False
    dt = 0.001
    input_size = 2 * 35 * 35

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(self.input_size, 5)

    def forward(self, frames):
        return self.linear(frames.flatten(2))


def test_more_outputs_than_classes_are_refused_where_no_argument_tells(tmp_path):
    with pytest.raises(ValueError, match=r"a\.pt isn't written: voltages .* 4 classes"):
        save_checkpoint(Classifier(FiveFixed()), tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())


def test_decoding_that_needs_more_than_one_step_is_no_reason_not_to_save(tmp_path):
    classifier = Classifier(SNN(), lambda voltages: decode(voltages[5:]))
    save_checkpoint(classifier, tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt").classes == classifier.classes


def test_network_of_another_class_is_refused_even_if_it_is_a_kind_of_snn(tmp_path):
    save_checkpoint(Classifier(SNN(hidden_size=5)), tmp_path / "a.pt")
    with pytest.raises(ValueError, match="load it with network=SNN"):
        load_checkpoint(tmp_path / "a.pt", "cpu", FeedforwardSNN)
