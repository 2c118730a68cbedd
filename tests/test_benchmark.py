import pandas as pd
import pytest

from phantomloom.benchmark import Row, of_rules, table

TARGETS = {"seconds": 10, "memory_mb": 1000, "against": "the issue"}


@pytest.mark.parametrize(
    ("value", "target", "better", "short"),
    [
        (9, 10, "higher", True),
        (10, 10, "higher", False),
        (11, 10, "lower", True),
        (10, 10, "lower", False),
        (99, None, "lower", False),
    ],
)
def test_a_figure_falls_short_only_on_the_wrong_side_of_its_target(value, target, better, short):
    row = Row("figure", value, "s", target, better, "")
    assert row.falls_short is short
    assert ("SHORT" in table([row])) is short


def test_a_run_is_bounded_by_its_jobs_in_turn_and_its_largest_jobs_together():
    jobs = pd.DataFrame(
        {
            "rule": ["ingest", "ingest", "simulate"],
            "seconds": [1.0, 2.0, 4.0],
            "memory_mb": [100.0, 300.0, 800.0],
        }
    )
    rows = {row.figure: row for row in of_rules(jobs, cores=2, targets=TARGETS)}
    assert rows["all jobs in turn"].value == 7
    assert not rows["all jobs in turn"].falls_short
    assert rows["2 largest jobs"].value == 1100
    assert rows["2 largest jobs"].falls_short
    assert rows["ingest, 2 jobs: time"].value == 3
    assert rows["ingest, 2 jobs: memory"].value == 300
    assert list(rows)[2] == "simulate, 1 job: time"  # the slowest rule first


def test_columns_of_the_table_stand_under_their_headings():
    rows = [Row("a long figure", 1.5, "s", 2, "lower", "x"), Row("b", 10, "MB", 20, "higher", "y")]
    heading, *lines = table(rows).splitlines()
    assert [line[heading.index("unit") :].split()[0] for line in lines] == ["s", "MB"]
    assert [line[heading.index("target") :].split("  ")[0] for line in lines] == ["<= 2", ">= 20"]
