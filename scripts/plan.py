"""Print the jobs of a dry run, read from stdin, counted by rule and by Snakemake's first reason."""

import re
import sys
from collections import Counter

JOB = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):\n(?:    .*\n)*?    reason: (.*)", re.M)


def main() -> None:
    dry_run = sys.stdin.read()
    # "Missing output files: a, b; Params have ...": after the colon stands what differs by job
    jobs = Counter((rule, re.split("[:;]", reason)[0]) for rule, reason in JOB.findall(dry_run))
    if not jobs:
        print("Nothing to be done." if "Nothing to be done" in dry_run else dry_run)
        return
    width = max(len(rule) for rule, _ in jobs)
    for (rule, reason), count in jobs.items():  # in the order of the stages
        print(f"{rule:{width}}  {count:6}  {reason}")
    print(f"{'all':{width}}  {jobs.total():6}  at most: equal results spare what depends on them")


if __name__ == "__main__":
    main()
