"""Saved fits: damaged, changed, forged or contradictory files are refused, and nothing but a file is replaced."""

import dataclasses
import io
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesmmm import results
from bayesmmm.equations import parse_toml, read_toml
from bayesmmm.errors import FitFileError, SpecError
from bayesmmm.results import fit_file
from tests.made import case_fit


@pytest.fixture(scope="module")
def fit():
    made = case_fit("one mediator", draws=20, verdict=None)
    assert made.convergence.verdict == "failed"  # these few draws, judged honestly
    return made


@pytest.fixture(scope="module")
def file(fit, tmp_path_factory):
    return fit.save(tmp_path_factory.mktemp("fit") / "fit.nc")


@pytest.fixture
def saved(file, tmp_path):
    return Path(shutil.copy(file, tmp_path))


def rewritten(path, change):
    """Change the content of a file as somebody would who knows how to seal it anew."""
    content = path.read_bytes()
    memory = io.BytesIO(content[: content.rindex(b"\nbayesmmm:saved:")])
    with h5py.File(memory, "r+") as file:
        change(file)
    path.write_bytes(fit_file.sealed(memory.getvalue(), "0" * 12))
    return path


def with_attribute(name, change):
    def edit(file):
        attrs = file["bayesmmm"].attrs
        attrs[name] = json.dumps(change(json.loads(attrs[name])))

    return edit


def refused(path):
    with pytest.raises(FitFileError) as caught:
        results.load(path)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------------- checksum
def test_a_flipped_bit_is_refused_wherever_it_is(saved):
    content = bytearray(saved.read_bytes())
    rng = np.random.default_rng(1)
    for place in [*rng.integers(0, len(content), 60), 0, len(content) - 1]:
        bit = 1 << int(rng.integers(8))
        content[place] ^= bit
        saved.write_bytes(content)
        assert str(saved) in refused(saved)
        content[place] ^= bit
    saved.write_bytes(content)
    results.load(saved)


def test_a_file_that_was_edited_is_refused(saved):
    with h5py.File(saved, "r+") as file:
        file["bayesmmm"]["column_1"][0, 3] *= 2.0
    assert "fit.save" in refused(saved) or "changed after it was saved" in refused(saved)


def test_a_file_that_was_rewritten_is_refused(fit, saved):
    with xr.open_datatree(saved, engine="h5netcdf") as opened:
        tree = opened.load()
    tree.to_netcdf(saved, engine="h5netcdf")
    assert "Give a file that fit.save(...) wrote" in refused(saved)


