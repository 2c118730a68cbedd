"""What the outside engines share: their packages and their checkpoints."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy import dtypes

# What the numbers in the training log of a checkpoint are made of. NumPy 1, with which published
# weights were saved, has another name for the function that makes them.
SCALAR = np.float64(0).__reduce__()[0]
NUMBERS: list[Any] = [
    np.dtype,
    dtypes.Float32DType,
    dtypes.Float64DType,
    dtypes.Int64DType,
    SCALAR,
    (SCALAR, "numpy.core.multiarray.scalar"),
]
# nnU-Net looks for the trainer that a checkpoint names in all modules of trainers. This one needs
# torchvision, which does not go with our torch; without it no trainer of TotalSegmentator is found.
UNUSABLE = "nnunetv2.training.nnUNetTrainer.primus.primus_trainers"


def need(package: str) -> None:
    """Do nothing if ``package`` is installed.

    Raises:
        ModuleNotFoundError: with the command that installs it.
    """
    if find_spec(package) is None:
        raise ModuleNotFoundError(
            f"this engine needs {package}, which is not installed; `make extras` installs it"
        )


@contextmanager
def loading_checkpoints() -> Iterator[None]:
    """Let nnU-Net load its checkpoints, but nothing else that a file calls a checkpoint.

    Every ``torch.load`` inside reads weights only, whatever its caller asks for: a file that holds
    more than tensors, numbers and texts raises ``pickle.UnpicklingError`` and runs no code.
    """
    forced = {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "0"}
    skipped = UNUSABLE not in sys.modules
    sys.modules.setdefault(UNUSABLE, None)  # type: ignore[arg-type]
    try:
        with patch.dict("os.environ", forced), torch.serialization.safe_globals(NUMBERS):
            yield
    finally:
        if skipped:  # None told nnU-Net that the module cannot be imported
            del sys.modules[UNUSABLE]
