"""A run that is really killed loses no more than since its last save, and ends as any other."""

import json

import pytest
import torch

from phantomloom.gan import interruption
from phantomloom.gan.interruption import BATCH, SAVE_EVERY
from phantomloom.gan.run import Run


def killed(_rank, folder, forgetful):
    torch.set_num_threads(1)  # several do not survive a fork
    if forgetful:
        Run.resume = lambda *_: None
    rows = interruption.of_kills("modern", 2, folder / "runs")
    (folder / "told.json").write_text(json.dumps([row.value for row in rows]))


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_killed_run_makes_again_what_came_after_its_last_save_and_no_bit_differs(
    tmp_path, forgetful
):
    torch.multiprocessing.spawn(killed, (tmp_path, forgetful))
    again, apart = json.loads((tmp_path / "told.json").read_text())
    assert apart == 0
    assert (again > SAVE_EVERY + BATCH) if forgetful else (0 <= again <= SAVE_EVERY + BATCH)
