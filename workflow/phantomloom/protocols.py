"""What of a CT protocol cannot be, told before anything runs.

The schema bounds each value by itself; here stand the bounds that values set to each other.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from phantomloom.validation import Fault

SYMBOLS = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
    Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho
    Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U
"""
ELEMENTS = frozenset(SYMBOLS.split())  # 1 to 92, whose attenuation is tabulated

NUMBER = r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
ATOMS = rf"(?:(?:{'|'.join(SYMBOLS.split())}){NUMBER}?)+"
GROUP = re.compile(rf"\({ATOMS}\){NUMBER}?(?=[A-Z()]|\Z)")  # an innermost one


def impossible(protocols: Mapping[str, Any], spacing_mm: float | str) -> Iterator[Fault]:
    """Yield what cannot be in ``protocols``, by name, each of which obeys the schema alone.

    ``spacing_mm`` is that of every phantom, or "native" where each has its scan's own.
    """
    for name, its in protocols.items():
        for keys, message in (*_matter(its), *_geometry(its["scanner"]), *_images(its, spacing_mm)):
            yield Fault(("simulate", "protocols", name, *keys), message)


def thickest_slice_mm(collimation_mm: float, rows: int) -> float:
    """Return how thick slices may be before the cone's ends cut many of them.

    Of 10 mm slices of a 10 mm cone a sheet was seen with 90 to 150 % of its weight; of a quarter
    of the cone with 97 to 102 %.
    """
    return max(collimation_mm / 4, collimation_mm / rows)


Told = Iterator[tuple[tuple[str, ...], str]]


def _matter(protocol: Mapping[str, Any]) -> Told:
    for symbol in protocol["tube"]["filtration_mm"]:
        if symbol not in ELEMENTS:
            told = f"{symbol!r}; allowed: the symbol of an element, as Al or Ti"
            yield ("tube", "filtration_mm", symbol), told
    formula = protocol["detector"]["scintillator"]
    if not _is_formula(formula):
        told = f"{formula!r}; allowed: elements with their numbers, as Gd2O2S or CsI"
        yield ("detector", "scintillator"), told


def _is_formula(text: str) -> bool:
    while (simpler := GROUP.sub("H", text)) != text:  # a group counts as an atom
        text = simpler
    return re.fullmatch(ATOMS, text) is not None


def _geometry(scanner: Mapping[str, Any]) -> Told:
    isocentre_mm, detector_mm = scanner["source_to_isocentre_mm"], scanner["source_to_detector_mm"]
    half_fan = scanner["columns"] * scanner["column_mm"] / isocentre_mm / 2  # radians
    if half_fan >= math.pi / 2:
        told = (
            f"{scanner['columns']} columns of {scanner['column_mm']:g} mm are a fan of "
            f"{math.degrees(2 * half_fan):.0f} degrees; allowed: below 180, take fewer or narrower"
        )
        yield ("scanner", "columns"), told
        return
    field_mm = isocentre_mm * math.sin(half_fan)
    if detector_mm <= isocentre_mm + field_mm:
        told = (
            f"{detector_mm:g} puts the detector into the scan field; allowed: over "
            f"{isocentre_mm + field_mm:.0f}, which is source_to_isocentre_mm and the field's radius"
        )
        yield ("scanner", "source_to_detector_mm"), told


def _images(protocol: Mapping[str, Any], spacing_mm: float | str) -> Told:
    wanted = protocol["reconstruction"]["slice_mm"]
    slice_mm = spacing_mm if wanted == "phantom" else wanted
    most = thickest_slice_mm(protocol["scanner"]["collimation_mm"], protocol["scanner"]["rows"])
    if not isinstance(slice_mm, str) and slice_mm > most:
        came = "phantom, and ingest.spacing_mm is " if wanted == "phantom" else ""
        told = (
            f"{came}{slice_mm:g}; allowed: up to {most:g}, a quarter of scanner.collimation_mm or "
            "a row: thicker slices would show what lies beside them"
        )
        yield ("reconstruction", "slice_mm"), told
    column_mm = protocol["scanner"]["column_mm"]
    limit = 5 / column_mm  # Nyquist: a line pair has at least two cells
    for name, kernel in protocol["reconstruction"]["kernels"].items():
        if kernel["cutoff_lp_per_cm"] > limit:
            told = (
                f"{kernel['cutoff_lp_per_cm']:g}; allowed: up to {limit:.3g}, "
                f"as much as cells of column_mm {column_mm:g} carry"
            )
            yield ("reconstruction", "kernels", name, "cutoff_lp_per_cm"), told
