"""The page of a contest of generators, beside the library's pages and like them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from phantomloom.library.page import templates


class Picture(NamedTuple):
    """A picture beside the page: its title, path from there, and size in pixels."""

    title: str
    path: str
    width: int
    height: int


def contest_page(
    name: str, judged: Sequence[Mapping[str, Any]], pictures: Sequence[Picture]
) -> str:
    """Return the page of the contest ``name``.

    ``judged`` are the entries of its verdicts.json, one a data set that judged.
    """
    told = [its | {"table": _table(its["means"])} for its in map(dict, judged)]
    template = templates().get_template("contest.html.j2")
    return template.render(name=name, judged=told, pictures=pictures)


def _table(means: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the variants, and for each metric that has a value those of the variants."""
    variants = list(dict.fromkeys(row["variant"] for row in means))
    by_metric: dict[str, dict[str, Any]] = {}
    for row in means:
        if row["mean"] is not None:
            by_metric.setdefault(row["metric"], {})[row["variant"]] = row
    return {"variants": variants, "metrics": by_metric}
