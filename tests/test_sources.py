import pytest

from phantomloom.provenance import content
from phantomloom.segmentation.sources import digest, settings, source

ROWS = [
    {"engine": "monai", "weights": "models/x"},
    {"engine": "nnunet", "weights": "models/x", "dataset": "skeleton"},
    {"engine": "totalsegmentator", "weights": "models/x", "task": "total", "device": "cpu"},
    {"engine": "labels", "labels": "given/{case}.nii.gz", "scheme": "total"},
]


def test_given_labels_lie_where_the_case_says():
    assert source(ROWS[3], "ann") == "given/ann.nii.gz"
    assert source(ROWS[0], "ann") == "models/x"


def test_what_is_left_of_a_row_goes_to_the_engine():
    assert [settings(row) for row in ROWS] == [
        {},
        {"dataset": "skeleton"},
        {"task": "total"},
        {"scheme": "total"},
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["engine"])
def test_what_is_missing_is_named_with_its_key_and_where_to_get_it(row, tmp_path):
    cure = {
        "monai": "snakemake train",
        "nnunet": "nnUNetv2_install_pretrained_model_from_zip",
        "totalsegmentator": "totalseg_download_weights",
        "labels": "for every case",
    }[row["engine"]]
    key = "labels" if row["engine"] == "labels" else "weights"
    row = row | {key: f"{tmp_path}/nowhere/{{case}}"}
    with pytest.raises(FileNotFoundError, match=rf"nowhere.*segment\.models\.bones\.{key}.*{cure}"):
        digest(row, "bones", "ann", ["ann", "ben"])


def test_labels_that_one_case_lacks_stop_no_other_case(tmp_path):
    row = ROWS[3] | {"labels": f"{tmp_path}/{{case}}.nii.gz"}
    (tmp_path / "ben.nii.gz").write_text("a")
    (tmp_path / "cat.nii.gz").symlink_to(300 * "a")  # as what may not be read
    cases = ["ann", "ben", "cat"]
    assert [digest(row, "bones", case, cases) is None for case in cases] == [True, False, True]


def test_only_what_a_network_is_made_of_decides(tmp_path):
    """nnU-Net leaves logs, pictures and other checkpoints beside the weights."""
    fold = tmp_path / "Dataset1/trainer/fold_0"
    fold.mkdir(parents=True)
    for file in (fold / "checkpoint_final.pth", tmp_path / "Dataset1/trainer/plans.json"):
        file.write_text("a")

    def now():
        content.cache_clear()  # one run sees one state
        return digest({"engine": "nnunet", "weights": str(tmp_path)}, "bones", "ann", ["ann"])

    before = now()
    for file in ("training_log.txt", "progress.png", "checkpoint_best.pth"):
        (fold / file).write_text("b")
    assert now() == before
    (fold / "checkpoint_final.pth").write_text("b")
    assert now() != before
