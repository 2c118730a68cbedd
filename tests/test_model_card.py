"""What a model card says of the scans that taught."""

import pytest
import yaml
from house import ROOT

from phantomloom.segmentation.bundle import About
from phantomloom.segmentation.card import card


def text(folder="mine", training_scans=("1f3a", "9b2c"), **shipped):
    """The card of a network that such scans taught, by the recipe of config.yaml, changed."""
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["train"]
    settings["recipes"]["shipped"] |= shipped
    about = About("PhantomLoom abdomen", ("liver", "spleen"), 3.0, (64, 96, 112), training_scans)
    scores = {"ben -> anna": {"liver": {"dice": 0.5, "surface_dice": 0.25}}}
    cases = {n: {"labels": f"{folder}/{n}_labels.nii.gz"} for n in ("patient1", "patient2")}
    return card(about, settings | {"cases": cases}, scores)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("workflow/cohorts/example", "patient1 and patient2, of the example cohort, with the"),
        ("mine", "patient1 and patient2, with labels of their own."),
    ],
)
def test_the_card_says_whose_labels_taught(folder, words):
    its = text(folder)
    assert words in its and ("TotalSegmentator" in its) == (folder != "mine")
    assert "| liver | 0.50 / 0.25 |" in its and "| spleen | - |" in its


def test_the_card_of_a_network_that_no_scan_taught_speaks_of_none():
    its = text(training_scans=())
    assert "of whom every structure is known.\n- Recipe" in its and "has seen no scans." in its
    assert "patient1 and patient2" not in its and "marginal loss" not in its


@pytest.mark.parametrize("levels", ["people", "scans"])
def test_the_card_says_where_scans_did_not_teach_the_levels_of_vertebrae(levels):
    assert ("did not teach which vertebra" in text(levels=levels)) == (levels == "people")
