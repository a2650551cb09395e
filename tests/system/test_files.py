"""Files are written whole or not at all."""

import errno
import os
import stat

import pytest

from pokersnn_helpers.system.compiling import compiled
from pokersnn_helpers.system.writing import atomic_write


def write(path, content, **options):
    with atomic_write(path, **options) as file:
        file.write(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    write(path, b"old")

    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a"]


def test_name_taken_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a"
    write(path, b"first", overwrite=False)

    other = tmp_path / "b"
    with (
        pytest.raises(FileExistsError, match=r"/b'"),
        atomic_write(other, overwrite=False) as file,
    ):
        file.write(b"new")
        other.write_bytes(b"somebody else's")
    assert other.read_bytes() == b"somebody else's"
    assert path.read_bytes() == b"first" and names(tmp_path) == ["a", "b"]


def test_full_disk_is_named_by_the_file_that_was_asked_for(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/a\.pt'"):
        write(tmp_path / "a.pt", b"new")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path):
    (target := tmp_path / "target").write_bytes(b"old")
    target.chmod(0o750)
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o750


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_pipe_and_folder_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match=rf"Not a regular file: '.*/{name}'"):
            write(tmp_path / name, b"new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["folder", "pipe"]


def test_longest_name_can_be_written(tmp_path):
    write(tmp_path / (255 * "n"), b"new")
    assert names(tmp_path) == [255 * "n"]


def test_loop_compiles_where_nothing_can_be_kept(monkeypatch):
    def nowhere(self):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", nowhere)
    assert compiled(lambda x: x + 1)(2) == 3
