"""CelebA-HQ pictures with the parts of CelebAMask-HQ, in the layout that is given out.

``CelebA-HQ-img/ID.jpg`` (30,000, 1024 pixels) and ``CelebAMask-HQ-mask-anno/FOLDER/ID_PART.png``
(512 pixels), 2,000 ids a folder, ids of five digits; a part that a face lacks has no file. Lee et
al., MaskGAN, CVPR 2020. Both are for research that is not commercial; users bring them. Who is on a
picture CelebA's ``identity_CelebA.txt`` tells where it lies beside them; without it each picture
counts as another person.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from phantomloom.gan.data import squares
from phantomloom.gan.pair import PARTS, About, Pair, check_classes
from phantomloom.splitting import drawn_parts

# Where parts overlap the later one is on top, as hair over skin
OF_FACE = (
    *("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow"),
    *("l_ear", "r_ear", "mouth", "u_lip", "l_lip"),
)
AROUND = ("hair", "hat", "ear_r", "neck_l", "neck", "cloth")
ALL = (*OF_FACE, *AROUND)
# What landmarks of the jaw, the brows and what is between them enclose: not the ears
FACE = {"face": tuple(part for part in OF_FACE if not part.endswith("_ear"))}
EVERY_PART = {part: (part,) for part in ALL}

IMAGES, MASKS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
MAPPING, PARTITION = "CelebA-HQ-to-CelebA-mapping.txt", "list_eval_partition.txt"
IDENTITIES = "identity_CelebA.txt"
IDS_A_FOLDER = 2000
MASK_NAME = re.compile(r"(\d{5})_(\w+)\.png")
SHOWN = 5  # names that an error lists


def read(
    root: Path | str,
    size: int = 512,
    classes: Mapping[str, Sequence[str]] | str = FACE,
    shares: Sequence[float] | None = None,
    seed: int = 0,
) -> tuple[About, Iterator[Pair]]:
    """Return what holds for all pairs, and the pairs in RGB, part by part, loaded one at a time.

    Args:
        root: holds CelebA-HQ-img and CelebAMask-HQ-mask-anno.
        size: pixels of an edge, to which both are brought down.
        classes: by name, the parts that are this class, FACE or others; or "every_part".
        shares: of training, validation and test pictures, drawn by ``seed``, all of a person in
            one part; None for CelebA's own, which two text files tell.
        seed: draws who is in which part.

    Raises:
        FileNotFoundError: saying which files were looked for and what is there instead.
        ValueError: if a class names a part that does not exist, or a picture or mask is too small.
    """
    if isinstance(classes, str):
        if classes != "every_part":
            raise ValueError(f"classes: a table of parts by name or every_part, not {classes!r}")
        classes = EVERY_PART
    root, table = Path(root), _table(classes)
    ids = _ids(root)
    files = _masks(root)
    if bare := [i for i in ids if i not in files]:
        looked_for = f"{MASKS}/{bare[0] // IDS_A_FOLDER}/{bare[0]:05}_PART.png"
        raise FileNotFoundError(
            f"{root}: {len(bare)} pictures have no mask of any part; looked for {looked_for}"
        )
    who = _persons(root, ids)
    parts = _official(root, ids) if shares is None else drawn_parts(who, shares, seed, str(root))
    rows = sorted(zip(ids, who, parts, strict=True), key=lambda row: (PARTS.index(row[2]), row[0]))
    pairs = (
        Pair(
            squares.picture(root / IMAGES / f"{i}.jpg", size, grey=False),
            squares.shrunk(_class_map(files[i], table, size), size),
            *(str(i), person, part),
        )
        for i, person, part in rows
    )
    return About(0.0, 255.0, "grey", tuple(classes), None), pairs


def _table(classes: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the class number of each part; 0 where no class has it."""
    check_classes(classes)
    table = dict.fromkeys(ALL, 0)
    for number, (name, parts) in enumerate(classes.items(), 1):
        for part in parts:
            if table.get(part, 1):
                fault = "is of another class too" if part in table else f"is none of {ALL}"
                raise ValueError(f"class {name!r}: the part {part!r} {fault}")
            table[part] = number
    return table


