import numpy as np
import pytest

from phantomloom.segmentation import evaluation


def scores(**dice):
    return {
        name: {"dice": value, "surface_dice": value, "probability": value}
        for name, value in dice.items()
    }


def test_the_target_of_dice_is_the_best_of_what_was_hoped_for_and_what_others_reach():
    ours, rival = scores(liver=0.86, spleen=0.5, aorta=0.9), scores(liver=0.8, spleen=0.7)
    hoped = {"liver": 0.85, "spleen": None, "aorta": None, "colon": 0.9}
    rows = evaluation.beside("a -> b", ours, {"registration": rival}, hoped)
    dice = {
        row.figure.split(", ")[1].split(":")[0]: row for row in rows if row.figure.endswith("Dice")
    }
    assert dice["liver"].target == 0.85
    assert dice["liver"].against == "expected 0.85, registration 0.80"
    assert dice["spleen"].target == 0.7 and dice["spleen"].falls_short
    assert dice["aorta"].target is None
    assert "colon" not in dice


def people(seed=0):
    """Twelve people whose networks are the surer the better they are, but for noise."""
    random = np.random.default_rng(seed)
    cases = {}
    for number in range(12):
        cases[str(number)] = {}
        for name in ("liver", "spleen", "colon"):
            dice = float(random.uniform(0.4, 1))
            sure = float(np.clip(dice + random.normal(0, 0.1), 0, 1))
            cases[str(number)][name] = {
                **{"dice": dice, "surface_dice": dice},
                **{"probability": sure, "boundary_entropy_bits": 1 - sure},
            }
    return cases


def test_confidence_is_judged_as_scikit_learn_does():
    metrics = pytest.importorskip("sklearn.metrics")
    cases = people()
    rows = {row.figure: row.value for row in evaluation.of_confidence("net", cases)}
    flat = [its for case in cases.values() for its in case.values()]
    area = metrics.roc_auc_score(
        [its["dice"] < 0.7 for its in flat], [-its["probability"] for its in flat]
    )
    assert rows["net, probability: AUROC for Dice < 0.7"] == pytest.approx(area)
    assert rows["net, boundary_entropy_bits: AUROC for Dice < 0.7"] == pytest.approx(area)
    assert rows["net, probability: Spearman with Dice"] > 0.7


def test_a_structure_that_a_network_is_always_as_sure_of_has_no_correlation():
    cases = people()
    told = {row.figure: row for row in evaluation.of_confidence("net", cases)}
    for its in cases.values():
        its["liver"]["probability"] = 0.9
    rows = {row.figure: row for row in evaluation.of_confidence("net", cases)}
    of_probability = rows["net, probability: Spearman with Dice"]
    assert of_probability.against == "median over 2 structures" and of_probability.value > 0.7
    of_entropy = "net, boundary_entropy_bits: Spearman with Dice"
    assert rows[of_entropy] == told[of_entropy]


def test_what_too_few_people_tell_has_no_row():
    good = scores(liver=0.9, spleen=0.8)
    for its in good.values():
        its["boundary_entropy_bits"] = 0.1
    assert evaluation.of_confidence("net", {"1": good}) == []


def test_a_model_is_judged_by_all_its_structures_that_people_have():
    cases = {"1": scores(liver=0.8, spleen=0.0), "2": scores(liver=0.6)}
    mean, found = evaluation.of_people("net", cases, {"abdomen": ("liver", "spleen", "colon")})
    assert mean.value == pytest.approx((0.7 + 0) / 2)
    assert found.value == 0.5


def test_training_is_judged_by_the_lines_that_tell_time():
    lines = [
        {"step": 20, "loss": 1.0, "seconds_per_step": 0.5, "waiting_share": 0.05},
        {"step": 20, "dice": 0.1},
        {"step": 40, "loss": 1.0, "seconds_per_step": 0.3, "waiting_share": 0.25},
    ]
    speed, waiting = evaluation.of_training("people", lines)
    assert speed.value == pytest.approx(2.5)
    assert waiting.value == pytest.approx(0.15) and waiting.falls_short
