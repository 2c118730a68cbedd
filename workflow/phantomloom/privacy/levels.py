"""The privacy levels of a sweep: the public model, budgets, and the ends without privacy."""

from collections.abc import Iterable

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
    if not level.replace(".", "", 1).isdecimal() or not float(level):
        raise ValueError(f"privacy level: {PUBLIC}, {LORA}, {FULL} or an epsilon, not {level!r}")
    return float(level)


def ordered(levels: Iterable[str]) -> list[str]:
    """Return ``levels`` by what they may learn: public, budgets upwards, LoRA, full."""
    places = {level: epsilon(level) for level in levels}
    return sorted(places, key=lambda level: (level == FULL, level == LORA, places[level] or 0))


def budgets(levels: Iterable[str]) -> list[str]:
    """Return those of ``levels`` that train with privacy, upwards."""
    return [level for level in ordered(levels) if epsilon(level)]