def test_bytes_lost_or_added_are_refused(saved):
    content = saved.read_bytes()
    for wrong in (content[:-1], content + b"\n", content[1:], content[: len(content) // 2] + content[-100:], b""):
        saved.write_bytes(wrong)
        refused(saved)


# --------------------------------------------------------------------------------------- what a file holds contradicts
def _scaled(kind, name):
    def change(scales):
        value = scales[kind][name]
        scales[kind][name] = [10 * v for v in value] if isinstance(value, list) else 10 * value
        return scales

    return change


def _swapped(names):
    names[1], names[2] = names[2], names[1]
    return names


def _reversed_labels(file):
    labels = file["posterior"]["sales.media"]
    labels[...] = labels[...][::-1]


def _negative(file):
    file["posterior"]["sales.sigma"][0, 0] *= -1.0


def _nan(file):
    file["posterior"]["sales.coefficient"][0, 0, 0] = np.nan


def _other_system(file):
    text = file["bayesmmm"].attrs["system"]
    assert text.count('"social"') == 2
    file["bayesmmm"].attrs["system"] = text.replace('"social"', '"radio"')


def _spend(file):
    file["bayesmmm"]["column_2"][0, 3] += 100.0


def _dates(file):
    file["log_likelihood"]["date"][...] += 7


CONTRADICTIONS = {
    "scale of the outcome": (with_attribute("scales", _scaled("size", "sales")), "its size of 'sales'"),
    "scale of spend": (with_attribute("scales", _scaled("spend", "tv")), "its spend of 'tv'"),
    "spread": (with_attribute("scales", _scaled("spread", "price")), "its spread of 'price'"),
    "two names swapped": (with_attribute("columns", _swapped), "its (?:size|spend|center) of"),
    "labels reversed": (_reversed_labels, "are labelled"),
    "draws outside their support": (_negative, "'sales.sigma' hold values outside"),
    "no number": (_nan, "'sales.coefficient' hold values outside"),
    "another system": (_other_system, "radio"),
    "spend": (_spend, "its spend of|is not what it is"),
    "dates": (_dates, "other dates"),
    "verdict": (
        with_attribute("convergence", lambda known: known | {"draws": 10**6}),
        "a verdict on 1000000 draws",
    ),
    "table of the verdict": (
        with_attribute("mixing", lambda known: known | {"index": known["index"][::-1]}),
        "a table of other parameters",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_parts_that_do_not_belong_together_are_refused(name, fit, saved):
    change, words = CONTRADICTIONS[name]
    message = refused(rewritten(saved, change))
    assert pd.Series([message]).str.contains(words).all(), message
    assert "Save the fit again from where it was made, or fit again." in " ".join(message.split())


def test_observed_and_constant_data_are_those_of_the_data(fit, saved):
    def change(file):
        file["constant_data"]["tv"][3] += 1.0

    assert "'tv' in constant_data is not what it is in the data" in refused(rewritten(saved, change))


def test_a_fit_whose_scales_were_changed_by_hand_is_refused(fit, tmp_path):
    sizes = {name: 10 * value for name, value in fit.scales.size.items()}
    odd = dataclasses.replace(fit, scales=dataclasses.replace(fit.scales, size=sizes))
    assert "its size of" in refused(odd.save(tmp_path / "odd.nc"))
    stated = dataclasses.replace(odd, settings={**odd.settings, "scales": results.GIVEN_SCALES})
    assert results.load(stated.save(tmp_path / "given.nc")).scales == odd.scales


# ----------------------------------------------------------------------------------------------- attributes of any kind
ATTRIBUTES = ("format", "columns", "roles", "system", "scales", "settings", "versions", "convergence")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A saved fit of one channel, with draws alone: files of few variables are written and read quickly."""
    made = case_fit("one term", draws=20, verdict=None)
    groups = {name: made.tree[name] for name in ("posterior", "sample_stats")}
    alone = dataclasses.replace(made, tree=xr.DataTree.from_dict(groups))
    assert alone.convergence.verdict == "failed"  # worked out, and so kept in the file
    return alone.save(tmp_path_factory.mktemp("small") / "fit.nc")


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_that_is_missing_or_something_else_is_refused_in_words(name, small, tmp_path):
    content, saved = small.read_bytes(), tmp_path / "fit.nc"
    results.load(small)

    def missing(file):
        del file["bayesmmm"].attrs[name]

    def replaced(value):
        def change(file):
            file["bayesmmm"].attrs[name] = value

        return change

    for change in (missing, *map(replaced, ["{", "[]", "null", '{"a": 1}', 7.5])):
        saved.write_bytes(content)
        message = refused(rewritten(saved, change))
        assert message.startswith(f"{saved} ")


@pytest.mark.parametrize("group", ["posterior", "bayesmmm"])
def test_a_missing_group_is_refused_in_words(group, saved):
    def change(file):
        del file[group]

    assert f"node at {group}" in refused(rewritten(saved, change))


def test_file_of_another_version(saved):
    def written_as(number):
        def change(file):
            file["bayesmmm"].attrs["format"] = number

        return change

    assert refused(rewritten(saved, written_as(results.FORMAT + 1))).endswith("Upgrade bayesmmm.")
    assert refused(rewritten(saved, written_as(results.FORMAT - 1))).endswith("Fit again.")


def test_a_system_in_a_file_is_never_read_as_a_path(fit, saved, tmp_path):
    spec = tmp_path / "other.toml"
    spec.write_text(fit.system.to_toml(), encoding="utf-8")
    assert read_toml(str(spec))[0] == fit.system
    with pytest.raises(SpecError, match="not valid TOML"):
        parse_toml(str(spec))

    def change(file):
        file["bayesmmm"].attrs["system"] = str(spec)

    assert "its system is not valid TOML" in refused(rewritten(saved, change))


# -------------------------------------------------------------------------------------------- what may not be replaced
def test_saving_replaces_no_symbolic_link_and_its_advice_works(fit, tmp_path):
    real = tmp_path / "real.nc"
    real.write_text("mine", encoding="utf-8")
    link = tmp_path / "link.nc"
    link.symlink_to(real)
    with pytest.raises(FitFileError, match=f"give the path that it leads to, {real}") as caught:
        fit.save(link)
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "mine"
    advised = str(caught.value).rpartition(" ")[2].rstrip(".")
    fit.save(f"{advised}.nc" if not advised.endswith(".nc") else advised)
    assert results.load(link).posterior.equals(fit.posterior)


def test_saving_replaces_no_device_pipe_or_folder(fit, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path, words in (
        ("/dev/null", "a device"),
        (tmp_path / "pipe", "a pipe"),
        (tmp_path / "folder", "directory"),
    ):
        before = os.lstat(path).st_mode
        with pytest.raises(FitFileError, match=words):
            fit.save(path)
        assert os.lstat(path).st_mode == before


def test_a_stamp_changes_with_everything_that_answers_rest_on(fit, saved):
    loaded = results.load(saved)
    assert loaded.stamp == fit.stamp == loaded.thin(10).stamp
    posterior = fit.posterior.copy(deep=True)
    posterior["sales.sigma"][0, 0] *= 1.0 + 1e-12
    tree = xr.DataTree.from_dict({"posterior": posterior})
    columns = {name: values.copy() for name, values in fit.data.columns.items()}
    columns["tv"][0, 0] += 1.0
    others = [
        dataclasses.replace(fit, tree=tree),
        dataclasses.replace(fit, data=fit.data.replace_columns(columns)),
        dataclasses.replace(fit, scales=dataclasses.replace(fit.scales, size={"sales": [1.0], "queries": [1.0]})),
    ]
    assert len({fit.stamp, *(other.stamp for other in others)}) == 4
