"""Data: CSV files, warnings, and data sets of other projects."""

import gzip
import pickle

import numpy as np
import pandas as pd
import pytest

from bayesmmm import errors
from bayesmmm.data import MMMData, data_warnings
from bayesmmm.equations import read_toml
from bayesmmm.simulate.datasets import FOLDER
from tests import panels
from tests.data_tables import PERIODS, ROLES, panel, read, read_text, weekly, with_value

# ---------------------------------------------------------------- files


def test_byte_order_mark_and_windows_line_ends(tmp_path):
    text = weekly().to_csv(index=False, lineterminator="\r\n")
    assert read_text(tmp_path, text, encoding="utf-8-sig") == read(weekly())


def test_other_separators(tmp_path):
    with pytest.raises(
        errors.UnknownColumnError, match=r"separated by ';'.*from_frame\(pd\.read_csv\(path, sep=';'\)"
    ):
        read_text(tmp_path, weekly().to_csv(index=False, sep=";"))
    with pytest.raises(errors.UnknownColumnError, match=r"sep='\\t'"):
        read_text(tmp_path, weekly().to_csv(index=False, sep="\t"))


def test_thousands_separators_in_a_file(tmp_path):
    frame = weekly()
    frame["tv"] = [f"{1000 * v:,.2f}" if v else "0" for v in frame["tv"]]
    with pytest.raises(errors.NotNumericError, match=r"'[\d,.]+' is str, not a number; .*thousands=\",\""):
        read_text(tmp_path, frame.to_csv(index=False))


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_empty_file(tmp_path, text):
    with pytest.raises(errors.TooFewPeriodsError, match="is empty: it has no header and no rows"):
        read_text(tmp_path, text)


def test_header_only_and_two_rows(tmp_path):
    with pytest.raises(errors.TooFewPeriodsError, match="0 rows; give one row per period"):
        read_text(tmp_path, weekly().head(0).to_csv(index=False))
    with pytest.raises(errors.TooFewPeriodsError, match="has 2 period"):
        read_text(tmp_path, weekly(2).to_csv(index=False))


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "#N/A"])
def test_empty_cells_are_missing_values(tmp_path, cell):
    lines = weekly().to_csv(index=False).splitlines()
    cells = lines[4].split(",")
    lines[4] = ",".join([*cells[:2], cell, *cells[3:]])
    with pytest.raises(errors.MissingValueError, match=r"'tv' has 1 missing \(NaN\) value\(s\) at 2023-01-22"):
        read_text(tmp_path, "\n".join(lines))


