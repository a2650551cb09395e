import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tonic import MemoryCachedDataset
from tonic.collation import PadTensors
from tonic.transforms import ToFrame
from torch.utils.data import DataLoader

from pokersnn_helpers import (
    augment,
    make_loader,
    make_loaders,
    to_frames,
)
from pokersnn_helpers.events import frames
from pokersnn_helpers.events.frames import last_steps, with_steps
from pokersnn_helpers.events.recordings import make_events

either = pytest.mark.parametrize("sparse", [False, True])


def test_frames_and_padding_are_tonics(data):
    transform = ToFrame(sensor_size=(35, 35, 2), time_window=700, include_incomplete=True)
    cached = MemoryCachedDataset(data.test, transform=transform)
    tonics = DataLoader(cached, batch_size=20, collate_fn=PadTensors(batch_first=False))
    ((expected, expected_targets),) = tonics
    ((frames, targets),) = make_loader(data.test, batch_size=20, time_window=700)
    assert torch.equal(frames, expected)
    assert torch.equal(targets, expected_targets)


def test_shuffling_follows_the_seed(data):
    train, _ = make_loaders(data, batch_size=48)
    orders = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        _, targets = next(iter(train))
        orders.append(targets.tolist())
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("width", [0, np.nan, "5"])
def test_time_window_has_to_be_a_positive_number(data, width):
    message = f"time_window is {width!r}; choose a finite number"
    with pytest.raises(ValueError, match=message):
        make_loader(data.test, time_window=width)
    with pytest.raises(ValueError, match=message):
        to_frames(data.test[0][0], width)


def test_more_bins_than_can_be_counted_are_refused():
    events = make_events((0, 400_000_000), 0, 0, 0)
    with pytest.raises(ValueError, match=r"time_window is 0\.001, in µs, .* for 1 ms write 1000"):
        to_frames(events, 0.001)


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="only Linux says what is free")
def test_time_bins_for_which_no_memory_is_left_are_refused(monkeypatch):
    monkeypatch.setattr(frames, "ROW_BYTES", 10**10)
    events = make_events((0, 400_000), 0, 0, 0)
    with pytest.raises(ValueError, match=r"4e\+05 time bins of 1 µs need about 4e\+06 GB"):
        to_frames(events, 1)


def test_a_stored_0_is_no_event():
    """As sparse frames have it where events were taken out."""
    indices = torch.tensor([[10, 14], [0, 0], [0, 0], [3, 4], [5, 6]])
    stored = torch.sparse_coo_tensor(indices, torch.tensor([1.0, 0.0]), (20, 1, 2, 35, 35))
    assert last_steps(stored).tolist() == last_steps(stored.to_dense()).tolist() == [11]


def test_loaders_of_anything_else_are_refused(data):
    with pytest.raises(TypeError, match=r"recordings is of type Split; give one of its parts"):
        make_loader(data)
    with pytest.raises(ValueError, match="there are no recordings; give at least one"):
        make_loader(data.train.subset([]))
    with pytest.raises(TypeError, match=r"data is .*; give a Split"):
        make_loaders(data.train)


def test_augment_mirrors_or_moves_by_a_pixel_and_keeps_time_and_polarity():
    frames = torch.zeros(7, 64, 2, 35, 35)
    frames[3, :, 1, 10, 5] = 2.0
    step, recording, polarity, y, x = augment(frames).nonzero().T.tolist()
    assert recording == [*range(64)]
    assert ({*step}, {*polarity}, {*y}) == ({3}, {1}, {9, 10, 11})
    assert {*x} == {4, 5, 6, 28, 29, 30}  # column 5 or its mirror, 29
    assert frames[3, 0, 1, 10, 5] == 2.0  # the original is left alone


def test_augment_mirrors_half_of_the_recordings_and_shifts_them_evenly():
    count = 3000
    frames = torch.zeros(1, count, 1, 9, 9)
    frames[..., 4, 1] = 1
    *_, rows, columns = augment(frames).nonzero().T
    places = torch.bincount(columns, minlength=9) / count
    sixth = pytest.approx(1 / 6, abs=0.03)
    assert places.tolist() == [sixth] * 3 + [0] * 3 + [sixth] * 3  # column 1, or its mirror, 7
    third = pytest.approx(1 / 3, abs=0.04)
    assert (torch.bincount(rows)[3:] / count).tolist() == [third] * 3


def test_sparse_frames_are_sorted_when_they_are_coalesced():
    moved = augment(torch.rand(5, 4, 2, 6, 7).to_sparse())
    for batch in (moved, with_steps(moved, 3)):
        assert torch.equal(batch.coalesce().indices(), batch.to_dense().to_sparse().indices())


@either
def test_batch_without_recordings_can_be_augmented(sparse):
    batch = torch.zeros(3, 0, 2, 35, 35)
    assert augment(batch.to_sparse() if sparse else batch).shape == batch.shape


@either
def test_a_loader_can_be_sent_to_workers_that_are_spawned(data, sparse):
    """As on Windows and macOS."""
    loader = make_loader(data.test, batch_size=3, sparse=sparse)
    dataset, collate = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn)))
    frames, _ = collate(dataset.__getitems__([0, 1, 2]))
    expected, _ = next(iter(loader))
    assert torch.equal(frames.to_dense(), expected.to_dense())


@either
def test_item_can_be_changed_without_a_change_of_the_next_batch(data, sparse):
    loader = make_loader(data.test, sparse=sparse)
    before, _ = next(iter(loader))
    item, _ = loader.dataset[0]
    (item.values() if sparse else item).zero_()
    after, _ = next(iter(loader))
    assert torch.equal(after.to_dense(), before.to_dense())


def test_a_batch_that_no_memory_holds_is_refused_before_it_is_made(data, monkeypatch):
    asked = []
    monkeypatch.setattr(frames, "check_memory", lambda needed, what: asked.append((needed, what)))
    *_, (batch, _) = make_loader(data.train, batch_size=4, time_window=500)
    assert asked[-1] == (4 * batch.numel(), "4 recordings in bins of 500 µs")
