"""The model card of a shipped network: what it saw, how it does on what it did not see."""

from pathlib import Path
from typing import Any

import phantomloom
from phantomloom.segmentation.agreement import Scores
from phantomloom.segmentation.bundle import About
from phantomloom.training_settings import recipes_before

TEXT = """# {name}, version {version}

Segments CT (HU) at {spacing_mm:g} mm into the structures below; a part of PhantomLoom's default
set of four networks, which makes the pipeline run from a bare installation.

**For clinical or published work use published weights** (README, "Other networks"): this network
knows most structures only from stylised people, and has seen {few} scans.

- Trained on {people} stylised people, of whom every structure is known{scans}.
- Recipe: `train:` in config.yaml ({steps}; seed {seed}); `snakemake train` repeats it.
- Architecture: U-Net on 2 x 2 x 2 blocks, trunk trained jointly with the other three networks.

## Agreement with reference labels of people that training did not see

Dice / normalised surface Dice within 3 mm. "patient1 -> patient2": the same recipe, taught with
the scans on the left of the arrow only; of many their number stands there, those of all folds but
that of the case. The last column is the mean over stylised people of another family of shapes and
scanners. A dash: the reference does not hold the structure.

| structure | {heads} |
|---|{rules}
{rows}
"""


SCANS = """, then on scans as well:
  {seen}, {labelled}.
  A structure that the labels of a scan cannot show counts as background there without
  contradiction (marginal loss){levels}"""
LEVELS = """.
  Scans did not teach which vertebra lies where"""
EXAMPLE = "cohorts/example"  # where the labels of config.yaml lie
OF_EXAMPLE = (
    "of the example cohort, with the reference labels that come with them\n"
    "  (TotalSegmentator's own output)"
)


def card(about: About, settings: dict[str, Any], scores: dict[str, Scores]) -> str:
    """Return the card in Markdown; ``scores`` are agreements by heading and structure.

    ``settings`` are those under ``train`` in the config.
    """
    rows = [
        f"| {name} | " + " | ".join(_cell(its.get(name)) for its in scores.values()) + " |"
        for name in about.structures
    ]
    recipes = settings["recipes"]
    return TEXT.format(
        name=about.name,
        version=phantomloom.__version__,
        spacing_mm=about.spacing_mm,
        people=settings["people"]["count"],
        few="few" if about.training_scans else "no",
        scans=_scans(settings) if about.training_scans else "",
        steps=", then ".join(
            f"{recipes[name]['steps']} steps of {name}"
            for name in (*reversed(recipes_before("shipped", recipes)), "shipped")
        ),
        seed=settings["network"]["seed"],
        heads=" | ".join(scores),
        rules="---|" * len(scores),
        rows="\n".join(rows),
    )


def _scans(settings: dict[str, Any]) -> str:
    cases = settings["cases"]
    of_example = all(Path(case["labels"]).parent.match(EXAMPLE) for case in cases.values())
    of_people = settings["recipes"]["shipped"].get("levels") == "people"
    return SCANS.format(
        seen=" and ".join(cases),
        labelled=OF_EXAMPLE if of_example else "with labels of their own",
        levels=LEVELS if of_people else "",
    )


def _cell(found: dict[str, Any] | None) -> str:
    return "-" if found is None else f"{found['dice']:.2f} / {found['surface_dice']:.2f}"