def test_row_with_too_few_cells(tmp_path):
    lines = weekly().to_csv(index=False).splitlines()
    lines[4] = ",".join(lines[4].split(",")[:-1])
    with pytest.raises(errors.MissingValueError, match="'price' has 1 missing"):
        read_text(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("rows", [[4], range(1, PERIODS + 1)])
def test_rows_with_too_many_cells_never_shift_columns(tmp_path, rows):
    lines = weekly().to_csv(index=False).splitlines()
    for row in rows:
        lines[row] += ",5"
    with pytest.raises(
        errors.DataError, match=r"more cells than its header of 6 .* quote cells that contain a comma"
    ):
        read_text(tmp_path, "\n".join(lines))


def test_column_twice_in_a_file(tmp_path):
    text = weekly().to_csv(index=False).replace("facebook", "tv", 1)
    with pytest.raises(errors.RoleError, match=r"'tv' occurs 2 times in .*rename all but one"):
        read_text(tmp_path, text, media=["tv"])


@pytest.mark.parametrize(
    "raw", [b"PK\x03\x04\x00\xff", "wöche,x\n1,2".encode("latin-1"), "week,tv".encode("utf-16")]
)
def test_files_that_are_not_text_in_utf8(tmp_path, raw):
    path = tmp_path / "table.csv"
    path.write_bytes(raw)
    with pytest.raises(errors.DataError, match=r"not a CSV file in UTF-8.*; save it as 'CSV UTF-8'"):
        MMMData.from_csv(path, **ROLES)


def test_missing_file(tmp_path, monkeypatch):
    path = tmp_path / "nowhere.csv"
    with pytest.raises(errors.MissingFileError, match=r"does not exist; .* correct the path") as caught:
        MMMData.from_csv(path, **ROLES)
    assert repr(str(path)) in str(caught.value)
    assert isinstance(caught.value, errors.DataError)
    assert isinstance(caught.value, FileNotFoundError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    # A cluster sends errors by a reducer of its own, which makes them anew.
    call, arguments, *_ = caught.value.__reduce__()
    assert str(call(*arguments)) == str(caught.value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"looked for in .*correct the path") as caught:
        MMMData.from_csv("nowhere.csv", **ROLES)
    assert repr(str(tmp_path)) in str(caught.value)


# ---------------------------------------------------------------- warnings


def kinds(found):
    return [type(warning) for warning in found]


def test_clean_data_give_no_warnings():
    assert data_warnings(read(weekly())) == []
    assert data_warnings(read(panel(), geo="region")) == []


def test_collinear_channels_are_both_named():
    frame = weekly()
    frame["facebook"] = 3 * frame["tv"] + 1 + np.random.default_rng(1).random(PERIODS)
    (warning,) = data_warnings(read(frame))
    assert isinstance(warning, errors.CollinearityWarning)
    assert "'tv' and 'facebook'" in str(warning)
    assert "add them up to one channel" in str(warning)
    assert data_warnings(read(frame), media=["tv", "google"]) == []


def test_opposed_channels_are_collinear_too():
    frame = weekly()
    frame["facebook"] = frame["tv"].max() - frame["tv"]
    assert kinds(data_warnings(read(frame))) == [errors.CollinearityWarning]


def test_size_of_geos_alone_is_not_collinearity():
    frame = panel()
    size = frame["region"].map({"north": 1.0, "south": 50.0, "west": 2000.0})
    rng = np.random.default_rng(2)
    for name in ("tv", "facebook"):
        frame[name] = size * rng.uniform(80, 120, len(frame))
    data = read(frame, geo="region")
    assert np.corrcoef(data.columns["tv"].ravel(), data.columns["facebook"].ravel())[0, 1] > 0.95
    assert abs(data.correlation().loc["tv", "facebook"]) < 0.3
    assert data_warnings(data) == []


@pytest.mark.parametrize(("sd", "expected"), [(0.04, [errors.LowVariationWarning]), (0.06, [])])
def test_channel_that_hardly_varies(sd, expected):
    steady = 100 * (1 + sd * np.tile([-1.0, 1.0], PERIODS // 2))
    found = data_warnings(read(weekly().assign(tv=steady)))
    assert kinds(found) == expected
    assert all("'tv' hardly varies: its standard deviation is 4.0%" in str(w) for w in found)


def test_constant_channel_is_reported_without_dividing_by_zero():
    assert kinds(data_warnings(read(weekly().assign(tv=5.0)))) == [errors.LowVariationWarning]


@pytest.mark.parametrize("column", ["revenue", "tv"])
def test_outlier_names_column_and_date(column):
    (warning,) = data_warnings(read(with_value(column, 1e6)))
    assert isinstance(warning, errors.OutlierWarning)
    assert f"'{column}' has 1 value(s)" in str(warning)
    assert "2023-01-22" in str(warning)
    assert "check them" in str(warning)
    # An input has no likelihood of its own to choose.
    assert ("use likelihood='student_t' in its equation" in str(warning)) == (column == "revenue")


def test_outlier_of_a_panel_names_the_geo_and_zeros_are_not_outliers():
    (warning,) = data_warnings(read(with_value("tv", 1e6, row=PERIODS + 3, frame=panel()), geo="region"))
    assert "in geo 'south'" in str(warning)
    on_off = np.where(np.arange(PERIODS) % 3 == 0, 0.0, 100 + np.arange(PERIODS) % 2)
    assert data_warnings(read(weekly().assign(tv=on_off))) == []


def test_warnings_of_an_unknown_channel():
    with pytest.raises(errors.UnknownColumnError, match="did you mean 'facebook'"):
        data_warnings(read(weekly()), media=["facebok"])


# ---------------------------------------------------------------- files of other projects


def test_social_search(external_data):
    data = MMMData.from_csv(
        external_data("social_search_weekly.csv"),
        date="week",
        outcome="revenue",
        media=["facebook_spend", "tiktok_spend", "instagram_spend", "snapchat_spend"],
        mediators={"google_spend": "money"},
        controls=["average_price", "promotions"],
    )
    assert (len(data.dates), data.frequency, data.geos) == (104, "weekly", ("national",))
    assert np.mean(data.columns["google_spend"] == 0) == pytest.approx(0.57, abs=0.005)
    assert (data.columns["revenue"].min(), round(data.columns["revenue"].max())) == (1, 398454)
    assert errors.OutlierWarning in kinds(data_warnings(data))


def test_mmm_example_needs_its_date_format(external_data):
    roles = {"date": "date_week", "outcome": "y", "media": ["x1", "x2"], "controls": ["event_1", "event_2"]}
    with pytest.raises(errors.DateError, match=r"'4/2/2018' .* pass date_format=.%m/%d/%Y"):
        MMMData.from_csv(external_data("mmm_example.csv"), **roles)
    data = MMMData.from_csv(external_data("mmm_example.csv"), date_format="%m/%d/%Y", **roles)
    assert (len(data.dates), data.frequency, data.dates[0]) == (179, "weekly", pd.Timestamp("2018-04-02"))


CHANNELS = [f"Channel{i}_spend" for i in range(4)]
CONTROLS = ["competitor_activity_score_control", "sentiment_score_control"]


def test_geo_media_is_a_panel(external_data):
    path = external_data("geo_media.csv")
    data = MMMData.from_csv(path, date="time", geo="geo", outcome="conversions", media=CHANNELS, controls=CONTROLS)
    assert data.columns["Channel2_spend"].shape == (20, 156)
    raw = pd.read_csv(path, dtype=str)
    own = raw[raw["geo"] == data.geos[7]]
    np.testing.assert_array_equal(data.columns["Channel2_spend"][7], own["Channel2_spend"].map(float))
    assert (
        read(
            data.to_frame(),
            date="date",
            geo="geo",
            outcome="conversions",
            media=CHANNELS,
            mediators=None,
            controls=CONTROLS,
        )
        == data
    )


def test_national_media(external_data):
    data = MMMData.from_csv(
        external_data("national_media.csv"), date="time", outcome="conversions", media=CHANNELS, controls=CONTROLS
    )
    assert (data.columns["conversions"].shape, data.frequency) == ((1, 156), "weekly")


def test_dt_simulated(external_data):
    data = MMMData.from_csv(
        external_data("dt_simulated_weekly.csv"),
        date="date",
        outcome="revenue",
        media=["tv_s", "ooh_s", "print_s", "facebook_s", "search_s"],
        controls=["competitor_sales_b", "newsletter", "event1"],
    )
    assert (len(data.dates), data.frequency) == (208, "weekly")
    assert data.between("2016-01-04", "2018-12-31").dates[0] == pd.Timestamp("2016-01-04")


def test_a_file_that_gzip_packed_is_read_and_a_damaged_one_refused(tmp_path):
    raw = (FOLDER / "regions.csv").read_bytes()
    columns = read_toml(FOLDER / "regions.toml")[1]
    path = tmp_path / "regions.csv.gz"
    path.write_bytes(gzip.compress(raw))
    assert MMMData.from_file(path, **columns) == MMMData.from_csv(path, **columns)
    assert MMMData.from_csv(path, **columns) == MMMData.from_csv(FOLDER / "regions.csv", **columns)
    path.write_bytes(gzip.compress(raw)[:-400])
    with pytest.raises(errors.FileFormatError, match=r"cannot be unpacked .* download it again"):
        MMMData.from_csv(path, **columns)


def test_a_panel_gets_one_warning_of_outliers_for_a_column():
    data = panels.data()
    sales = data.columns["sales"].copy()
    sales[1, 5], sales[3, [6, 7]] = 1e4, 2e4
    found = [
        w for w in data_warnings(data.replace_columns({"sales": sales})) if isinstance(w, errors.OutlierWarning)
    ]
    (text,) = [str(warning) for warning in found if "'sales'" in str(warning)]
    assert "has 2 value(s)" in text
    assert "in geo 'west'" in text
    assert "and 1 in 1 other(s) of 5 geos" in text
