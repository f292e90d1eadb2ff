"""Raw exports of panels: several keys, late starts and early ends, channels that never run, a currency per series."""

import itertools

import pandas as pd
import pytest

from bayesmmm import cli, errors, prepare
from bayesmmm.data import MMMData
from tests.raw_exports import save

SERIES = [("acme", "north"), ("acme", "south"), ("zeta", "north")]


def lines(name, first="2026-03-02", days=70, *, value=2.0, series=SERIES):
    """Rows of day, brand, territory and a number with cents that differs from row to row."""
    dates = pd.date_range(first, periods=days)
    rows = [
        f"{day:%Y-%m-%d},{brand},{land},{value + (i * 7 + s * 3) % 11 + 0.25:.2f}"
        for i, day in enumerate(dates)
        for s, (brand, land) in enumerate(series)
    ]
    return [f"Day,Brand,Territory,{name}", *rows]


def export(folder, name, rows):
    return save(folder, "\n".join(rows) + "\n", f"{name}.csv")


def balanced(found):
    assert found.log.balance()["unexplained"].abs().max() < 0.005
    return found.frame


def test_several_keys_stay_columns_of_their_own(tmp_path):
    path = export(tmp_path, "tv", lines("Spend"))
    given = {"columns": {"tv": "Spend"}, "geo": ["Brand", "Territory"], "week_start": "monday"}
    frame = balanced(prepare.tidy(path, **given))
    assert list(frame) == ["date", "Brand", "Territory", "tv"]
    assert len(frame) == 10 * len(SERIES)
    raw = pd.read_csv(path, parse_dates=["Day"])
    for (brand, land), own in frame.groupby(["Brand", "Territory"]):
        mine = raw[(raw["Brand"] == brand) & (raw["Territory"] == land)]
        assert own["tv"].tolist() == pytest.approx(
            mine.resample("W-SUN", on="Day")["Spend"].sum().tolist(), abs=1e-9
        )
    named = prepare.tidy(path, **{**given, "geo": {"brand": "Brand", "land": "Territory"}}).frame
    assert list(named) == ["date", "brand", "land", "tv"]


def test_the_command_takes_several_keys_and_does_it_again(tmp_path, capsys):
    path, out = export(tmp_path, "tv", lines("Spend")), tmp_path / "tidy.csv"
    words = ["prepare", str(path), "--columns", "tv=Spend", "--geo", "brand=Brand", "land=Territory"]
    assert cli.main([*words, "--week-start", "monday", "--out", str(out)]) == 0
    wanted = prepare.tidy(
        path, columns={"tv": "Spend"}, geo={"brand": "Brand", "land": "Territory"}, week_start="monday"
    )
    assert out.read_text() == wanted.to_csv()
    assert prepare.replay(out.with_suffix(".log.json"), path).to_csv() == wanted.to_csv()
    assert "unexplained" in capsys.readouterr().out


def test_the_result_is_read_as_a_panel_with_its_keys(tmp_path):
    files = [export(tmp_path, "tv", lines("Spend")), export(tmp_path, "shop", lines("Sales", value=90.0))]
    found = prepare.tidy(
        files,
        columns={"tv": "Spend", "sales": "Sales"},
        geo={"brand": "Brand", "land": "Territory"},
        week_start="monday",
    )
    data = MMMData.from_frame(balanced(found), date="date", outcome="sales", media=["tv"], geo=["brand", "land"])
    assert data.geos == ("acme / north", "acme / south", "zeta / north")


