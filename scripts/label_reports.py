"""Label new reports by a released model: RELEASE REPORTS.csv OUT.csv --text COLUMN."""

import sys
from argparse import ArgumentParser
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
from phantomloom.io import complete
from phantomloom.privacy import models, released
from phantomloom.privacy.data.tables import table
from phantomloom.privacy.sources import folder

parser = ArgumentParser(description="Label new reports by a released model.")
parser.add_argument("release", type=Path, help="folder of the release")
parser.add_argument("reports", type=Path, help="CSV table of reports")
parser.add_argument(
    "out", type=Path, help="CSV table to write: theirs, and the probability of each label"
)
parser.add_argument("--text", nargs="+", required=True, help="columns with the text, in order")
parser.add_argument("--weights", type=Path, help="folder of the language model, if not MiniLM")
asked = parser.parse_args()
terms = released.terms(asked.release)
rows = table(asked.reports, asked.text)
names = [f"{name} probability" for name in terms.label_names]  # a table may hold labels already
given = pd.read_csv(asked.reports, dtype=str, keep_default_na=False)
if both := sorted(set(names) & set(given)):
    sys.exit(f"{asked.reports} has a column {both[0]!r} already; rename it")
source = folder(terms.network, {terms.network: asked.weights} if asked.weights else {})
model = released.read(asked.release, *models.load(source))
texts = ["\n\n".join(filter(None, row)) for row in rows.itertuples(index=False, name=None)]
found = pd.DataFrame(released.probabilities(model, texts), columns=names)
with complete(asked.out) as partial:
    pd.concat([given, found], axis=1).to_csv(partial, index=False)