def _ids(root: Path) -> list[int]:
    found = [p.stem for p in (root / IMAGES).glob("*.jpg")]
    ids = sorted(int(stem) for stem in found if stem.isdecimal() and stem == str(int(stem)))
    if not ids:
        raise _wrong_layout(root, f"{IMAGES}/0.jpg, {IMAGES}/1.jpg and so on")
    return ids


def _masks(root: Path) -> dict[int, dict[str, Path]]:
    """Return by id the file of each part."""
    found: dict[int, dict[str, Path]] = {}
    for path in (root / MASKS).glob("*/*.png"):
        name = MASK_NAME.fullmatch(path.name)
        place = f"{int(name[1]) // IDS_A_FOLDER}/{path.name}" if name else "FOLDER/00000_skin.png"
        if not name or name[2] not in ALL or path != root / MASKS / place:
            raise FileNotFoundError(
                f"{path}: no mask is expected here; looked for {MASKS}/{place}, folders of "
                f"{IDS_A_FOLDER} ids each, parts {', '.join(ALL)}"
            )
        found.setdefault(int(name[1]), {})[name[2]] = path
    if not found:
        raise _wrong_layout(root, f"{MASKS}/0/00000_skin.png and so on")
    return found


def _class_map(files: Mapping[str, Path], table: Mapping[str, int], size: int) -> np.ndarray:
    """Return class numbers [H, W], H and W at least ``size``; parts of no class hide others."""
    layers = {part: squares.values(path) > 127 for part, path in files.items()}
    for part, layer in layers.items():
        squares.check_size(files[part], layer.shape[::-1], size)
    classes = np.zeros(next(iter(layers.values())).shape, np.uint8)
    for part in ALL:
        if part in layers:
            classes[layers[part]] = table[part]
    return classes


def _official(root: Path, ids: Sequence[int]) -> list[str]:
    """Return the part of each picture in CelebA, from which CelebA-HQ was made."""
    for name in (MAPPING, PARTITION):
        if not (root / name).is_file():
            raise FileNotFoundError(
                f"{root / name}: CelebA's own split needs this file; or give shares to draw one"
            )
    return [PARTS[int(number)] for number in _told(root, PARTITION, "part", ids)]


def _persons(root: Path, ids: Sequence[int]) -> list[str]:
    """Return who is on each picture; where no file tells, each picture is its own person."""
    if not (root / IDENTITIES).is_file():
        return [str(i) for i in ids]
    if not (root / MAPPING).is_file():
        raise FileNotFoundError(f"{root / MAPPING}: {IDENTITIES} tells who is who only with this")
    return _told(root, IDENTITIES, "person", ids)


def _told(root: Path, name: str, what: str, ids: Sequence[int]) -> list[str]:
    """Return the second word of the line that the file ``name`` of CelebA has for each picture."""
    lines = (line.split() for line in (root / name).read_text().splitlines())
    told = {line[0]: line[1] for line in lines if line}
    lines = (line.split() for line in (root / MAPPING).read_text().splitlines()[1:])
    original = {int(line[0]): line[2] for line in lines if line}
    if lacking := [i for i in ids if original.get(i) not in told]:
        raise ValueError(
            f"{root}: {MAPPING} and {name} do not tell the {what} of {len(lacking)} pictures, "
            f"such as {lacking[:SHOWN]}"
        )
    return [told[original[i]] for i in ids]


def _wrong_layout(root: Path, looked_for: str) -> FileNotFoundError:
    there = sorted(p.name for p in root.glob("*"))[:SHOWN] or ["nothing"]
    return FileNotFoundError(
        f"{root}: looked for {looked_for} of the official layout; found {', '.join(there)}"
    )
