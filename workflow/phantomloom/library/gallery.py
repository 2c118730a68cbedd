"""All pictures of one case, made alike, so that source, labels and simulation compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image

from phantomloom.library import pictures, render
from phantomloom.library.pictures import PLANES, Frame, Plane
from phantomloom.library.render import Mesh
from phantomloom.structures import label
from phantomloom.volume import Volume

PANELS = 5  # of a thumbnail
COLOURS = 256  # of a thumbnail: a page of thousands shall load fast
BODY_HU = -500  # where nothing is labelled yet, what is denser counts as the patient


class Settings(NamedTuple):
    """How pictures look."""

    window_hu: tuple[float, float]
    picture_pixels: int  # longest edge of a panel on the case's page
    thumbnail_pixels: int  # edge of a panel on the page of all cases


@dataclass(frozen=True)
class Subject:
    """What there is of a case; a stage that was withheld left None or nothing."""

    ct: Volume | None = None
    labels: Volume | None = None
    simulated: Mapping[str, Volume] = field(default_factory=dict)  # by title
    meshes: Mapping[str, Mesh] = field(default_factory=dict)  # by structure
    status: str = "done"  # what a panel without a picture says


def gallery(subject: Subject, settings: Settings) -> dict[str, Image.Image]:
    """Return all pictures by name: a sheet per plane, mesh and thumbnail."""
    return {
        **sheets(subject, settings),
        "mesh": mesh(subject, settings),
        "thumbnail": thumbnail(subject, settings),
    }


def sheets(subject: Subject, settings: Settings) -> dict[str, Image.Image]:
    """Return by plane the source CT, the labels on it and each simulated CT, side by side."""
    return {name: _sheet(subject, plane, settings) for name, plane in PLANES.items()}


def mesh(subject: Subject, settings: Settings) -> Image.Image:
    """Return the meshes seen from the front."""
    pixels = settings.picture_pixels * 3 // 2
    if not subject.meshes:
        return pictures.blank(f"meshes: {subject.status}", (pixels, pixels // 3))
    return pictures.panel(render.frontal(subject.meshes, pixels), "RLHF", pixels // 32)


def thumbnail(subject: Subject, settings: Settings) -> Image.Image:
    """Return five small squares: CT coronal and axial, labels, meshes, simulated CT."""
    edge = settings.thumbnail_pixels
    size = (edge, edge)
    if subject.ct is None:
        return pictures.sheet([pictures.blank(subject.status, size)] * PANELS, size)
    front, axial = (_frame(subject, PLANES[name], settings) for name in ("coronal", "axial"))
    source = _grey(subject.ct, front, settings)
    found = [
        source,
        _grey(subject.ct, axial, settings),
        pictures.overlay(source, pictures.section(subject.labels, front))
        if subject.labels
        else None,
        render.frontal(subject.meshes, edge) if subject.meshes else None,
        *[_grey(ct, front, settings) for ct in subject.simulated.values()][:1],
    ]
    found += [None] * (PANELS - len(found))
    letters = ("RLHF", "RLAP", "RLHF", "RLHF", "RLHF")
    panels = [
        pictures.blank(subject.status, size)
        if picture is None
        else pictures.panel(pictures.fit(picture, size), marks, edge // 9)
        for picture, marks in zip(found, letters, strict=True)
    ]
    return pictures.sheet(panels, size).quantize(COLOURS)


def _sheet(subject: Subject, plane: Plane, settings: Settings) -> Image.Image:
    if subject.ct is None:
        return pictures.blank(subject.status, (settings.picture_pixels,) * 2)
    frame = _frame(subject, plane, settings)
    source = _grey(subject.ct, frame, settings)
    panels = {"source CT": source}
    if subject.labels:
        panels["labels"] = pictures.overlay(source, pictures.section(subject.labels, frame))
    panels |= {title: _grey(ct, frame, settings) for title, ct in subject.simulated.items()}
    return pictures.sheet(
        [
            pictures.titled(pictures.panel(p, plane.letters, 18, frame.pixel_mm), title)
            for title, p in panels.items()
        ]
    )


def _frame(subject: Subject, plane: Plane, settings: Settings) -> Frame:
    body = subject.labels or _dense(subject.ct)
    covered = next(iter(subject.simulated.values()), None)
    at_mm = pictures.best_position_mm(body, plane, covered)
    return pictures.frame(pictures.bounds(body), plane, at_mm, settings.picture_pixels)


def _dense(ct: Volume | None) -> Volume:
    if ct is None:
        raise ValueError("there is no CT to draw")
    return ct.with_array((ct.array > BODY_HU) * np.uint8(label("body")))


def _grey(ct: Volume, frame: Frame, settings: Settings) -> np.ndarray:
    return pictures.grey(pictures.section(ct, frame), settings.window_hu)
