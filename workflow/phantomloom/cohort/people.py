"""Who a person is: everything that can differ between two of them, drawn from a seed alone.

Reference masses, heights and weights are ICRP 89's (masses.tsv); the spreads of liver, spleen,
kidneys, heart and brain follow ``qc/volumes.tsv``, less what body size explains. Every other
spread, probability and range here is an own setting, chosen wide rather than typical.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from phantomloom.cohort.masses import BLADDER_ML, table, value, volume_ml
from phantomloom.cohort.style import REFERENCE_STYLE, Style, draw_style

FAMILIES = ("standard", "held_out")
PHASES = ("none", "arterial", "portal_venous", "late")
SPREAD = {  # standard deviation of the logarithm, body size already allowed for
    **{"liver": 0.18, "spleen": 0.35, "heart_tissue": 0.15, "heart_blood": 0.15, "brain": 0.08},
    **{"kidney": 0.15, "pancreas": 0.2, "stomach": 0.45, "large_intestine": 0.3, "breast": 0.5},
    **{"small_intestine": 0.2, "gallbladder": 0.4, "prostate": 0.35, "urinary_bladder": 0.6},
}
OTHER_SPREAD = 0.12
SIZED = ("liver", "spleen", "kidney", "pancreas", "heart_tissue", "heart_blood", "muscle")
BMI = {"standard": (20.0, 31.0), "held_out": (32.0, 36.0)}  # kg/m2 of adults


@dataclass(frozen=True)
class Person:
    """One human; volumes in ml, lengths in mm of a body of 176 cm."""

    seed: int | None  # None: the reference person
    family: str
    sex: str  # M or F
    age: float  # years
    height_cm: float
    weight_kg: float
    volumes_ml: dict[str, float]  # targets, by rows of masses.tsv, "lungs" and "urinary_bladder"
    style: Style = REFERENCE_STYLE
    phase: str = "none"
    phase_shift: float = 0.0  # -1 early to 1 late within the phase
    arms: str = "down"  # or up, beside the head
    roll_deg: float = 0.0  # about the long axis
    flexion_mm: float = 0.0  # by which the knees are raised
    rib_pairs: int = 12
    kidneys: tuple[str, ...] = ("left", "right")
    cysts: tuple[str, ...] = ()  # sides of kidneys that bear one
    scoliosis_mm: float = 0.0
    kyphosis_mm: float = 0.0
    belly_mm: float = 0.0  # by which the abdomen's wall stands out
    breath: float = 0.5  # 0 functional residual capacity, 1 total capacity
    hip_prosthesis: str = ""  # side
    pacemaker: bool = False
    fillings: int = 0  # dental
    bowel_gas: float = 0.3  # fraction of the colon
    stool_hu: float = 30.0
    bone_quality: float = 1.0  # of spongy bone, relative

    @property
    def has_womans_frame(self) -> bool:
        """Whether breadth, depth and fat are a woman's: from puberty on."""
        return self.sex == "F" and self.age > 12

    def random(self, *purpose: int) -> np.random.Generator:
        """Return the person's own stream of random numbers for a purpose."""
        # last: SeedSequence reads what is left out as 0, so all others draw as they always did
        return np.random.default_rng([self.seed or 0, *purpose, FAMILIES.index(self.family)])


