"""The progress file: survives restarts, damage, read-only folders and two kernels at once."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ganlab.learn import state


def path(tmp_path):
    return tmp_path / "state" / "progress.json"


def restart():
    state.forget()


def test_progress_survives_a_restart():
    state.record("gan.a", "right")
    state.record("gan.b", "not yet", hints=2)
    restart()
    assert state.entries() == {"gan.a": {"outcome": "right"}, "gan.b": {"outcome": "not yet", "hints": 2}}


def test_what_was_right_once_stays_right():
    state.record("gan.a", "right")
    restart()
    state.record("gan.a", "not attempted")
    state.record("gan.a", "not yet")
    assert state.entries()["gan.a"]["outcome"] == "right"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"version": 2, "exercises": {}}',
        b'{"version": 1, "exercises": {"gan.a": "right"}}',
        b'{"version": 1, "exercises": {"gan.a": {"outcome": "splendid"}}}',
        b'{"version": 1, "exercises": {"gan.a": {"hints": [1]}}}',
        b'{"version": 1, "exercises": ["gan.a"]}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_cannot_be_understood_is_set_aside_with_one_line(content, tmp_path, capsys):
    path(tmp_path).parent.mkdir()
    path(tmp_path).write_bytes(content)
    state.record("gan.b", "right")
    assert state.entries() == {"gan.b": {"outcome": "right"}}
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "could not be understood" in out
    assert path(tmp_path).with_name("progress.unreadable.json").read_bytes() == content
    assert json.loads(path(tmp_path).read_text())["exercises"] == {"gan.b": {"outcome": "right"}}


@pytest.mark.skipif(os.name == "nt", reason="permissions work otherwise there")
def test_a_folder_that_cannot_be_written_is_said_once_and_progress_kept_in_memory(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANLAB_STATE", str(tmp_path / "file" / "state"))
    state.record("gan.a", "right")
    state.record("gan.b", "right")
    assert set(state.entries()) == {"gan.a", "gan.b"}
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "kept until this kernel ends" in out
    state.record("gan.c", "right")
    assert capsys.readouterr().out == ""


def test_a_full_disk_stops_nobody(tmp_path, capsys, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    state.record("gan.a", "right")
    assert state.entries() == {"gan.a": {"outcome": "right"}}
    assert "kept until this kernel ends" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_now_is_not_written_over(tmp_path, capsys, monkeypatch):
    state.record("gan.a", "right")
    restart()
    with monkeypatch.context() as blocked:
        blocked.setattr(Path, "read_bytes", lambda self: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
        state.record("gan.b", "right")
        assert state.entries() == {"gan.b": {"outcome": "right"}}
    assert "I/O error" in capsys.readouterr().out
    state.record("gan.c", "right")
    assert set(state.entries()) == {"gan.a", "gan.b", "gan.c"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path, capsys):
    path(tmp_path).parent.mkdir()
    path(tmp_path).parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    state.record("gan.a", "right")
    assert "kept until this kernel ends" in capsys.readouterr().out
    assert state.entries() == {"gan.a": {"outcome": "right"}}


def test_without_a_reader_nothing_is_read_or_written(tmp_path, monkeypatch):
    state.record("gan.a", "right")
    before = path(tmp_path).read_bytes()
    restart()
    monkeypatch.setenv("GANLAB_INTERACTIVE", "0")
    assert state.entries() == {}
    state.record("gan.b", "right")
    assert state.entries() == {"gan.b": {"outcome": "right"}}
    assert path(tmp_path).read_bytes() == before


def test_nothing_is_written_when_nothing_changes(tmp_path):
    state.record("gan.a", "right")
    before = path(tmp_path).stat()
    state.record("gan.a", "not yet")
    assert path(tmp_path).stat().st_mtime_ns == before.st_mtime_ns


def test_kernels_that_write_at_the_same_time_lose_nothing(tmp_path):
    code = (
        "import sys\n"
        "from ganlab.learn import state\n"
        "for i in range(20):\n"
        "    state.record(f'gan.{sys.argv[1]}_{i}', 'right')\n"
    )
    environment = os.environ | {"GANLAB_STATE": str(tmp_path / "state"), "GANLAB_INTERACTIVE": "1"}
    kernels = [subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in "ab"]
    assert [kernel.wait(120) for kernel in kernels] == [0, 0]
    assert len(state.entries()) == 40


def test_where_it_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("GANLAB_STATE")
    monkeypatch.setenv("XDG_STATE_HOME" if os.name != "nt" else "LOCALAPPDATA", str(tmp_path))
    assert state.folder() == tmp_path / "ganlab"
