"""The choice on machines that this one is not: PyTorch's answers are replaced, not its work."""

import logging

import pytest
import torch

from phantomloom.segmentation.device import choose


@pytest.fixture
def gpu(monkeypatch):
    """Two GPUs with 8000 MB free."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (8_000_000_000, 2**34))


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_takes_a_gpu_with_enough_free_memory(gpu):
    assert choose("auto", 6000) == "cuda"


def test_auto_takes_the_cpu_where_the_gpu_is_full_and_says_so(gpu, caplog):
    with caplog.at_level(logging.WARNING, "phantomloom.segment"):
        assert choose("auto", 9000) == "cpu"
    assert "8000 MB free, 9000 are wanted" in caplog.text


def test_auto_takes_the_cpu_where_there_is_no_gpu(no_gpu):
    assert choose("auto", 0) == "cpu"


@pytest.mark.parametrize("wanted", ["cpu", "cuda", "cuda:1"])
def test_a_named_device_is_taken(gpu, wanted):
    assert choose(wanted, 9000) == wanted


def test_cuda_where_there_is_none_is_an_error_not_a_slow_run(no_gpu):
    with pytest.raises(ValueError, match=r"segment\.device is cuda:1.*auto or cpu"):
        choose("cuda:1", 0)


def test_a_gpu_beyond_those_that_there_are_is_an_error(gpu):
    with pytest.raises(ValueError, match="sees 2 GPUs"):
        choose("cuda:2", 0)
