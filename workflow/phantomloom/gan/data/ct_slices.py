"""Axial slices of CT with the classes of a phantom's labels, centred on the body.

Row 0 is the front of the patient and column 0 the patient's right, as the arrays have it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.gan.pair import PARTS, SIZES, About, Pair, check_classes
from phantomloom.regions import looked_up
from phantomloom.resample import Grid, covering, matrices
from phantomloom.structures import BACKGROUND, by_id, structures
from phantomloom.volume import Volume

AIR_HU = -1000.0
ANYTHING = "any"  # the term for all that is inside the body
COLUMNS = ("tissue", "model", "parent", "side", "material")  # of structures.tsv, for COLUMN=VALUE


class Cut(NamedTuple):
    """How volumes become slices.

    classes: by name, the terms that are this class; of two classes with one structure the later
    has it. A term is a structure, a group such as "tissue=bone" or "parent=heart", or "any" for
    all inside the body. window_hu: beyond it images are cut off. size: pixels of an edge.
    step_mm: between slices, rounded to whole slices of the scan. least_body: share of the pixels
    that a slice must show of the body to be kept.
    """

    classes: Mapping[str, Sequence[str]]
    window_hu: tuple[float, float]
    size: int
    pixel_mm: float
    step_mm: float
    least_body: float = 0.05


class Patient(NamedTuple):
    """A scan; ``load`` returns CT in HU and structure ids, on one grid. Slices bear the name.

    All scans of one ``person`` are in one part; by default the name is the person's.
    """

    name: str
    part: str
    load: Callable[[], tuple[Volume, Volume]]
    person: str = ""

    @property
    def group(self) -> str:
        """Whose scan it is."""
        return self.person or self.name


def read(
    patients: Sequence[Patient],
    classes: Mapping[str, Sequence[str]],
    window_hu: tuple[float, float],
    size: int,
    pixel_mm: float,
    step_mm: float,
    least_body: float = 0.05,
) -> tuple[About, Iterator[Pair]]:
    """Return what holds for all slices, and the slices, part by part, one patient in memory.

    See ``Cut`` for the settings.

    Raises:
        ValueError: if a setting cannot be, or a scan's name comes twice, before anything is
            loaded; while loading, if CT and labels differ in their grid or hold no body.
        KeyError: if a class names what structures.tsv does not have.
    """
    cut = Cut(classes, window_hu, size, pixel_mm, step_mm, least_body)
    check(cut)
    names = [patient.name for patient in patients]
    for patient in patients:
        if patient.part not in PARTS:
            raise ValueError(f"{patient.name}: parts are {', '.join(PARTS)}, not {patient.part!r}")
        if names.count(patient.name) > 1:
            raise ValueError(f"{patient.name}: two patients have this name; slices name theirs")
    ordered = sorted(patients, key=lambda patient: PARTS.index(patient.part))
    pairs = (pair for patient in ordered for pair in slices(patient, cut))
    low, high = window_hu
    return About(float(low), float(high), "HU", tuple(classes), pixel_mm), pairs


def slices(patient: Patient, cut: Cut) -> Iterator[Pair]:
    """Yield the slices of a patient from the feet up, called NAME/zINDEX by the scan's slices."""
    ct, labels = patient.load()
    if not ct.same_grid(labels):
        raise ValueError(f"{patient.name}: CT and labels are not on one grid; resample one to it")
    if not labels.array.any():
        raise ValueError(f"{patient.name}: the labels show no body, only background")
    masks = stack(labels, cut)
    _, rows, columns = matrices(_with_border(Grid.of(ct)), Grid.of(masks))
    pixel_share = labels.voxel_ml * 1000 / labels.spacing_mm[0] / (cut.size * cut.pixel_mm) ** 2
    for number, mask in enumerate(masks.array):
        z = number * _stride(labels, cut)
        inside = labels.array[z] != BACKGROUND
        if inside.sum() * pixel_share >= cut.least_body:
            hu = np.where(inside, ct.array[z], AIR_HU).astype(np.float32)  # the couch is no body
            hu = rows @ np.pad(hu, 1, constant_values=AIR_HU) @ columns.T
            image = hu.clip(*cut.window_hu).round().astype(np.int16)
            yield Pair(image[None], mask, f"{patient.name}/z{z:04}", patient.group, patient.part)


