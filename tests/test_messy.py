"""A messy CSV file: every fault listed at once, mended by one call or one command, with nothing lost."""

import pytest

from bayesmmm import cli, errors, prepare
from bayesmmm.data import MMMData
from tests.messy_csv import WEEKS, write_messy
from tests.raw_exports import save

COLUMNS = {
    **{"tv": "TV spend", "facebook": "Facebook spend", "price": "Price"},
    **{"promotion": "Promotion", "revenue": "Revenue"},
}
ROLES = {
    **{"date": "Week", "outcome": "Revenue", "media": ["TV spend", "Facebook spend"]},
    "controls": ["Price", "Promotion"],
}


def test_every_fault_is_listed_at_once(tmp_path):
    write_messy(tmp_path / "messy.csv")
    found = MMMData.check(tmp_path / "messy.csv", **ROLES)
    kinds = [fault.kind for fault in found]
    assert kinds.count("UnknownColumnError") == 6  # blanks in headers, through which the rest is seen
    assert kinds.count("NotNumericError") == 4
    said = found.table()["what"].str.cat(sep=" ")
    for words in ("'01/01/2024'", "'Total' is not a date", "2024-07-29", "'Yes'", "'TV spend' has 19 missing"):
        assert words in said
    assert all(fault.prepare != "does not mend it" for fault in found)


def test_one_call_gives_the_numbers_behind_it(tmp_path):
    kept = write_messy(tmp_path / "messy.csv")
    found = prepare.tidy(tmp_path / "messy.csv", columns=COLUMNS, missing=0, duplicates="drop")
    assert len(found.frame) == WEEKS
    for name, values in kept.items():
        assert found.frame[name].to_numpy().astype(values.dtype).tolist() == values.tolist()
    log = str(found.log)
    for words in (
        "row 33 like another in every cell, dropped",
        "'Yes' is taken as 1, 'No' is taken as 0",
        "agrees",
    ):
        assert words in log
    assert found.log.balance()["unexplained"].abs().max() < 0.005
    data = MMMData.from_frame(
        found.frame, date="date", outcome="revenue", media=["tv", "facebook"], controls=["price", "promotion"]
    )
    assert data.frequency == "weekly"


def test_one_command_gives_the_same(tmp_path, capsys):
    write_messy(tmp_path / "messy.csv")
    path, out = str(tmp_path / "messy.csv"), tmp_path / "tidy.csv"
    words = ["--columns", *(f"{name}={source}" for name, source in COLUMNS.items())]
    assert cli.main(["prepare", path, *words, "--missing", "0", "--duplicates", "drop", "--out", str(out)]) == 0
    given = prepare.tidy(path, columns=COLUMNS, missing=0, duplicates="drop")
    assert out.read_text() == given.to_csv()
    again = prepare.replay(out.with_suffix(".log.json"), path)
    assert again.to_csv() == given.to_csv()
    capsys.readouterr()


def test_equal_rows_are_added_up_unless_told(tmp_path):
    write_messy(tmp_path / "messy.csv")
    added = prepare.tidy(tmp_path / "messy.csv", columns=COLUMNS, missing=0).frame
    dropped = prepare.tidy(tmp_path / "messy.csv", columns=COLUMNS, missing=0, duplicates="drop").frame
    assert added["revenue"][30] == pytest.approx(2 * dropped["revenue"][30])
    with pytest.raises(errors.ExportSettingError, match="duplicates='all' must be one of add, drop"):
        prepare.tidy(tmp_path / "messy.csv", columns=COLUMNS, duplicates="all")


def test_a_total_may_count_the_rows_that_are_dropped_or_not(tmp_path):
    rows = "Day,Cost\n2026-03-02,1.25\n2026-03-02,1.25\n2026-03-03,2\nTotal,{}\n"
    for total in ("4.50", "3.25"):
        path = save(tmp_path, rows.format(total))
        assert prepare.tidy(path, columns=["Cost"], duplicates="drop").frame["Cost"].tolist() == [1.25, 2.0]
    with pytest.raises(errors.TotalsError, match="a difference of"):
        prepare.tidy(save(tmp_path, rows.format("9.99")), columns=["Cost"], duplicates="drop")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["Yes", "No", "yes"], [1, 0, 1]),
        (["TRUE", "false", "True"], [1, 0, 1]),
        (["Ja", "Nein", "Nein"], [1, 0, 0]),
        (["Oui", "Non", "OUI"], [1, 0, 1]),
        (["Sí", "No", "No"], [1, 0, 0]),
        (["Y", "N", "N"], [1, 0, 0]),
    ],
)
def test_words_of_yes_and_no(cells, values, tmp_path):
    path = save(tmp_path, "Day,Promo\n" + "".join(f"2026-03-0{i},{cell}\n" for i, cell in enumerate(cells, 2)))
    assert prepare.tidy(path, columns=["Promo"]).frame["Promo"].tolist() == values


def test_words_among_numbers_and_other_words_are_none(tmp_path):
    for cells in (["Yes", "3"], ["Yes", "maybe"]):
        path = save(tmp_path, "Day,Promo\n" + "".join(f"2026-03-0{i},{cell}\n" for i, cell in enumerate(cells, 2)))
        with pytest.raises(errors.NotNumericError, match="is not a number"):
            prepare.tidy(path, columns=["Promo"])
    path = save(tmp_path, "Day,Promo,Cost\n2026-03-02,Yes,1\n2026-03-03,No,2\n")
    assert list(prepare.tidy(path).frame) == ["date", "Cost"]  # nobody asked for the words
