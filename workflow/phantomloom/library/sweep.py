"""The page of a sweep over privacy budgets, beside the library's pages and like them."""

from collections.abc import Mapping, Sequence
from typing import Any

from phantomloom.library.page import templates


def sweep_page(
    name: str, comparisons: Sequence[Mapping[str, Any]], picture: tuple[int, int]
) -> str:
    """Return the page of the sweep ``name``; tradeoff.png (width, height) lies beside it.

    ``comparisons`` are those of the sweep's statistics.json, one a data set and model.
    """
    width, height = picture
    return (
        templates()
        .get_template("sweep.html.j2")
        .render(name=name, comparisons=comparisons, width=width, height=height)
    )
