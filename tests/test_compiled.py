import logging

import numba
import pytest
from numba.core import caching

from phantomloom.compiled import compiled


def double(x):
    return 2 * x


def test_without_a_writable_folder_code_still_runs_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with caplog.at_level(logging.WARNING):
        assert compiled()(double)(21) == 42
    assert "compiling it in this process" in caplog.text


def test_other_failures_of_the_compiler_are_not_hidden(monkeypatch):
    def broken(**options):
        raise RuntimeError("something else")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="something else"):
        compiled()(double)
