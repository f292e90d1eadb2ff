"""The e-commerce world: the table has the columns and gaps that brands report, and the truth is that of its numbers."""

import gzip
import io
import json

import numpy as np
import pandas as pd
import pytest

from bayesmmm import cli
from bayesmmm.errors import SamplingError, SettingError
from bayesmmm.simulate import ecommerce, ecommerce_table, write_ecommerce
from bayesmmm.simulate.brands import FIRST_DAY, LAST_DAY, draw_shops
from bayesmmm.simulate.datasets import FOLDER
from bayesmmm.simulate.ecommerce import OUTCOME, PAID, RATES
from bayesmmm.simulate.ecommerce_table import read_truth

#: As it is shipped.
SMALL = {"seed": 1, "series": 10, "rows": 5000}


@pytest.fixture(scope="module")
def made():
    return ecommerce(**SMALL)


@pytest.fixture(scope="module")
def table(made):
    return ecommerce_table(made)


def test_the_full_world_has_the_size_of_the_public_set():
    shops = draw_shops(123, 132_759, 449, dict.fromkeys(PAID, 0.5), np.random.default_rng(0))
    days = shops.present.sum(axis=1)
    assert days.sum() == 132_759
    assert days.min() >= 449
    for own in shops.present:  # consecutive
        assert own[np.flatnonzero(own)[0] : np.flatnonzero(own)[-1] + 1].all()
    assert shops.present.any(axis=0).all()
    assert [f"{shops.dates[i]:%Y-%m-%d}" for i in (0, -1)] == [FIRST_DAY, LAST_DAY]
    assert (shops.table["brand"].nunique(), shops.table["territory"].nunique()) == (93, 19)
    assert not shops.table.duplicated(["brand", "territory"]).any()
    assert 0 < (~shops.present[:, -1]).sum() < 123  # some end early


def test_the_table_has_50_columns_in_local_money_and_blanks_where_nothing_is_bought(made, table):
    assert table.shape == (5000, 50)
    assert [name for name in table if name.endswith("_SPEND")] == [f"{name.upper()}_SPEND" for name in PAID]
    assert len([name for name in table if name.endswith("_IMPRESSIONS")]) == 9
    assert len([name for name in table if name.endswith("_CLICKS")]) == 15
    series = table.groupby("MMM_TIMESERIES_ID", sort=False)
    for name, bought in zip(PAID, made.shops.buys.T, strict=True):
        for kind in ("SPEND", "CLICKS", "IMPRESSIONS"):
            blank = series[f"{name.upper()}_{kind}"].apply(lambda values: values.isna().all())
            assert blank.tolist() == (~bought).tolist()
    assert set(table["CURRENCY_CODE"]) <= set(RATES)
    assert table["CURRENCY_CODE"].nunique() > 2
    for name in ("FIRST_PURCHASES", "ALL_PURCHASES"):
        assert (table[f"{name}_GROSS_DISCOUNT"] < table[f"{name}_ORIGINAL_PRICE"]).all()
    assert (table["FIRST_PURCHASES"] <= table["ALL_PURCHASES"]).all()


def test_sales_of_the_table_are_those_of_the_world(made, table):
    rate = table["CURRENCY_CODE"].map(RATES)
    own = made.world.data.has_row
    sales = made.world.data.columns[OUTCOME][own]
    np.testing.assert_allclose(table["ALL_PURCHASES_ORIGINAL_PRICE"] * rate, sales, atol=0.01)
    assert (sales > 0).all()
    size = np.nanmean(made.world.data.columns[OUTCOME], axis=1)
    np.testing.assert_allclose(size, made.shops.size, rtol=1e-9)  # the series imply the scales that made them


def test_a_demand_that_nobody_records_drives_spend_and_sales(made):
    """What series have in common on a day, after what each spends by itself is averaged out."""
    world = made.world
    days = made.shops.present.sum(axis=0) >= 8
    for name in ("meta_facebook", "google_shopping"):
        spend = world.data.columns[name][made.shops.buys[:, PAID.index(name)]][:, days]
        share = spend / spend.sum(axis=1, keepdims=True)
        assert np.corrcoef(share.mean(axis=0), made.demand[days])[0, 1] > 0.3


def test_the_shipped_files_are_made_by_the_command(tmp_path, capsys):
    words = ["simulate", "--world", "ecommerce", "--series", "10", "--rows", "5000", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    assert "next: bayesmmm prepare" in capsys.readouterr().out
    unpacked = [gzip.decompress((folder / "ecommerce.csv.gz").read_bytes()) for folder in (tmp_path, FOLDER)]
    one, other = (pd.read_csv(io.BytesIO(text)) for text in unpacked)
    # The same arithmetic on another processor may differ in the last bits, and a count by one.
    for name in other:
        if other[name].dtype.kind == "f":
            np.testing.assert_allclose(one[name], other[name], rtol=1e-9, err_msg=name)
        else:
            assert one[name].equals(other[name]), name
    mine, theirs = (json.loads((folder / "ecommerce.json").read_text()) for folder in (tmp_path, FOLDER))
    assert mine.keys() == theirs.keys()
    assert mine["system"] == theirs["system"]


def test_the_truth_is_read_back(made, tmp_path):
    _, path = write_ecommerce(made, tmp_path, "w")
    truth = read_truth(path)
    whole = made.world.truth
    assert truth["effects"].identical(whole.effects[["spend", "total", "roi"]])
    by_geo = truth["effects_by_geo"]
    np.testing.assert_array_equal(by_geo["total"], whole.effects_by_geo["total"])
    assert "revenue.tau_group" in truth["parameters"]
    assert list(made.world.data.geos) == by_geo["geo"].values.tolist()


def test_a_change_is_that_of_the_days_from_it_on(made):
    spend = made.world.data.columns["meta_facebook"]
    later = made.world.data.dates >= "2023-09-01"
    change = made.change({"meta_facebook": np.where(later, 0.5 * spend, spend)}).sum("geo")
    assert (change.values[~later] == 0.0).all()
    assert change.values[later].sum() < 0.0


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"series": 3}, SettingError, "series=3 must be .* 8"),
        ({"series": 10, "rows": 100}, SettingError, "rows=100 must be .* 4490"),
        ({"seed": -1}, SamplingError, "seed"),
    ],
)
def test_an_impossible_size_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        ecommerce(**given)


def test_sizes_of_another_world_are_refused(tmp_path, capsys):
    for words, said in (
        (
            ["--world", "ecommerce", "--weeks", "60"],
            "--weeks is not a size of ecommerce, which takes --series and --rows",
        ),
        (["--rows", "6000"], "--rows is not a size of social_search, which takes --weeks; leave it out"),
    ):
        assert cli.main(["simulate", *words, "--out", str(tmp_path / "w")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "w").exists()
