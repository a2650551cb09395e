import pytest
import torch

from pokersnn_helpers import SNN, Classifier, load_checkpoint, save_checkpoint


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

    def full_disk(checkpoint, file):
        file.write(b"half of a checkpoint")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
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
    checkpoint["arguments"]["hidden_size"] = 13
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match=r"weights in .*a\.pt don't fit"):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_damaged_checkpoint_is_named(tmp_path, content):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.pt is not a readable PyTorch checkpoint"):
        load_checkpoint(tmp_path / "bad.pt")


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        load_checkpoint(tmp_path / "none.pt")