def test_late_starts_and_early_ends(tmp_path):
    rows = [
        line
        for line in lines("Spend", days=84)
        if not (",zeta," in line and line < "2026-03-18") and not (",south," in line and line > "2026-04-27")
    ]
    path = export(tmp_path, "tv", rows)
    given = {"columns": {"tv": "Spend"}, "geo": ["Brand", "Territory"], "week_start": "monday"}
    with pytest.raises(errors.AbsentDaysError, match=r"'acme / south' on 28 of 84 days.*fill=True.*ragged=True"):
        prepare.tidy(path, **given)
    found = prepare.tidy(path, ragged=True, **given)
    own = balanced(found).groupby("Brand")["date"].min()
    assert f"{own['zeta']:%Y-%m-%d}" == "2026-03-23"  # the week of the first day, a Wednesday, is not whole
    assert any("2026-03-16: 5 of 7 days" in detail for detail in found.log["weeks"][0].details)
    south = found.frame[found.frame["Territory"] == "south"]
    assert f"{south['date'].max():%Y-%m-%d}" == "2026-04-20"
    kept = balanced(prepare.tidy(path, ragged=True, partial="keep", **given))
    assert kept["tv"].sum() == pytest.approx(pd.read_csv(path)["Spend"].sum())
    frame = found.frame.assign(sales=found.frame["tv"] * 3)
    keys = ["Brand", "Territory"]
    data = MMMData.from_frame(frame, date="date", outcome="sales", media=["tv"], geo=keys, missing="ignore")
    assert data.present.sum(axis=1).tolist() == [12, 8, 9]


def test_days_without_a_row_inside_a_ragged_series_are_still_asked_about(tmp_path):
    rows = [
        line for line in lines("Spend") if not (",zeta," in line and ("2026-04-02" in line or line < "2026-03-16"))
    ]
    path = export(tmp_path, "tv", rows)
    given = {"columns": {"tv": "Spend"}, "geo": ["Brand", "Territory"], "week_start": "monday", "ragged": True}
    with pytest.raises(errors.AbsentDaysError, match="'zeta / north' on 1 between its first and its last"):
        prepare.tidy(path, **given)
    frame = balanced(prepare.tidy(path, fill=True, **given))
    assert frame["tv"].sum() == pytest.approx(pd.read_csv(path)["Spend"].sum())
    assert f"{frame[frame['Brand'] == 'zeta']['date'].min():%Y-%m-%d}" == "2026-03-16"


def test_a_channel_that_never_runs_in_a_series(tmp_path):
    files = [
        export(tmp_path, "shop", lines("Sales", value=90.0)),
        export(tmp_path, "radio", lines("Cost", series=SERIES[:2])),
    ]
    given = {
        **{"columns": {"sales": "Sales", "radio": "Cost"}, "geo": ["Brand", "Territory"]},
        "week_start": "monday",
    }
    with pytest.raises(
        errors.AbsentDaysError, match=r"radio\.csv' has no rows .*'zeta / north' never, .*fill=\['radio'\]"
    ):
        prepare.tidy(files, **given)
    for fill in (True, ["radio"]):
        found = prepare.tidy(files, fill=fill, **given)
        frame = balanced(found)
        assert (frame[frame["Brand"] == "zeta"]["radio"] == 0.0).all()
        assert frame["sales"].notna().all()
        assert any("counted as zero in 'radio'" in step.text for step in found.log["fill"])
    data = MMMData.from_frame(frame, date="date", outcome="sales", media=["radio"], geo=["Brand", "Territory"])
    assert data.bought(["radio"])[:, 0].tolist() == [True, True, False]


RATES = [(("acme", "north"), 1.0), (("acme", "south"), 0.092), (("zeta", "north"), 1.17)]


def test_a_currency_for_each_series_by_a_table_of_rates(tmp_path):
    path = export(tmp_path, "tv", lines("Spend"))
    rates = pd.DataFrame([{"Brand": b, "Territory": t, "rate": rate} for (b, t), rate in RATES])
    given = {"columns": {"tv": "Spend"}, "geo": ["Brand", "Territory"], "currency": "EUR"}
    found = prepare.tidy(path, rates=rates, **given)
    raw = pd.read_csv(path)
    frame = balanced(found)
    for (brand, land), rate in RATES:
        own = frame[(frame["Brand"] == brand) & (frame["Territory"] == land)]["tv"]
        mine = raw[(raw["Brand"] == brand) & (raw["Territory"] == land)]["Spend"]
        assert own.tolist() == pytest.approx((mine * rate).round(2).tolist(), abs=0.0051)
    rates.to_csv(tmp_path / "rates.csv", index=False)
    assert prepare.tidy(path, rates=tmp_path / "rates.csv", **given).to_csv() == found.to_csv()
    told = {f"Brand={b}, Territory={t}": rate for (b, t), rate in RATES}
    assert prepare.tidy(path, rates=told, **given).to_csv() == found.to_csv()
    by_land = prepare.tidy(path, rates={"Territory=north": 1.0, "Territory=south": 0.5}, **given)
    assert balanced(by_land)["tv"].sum() < raw["Spend"].sum()
    found.log.to_json(tmp_path / "log.json")
    assert prepare.replay(tmp_path / "log.json", path).to_csv() == found.to_csv()


