"""What HU a structure has in a person: its tissue, its share of one bolus of contrast medium.

Unenhanced values and curves are rounded from radiology textbooks; all are own settings. Every
vessel and organ reads one clock, so an arterial aorta never meets a late kidney.
"""

from zlib import crc32

import numpy as np

from phantomloom.cohort.people import Person
from phantomloom.cohort.unnamed import UNNAMED
from phantomloom.structures import by_id

SECONDS = (0, 20, 30, 40, 55, 70, 90, 180, 400)  # after the injection's start
RISE_HU = {  # above unenhanced, at SECONDS
    "artery": (0, 180, 300, 280, 190, 150, 130, 90, 50),
    "right_heart": (0, 260, 270, 220, 165, 145, 130, 90, 50),
    "upper_vein": (0, 330, 340, 220, 160, 145, 130, 90, 50),
    "portal": (0, 0, 20, 70, 130, 150, 135, 85, 48),
    "lower_vein": (0, 0, 5, 25, 65, 95, 115, 90, 50),
    "leg_vein": (0, 0, 0, 5, 20, 60, 100, 90, 50),
    "liver": (0, 2, 8, 18, 45, 58, 55, 40, 22),
    "spleen": (0, 30, 80, 95, 85, 75, 65, 45, 25),
    "pancreas": (0, 20, 60, 85, 70, 55, 45, 30, 15),
    "kidney": (0, 40, 100, 140, 150, 150, 155, 140, 90),
    "heart": (0, 170, 240, 215, 150, 130, 115, 80, 42),  # as a whole: more blood than muscle
    "myocardium": (0, 30, 80, 90, 75, 65, 55, 40, 20),
    "gland": (0, 15, 45, 50, 45, 40, 35, 25, 12),
    "wall": (0, 3, 12, 18, 22, 22, 20, 12, 6),
    "muscle": (0, 1, 3, 6, 10, 12, 13, 11, 6),
    "urine": (0, 0, 0, 0, 0, 0, 0, 20, 250),
    "none": (0,) * 9,
}
CLOCK = {"arterial": (25, 40), "portal_venous": (62, 85), "late": (170, 380)}  # seconds
UNENHANCED = {  # by tissue, unless NAMED tells better
    **{"bone": 200.0, "cartilage": 100.0, "muscle": 54.0, "fat": -104.0, "organ": 40.0},
    **{"vessel": 42.0, "airway": -985.0, "lung": -830.0, "gas": -980.0, "skin": 0.0, "soft": 38.0},
}
NAMED: dict[str, tuple[float, str]] = {
    **{"liver": (58, "liver"), "spleen": (48, "spleen"), "pancreas": (40, "pancreas")},
    **{
        "gallbladder": (8, "none"),
        "urinary_bladder": (6, "urine"),
        "thyroid_gland": (105, "gland"),
    },
    **{"brain": (36, "none"), "brainstem": (32, "none"), "spinal_cord": (16, "none")},
    **{
        "heart": (43, "heart"),
        "myocardium": (45, "myocardium"),
        "face": (10, "muscle"),
        "lips": (35, "muscle"),
    },
    **{"oral_cavity": (50, "muscle"), "portal_vein_and_splenic_vein": (40, "portal")},
    **{"inferior_vena_cava": (40, "lower_vein"), "superior_vena_cava": (42, "upper_vein")},
    **{"heart_atrium_right": (42, "right_heart"), "heart_ventricle_right": (42, "right_heart")},
    **{"pulmonary_artery": (42, "right_heart"), "optic_chiasm": (32, "none")},
    **{"visceral_fat": (-100, "none"), "prostate": (40, "gland"), "seminal_vesicles": (25, "wall")},
}
PREFIXES: dict[str, tuple[float, str]] = {
    **{"kidney_cyst": (8, "none"), "kidney": (32, "kidney"), "adrenal": (25, "gland")},
    **{"iliac_vena": (42, "leg_vein"), "brachiocephalic_vein": (42, "upper_vein")},
    **{"eye_globe": (10, "none"), "eye_lens": (75, "none"), "optic_nerve": (30, "none")},
    **{"breast": (5, "wall"), "lymph": (38, "wall"), "parotid": (5, "wall")},
    **{"submandibular": (42, "gland"), "brachial_plexus": (20, "none")},
}
UNNAMED_ROWS = {  # of what is painted, and has no name in the table
    **{"cerebrospinal_fluid": (8.0, "none"), "limb_artery": (42.0, "artery")},
    **{"leg_vein": (42.0, "leg_vein"), "neck_vein": (42.0, "upper_vein")},
}
TISSUE_CURVE = {"muscle": "muscle", "vessel": "artery", "organ": "wall", "soft": "wall"}
SPREAD_HU = 4.0  # between persons, of any structure
SPREAD_OF = {"liver": 9.0, "muscle": 6.0, "lung": 30.0, "fat": 4.0}


def seconds(person: Person) -> float:
    """Return the scan's time after the injection; 0 without contrast medium."""
    if person.phase == "none":
        return 0.0
    return float(np.interp(person.phase_shift, (-1, 1), CLOCK[person.phase]))


def hounsfield(person: Person) -> np.ndarray:
    """Return the mean HU of each id, float32 [256]; 0 is air."""
    random = person.random(73)
    dose = (70 / max(person.weight_kg, 30)) ** 0.4 * random.uniform(0.8, 1.2)
    at = seconds(person)
    rise = {name: dose * np.interp(at, SECONDS, curve) for name, curve in RISE_HU.items()}
    result = np.full(256, -1000.0, np.float32)
    for number, structure in by_id().items():
        base, curve = _row(structure.name, structure.tissue)
        result[number] = base + rise[curve] + _personal(person, structure.name, structure.tissue)
        result[number] -= _infiltration(person, structure.name)
    for name, (base, curve) in UNNAMED_ROWS.items():
        result[UNNAMED[name]] = base + rise[curve]
    return result


def _infiltration(person: Person, name: str) -> float:
    """Return by how much fat has lowered an old person's back and gluteal muscles."""
    if not name.startswith(("autochthon", "gluteus")):
        return 0.0
    random = person.random(76)
    return float(random.uniform(0.1, 0.7) * max(person.age - 35, 0))


def _row(name: str, tissue: str) -> tuple[float, str]:
    if name in NAMED:
        return NAMED[name]
    for prefix, row in PREFIXES.items():
        if name.startswith(prefix):
            return row
    return UNENHANCED[tissue], TISSUE_CURVE.get(tissue, "none")


def _personal(person: Person, name: str, tissue: str) -> float:
    """Return what sets this person apart: of tissues as a whole, of organs one by one."""
    if person.seed is None:
        return 0.0
    shared = tissue in ("muscle", "fat", "vessel", "lung", "bone")
    key = tissue if shared else name.removesuffix("_left").removesuffix("_right")
    random = person.random(crc32(key.encode()))
    return float(SPREAD_OF.get(key, SPREAD_HU) * np.clip(random.normal(), -2, 2))
