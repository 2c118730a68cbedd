"""What of the settings of training networks cannot be, told before anything runs.

The schema bounds each value by itself; here stands what values ask of each other.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from phantomloom.validation import Fault

PEOPLE_ONLY = {"stylised"}  # shares


def unteachable(train: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what cannot be in the section ``train``, which obeys the schema alone."""
    recipes = train.get("recipes", {})
    for name in recipes:
        for key, told in _of_recipe(name, recipes):
            yield Fault(("train", "recipes", name, key), told)
    for name in sorted(train.get("cases", {}).keys() & train.get("references", {}).keys()):
        yield Fault(("train", "references", name), "is the name of a case under train.cases too")


def _of_recipe(name: str, recipes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key of what a recipe cannot have, and why."""
    its, before = recipes[name], recipes_before(name, recipes)
    of_people = set(its["shares"]) == PEOPLE_ONLY
    if "kept" in its and ("after" in its or not of_people):
        yield "kept", "is for recipes that begin anew and learn from stylised people only"
    if name in before:
        yield "after", f"{its['after']!r}; allowed: a recipe that does not come after this one"
    if of_people and before and set(recipes[before[0]]["shares"]) != PEOPLE_ONLY:
        yield "after", f"{its['after']!r}; allowed: one of stylised people only, as this one is"
    if its.get("levels") == "people" and not knows_people(name, recipes):
        told = "scans, as neither this recipe nor what it begins with learns from stylised people"
        yield "levels", f"people; allowed: {told}"


def knows_people(name: str, recipes: Mapping[str, Any]) -> bool:
    """Tell whether a recipe learns from stylised people, or begins with one that does."""
    learnt = (name, *recipes_before(name, recipes))
    return any("stylised" in recipes[each]["shares"] for each in learnt)


def recipes_before(name: str, recipes: Mapping[str, Any]) -> list[str]:
    """Return the recipes that come before one, the nearest first; in a circle it is the last."""
    before: list[str] = []
    after = recipes[name].get("after")
    while after in recipes and after not in before:
        before.append(after)
        after = recipes[after].get("after")
    return before
