"""A run that is really killed loses no more than since its last save, and ends as any other."""

import json

import torch

from phantomloom.gan import interruption
from phantomloom.gan.progress import shown


def killed(_rank, folder):
    torch.set_num_threads(1)  # several do not survive a fork
    rows = interruption.of_kills("modern", 2, folder / "runs")
    (folder / "told.json").write_text(json.dumps([row.value for row in rows]))


def test_a_killed_run_loses_what_came_after_its_last_save_and_no_bit_more(tmp_path):
    torch.multiprocessing.spawn(killed, (tmp_path,))
    lost, apart = json.loads((tmp_path / "told.json").read_text())
    assert 0 <= lost <= interruption.SAVE_EVERY
    assert apart == 0


def test_half_a_line_does_not_count(tmp_path):
    log = tmp_path / "log.jsonl"
    assert shown(log) == 0
    log.write_text('{"images": 0}\n{"images": 32}\n{"images": 4')
    assert shown(log) == 32
