from pathlib import Path

import pandas as pd

from phantomloom.io import artefact, complete, log
from phantomloom.library import page, table

log.to(snakemake.log[0])
cases = [artefact.read(path) for path in snakemake.input]
rows = [case["row"] for case in cases]
frame = pd.DataFrame(rows, columns=table.columns(rows)).convert_dtypes()
with complete(Path(snakemake.output.index)) as partial:
    partial.write_text(page.index_page(cases), encoding="utf-8")
with complete(Path(snakemake.output.csv)) as partial:
    frame.to_csv(partial, index=False)
with complete(Path(snakemake.output.parquet)) as partial:
    frame.to_parquet(partial, index=False)
