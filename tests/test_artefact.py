import json
import re

import pytest

from phantomloom.io import artefact

FOUND = {
    **{"dice": 0.5, "surface_dice": 0.6, "true_ml": 1500.0, "found_ml": 1400.0},
    **{"probability": 0.9, "boundary_entropy_bits": None},
}
DONE = {"status": "done", "cases": {"ann": {"liver": FOUND}}}
BAD = {"status": "done", "cases": {"ann": {"liver": {**FOUND, "dice": 1.5}}}}


def test_what_is_written_is_read(tmp_path):
    artefact.write(DONE, tmp_path / "a.json", "score")
    assert artefact.read(tmp_path / "a.json") == DONE


def test_what_the_schema_forbids_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"a\.json.*liver"):
        artefact.write(BAD, tmp_path / "a.json", "score")
    assert list(tmp_path.iterdir()) == []


def test_key_order_does_not_change_the_bytes(tmp_path):
    artefact.write(DONE, tmp_path / "a.json", "score")
    artefact.write(dict(reversed(DONE.items())), tmp_path / "b.json", "score")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_withheld_outputs_say_why_and_tell_later_stages(tmp_path):
    outputs = [str(tmp_path / name) for name in ("a.json", "b.nii.gz", "c.parquet", "folder")]
    artefact.withhold(outputs, "refused: not CT")
    assert artefact.reason_to_withhold(outputs[0]) == "refused: not CT"
    assert (tmp_path / "b.nii.gz").stat().st_size == (tmp_path / "c.parquet").stat().st_size == 0
    assert (tmp_path / "folder").is_dir()
    assert json.loads((tmp_path / "a.json").read_text())["status"] == "withheld"


def test_a_done_artefact_withholds_nothing(tmp_path):
    artefact.write(DONE, tmp_path / "a.json", "score")
    assert artefact.reason_to_withhold(tmp_path / "a.json") is None


@pytest.mark.parametrize(
    ("content", "schema", "message"),
    [
        (BAD, "score", "cases.ann.liver.dice: 1.5; allowed: a number"),
        ({"status": "done", "caess": {}}, "score", "caess: unknown; did you mean cases?"),
        ({"status": "withheld"}, "mesh", "reason: missing; needed: a text"),
        ({"status": "done", "structures": [{"id": 300}]}, "mesh", "structures.0.id: 300; allowed"),
        ({"status": "done"}, "mesh", "structures: missing; needed: a list"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key_and_of_the_form_that_was_meant(
    tmp_path, content, schema, message
):
    with pytest.raises(ValueError, match=rf"a\.json: {re.escape(message)}") as fault:
        artefact.write(content, tmp_path / "a.json", schema)
    assert " or a section of keys" not in str(fault.value)
