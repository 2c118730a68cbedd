"""The model card of a shipped network: what it saw, how it does on what it did not see."""

from typing import Any

import phantomloom
from phantomloom.segmentation.bundle import About

TEXT = """# {name}, version {version}

Segments CT (HU) at {spacing_mm:g} mm into the structures below; a part of PhantomLoom's default
set of four networks, which makes the pipeline run from a bare installation.

**For clinical or published work use published weights** (README, "Other networks"): this network
has seen {count} people and finds little that it has not seen.

- Trained on: {seen} of the example cohort, with the reference labels that come with the scans
  (TotalSegmentator's own output; the five tissues are derived from HU). What a scan's labels do not
  hold is not taught as background. Results on these scans say nothing about others.
- Recipe: `train:` in config.yaml ({steps} steps, seed {seed}); `snakemake train` repeats it.
- Architecture: U-Net on 2 x 2 x 2 blocks, trunk trained jointly with the other three networks.

## Dice on a person that training did not see

The same recipe at {score_steps} steps, trained on one person and tested on the other, against that
person's reference labels. A dash: the structure is not in the test labels, or the training labels
did not hold it.

| structure | {heads} |
|---|{rules}
{rows}
"""


def card(
    about: About,
    settings: dict[str, Any],
    scores: dict[tuple[str, str], dict[str, float]],
) -> str:
    """Return the card in Markdown; ``scores`` are Dice by (trained on, tested on) and structure."""
    rows = [
        f"| {name} | " + " | ".join(_cell(dice.get(name)) for dice in scores.values()) + " |"
        for name in about.structures
    ]
    return TEXT.format(
        name=about.name,
        version=phantomloom.__version__,
        spacing_mm=settings["spacing_mm"],
        count=len(settings["cases"]),
        seen=" and ".join(settings["cases"]),
        steps=settings["recipe"]["steps"],
        score_steps=settings["score_steps"],
        seed=settings["recipe"]["seed"],
        heads=" | ".join(f"{seen} -> {unseen}" for seen, unseen in scores),
        rules="---|" * len(scores),
        rows="\n".join(rows),
    )


def _cell(dice: float | None) -> str:
    return "-" if dice is None else f"{dice:.2f}"
