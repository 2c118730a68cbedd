"""Logs of training are cut back to where a run goes on."""

from phantomloom.io import lines


def test_records_come_back_and_half_a_line_of_a_killed_run_is_none(tmp_path):
    log = tmp_path / "log.jsonl"
    assert lines.read(log) == []
    for step in (1, 2):
        lines.add(log, {"step": step})
    with log.open("a") as file:
        file.write('{"ste')
    assert lines.read(log) == [{"step": 1}, {"step": 2}]


def test_what_is_made_again_is_forgotten(tmp_path):
    log = tmp_path / "log.jsonl"
    lines.forget(log, "images", 0)
    assert not log.exists()
    log.write_text('{"images": 0, "a": 0.1}\n{"images": 32}\n{"images": 48}\n{"images": 4')
    lines.forget(log, "images", 32)
    assert log.read_text() == '{"images": 0, "a": 0.1}\n{"images": 32}\n'
