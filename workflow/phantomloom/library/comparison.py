"""Sheets that compare: stylised people with each other, a prediction with its reference."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from phantomloom.library import pictures, render
from phantomloom.library.pictures import GAP_PIXELS, GROUND, INK, PLANES, Frame
from phantomloom.structures import BACKGROUND, Structure, by_id
from phantomloom.tissues import body_surface
from phantomloom.volume import Volume

Window = tuple[float, float]  # HU
FONT = 15  # pixels
MARGIN_MM = 8.0  # of pictures.bounds and render.frontal
ENTRY_PIXELS = 230  # width of a name in the legend
BESIDE_MM = 20.0  # between a body and the border, for the letters
COVERS = ("face", "lips", "breast_left", "breast_right")  # organs in front of what one wants to see
ADULT = 18  # years


class Body(NamedTuple):
    """Someone to be shown in three ways."""

    title: str
    ct: Volume
    labels: Volume
    meshes: Mapping[str, render.Mesh]  # by structure


def people(bodies: Sequence[Body], window_hu: Window, pixel_mm: float) -> Image.Image:
    """Return a column a body of coronal CT, labels on it and rendering, all at the same scale.

    Who is smaller is smaller in the picture; all stand on one line.

    Raises:
        ValueError: if there is nobody.
    """
    if not bodies:
        raise ValueError("nobody to draw")
    frames = _standing([body.labels for body in bodies], pixel_mm)
    columns = [_column(*pair, window_hu) for pair in zip(bodies, frames, strict=True)]
    return pictures.sheet(columns)


def side_by_side(
    title: str,
    ct: Volume,
    reference: Volume,
    found: Sequence[Volume],
    window_hu: Window,
    pixels: int,
) -> Image.Image:
    """Return CT, ``reference`` and prediction in coronal and axial planes, and what colours mean.

    The planes cross in the middle of what the reference labels; the picture reaches as far as the
    patient. Of the prediction only structures that the reference names are shown.

    Args:
        title: of the sheet.
        ct: HU.
        reference: structure ids.
        found: label maps on the reference's grid; where two label a voxel the first wins.
        window_hu: black and white.
        pixels: longest edge of a panel.

    Raises:
        ValueError: if a map has another grid or no body is seen.
    """
    shown = {"reference": reference, "prediction": restricted(found, reference)}
    middle = [sum(side) / 2 for side in pictures.bounds(reference)]
    patient = pictures.bounds(ct.with_array(body_surface(ct)))
    rows, ids = [], set()
    for name in ("coronal", "axial"):
        plane = PLANES[name]
        frame = pictures.frame(patient, plane, middle[plane.normal], pixels)
        grey = pictures.grey(pictures.section(ct, frame), window_hu)
        sections = [pictures.section(labels, frame) for labels in shown.values()]
        ids.update(np.unique(sections).tolist())
        panels = [grey, *(pictures.overlay(grey, section) for section in sections)]
        rows.append([pictures.panel(p, plane.letters, FONT, frame.pixel_mm) for p in panels])
    rows[0] = [
        pictures.titled(p, t) for p, t in zip(rows[0], ("CT (bar: 5 cm)", *shown), strict=True)
    ]
    sheets = [pictures.sheet(row) for row in rows]
    below = legend(ids - {BACKGROUND}, sheets[0].width)
    return pictures.titled(stacked([*sheets, below]), title, 20)


def restricted(found: Sequence[Volume], reference: Volume) -> Volume:
    """Return what ``found`` say, the first first, of the structures that ``reference`` names.

    Raises:
        ValueError: if a map lies on another grid.
    """
    named = np.setdiff1d(reference.array, BACKGROUND)
    result = np.zeros_like(reference.array)
    for number, labels in enumerate(found, 1):
        if not labels.same_grid(reference):
            raise ValueError(f"label map {number} lies on another grid than the reference")
        new = (result == BACKGROUND) & np.isin(labels.array, named)
        result[new] = labels.array[new]
    return reference.with_array(result)


def unveiled(labels: Volume) -> Volume:
    """Return ``labels`` of skin, bones and organs, without what would hide them."""
    kept = np.zeros(256, np.uint8)
    for number, structure in by_id().items():
        inner = structure.tissue not in render.COVERING and structure.name not in COVERS
        if inner or structure.name == "skin":  # which is drawn as glass
            kept[number] = number
    return labels.with_array(kept[labels.array])


def caption(sex: str, age_years: float, height_cm: float) -> str:
    """Return in words who a person is; ``sex`` is F or M."""
    grown = age_years >= ADULT
    noun = {"F": "woman" if grown else "girl", "M": "man" if grown else "boy"}[sex]
    return f"{noun}, {age_years:.0f} years, {height_cm:.0f} cm"


def legend(ids: Collection[int], width: int) -> Image.Image:
    """Return colours and names of structures ``ids``, sides together, in ``width`` pixels."""
    named = {_sideless(by_id()[n]): pictures.rgb(by_id()[n]) for n in sorted(ids)}
    across, line = max(1, width // ENTRY_PIXELS), round(1.5 * FONT)
    image = Image.new("RGB", (width, line * -(-len(named) // across)), GROUND)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(FONT)
    for place, (words, colour) in enumerate(named.items()):
        top, left = line * (place // across), width // across * (place % across)
        draw.rectangle((left + 8, top + 4, left + 8 + FONT, top + 4 + FONT), colour)
        draw.text((left + 16 + FONT, top + line / 2), words, INK, font, "lm")
    return image


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Return ``images`` one below the other, each in the middle."""
    width = max(image.width for image in images)
    height = sum(image.height + GAP_PIXELS for image in images) - GAP_PIXELS
    whole, top = Image.new("RGB", (width, height), GROUND), 0
    for image in images:
        whole.paste(image, ((width - image.width) // 2, top))
        top += image.height + GAP_PIXELS
    return whole


def _sideless(structure: Structure) -> str:
    words = structure.name.split("_")
    return " ".join(word for word in words if word != structure.side)


def _standing(bodies: Sequence[Volume], pixel_mm: float) -> list[Frame]:
    """Return coronal frames of one size, the lowest voxel of each body at the same row."""
    boxes = [pictures.bounds(body) for body in bodies]
    tall, deep, wide = (
        max(high - low for low, high in sides) for sides in zip(*boxes, strict=True)
    )
    wide += 2 * BESIDE_MM
    pixels = round(max(tall, deep, wide) / pixel_mm)
    plane, frames = PLANES["coronal"], []
    for body, ((foot, _), (front, _), (right, left)) in zip(bodies, boxes, strict=True):
        border = (right + left - wide) / 2
        box = (foot, foot + tall), (front, front + deep), (border, border + wide)
        at_mm = pictures.best_position_mm(body, plane)
        frames.append(pictures.frame(box, plane, at_mm, pixels))
    return frames


def _column(body: Body, frame: Frame, window_hu: Window) -> Image.Image:
    source = pictures.grey(pictures.section(body.ct, frame), window_hu)
    labels = pictures.overlay(source, pictures.section(body.labels, frame))
    panels = [
        pictures.panel(picture, "RL", FONT)
        for picture in (source, labels, _rendered(body.meshes, frame))
    ]
    return pictures.titled(stacked(panels), body.title, FONT)


def _rendered(meshes: Mapping[str, render.Mesh], frame: Frame) -> np.ndarray:
    """Return [rows, columns, 3] of the meshes, each where ``frame`` has its place and size."""
    every = np.concatenate([mesh.vertices_mm for mesh in meshes.values()])
    low, high = every.min(axis=0) - MARGIN_MM, every.max(axis=0) + MARGIN_MM
    longest = max(high[0] - low[0], high[2] - low[2])
    picture = render.frontal(meshes, round(longest / frame.pixel_mm))
    whole = Image.new("RGB", (len(frame.columns_mm), len(frame.rows_mm)), GROUND)
    left = (low[0] - frame.columns_mm[0]) / frame.pixel_mm + 0.5
    top = (frame.rows_mm[0] - high[2]) / frame.pixel_mm + 0.5
    whole.paste(Image.fromarray(picture), (round(left), round(top)))
    return np.asarray(whole)
