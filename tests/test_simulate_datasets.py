"""The shipped data sets and the files of a world: made by the code, read back exactly, refused when they disagree."""

import json
import re
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from bayesmmm import simulate
from bayesmmm.cli.commands import CASES as CLI_CASES
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, read_toml
from bayesmmm.errors import DataError, SettingError
from bayesmmm.simulate import (
    ecommerce,
    read_world,
    regions,
    shop,
    simulate_world,
    social_search,
    tv,
    write_world,
    youtube,
)
from bayesmmm.simulate import files as world_files
from bayesmmm.simulate.datasets import CASES, FOLDER, RAW, load_case
from bayesmmm.simulate.ecommerce import RATES
from bayesmmm.simulate.ecommerce_table import read_truth

# Name of the case and of its files, but for the one that is shipped as a raw table -> the code that makes the world.
SHIPPED = {"social_search": social_search, "youtube": youtube, "shop": shop, "tv": tv, "regions": regions}
shipped = pytest.mark.parametrize("name", SHIPPED)
# The same arithmetic on another processor may differ in the last bits.
SAME = 1e-12


def assert_same_world(one, other, rtol=0.0):
    assert one.system == other.system
    assert one.seed == other.seed
    assert one.data.dates.equals(other.data.dates)
    assert list(one.data.columns) == list(other.data.columns)
    for name, values in one.data.columns.items():
        np.testing.assert_allclose(values, other.data.columns[name], rtol=rtol, err_msg=name)
    for name, par in one.parameters.items():
        for key, value in par.items():
            assert value.shape == other.parameters[name][key].shape
            # Those of a panel are worked out, those of a national world are written down.
            within = rtol if len(one.data.geos) > 1 else 0.0
            np.testing.assert_allclose(value, other.parameters[name][key], rtol=within, err_msg=f"{name} {key}")
    for field in fields(one.truth):
        mine, theirs = getattr(one.truth, field.name), getattr(other.truth, field.name)
        assert (mine is None) == (theirs is None)
        if mine is None:
            continue
        assert dict(mine.sizes) == dict(theirs.sizes)
        for name in mine.variables:
            a, b = mine[name].values, theirs[name].values
            if a.dtype.kind == "f":
                # Effects are sums of differences, so that rounding is relative to the largest number.
                np.testing.assert_allclose(
                    a, b, rtol=rtol, atol=rtol * np.nan_to_num(np.abs(b)).max(initial=0.0) * 100, err_msg=name
                )
            else:
                np.testing.assert_array_equal(a, b)


def assert_identical(one, other):
    for field in fields(other):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        assert mine.identical(theirs) if theirs is not None else mine is None


def test_every_case_is_tested_and_offered_by_the_command_line():
    assert [*SHIPPED, RAW] == list(CASES) == list(CLI_CASES)
    assert all(getattr(simulate, name) is make for name, make in SHIPPED.items())


def test_the_case_that_is_shipped_as_a_raw_table_is_the_world_behind_it():
    world = load_case(RAW)
    truth = read_truth(FOLDER / f"{RAW}.json")
    np.testing.assert_allclose(world.truth.effects["roi"], truth["effects"]["roi"], rtol=1e-9)
    table = pd.read_csv(FOLDER / f"{RAW}.csv.gz")
    assert world.data.has_row.sum() == len(table)
    sales = table["ALL_PURCHASES_ORIGINAL_PRICE"] * table["CURRENCY_CODE"].map(RATES)
    np.testing.assert_allclose(world.data.columns["revenue"][world.data.has_row], sales, atol=0.01)
    assert_same_world(world, ecommerce(seed=1, series=10, rows=5000).world)


def test_a_case_that_is_not_there_is_refused():
    with pytest.raises(
        SettingError, match=r"no case 'region' \(did you mean 'regions'\?\)\. Choose one of: social_search"
    ):
        load_case("region")
    with pytest.raises(SettingError, match=r"there is no case 3\. Choose one of: "):
        load_case(3)


@shipped
def test_the_shipped_world_is_made_by_the_code(name):
    assert_same_world(load_case(name), SHIPPED[name](seed=1), rtol=SAME)


@shipped
def test_writing_the_shipped_world_gives_the_shipped_files(name, tmp_path):
    for path in write_world(load_case(name), tmp_path, name):
        assert path.read_bytes() == (FOLDER / path.name).read_bytes()


@shipped
def test_the_shipped_specification_reads_the_shipped_table(name):
    system, columns = read_toml(FOLDER / f"{name}.toml")
    world = load_case(name)
    assert system == world.system
    assert MMMData.from_csv(FOLDER / f"{name}.csv", **columns) == world.data


def test_the_truth_is_on_the_scales_of_the_data_and_has_the_names_of_a_posterior():
    world = load_case("social_search")
    true = world.truth.parameters
    size = {
        name: float(world.scales.size[name][0] / world.data.scales().size[name][0])
        for name in ("google", "revenue")
    }
    for name in ("google", "revenue"):
        assert true[f"{name}.contribution"].dims == (f"{name}.media",)
        assert true[f"{name}.coefficient"][f"{name}.term"].values.tolist() == list(
            world.system.equation(name).terms()
        )
        np.testing.assert_allclose(true[f"{name}.sigma"], world.parameters[name]["sigma"][0] * size[name])


@shipped
def test_the_page_about_the_data_names_every_column_and_file(name):
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    section = next(part for part in page.split("\n## ") if part.startswith(name))
    header = (FOLDER / f"{name}.csv").read_text(encoding="utf-8").split("\n", 1)[0]
    named = set(re.findall(r"`([^`]+)`", section))
    assert set(header.split(",")) <= named
    assert {path.name for path in FOLDER.glob(f"{name}.*")} <= named


