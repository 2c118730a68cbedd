from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from phantomloom.qc import NOT_JUDGED, Person
from phantomloom.qc import population as population_module
from phantomloom.qc.clustering import check
from phantomloom.qc.mixture import Mixture, fit, residuals, squared_distances
from phantomloom.qc.population import of_cases, published

LIMITS = {"clusters": 2, "warn_tail": 1e-2, "fail_tail": 1e-4}
POPULATION = published(1000, seed=1)
OTHERS = published(40, seed=2)


def table(row, **changes):
    logs = row.drop("sex").dropna().astype(float)
    frame = pd.DataFrame({"volume_ml": np.exp(logs), "touches_border": ""})
    for name, factor in changes.items():
        frame.loc[name, "volume_ml"] *= factor
    return frame.rename_axis("name").reset_index()


def found_in(people, **changes):
    """Return the findings in each of ``people``, whose structures are scaled by ``changes``."""
    return [
        check(table(row, **changes), Person(row.sex, 50), POPULATION, **LIMITS)
        for _, row in people.iterrows()
    ]


def test_few_healthy_people_are_found():
    findings = found_in(OTHERS)
    assert sum(map(bool, findings)) <= 4  # 2 x 1 % expected of 40, and a finite population
    assert sum(f.severity == "fail" for found in findings for f in found) <= 1


def test_an_adrenal_of_a_tenth_is_found_in_all_and_named():
    findings = found_in(OTHERS[:10], adrenal_gland_left=0.1)
    assert [found[0].structure for found in findings] == ["adrenal_gland_left"] * 10


def test_a_kidney_merged_with_the_spleen_is_found_in_most():
    people = [row for _, row in OTHERS[:20].iterrows()]
    hits = 0
    for row in people:
        merged = table(row).set_index("name")
        merged.loc["kidney_left", "volume_ml"] += merged.volume_ml["spleen"]
        merged = merged.drop("spleen").reset_index()
        hits += bool(check(merged, Person(row.sex), POPULATION, **LIMITS))
    assert hits >= 12


def test_structures_cut_by_the_field_of_view_do_not_count():
    cut = table(OTHERS.iloc[0], adrenal_gland_left=0.01)
    cut.loc[cut.name == "adrenal_gland_left", "touches_border"] = "superior"
    assert check(cut, Person("M"), POPULATION, **LIMITS) == []


def test_too_few_structures_are_not_judged():
    few = table(OTHERS.iloc[0], liver=0.01)
    (told,) = check(few[few.name.isin(["liver", "spleen"])], Person(), POPULATION, **LIMITS)
    assert (told.severity, told.seen) == (NOT_JUDGED, "2")


@pytest.mark.parametrize("men", [0, 1, 2, 49])
def test_a_sex_of_which_the_population_has_too_few_is_not_judged(men):
    women = POPULATION[POPULATION.sex == "F"]
    few = pd.concat([women, POPULATION[POPULATION.sex == "M"][:men]])
    odd = table(OTHERS[OTHERS.sex == "M"].iloc[0], liver=0.01)
    (told,) = check(odd, Person("M", 50), few, **LIMITS)
    assert (told.severity, told.seen) == (NOT_JUDGED, str(men))
    odd = table(OTHERS[OTHERS.sex == "F"].iloc[0], liver=0.01)
    assert check(odd, Person("F", 50), few, **LIMITS)[0].structure == "liver"


def test_who_is_of_unrecorded_sex_is_a_peer_of_all():
    crowd = POPULATION.assign(sex=np.nan)
    for sex in ("M", "F", None):
        healthy, odd = (table(OTHERS.iloc[0], liver=factor) for factor in (1, 0.01))
        assert check(healthy, Person(sex, 50), crowd, **LIMITS) == []
        assert check(odd, Person(sex, 50), crowd, **LIMITS)[0].severity == "fail"


def test_a_structure_that_few_peers_hold_does_not_count():
    man = POPULATION[POPULATION.sex == "M"].iloc[[0]].assign(sex=np.nan)
    crowd = pd.concat([POPULATION, man])  # one prostate among the women's peers
    odd = table(OTHERS[OTHERS.sex == "F"].iloc[0], liver=0.01)
    assert check(odd, Person("F", 50), crowd, **LIMITS)[0].structure == "liver"


def test_a_sex_of_which_no_structure_is_held_often_enough_is_not_judged():
    """Half of all hold each structure, but only 49 of the men: their scans show other parts."""
    crowd = POPULATION.copy()
    crowd.loc[crowd[crowd.sex == "M"].index[49:], crowd.columns.drop("sex")] = np.nan
    man = OTHERS[OTHERS.sex == "M"].iloc[0]
    (told,) = check(table(man, liver=0.01), Person("M", 50), crowd, **LIMITS)
    assert (told.severity, told.seen) == (NOT_JUDGED, "0")


