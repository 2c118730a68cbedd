"""Figures of the shipped networks for the benchmark: what they find, and what they know of it."""

from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu, spearmanr

from phantomloom.benchmark import Row
from phantomloom.segmentation.agreement import Scores, mean

POOR = 0.7  # Dice below which a structure wants a person's eye
FEWEST = 8  # people with a structure that make a correlation


def beside(title: str, ours: Scores, others: dict[str, Scores], hoped: dict[str, float | None]):
    """Return a row of Dice and one of surface Dice for each structure of ``hoped`` that occurs.

    The target of Dice is the best of what was hoped for and what others (by name) reached.
    """
    rows = []
    for name, dice in hoped.items():
        if name not in ours:
            continue
        reached = {other: its[name]["dice"] for other, its in others.items() if name in its}
        known = {"expected": dice} | reached if dice is not None else reached
        against = ", ".join(f"{what} {value:.2f}" for what, value in known.items())
        rows += [
            Row(
                f"{title}, {name}: Dice",
                *(ours[name]["dice"], "", max(known.values(), default=None), "higher"),
                against or "no target",
            ),
            Row(
                f"{title}, {name}: surface Dice, 3 mm",
                *(ours[name]["surface_dice"], "", None, "higher", "no target"),
            ),
        ]
    return rows


def of_people(title: str, cases: dict[str, Scores], models: dict[str, tuple[str, ...]]):
    """Return rows of the mean Dice over a model's structures, each the mean over people."""
    its = mean(cases)
    rows = []
    for model, names in models.items():
        dice = [its[name]["dice"] for name in names if name in its]
        found = np.mean([value > 0 for value in dice])
        rows += [
            Row(
                f"{title}, {model}: mean Dice",
                np.mean(dice),
                "",
                None,
                "higher",
                f"{len(dice)} structures",
            ),
            Row(f"{title}, {model}: structures ever found", found, "", None, "higher", "share"),
        ]
    return rows


def of_confidence(title: str, cases: dict[str, Scores]) -> list[Row]:
    """Return how well what a network says of itself tells the Dice that it has.

    Spearman's correlation with Dice within each structure (of those found in at least FEWEST
    people), its median; and the area under the ROC curve for a Dice below POOR, all pooled. What
    too few people tell has no row.
    """
    found: list[tuple[str, dict[str, Any]]] = [
        (name, its)
        for case in cases.values()
        for name, its in case.items()
        if its["probability"] is not None
    ]
    dice = np.array([its["dice"] for _, its in found])
    names = np.array([name for name, _ in found])
    rows: list[Row] = []
    poor = dice < POOR
    of_name = [names == name for name in np.unique(names)]
    for what, sign in (("probability", 1), ("boundary_entropy_bits", -1)):
        sure, of = sign * np.array([its[what] for _, its in found]), f"{title}, {what}"
        within = [
            float(spearmanr(sure[its], dice[its])[0])
            for its in of_name
            if its.sum() >= FEWEST and np.ptp(dice[its]) and np.ptp(sure[its])
        ]
        if within:
            about, middle = f"median over {len(within)} structures", float(np.median(within))
            rows.append(Row(f"{of}: Spearman with Dice", middle, "", None, "higher", about))
        if poor.any() and not poor.all():
            area = mannwhitneyu(-sure[poor], -sure[~poor])[0] / (poor.sum() * (~poor).sum())
            about = f"{poor.mean():.0%} of {len(dice)} are poor"
            rows.append(Row(f"{of}: AUROC for Dice < {POOR}", area, "", None, "higher", about))
    return rows


def of_training(title: str, lines: list[dict[str, Any]]) -> list[Row]:
    """Return speed and waiting of a training run from the lines of its log."""
    steps = [line for line in lines if "seconds_per_step" in line]
    speed = 1 / np.mean([line["seconds_per_step"] for line in steps])
    waiting = np.mean([line["waiting_share"] for line in steps])
    return [
        Row(f"{title}: steps", speed, "1/s", None, "higher", "one core, one patch a step"),
        Row(f"{title}: share of time waiting for data", waiting, "", 0.1, "lower", "issue 5"),
    ]
