from phantomloom.io import tsv


def test_rows_go_by_column_and_lines_that_begin_with_a_hash_are_comments(tmp_path):
    table = tmp_path / "table.tsv"
    table.write_text("# why\nname\tcolour\n# of whom\nliver\t#ff0000\nspleen\t\n")
    assert tsv.rows(table) == [
        {"name": "liver", "colour": "#ff0000"},
        {"name": "spleen", "colour": ""},
    ]
