"""What a model card says of the scans that taught."""

import pytest
import yaml
from house import ROOT

from phantomloom.segmentation.bundle import About
from phantomloom.segmentation.card import card


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        (["patient1", "patient2"], "patient1 and patient2, of the example cohort, with the"),
        (["anna", "ben"], "anna and ben, with labels of their own."),
    ],
)
def test_the_card_says_whose_labels_taught(cases, words):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["train"]
    about = About("PhantomLoom abdomen", ("liver", "spleen"), 3.0, (64, 96, 112), ())
    scores = {"ben -> anna": {"liver": {"dice": 0.5, "surface_dice": 0.25}}}
    text = card(about, settings | {"cases": dict.fromkeys(cases)}, scores)
    assert words in text and ("TotalSegmentator" in text) == ("patient1" in cases)
    assert "| liver | 0.50 / 0.25 |" in text and "| spleen | - |" in text