def test_what_is_said_of_the_year_of_signups():
    world = load_case("youtube")
    data, signups = world.data, world.data.columns["signups"][0]
    assert data.outcome_unit == "sign-ups"
    assert (signups == signups.round()).all()
    assert 0.005 < (signups == 0).mean() < 0.1
    weekend = data.dates.day_of_week >= 5
    assert signups[weekend].mean() < 0.7 * signups[~weekend].mean()
    # The residual is what a count has beyond its mean: about as wide as that of a Poisson count.
    parts = world.truth.components["signups"]
    left = parts.sel({"signups.component": "residual"}).values
    mean = signups - left
    assert (mean > 0).all()
    assert abs(left.mean()) < 3 * left.std() / np.sqrt(len(left))
    assert np.mean(left**2 / (mean + mean**2 / 25)) == pytest.approx(1.0, abs=0.25)
    assert float(world.truth.parameters["signups.sigma"]) * signups.mean() == pytest.approx(
        np.sqrt(np.mean(left**2))
    )


def test_what_is_said_of_television_and_print():
    world = load_case("tv")
    half_life = world.truth.parameters["sales.half_life"].values
    np.testing.assert_allclose(0.5 ** (7.0 / half_life), [0.6, 0.2, 0.8, 0.5])
    parts = world.truth.components["sales"]
    assert {"christmas", "economy", "trend"} <= set(parts["sales.component"].values)
    # The share of days before Christmas, by hand: 27 November 2022 is a Sunday, so that four whole weeks count.
    christmas = world.data.to_frame().set_index("date")["christmas"]
    assert christmas["2022-11-20":"2022-12-25"].tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]


@pytest.fixture
def small():
    """One equation without mediator, under a log link: the smallest world there is."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"month": pd.date_range("2020-01-01", periods=40, freq="MS")})
    frame["signups"] = np.linspace(50.0, 70.0, 40)
    frame["tv"] = rng.gamma(2.0, 1.0 / 3.0, 40)
    data = MMMData.from_frame(frame, date="month", outcome="signups", media=["tv"], outcome_unit="sign-ups")
    return simulate_world(MMM([Equation("signups", media=["tv"], likelihood="lognormal")]), data, seed=5)


def test_a_world_comes_back_exactly(small, tmp_path):
    paths = write_world(small, tmp_path / "new" / "folder", "small")
    assert [path.name for path in paths] == ["small.csv", "small.json", "small.toml"]
    back = read_world(tmp_path / "new" / "folder", "small")
    assert_same_world(small, back)
    assert back.data == small.data
    assert back.scales == small.scales
    assert_identical(back.truth, small.truth)


@pytest.mark.parametrize("make", [social_search, youtube, shop, tv, regions])
def test_a_mediated_world_comes_back_exactly(make, tmp_path):
    world = make(seed=7, weeks=60)
    write_world(world, tmp_path, "w")
    back = read_world(tmp_path, "w")
    assert_same_world(world, back)
    assert back.data == world.data
    assert_identical(back.truth, world.truth)


def test_reading_computes_nothing(small, tmp_path, monkeypatch):
    write_world(small, tmp_path, "small")

    def refuse(*args, **kwargs):
        raise AssertionError("computed")

    monkeypatch.setattr("bayesmmm.engine.run", refuse)
    monkeypatch.setattr("bayesmmm.kernels.media_response", refuse)
    assert read_world(tmp_path, "small").data == small.data


def test_a_truth_of_another_table_is_refused(small, tmp_path):
    table = write_world(small, tmp_path, "small")[0]
    lines = table.read_text(encoding="utf-8").split("\n")
    date, _, tv = lines[7].split(",")
    lines[7] = f"{date},61.5,{tv}"
    table.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"parts of 'signups' do not add up to its column\. Write the world again"):
        read_world(tmp_path, "small")


def test_a_record_that_cannot_be_read_is_refused(small, tmp_path):
    record = write_world(small, tmp_path, "small")[1]
    text = record.read_text(encoding="utf-8")
    for broken in (text[:500], "[1, 2]", json.dumps({"format": world_files.FORMAT})):
        record.write_text(broken, encoding="utf-8")
        with pytest.raises(DataError, match="cut short or not the record of a world"):
            read_world(tmp_path, "small")
    for step, remedy in ((1, "Upgrade bayesmmm"), (-1, "Write the world again")):
        record.write_text(json.dumps(json.loads(text) | {"format": world_files.FORMAT + step}), encoding="utf-8")
        with pytest.raises(DataError, match=remedy):
            read_world(tmp_path, "small")
    record.unlink()
    with pytest.raises(DataError, match=r"small\.json does not exist\. Give folder and name"):
        read_world(tmp_path, "small")


def test_a_failed_write_leaves_the_files_as_they_were(small, tmp_path, monkeypatch):
    paths = write_world(small, tmp_path, "small")
    before = [path.read_bytes() for path in paths]

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(world_files.os, "replace", full)
    with pytest.raises(DataError, match="Give a folder with space and write permission"):
        write_world(social_search(seed=2, weeks=60), tmp_path, "small")
    assert [path.read_bytes() for path in paths] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)


def test_a_name_with_a_slash_is_refused(small, tmp_path):
    with pytest.raises(DataError, match="a name without slashes"):
        write_world(small, tmp_path, "nowhere/small")
