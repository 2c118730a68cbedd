"""Which device a network runs on."""

import logging

import torch

said = logging.getLogger("phantomloom.segment")


def choose(wanted: str, free_mb: float) -> str:
    """Return the device for ``wanted``: cpu, cuda, cuda:N, or auto.

    auto is CUDA if the first GPU has ``free_mb`` MB of free memory, else the CPU.

    Raises:
        ValueError: if CUDA is wanted but is not there.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(wanted.partition(":")[2] or 0) >= gpus:
        raise ValueError(
            f"segment.device is {wanted}, but PyTorch sees {gpus} GPUs; say auto or cpu"
        )
    if wanted != "auto":
        return wanted
    free, _ = torch.cuda.mem_get_info()
    if free < free_mb * 1e6:
        said.warning("CUDA has %d MB free, %d are wanted: runs on the CPU", free / 1e6, free_mb)
        return "cpu"
    return "cuda"
