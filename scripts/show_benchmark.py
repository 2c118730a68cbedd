import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
from phantomloom import benchmark

(path,) = sys.argv[1:]
print(benchmark.table([benchmark.Row(**row) for row in json.loads(Path(path).read_text())]))