def stack(labels: Volume, cut: Cut) -> Volume:
    """Return the classes (uint8) of the slices of structure ids ``labels``, one above the other.

    In the plane each pixel takes the class that covers most of it, the background only with more
    than half; the middle of the picture is the centre of mass of all that is body.

    Raises:
        ValueError: if there is no body.
    """
    if not labels.array.any():
        raise ValueError("the labels show no body, only background")
    stride = _stride(labels, cut)
    classes = looked_up(class_of_id(cut.classes), labels.array[::stride])
    step_mm = stride * labels.spacing_mm[0]
    spacing_mm = (step_mm, cut.pixel_mm, cut.pixel_mm)
    first = [mm - cut.pixel_mm * (cut.size - 1) / 2 for mm in _centre_mm(labels)]
    origin_mm = (labels.origin_mm[0], first[0], first[1])
    grid = Grid((len(classes), cut.size, cut.size), spacing_mm, origin_mm)
    axes_mm = np.diag([step_mm, *labels.spacing_mm[1:]])
    array = covering(classes, axes_mm, np.array(labels.origin_mm), grid)
    return Volume(array, spacing_mm, origin_mm)


def class_of_id(classes: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Return the class number of each structure id, uint8 [256]; 0 where no class has it.

    Raises:
        KeyError: naming the class and its term, if the term is no structure and no group.
    """
    table = np.zeros(256, np.uint8)
    for number, (name, terms) in enumerate(classes.items(), 1):
        for term in terms:
            table[_ids(name, term)] = number
    return table


def check(cut: Cut) -> None:
    """Raise ValueError or KeyError, naming the setting, if one cannot be."""
    check_classes(cut.classes)
    window = f"window_hu: two numbers, the lower first, not {cut.window_hu}"
    for fault, wanted in (
        (not _is_window(cut.window_hu), window),
        (cut.size not in SIZES, f"size: one of {SIZES}, not {cut.size}"),
        (not cut.pixel_mm > 0, f"pixel_mm: more than 0, not {cut.pixel_mm}"),
        (not cut.step_mm > 0, f"step_mm: more than 0, not {cut.step_mm}"),
        (not 0 <= cut.least_body < 1, f"least_body: a share of the picture, not {cut.least_body}"),
        (not 0 < len(cut.classes) < 256, f"classes: 1 to 255, not {len(cut.classes)}"),
    ):
        if fault:
            raise ValueError(wanted)
    class_of_id(cut.classes)


def _is_window(hu: object) -> bool:
    match hu:
        case [int() | float() as low, int() | float() as high]:
            return low < high
    return False


def _ids(name: str, term: str) -> list[int]:
    """Return the structures that ``term`` of class ``name`` means."""
    if term == ANYTHING:
        return list(range(1, 256))
    if term in structures():
        return [structures()[term].id]
    column, _, value = term.partition("=")
    ids = [i for i, row in by_id().items() if column in COLUMNS and getattr(row, column) == value]
    if not ids or not value:
        raise KeyError(
            f"class {name!r}: {term!r} is no structure of structures.tsv, no group of it "
            f"(COLUMN=VALUE with {', '.join(COLUMNS)}) and not {ANYTHING!r}"
        )
    return ids


def _stride(labels: Volume, cut: Cut) -> int:
    return max(1, round(cut.step_mm / labels.spacing_mm[0]))


def _centre_mm(labels: Volume) -> list[float]:
    """Return the centre of mass (y, x) of all that is not background."""
    body = np.sum([plane != BACKGROUND for plane in labels.array], axis=0, dtype=np.int64)
    return [
        origin + mm * float(np.average(np.arange(n), weights=body.sum(axis=1 - axis)))
        for axis, (n, mm, origin) in enumerate(
            zip(body.shape, labels.spacing_mm[1:], labels.origin_mm[1:], strict=True)
        )
    ]


def _with_border(grid: Grid) -> Grid:
    """Return ``grid`` with a voxel more on each side in the plane, for what is beyond the scan."""
    (z, y, x), (_, dy, dx), (oz, oy, ox) = grid
    return Grid((z, y + 2, x + 2), grid.spacing_mm, (oz, oy - dy, ox - dx))
