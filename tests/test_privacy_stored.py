from phantomloom.privacy.data import stored, synthetic
from phantomloom.privacy.reports import Dataset, Report


def test_what_is_stored_comes_back(tmp_path):
    made = synthetic.read(30)
    uncertain = Report("r", "p", "Effusion?", (1, 0, -1, None, *([0] * 10)))
    dataset = Dataset("mine", made.label_names, (*made.reports, uncertain))
    stored.frame(dataset).to_parquet(tmp_path / "reports.parquet", index=False)
    rows = stored.pd.read_parquet(tmp_path / "reports.parquet")
    assert stored.dataset("mine", rows) == dataset
