"""What a model card says of the scans that taught."""

import pytest
import yaml
from house import ROOT

from phantomloom.segmentation.bundle import About
from phantomloom.segmentation.card import card


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("workflow/cohorts/example", "patient1 and patient2, of the example cohort, with the"),
        ("mine", "patient1 and patient2, with labels of their own."),
    ],
)
def test_the_card_says_whose_labels_taught(folder, words):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["train"]
    about = About("PhantomLoom abdomen", ("liver", "spleen"), 3.0, (64, 96, 112), ())
    scores = {"ben -> anna": {"liver": {"dice": 0.5, "surface_dice": 0.25}}}
    cases = {n: {"labels": f"{folder}/{n}_labels.nii.gz"} for n in ("patient1", "patient2")}
    text = card(about, settings | {"cases": cases}, scores)
    assert words in text and ("TotalSegmentator" in text) == (folder != "mine")
    assert "| liver | 0.50 / 0.25 |" in text and "| spleen | - |" in text