def test_series_without_a_rate_and_rates_of_no_key(tmp_path):
    path = export(tmp_path, "tv", lines("Spend"))
    given = {"columns": {"tv": "Spend"}, "geo": ["Brand", "Territory"], "currency": "EUR"}
    with pytest.raises(errors.RatesError, match="do not say their currency"):
        prepare.tidy(path, rates={"Territory=north": 1.1}, **given)
    with pytest.raises(errors.ExportSettingError, match=r"rates by 'territory' \(did you mean 'Territory'\?\)"):
        prepare.tidy(path, rates={"territory=north": 1.1}, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"geo": []}, "geo= names no column"),
        ({"geo": {"tv": "Brand"}}, "geo= calls a key 'tv', as another column is called"),
        ({"ragged": True}, "ragged=True is about series of several regions"),
        ({"geo": ["Brand", "Nowhere"]}, "has no column 'Nowhere'"),
        ({"geo": ["Brand", "Day"]}, "names the column of the days"),
    ],
)
def test_keys_that_cannot_be(given, said, tmp_path):
    with pytest.raises(errors.DataError, match=said):
        prepare.tidy(export(tmp_path, "tv", lines("Spend")), columns={"tv": "Spend"}, **given)


def test_pieces_of_a_panel_and_imports_are_compared_by_their_keys(tmp_path):
    pieces = [
        export(tmp_path, "a", lines("Spend", days=7)),
        export(tmp_path, "b", lines("Spend", "2026-03-09", days=7)),
    ]
    given = {"columns": {"tv": "Spend"}, "geo": ["Brand", "Territory"]}
    stacked = prepare.tidy(pieces, stack=True, **given)
    assert len(balanced(stacked)) == 14 * len(SERIES)
    later = prepare.tidy(pieces[1], **given)
    assert len(prepare.compare(stacked, later).days) > 0
    assert len(set(itertools.product(stacked.frame["Brand"], stacked.frame["Territory"]))) == 4


def test_outliers_are_those_of_their_series(tmp_path):
    rows = lines("Spend", series=SERIES[:1]) + [
        line.replace("acme,north", "zeta,north").rsplit(",", 1)[0] + f",{900.0 + i % 9:.2f}"
        for i, line in enumerate(lines("Spend", series=SERIES[:1])[1:])
    ]
    rows[10] = rows[10].rsplit(",", 1)[0] + ",800.00"
    path = export(tmp_path, "tv", rows)
    found = prepare.tidy(path, columns={"tv": "Spend"}, geo=["Brand", "Territory"])
    assert found.outliers[["series", "column", "value"]].to_numpy().tolist() == [["acme / north", "tv", 800.0]]


def test_a_log_names_the_first_outliers_and_counts_the_rest(tmp_path):
    rows = lines("Spend", days=400, series=SERIES[:1])
    for i in range(10, 390, 12):
        rows[i] = rows[i].rsplit(",", 1)[0] + ",900.00"
    found = prepare.tidy(export(tmp_path, "tv", rows), columns={"tv": "Spend"}, geo=["Brand", "Territory"])
    assert len(found.outliers) == 32
    assert found.log["outliers"][0].details[-1] == "and 12 more, which are in .outliers"
    assert "and 12 more, which are in .outliers" in str(found).split("flagged and not changed")[1]
