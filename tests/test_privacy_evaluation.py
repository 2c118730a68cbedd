import copy

import pytest

from phantomloom import validation
from phantomloom.privacy import evaluation


def values(f1):
    return {"mean": f1, "sd": None, "by_seed": [f1]}


def metrics(f1):
    return {name: values(f1) for name in ("weighted_f1", "macro_f1", "micro_f1", "auc")}


def level(name, epsilon, f1, gain):
    ends = None if gain is None else dict(zip(("difference", "low", "high"), gain, strict=True))
    same = None if gain is None else gain[1] <= 0 <= gain[2]
    return {
        **{"level": name, "epsilon": epsilon, "metrics": metrics(f1), "gain": ends},
        **{"indistinguishable": same, "over_baselines": []},
    }


SWEEP = {
    **{
        "dataset": "made",
        "model": "minilm",
        "unit": "report",
        "delta": 1e-4,
        "seeds": [1],
        "draws": 9,
        "test_to_train": 0.5,
    },
    **{"margin": 0.05, "pairs": [], "notes": [], "conclusion": "So it is."},
    "levels": [
        level("public", 0, 0.80, None),
        level("0.01", 0.01, 0.801, (0.001, -0.002, 0.003)),
        level("10", 10, 0.90, (0.1, 0.08, 0.12)),
        level("lora", None, 0.92, (0.12, 0.1, 0.14)),
    ],
    "baselines": [
        {"name": "rules", "metrics": metrics(0.85)},
        {"name": "bag_of_words", "metrics": metrics(0.7)},
    ],
    "inversions": {"observed": [["public", "0.01"]], "significant": []},
    "trend": {
        **{"levels": ["public", "0.01", "10"], "l": 14.0, "p": 0.004, "method": "exact"},
        **{"smallest_p": 0.001, "reason": None},
    },
    "non_inferiority": [
        {"level": "0.01", "difference": -0.119, "low": -0.14, "holds": False},
        {"level": "10", "difference": -0.02, "low": -0.04, "holds": True},
    ],
}


def rows(**changes):
    found = evaluation.of_statistics(SWEEP | changes)
    assert len({row.figure for row in found}) == len(found)
    return {
        row.figure.removeprefix("made, minilm, ").removeprefix("made, minilm: "): row
        for row in found
    }


def test_the_entries_are_as_the_schema_wants_them():
    assert not validation.faults([SWEEP], validation.schema("privacy_statistics"))
    assert not validation.faults(AUDIT, validation.schema("audit"))


def test_a_sweep_that_shows_all_it_must_falls_short_of_nothing():
    assert not [row for row in rows().values() if row.falls_short]


def test_a_level_stands_beside_the_rules_and_the_words_counted():
    best, least = rows()["epsilon 10: weighted F1"], rows()["epsilon 0.01: weighted F1"]
    assert (best.value, best.target, best.better) == (0.9, 0.85, "higher")
    assert best.against == "rules 0.850, bag_of_words 0.700"
    assert least.target is None
    gain = rows()["epsilon 10: gain over epsilon 0"]
    assert (gain.value, gain.against) == (0.1, "95 % interval +0.080 to +0.120")
    assert "public: gain over epsilon 0" not in rows()


@pytest.mark.parametrize(
    ("figure", "key", "value"),
    [
        ("neighbours turned round", "inversions", {"observed": [], "significant": [["1", "10"]]}),
        ("Page's trend test", "trend", SWEEP["trend"] | {"p": 0.02}),
        (
            "epsilon 10 less LoRA without privacy, lower end",
            "non_inferiority",
            [{"level": "10", "difference": -0.04, "low": -0.06, "holds": False}],
        ),
        (
            "epsilon 0.01 not to be told from the public model",
            "levels",
            [SWEEP["levels"][0], level("0.01", 0.01, 0.8, (0.01, 0.001, 0.02))],
        ),
        ("epsilon 10: weighted F1", "levels", [level("10", 10, 0.84, (0.04, 0.03, 0.05))]),
    ],
)
def test_each_failure_falls_short_in_its_own_row(figure, key, value):
    short = [name for name, row in rows(**{key: value}).items() if row.falls_short]
    assert short == [figure]


def test_a_baseline_stands_there_to_be_beaten_and_has_no_targets():
    found = evaluation.of_statistics(SWEEP | {"model": "bag_of_words"})
    assert found and not [row for row in found if row.target is not None]


def test_without_a_trend_test_there_is_no_row_of_it():
    assert "Page's trend test" not in rows(trend=SWEEP["trend"] | {"p": None})


def test_budgets_close_by_have_rows_of_their_own():
    close = [level(name, float(name), 0.9, (0.1, 0.08, 0.12)) for name in ("1.000001", "1.0000012")]
    assert {f"epsilon {its['level']}: weighted F1" for its in close} <= rows(levels=close).keys()


def test_shuffled_labels_must_not_gain():
    levels = [*SWEEP["levels"][:2], level("10", 10, 0.7, (-0.1, -0.2, -0.05))]
    (fine,) = evaluation.of_shuffled(SWEEP | {"levels": levels})
    assert fine.value == -0.002
    assert fine.against == "at epsilon 0.01; 95 % interval -0.002 to +0.003"
    assert not fine.falls_short
    (gained,) = evaluation.of_shuffled(SWEEP)
    assert gained.falls_short
    assert gained.against.startswith("at lora")


def attack(epsilon):
    told = {"canaries": 1000, "guesses": 400, "correct": 300, "epsilon": epsilon}
    return {"gradient": told, "loss": told, "membership": {"auc": 0.5, "p": 0.9}}


AUDIT = {
    **{"dataset": "made", "model": "minilm", "level": "1", "epsilon": 1.0, "delta": 1e-5},
    **{"units": 5000, "noise_multiplier": 3.0, "confidence": 0.99375},
    **{"private": attack(0.4), "control": attack(2.5)},
}


def test_an_audit_that_finds_what_it_must_falls_short_of_nothing():
    found = evaluation.of_audit(AUDIT)
    assert not [row for row in found if row.falls_short]
    assert [row.target for row in found] == [1.0, 2.0, 1.0, None, None, None]
    told = "300 of 400 guesses right, 1000 canaries, confidence 0.9938"
    assert found[0].against == told


def test_a_bound_above_epsilon_and_a_twin_that_does_not_leak_fall_short():
    broken = copy.deepcopy(AUDIT) | {"private": attack(1.1), "control": attack(1.9)}
    short = [row.figure for row in evaluation.of_audit(broken) if row.falls_short]
    title = "audit of made, minilm, epsilon 1"
    assert short == [
        f"{title}: lower bound by gradient",
        f"{title}: without noise, lower bound by gradient",
        f"{title}: lower bound by loss",
    ]
