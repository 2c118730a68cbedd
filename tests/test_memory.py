"""What a process takes and keeps of memory, seen from outside."""

import platform
import subprocess
import sys

import pytest
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


KEPT = """
import resource
import sys
sys.path.insert(0, "workflow")
from phantomloom.memory import keep_freed

def resident_mb():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * resource.getpagesize() / 1e6

if sys.argv[1] == "kept":
    keep_freed()
blocks = [bytearray(b"1") * 50_000_000 for _ in range(4)]
before = resident_mb()
del blocks
print(before - resident_mb())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
@pytest.mark.parametrize(("how", "freed_mb"), [("kept", 0), ("as usual", 200)])
def test_freed_memory_stays_with_a_process_that_keeps_it(how, freed_mb):
    command = [sys.executable, "-c", KEPT, how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert float(done.stdout) == pytest.approx(freed_mb, abs=5)
