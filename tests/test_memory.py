"""The peak memory of a process is what it took, beside what it had."""

import subprocess
import sys

from house import ROOT

SCRIPT = """
import sys
sys.path.insert(0, "workflow")
from phantomloom.memory import peaks_mb
before, after = peaks_mb(lambda: bytearray(b"1") * 400_000_000)
print(before, after)
"""


def test_a_process_that_takes_400_mb_peaks_that_much_higher():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, check=True)
    before, after = map(float, done.stdout.split())
    assert 0 < before < 300
    assert 399 < after - before < 410
