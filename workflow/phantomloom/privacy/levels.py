"""The privacy levels of a sweep: the public model, budgets, and the ends without privacy."""

import math
from collections.abc import Iterable
from contextlib import suppress

PUBLIC, LORA, FULL = "public", "lora", "full"


def epsilon(level: str) -> float | None:
    """Return the budget of ``level``: 0 for the public model, None without privacy.

    Raises:
        ValueError: if there is no such level.
    """
    if level in (LORA, FULL):
        return None
    if level == PUBLIC:
        return 0.0
    with suppress(ValueError):
        if 0 < (budget := float(level)) < math.inf:
            return budget
    raise ValueError(f"privacy level: {PUBLIC}, {LORA}, {FULL} or an epsilon, not {level!r}")


def named(budget: float) -> str:
    """Return the level of ``budget``: budgets that differ have names that differ."""
    return repr(float(budget)).removesuffix(".0")


def ordered(levels: Iterable[str]) -> list[str]:
    """Return ``levels`` by what they may learn: public, budgets upwards, LoRA, full."""
    places = {level: epsilon(level) for level in levels}
    return sorted(places, key=lambda level: (level == FULL, level == LORA, places[level] or 0))


def budgets(levels: Iterable[str]) -> list[str]:
    """Return those of ``levels`` that train with privacy, upwards."""
    return [level for level in ordered(levels) if epsilon(level)]
