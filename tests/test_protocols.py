import copy
from pathlib import Path

import numpy as np
import pytest
import xraydb
import yaml
from hypothesis import given
from hypothesis import strategies as st

from phantomloom.protocols import ELEMENTS, impossible
from phantomloom.simulation import reconstruction
from phantomloom.simulation.geometry import Scanner, fan_angles

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
(SHIPPED,) = CONFIG["simulate"]["protocols"].values()


def told(spacing_mm="native", **changes):
    """What is told of the shipped protocol with other values in some of its sections."""
    protocol = copy.deepcopy(SHIPPED)
    for section, values in changes.items():
        protocol[section] |= values
    return [str(fault) for fault in impossible({"mine": protocol}, spacing_mm)]


def test_nothing_is_told_of_the_shipped_protocol():
    assert told() == []


def test_the_elements_are_those_of_the_attenuation_tables():
    assert {xraydb.atomic_symbol(z) for z in range(1, 93)} == ELEMENTS


@pytest.mark.parametrize("symbol", ["Xx", "Steel", "al"])
def test_a_filter_that_is_no_element_is_told(symbol):
    (fault,) = told(tube={"filtration_mm": {"Al": 2.5, symbol: 1}})
    assert fault.startswith(f"simulate.protocols.mine.tube.filtration_mm.{symbol}: '{symbol}'; ")


NUMBERS = st.sampled_from(["", "2", "12", "0.8", ".2", "1e-3", "2.", "1.e-3"])
ATOMS = st.tuples(st.sampled_from(["Gd", "O", "S", "Cs", "I", "Tl"]), NUMBERS).map("".join)


def groups(inside):
    its = st.lists(inside, min_size=1, max_size=3).map("".join)
    return st.tuples(its, NUMBERS).map("({0[0]}){0[1]}".format)


FORMULAS = st.lists(st.recursive(ATOMS, groups, max_leaves=6), min_size=1).map("".join)


@given(FORMULAS)
def test_a_formula_is_none_that_is_told(formula):
    assert xraydb.chemparse(formula) and told(detector={"scintillator": formula}) == []


@given(FORMULAS, st.text("GdOxe-2.() \n", min_size=1, max_size=2), st.integers(0, 12))
def test_what_the_attenuation_tables_cannot_read_is_told(formula, typo, place):
    formula = formula[:place] + typo + formula[place:]
    try:
        known = bool(xraydb.chemparse(formula))
    except ValueError:
        known = False
    assert known or told(detector={"scintillator": formula})


@pytest.mark.parametrize(
    "formula",
    [
        *("", "gd2o2s", "Gd2O2Q", "Gd2O2S!", "GOS", "2", "(2)Gd", "(Gd)o", "(Gd)2.5.3", "(Gd)\n"),
        *("Gd2)O2S(", ")Gd2O2S(", "(Gd2)O2)S(", "(Gd2O2S", "Gd2O2S)", "()", "Gd2()O2S"),
    ],
)
def test_a_scintillator_that_is_no_formula_is_told(formula):
    (fault,) = told(detector={"scintillator": formula})
    assert f"detector.scintillator: {formula!r}; allowed: elements with their" in fault


@pytest.mark.parametrize(("slice_mm", "told_of"), [("phantom", 0), (10, 0), (10.5, 1)])
def test_slices_too_thick_for_the_cone_are_told(slice_mm, told_of):
    thin = {"rows": 2, "collimation_mm": 10}  # a row is as thick as a slice can be
    assert told(scanner=thin, reconstruction={"slice_mm": 5}) == []
    faults = told(reconstruction={"slice_mm": slice_mm})
    assert len(faults) == told_of
    assert all("slice_mm: 10.5; allowed: up to 10, a quarter of" in fault for fault in faults)


@pytest.mark.parametrize(("spacing_mm", "most"), [(12, 10), (10, None), (3, 2.5), ("native", None)])
def test_phantoms_too_coarse_for_the_cone_are_told(spacing_mm, most):
    thin = {"rows": 4, "collimation_mm": 10} if most == 2.5 else {}
    faults = told(spacing_mm, scanner=thin)
    assert len(faults) == bool(most)
    for fault in faults:
        came = f"slice_mm: phantom, and ingest.spacing_mm is {spacing_mm}; allowed: up to {most}, a"
        assert came in fault
    assert told(spacing_mm, scanner=thin, reconstruction={"slice_mm": 2.5}) == []


@pytest.mark.parametrize(("column_mm", "possible"), [(0.99, True), (1.0, True), (1.01, False)])
def test_a_cutoff_is_told_exactly_when_the_kernel_cannot_be_made(column_mm, possible):
    scanner = Scanner(**SHIPPED["scanner"])._replace(column_mm=column_mm)
    sharp = SHIPPED["reconstruction"]["kernels"]["sharp"]
    if possible:
        assert told(scanner={"column_mm": column_mm}) == []
        assert np.isfinite(reconstruction.kernel(scanner, **sharp)).all()
    else:
        (fault,) = told(scanner={"column_mm": column_mm})
        assert "kernels.sharp.cutoff_lp_per_cm: 5; allowed: up to 4.95" in fault
        with pytest.raises(ValueError, match=r"at most 4\.95"):
            reconstruction.kernel(scanner, **sharp)


def test_a_detector_inside_the_scan_field_is_told():
    radius_mm = Scanner(**SHIPPED["scanner"])._replace(column_offset=0.0).field_radius_mm
    assert told(scanner={"source_to_detector_mm": 570 + radius_mm + 1}) == []
    (fault,) = told(scanner={"source_to_detector_mm": 807})
    assert "scanner.source_to_detector_mm: 807 puts the detector into the scan field; all" in fault
    assert f"allowed: over {570 + radius_mm:.0f}" in fault


def test_a_fan_that_goes_round_the_tube_is_told():
    wide = {"columns": 1800}
    angles = fan_angles(Scanner(**SHIPPED["scanner"] | wide))
    assert np.ptp(angles) > np.pi
    (fault,) = told(scanner=wide)
    assert "scanner.columns: 1800 columns of 1 mm are a fan of 181 degrees; allowed" in fault
