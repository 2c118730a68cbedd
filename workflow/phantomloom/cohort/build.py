"""How a person's build stretches and bends the reference body."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from phantomloom.cohort.frame import TABLE_MM, Frame
from phantomloom.cohort.masses import value, volume_ml
from phantomloom.cohort.people import Person
from phantomloom.cohort.sculptor import Sculptor, waves

CROTCH, SHOULDER, SKULL_BASE, VERTEX = 820.0, 1410.0, 1590.0, 1760.0  # reference heights, mm
CHEST_ML, ABDOMEN_ML = 5935.0, 4400.0  # contents that fit the reference frame
VISCERA = (
    *("liver", "spleen", "pancreas", "gallbladder", "stomach", "small_intestine"),
    *("large_intestine", "kidney", "urinary_bladder"),
)
BREADTH_F = {820: 1.02, 930: 1.05, 1060: 0.96, 1200: 0.97, 1350: 0.98, 1440: 0.94, 1520: 0.88}


@dataclass(frozen=True)
class Body:
    """A person with the maps from the reference body into theirs."""

    person: Person
    frame: Frame
    arm_frame: Frame  # for arms that are raised beside the head
    bones: Sculptor
    organs: Sculptor
    arms: Sculptor
    limb_girth: float  # of the lean limbs, relative to the frame


def body(person: Person) -> Body:
    """Return the maps of ``person``."""
    frame = _frame(person)
    arm_frame = _rigid(frame) if person.arms == "up" else frame
    random = person.random(71)
    style = person.style
    wobble = waves(random, style.wobble_mm, style.wobble_length_mm) if style.wobble_mm else None
    return Body(
        *(person, frame, arm_frame, Sculptor(frame)),
        organs=Sculptor(frame, style.power, wobble),
        arms=Sculptor(arm_frame),
        limb_girth=_limb_girth(person),
    )


def _frame(person: Person) -> Frame:
    head = float(np.cbrt(person.volumes_ml["brain"] / volume_ml("brain", "M", 30)))
    legs = person.style.legs * (
        1 if person.age >= 18 else np.interp(person.age, (5, 15), (0.89, 1))
    )
    trunk = (10 * person.height_cm - head * (VERTEX - SKULL_BASE)) / (
        SKULL_BASE - CROTCH + legs * CROTCH
    )
    steps = [CROTCH * legs * trunk, (SKULL_BASE - CROTCH) * trunk, (VERTEX - SKULL_BASE) * head]
    rise = np.interp(TABLE_MM, [0, CROTCH, SKULL_BASE, VERTEX], [0, *np.cumsum(steps)])
    rise += np.minimum(TABLE_MM, 0) * trunk + np.maximum(TABLE_MM - VERTEX, 0) * head
    breadth, depth = _breadths(person, trunk, head), _depths(person, trunk, head)
    shift_y = np.where(TABLE_MM > SKULL_BASE, 5 * (1 - head), 0) + _kyphosis(person)
    roll = np.deg2rad(person.roll_deg)
    return Frame(rise, depth, breadth, shift_y, _scoliosis(person), float(roll))


def _limb_girth(person: Person) -> float:
    """Return the girth at which the muscles fit: the root of their volume for the height."""
    muscle = person.volumes_ml["muscle"] / volume_ml("muscle", "M", 30)
    girth = np.sqrt(muscle / (person.height_cm / 176) ** 3) / _sturdiness(person)
    return 0.93 * float(np.clip(girth, 0.75, 1.08))


def _breadths(person: Person, trunk: float, head: float) -> np.ndarray:
    girth = trunk * _sturdiness(person)
    chest, abdomen = _room(person, trunk)
    female = BREADTH_F if person.has_womans_frame else {}
    knots = {z: girth * female.get(z, 1.0) for z in BREADTH_F} | {0: girth, 600: girth}
    knots[1440] *= person.style.shoulders
    for z, factor in ((1060, abdomen), (1200, np.sqrt(abdomen * chest)), (1350, chest)):
        knots[z] *= factor
    return _smooth(knots | {1590: head, 1760: head})


def _depths(person: Person, trunk: float, head: float) -> np.ndarray:
    girth = trunk * _sturdiness(person)
    chest, abdomen = _room(person, trunk)
    deep = girth * person.style.depth * (0.95 if person.has_womans_frame else 1.0)
    knots = {0: girth, 700: girth, 930: deep, 1100: deep * abdomen, 1350: deep * chest}
    return _smooth(knots | {1440: deep, 1520: girth, 1590: head, 1760: head})


def _room(person: Person, trunk: float) -> tuple[float, float]:
    """Return how much broader and deeper the contents make chest and abdomen."""
    frame = trunk**3 * _sturdiness(person) ** 2 * (0.88 if person.has_womans_frame else 1.0)
    volumes = person.volumes_ml
    chest = volumes["lungs"] + volumes["heart_blood"] + volumes["heart_tissue"]
    abdomen = sum(
        volumes[name] * (len(person.kidneys) if name == "kidney" else 1) for name in VISCERA
    )
    ratios = np.array([chest / CHEST_ML, abdomen / ABDOMEN_ML]) / frame
    of_chest, of_abdomen = np.clip(ratios, 0.7, 1.45) ** 0.4
    return float(of_chest), float(of_abdomen)


def _sturdiness(person: Person) -> float:
    """Return how broad the lean body is: a low power of the relative body mass index."""
    usual = value("weight_kg", person.sex, person.age)
    usual *= (person.height_cm / value("height_cm", person.sex, person.age)) ** 2
    young = np.interp(person.age, (5, 15), (1.13, 1))
    return float(np.clip((person.weight_kg / usual) ** 0.14, 0.95, 1.06) * young)


def _kyphosis(person: Person) -> np.ndarray:
    chest = np.exp(-(((TABLE_MM - 1370) / 90) ** 2)) * person.kyphosis_mm
    knees = np.exp(-(((TABLE_MM - 490) / 170) ** 2)) * person.flexion_mm
    return (chest - knees) * person.height_cm / 176


def _scoliosis(person: Person) -> np.ndarray:
    at = np.clip((TABLE_MM - 1030) / 430, 0, 1)
    return (
        person.scoliosis_mm * person.height_cm / 176 * np.sin(2 * np.pi * at) * np.sin(np.pi * at)
    )


def _rigid(frame: Frame) -> Frame:
    """Return the map of the shoulder for all heights."""
    index = int(np.searchsorted(TABLE_MM, SHOULDER))
    slope = (frame.height_mm[index] - frame.height_mm[index - 50]) / 100
    same: dict[str, Any] = {
        name: np.full_like(TABLE_MM, getattr(frame, name)[index])
        for name in ("scale_y", "scale_x", "shift_y", "shift_x")
    }
    rise = frame.height_mm[index] + slope * (TABLE_MM - SHOULDER)
    return replace(frame, height_mm=rise, **same)


def _smooth(knots: dict[int, float]) -> np.ndarray:
    heights = sorted(knots)
    inside = np.clip(TABLE_MM, heights[0], heights[-1])
    return PchipInterpolator(heights, [knots[z] for z in heights])(inside)