def person(seed: int, family: str = "standard") -> Person:
    """Return person number ``seed`` of a family of shapes; the families' ranges are disjoint.

    Raises:
        ValueError: if there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"the families are {', '.join(FAMILIES)}; got {family!r}")
    random = np.random.default_rng([seed, FAMILIES.index(family)])
    sex = str(random.choice(["M", "F"]))
    age = float(random.uniform(5, 18) if random.random() < 0.2 else random.uniform(18, 90))
    height_cm, weight_kg = _stature(random, sex, age, family)
    breath = float(random.uniform(0.1, 0.9))
    volumes = _targets(sex, age, height_cm, weight_kg, breath)
    habit = {**_habit(random, sex, age, height_cm, weight_kg), **_findings(random, age)}
    drawn = {name: ml * _factor(random, name) for name, ml in volumes.items()}
    drawn["large_intestine"] *= 1 + habit["bowel_gas"]  # ICRP's content holds no gas
    style = draw_style(random, family)
    return Person(
        *(seed, family, sex, age, height_cm, weight_kg, _one_kidney(drawn, habit["kidneys"])),
        style=style,
        breath=breath,
        **habit,
    )


def reference(sex: str) -> Person:
    """Return the reference man "M" or woman "F" of ICRP 89, in mid breath."""
    height_cm, weight_kg = value("height_cm", sex, 30), value("weight_kg", sex, 30)
    volumes = _targets(sex, 30, height_cm, weight_kg, 0.5)
    return Person(None, "standard", sex, 30.0, height_cm, weight_kg, volumes)


def _stature(random: np.random.Generator, sex: str, age: float, family: str) -> tuple[float, float]:
    """Return height in cm and weight in kg; height falls by 1 mm a year from 40 on."""
    height = value("height_cm", sex, age) * random.normal(1, 0.035) - 0.1 * max(age - 40, 0)
    if age >= 18:
        return float(height), float(random.uniform(*BMI[family]) * (height / 100) ** 2)
    usual = value("weight_kg", sex, age) * (height / value("height_cm", sex, age)) ** 2
    low, high = (0.9, 1.15) if family == "standard" else (1.2, 1.35)
    return float(height), float(usual * random.uniform(low, high))


def _targets(
    sex: str, age: float, height_cm: float, weight_kg: float, breath: float
) -> dict[str, float]:
    """Return the expected volumes: organs that grow with the body do so with its lean size."""
    names = [name for name in table() if name not in ("height_cm", "weight_kg", "uterus")]
    volumes = {name: volume_ml(name, sex, age) for name in names}
    height = height_cm / value("height_cm", sex, age)
    size = height * (weight_kg / value("weight_kg", sex, age)) ** 0.4
    for name in SIZED:
        volumes[name] *= size
    low, high = volumes.pop("lung_low"), volumes.pop("lung_high")
    volumes["lungs"] = (low + breath * (high - low)) * height**3
    volumes["urinary_bladder"] = BLADDER_ML * (height_cm / value("height_cm", sex, 30)) ** 3
    return volumes


def _factor(random: np.random.Generator, name: str) -> float:
    """Return a lognormal factor within two standard deviations."""
    if name == "lungs":  # the breath has varied them
        return float(np.exp(random.uniform(-0.08, 0.08)))
    return float(np.exp(SPREAD.get(name, OTHER_SPREAD) * np.clip(random.normal(), -2, 2)))


def _habit(
    random: np.random.Generator, sex: str, age: float, height_cm: float, weight_kg: float
) -> dict[str, Any]:
    """Return posture and build."""
    bmi = weight_kg / (height_cm / 100) ** 2
    if age < 18:  # to an adult's
        usual = value("weight_kg", sex, age) / (value("height_cm", sex, age) / 100) ** 2
        bmi *= 24 / usual
    return {
        "arms": str(random.choice(["up", "down"])),
        "roll_deg": float(random.normal(0, 3)),
        "flexion_mm": float(random.uniform(0, 35)),
        "scoliosis_mm": float(random.normal(0, 8) if random.random() < 0.15 else 0),
        "kyphosis_mm": float(random.uniform(-4, 6) + 0.2 * max(age - 55, 0)),
        "belly_mm": float(np.clip(3.5 * (bmi - 24) + random.normal(0, 6), -12, 40)),
        "bone_quality": float(np.clip(1.15 - 0.006 * age + random.normal(0, 0.1), 0.5, 1.25)),
    }


def _findings(random: np.random.Generator, age: float) -> dict[str, Any]:
    """Return variants, implants, contrast and the bowel's content."""
    old = age > 50
    phase, phase_shift = str(random.choice(PHASES)), float(random.uniform(-1, 1))
    rib_pairs = int(random.choice([12, 11, 13], p=[0.94, 0.04, 0.02]))
    sides = [("left", "right"), ("left",), ("right",)]
    kidneys = sides[random.choice(3, p=[0.96, 0.02, 0.02])]
    place = 4 * random.random() * len(kidneys) if old else np.inf  # every fourth has a cyst
    return {
        "phase": phase,
        "phase_shift": phase_shift,
        "rib_pairs": rib_pairs,
        "kidneys": kidneys,
        "cysts": (kidneys[int(place)],) if place < len(kidneys) else (),
        "hip_prosthesis": str(random.choice(["left", "right"])) if old and _chance(random) else "",
        "pacemaker": bool(old and _chance(random)),
        "fillings": int(random.integers(0, 6) if age > 12 else 0),
        "bowel_gas": float(random.uniform(0.1, 0.6)),
        "stool_hu": float(random.uniform(0, 90)),
    }


def _chance(random: np.random.Generator) -> bool:
    return bool(random.random() < 0.08)


def _one_kidney(volumes_ml: dict[str, float], kidneys: tuple[str, ...]) -> dict[str, float]:
    """Return the volumes; a single kidney has grown by half."""
    growth = 1.0 if len(kidneys) == 2 else 1.5
    return {**volumes_ml, "kidney": volumes_ml["kidney"] * growth}
