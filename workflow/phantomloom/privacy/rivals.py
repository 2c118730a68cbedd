"""A private training step as other packages make it, with the same network and the same batch.

Opacus 1.6 by hooks, and dptrainer 0.1.2, a Trainer of transformers, where that is installed.
"""

from collections.abc import Callable
from importlib import import_module
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import torch
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import TrainerCallback, TrainingArguments

from phantomloom.privacy.learner import Learner

CLIP, NOISE, LEARNING_RATE = 1.0, 1.0, 1e-3
Step = Callable[[], float]  # makes one step and returns its seconds of processor time


def timed(work: Callable[[], Any]) -> float:
    """Return the processor time of ``work``, in seconds: other jobs' turns are not in it."""
    start = process_time()
    work()
    return process_time() - start


def opacus(its: Learner) -> Step:
    """Return a step with per-sample gradients by Opacus' hooks and its optimiser."""
    inputs = its.batch(np.arange(len(its.targets)))
    network = GradSampleModule(its.module)
    optimiser = DPOptimizer(
        torch.optim.Adam(its.trained, LEARNING_RATE),
        noise_multiplier=NOISE,
        max_grad_norm=CLIP,
        expected_batch_size=len(its.targets),
    )
    loss = nn.BCEWithLogitsLoss()

    def step() -> None:
        optimiser.zero_grad()
        loss(network(*inputs), its.targets).backward()
        optimiser.step()

    return lambda: timed(step)


def dptrainer(its: Learner) -> Step:
    """Return a step of dptrainer's; the time is from its callback at the start to the one after."""
    package = import_module("dptrainer")
    data, network = _Rows(its), _WithLoss(its.module)

    def step() -> float:
        clock = _Clock()
        with TemporaryDirectory() as folder:
            trainer = package.DPTrainer(
                network,
                _arguments(folder, len(data)),
                train_dataset=data,
                data_collator=_collate,
                callbacks=[clock],
                privacy_args=package.PrivacyArguments(
                    noise_multiplier=NOISE,
                    per_sample_max_grad_norm=CLIP,
                    poisson_sampling=False,
                ),
            )
            trainer.train()
            trainer.detach_model()
        return clock.seconds

    return step


class _Rows(torch.utils.data.Dataset):
    def __init__(self, its: Learner):
        self.inputs, self.targets = its.batch(np.arange(len(its.targets))), its.targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> tuple[Tensor, ...]:
        return (*(part[row] for part in self.inputs), self.targets[row])


class _WithLoss(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, inputs: list[Tensor], labels: Tensor) -> dict[str, Tensor]:
        logits = self.network(*inputs)
        return {"loss": binary_cross_entropy_with_logits(logits, labels), "logits": logits}


class _Clock(TrainerCallback):
    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.start = process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds = process_time() - self.start


def _collate(rows: list[tuple[Tensor, ...]]) -> dict[str, Any]:
    """Sentences in order: each report is one."""
    states, mask, _, position, extras, offset, labels = map(torch.stack, zip(*rows, strict=True))
    owner = torch.arange(len(rows))
    return {"inputs": [states, mask, owner, position, extras, offset], "labels": labels}


def _arguments(folder: str, batch: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        max_steps=1,
        per_device_train_batch_size=batch,
        learning_rate=LEARNING_RATE,
        max_grad_norm=0.0,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
