import pickle

import numpy as np
import pytest
import torch
from tonic import MemoryCachedDataset
from tonic.collation import PadTensors
from tonic.transforms import ToFrame
from torch.utils.data import DataLoader

from pokersnn_helpers import augment, make_loader, make_loaders, to_frames
from pokersnn_helpers.frames import to_sparse_frames


def events(*rows):
    dtype = np.dtype([("t", int), ("x", int), ("y", int), ("p", int)])
    return np.array(list(rows), dtype=dtype)


def test_frames_and_padding_are_tonics(data):
    transform = ToFrame(sensor_size=(35, 35, 2), time_window=700, include_incomplete=True)
    cached = MemoryCachedDataset(data.test, transform=transform)
    tonics = DataLoader(cached, batch_size=20, collate_fn=PadTensors(batch_first=False))
    for found, expected in zip(make_loader(data.test, 20, 700), tonics, strict=True):
        assert all(map(torch.equal, found, expected))


def test_shuffling_follows_the_seed(data):
    train, _ = make_loaders(data, batch_size=48)
    orders = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        orders.append(next(iter(train))[1].tolist())
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("window", [0, np.nan, "5"])
def test_time_window_has_to_be_a_positive_number(data, window):
    for use in (lambda: make_loaders(data, 4, window), lambda: to_frames(data.test[0][0], window)):
        with pytest.raises(ValueError, match=f"time_window is {window!r}; choose a finite number"):
            use()


@pytest.mark.parametrize("window", [1e-300, 1e-4])
def test_more_bins_than_can_be_counted_are_refused(window):
    with pytest.raises(ValueError, match=f"time_window is {window} µs, too short for 400000000 µs"):
        to_sparse_frames(events((0, 1, 2, 1), (400_000_000, 1, 2, 0)), window)


def test_loaders_of_anything_else_are_refused(data):
    for nothing in (None, data, data.train.subset([])):
        with pytest.raises(ValueError, match=r"recordings is .*; give Recordings, at least one"):
            make_loader(nothing)
    with pytest.raises(TypeError, match=r"data is .*; give a Split"):
        make_loaders(data.train)


@pytest.mark.parametrize("sparse", [False, True])
def test_batch_without_recordings_can_be_augmented(sparse):
    batch = torch.zeros(3, 0, 2, 35, 35)
    assert augment(batch.to_sparse() if sparse else batch).shape == batch.shape


@pytest.mark.parametrize("sparse", [False, True])
def test_a_loader_can_be_sent_to_workers_that_are_spawned(simulated, sparse):
    """As on Windows and macOS."""
    loader = make_loader(simulated.test, batch_size=3, sparse=sparse)
    dataset, collate = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn)))
    found, expected = collate(dataset.__getitems__([0, 1, 2]))[0], next(iter(loader))[0]
    assert torch.equal(found.to_dense(), expected.to_dense())


@pytest.mark.parametrize("sparse", [False, True])
def test_item_can_be_changed_without_a_change_of_the_next_batch(data, sparse):
    loader = make_loader(data.test, sparse=sparse)
    (before, _), (item, _) = next(iter(loader)), loader.dataset[0]
    (item.values() if sparse else item).zero_()
    assert torch.equal(next(iter(loader))[0].to_dense(), before.to_dense())


def test_a_recording_that_was_replaced_is_counted_anew(data):
    recordings = data.train.subset([0, 1])
    loader = make_loader(recordings, sparse=True)
    list(loader)
    recordings.events[0] = recordings.events[0][:5]
    ((frames, _),) = loader
    assert frames.sum() == 5 + len(recordings.events[1])