def test_a_population_too_small_for_its_clusters_is_one_cluster_and_still_finds():
    few = POPULATION[POPULATION.sex == "M"][:50]
    odd = table(OTHERS[OTHERS.sex == "M"].iloc[0], liver=0.01)
    assert check(odd, Person("M", 50), few, **LIMITS)[0].structure == "liver"


def test_a_table_without_sexes_is_no_population(tmp_path):
    (tmp_path / "mine.tsv").write_text("person\tliver\n0\t7.4\n")
    with pytest.raises(ValueError, match=r"qc.reference: .*mine.tsv has no column 'sex'"):
        population_module.read(tmp_path / "mine.tsv")


def test_children_are_not_judged():
    (told,) = check(table(OTHERS.iloc[0], liver=0.01), Person("M", 9), POPULATION, **LIMITS)
    assert (told.severity, told.seen) == (NOT_JUDGED, "9 years")


def test_the_fit_finds_two_groups_that_were_drawn():
    random = np.random.default_rng(0)
    low, high = random.normal(-4, 1, (100, 3)), random.normal(4, 0.5, (300, 3))
    mixture = fit(np.concatenate([high, low]), clusters=2)
    order = mixture.means[:, 0].argsort()
    assert mixture.weights[order] == pytest.approx([0.25, 0.75], abs=0.01)
    assert mixture.means[order] == pytest.approx(
        np.stack([low.mean(axis=0), high.mean(axis=0)]), abs=1e-6
    )


def test_values_missing_at_random_hardly_move_the_fit():
    random = np.random.default_rng(0)
    covariance = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.1], [0.2, 0.1, 1.0]]
    values = random.multivariate_normal([0, 1, 2], covariance, 4000)
    values[random.random(values.shape) < 0.2] = np.nan
    mixture = fit(values, clusters=1)
    assert mixture.means[0] == pytest.approx([0, 1, 2], abs=0.08)
    assert mixture.covariances[0] == pytest.approx(np.array(covariance), abs=0.08)


def test_distances_are_those_of_the_normal_density():
    random = np.random.default_rng(0)
    spread = random.normal(size=(4, 4))
    covariance = spread @ spread.T + np.eye(4)
    mean, value = random.normal(size=4), random.normal(size=4)
    mixture = Mixture(np.ones(1), mean[None], covariance[None])
    normal = multivariate_normal(mean, covariance)
    expected = 2 * (normal.logpdf(mean) - normal.logpdf(value))
    assert squared_distances(value, mixture)[0] == pytest.approx(expected)


def test_a_residual_is_the_distance_from_the_regression_on_the_others():
    covariance = np.array([[4.0, 1.2], [1.2, 1.0]])
    mixture = Mixture(np.ones(1), np.zeros((1, 2)), covariance[None])
    first = residuals(np.array([3.0, 1.0]), mixture, 0)[0]
    assert first == pytest.approx((3.0 - 1.2) / np.sqrt(4.0 - 1.2**2))


def test_the_published_population_has_the_published_means_and_spreads():
    people = published(4000, seed=3)
    men = np.exp(people[people.sex == "M"].drop(columns="sex"))
    assert men.liver.mean() == pytest.approx(1710, rel=0.03)
    assert men.liver.std() / men.liver.mean() == pytest.approx(0.25, rel=0.1)
    assert people[people.sex == "F"].prostate.isna().all()
    logs = people[people.sex == "M"]
    assert logs.kidney_left.corr(logs.kidney_right) == pytest.approx(0.85, abs=0.03)
    assert logs.liver.corr(logs.spleen) == pytest.approx(0.25, abs=0.06)


def test_the_shipped_population_is_what_the_code_makes():
    shipped = pd.read_csv(
        Path(population_module.__file__).with_name("population-1.tsv"), sep="\t", index_col="person"
    )
    pd.testing.assert_frame_equal(shipped, POPULATION)


def test_a_population_of_cases_holds_what_they_hold_wholly():
    persons = POPULATION[:60]
    cases = {f"case{n}": (row.sex, table(row)) for n, row in persons.iterrows()}
    for _, held in cases.values():  # what nothing is published of
        held.loc[len(held)] = {"name": "aorta", "volume_ml": 250.0, "touches_border": ""}
    people = of_cases(cases)
    assert people.liver.to_numpy() == pytest.approx(persons.liver.to_numpy(), abs=1e-3)
    assert people.columns.drop("sex").isin(POPULATION.columns).all()
    with pytest.raises(ValueError, match="50 adults"):
        of_cases(dict(list(cases.items())[:10]))
