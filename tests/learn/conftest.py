"""Every test here starts with a progress file of its own, in a kernel that somebody sits in front of."""

import pytest

from ganlab.learn import state


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("GANLAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("GANLAB_INTERACTIVE", "1")
    state.forget()
    yield
    state.forget()
