"""A saved fit: bit for bit, self-contained, never damaged by a failure; summaries and the verdict."""

import dataclasses
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from bayesmmm import results
from bayesmmm.errors import FitFileError
from bayesmmm.results.summaries import quantiles
from tests.test_imports import HEAVY


@pytest.fixture(scope="module")
def file(fitted, tmp_path_factory):
    return fitted.save(tmp_path_factory.mktemp("fit") / "fit.nc")


@pytest.fixture
def saved(file, tmp_path):
    return Path(shutil.copy(file, tmp_path))


@pytest.mark.parametrize("shape", [(1, 3), (37,), (200, 2, 2), (5, 0)])
def test_quantiles_are_those_of_numpy(shape):
    draws, levels = np.random.default_rng(1).gamma(2.0, 1.0, shape), (0.5, 0.05, 0.95, 0.0, 1.0, 1 / 3)
    assert np.array_equal(quantiles(draws, levels), np.quantile(draws, levels, axis=0))


def test_loading_gives_the_same_fit_bit_for_bit(fitted, saved):
    loaded = results.load(saved)
    assert loaded.data == fitted.data
    assert loaded.system == fitted.system
    assert loaded.scales == fitted.scales
    assert loaded.settings == fitted.settings
    assert loaded.versions == fitted.versions
    assert set(loaded.tree.children) == set(fitted.tree.children)
    for group, node in fitted.tree.children.items():
        assert loaded.tree[group].to_dataset().equals(node.to_dataset()), group
    assert loaded.convergence == fitted.convergence
    assert loaded.summary().equals(fitted.summary())


def test_a_loaded_fit_can_be_saved_again(saved, tmp_path):
    again = results.load(saved).save(tmp_path / "again.nc")
    assert results.load(again).posterior.equals(results.load(saved).posterior)


@pytest.fixture(scope="module")
def killed(file, tmp_path_factory):
    """A program that reads a fit, asks for its verdict, then for the rest, and is killed while it saves it again.

    Its status, the modules loaded after the verdict and after the rest, the file, and what was in it before.
    """
    path = Path(shutil.copy(file, tmp_path_factory.mktemp("killed")))
    before = path.read_bytes()
    code = f"""
        import os, signal, sys
        import bayesmmm as mm
        from bayesmmm import files

        def tell():
            print(*{{name.split(".")[0] for name in sys.modules}}, flush=True)

        fit = mm.load({str(path)!r})
        verdict = fit.convergence
        tell()
        fit.summary(), repr(fit), fit.parameters()
        tell()
        files.flush = lambda path: os.kill(os.getpid(), signal.SIGKILL)
        fit.save({str(path)!r})
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    read, asked = ({*line.split()} for line in done.stdout.splitlines())
    return done.returncode, read, asked, path, before


def test_reading_a_fit_loads_no_sampler_and_no_plots(killed):
    _, _, loaded, *_ = killed
    assert "xarray" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_verdict_is_read_and_not_worked_out_again(fitted, saved, killed):
    _, loaded, *_ = killed
    assert "xarray" in loaded
    assert "arviz_stats" not in loaded
    assert results.load(saved).memo["convergence"] == fitted.convergence


def test_what_a_verdict_rests_on_is_read_and_not_worked_out_again(fitted, saved, monkeypatch):
    known = fitted.mixing
    assert np.isfinite(known).all(axis=None)
    monkeypatch.setattr("bayesmmm.results.fit.mixing", lambda posterior: pytest.fail("worked out again"))
    loaded = results.load(saved)
    pd.testing.assert_frame_equal(loaded.mixing, known, check_exact=True)
    pd.testing.assert_frame_equal(loaded.summary(), fitted.summary(), check_exact=True)


def test_a_verdict_that_was_not_passed_on_these_draws_is_not_kept(fitted, tmp_path):
    assert fitted.convergence.verdict == "converged"
    by_hand = _with_posterior(fitted, lambda groups: {})
    by_hand.memo["convergence"] = fitted.convergence
    changed = _with_posterior(fitted, lambda groups: {"posterior": groups["posterior"].copy(deep=True)})
    assert changed.convergence == fitted.convergence
    changed.tree["posterior"]["sales.sigma"].values[0] += 100.0
    for fit in (by_hand, changed):
        loaded = results.load(fit.save(tmp_path / "fit.nc"))
        assert "convergence" not in loaded.memo
        assert "mixing" not in loaded.memo
    assert results.load(changed.save(tmp_path / "fit.nc")).convergence.verdict == "failed"


def test_draws_alone_can_be_saved(fitted, tmp_path):
    alone = dataclasses.replace(fitted, tree=xr.DataTree.from_dict({"posterior": fitted.posterior}))
    assert results.load(alone.save(tmp_path / "fit.nc")).posterior.equals(fitted.posterior)


def test_a_kept_verdict_follows_the_thresholds_of_today(fitted, saved, monkeypatch):
    assert fitted.convergence.verdict == "converged"
    monkeypatch.setattr("bayesmmm.results.convergence.ESS_GOOD", 1e9)
    assert results.load(saved).convergence.verdict == "doubtful"


def test_a_file_holds_all_draws_and_how_many_answers_use(fitted, tmp_path):
    loaded = results.load(fitted.thin(10).save(tmp_path / "fit.nc"))
    assert loaded.answering == 10
    assert loaded.posterior.equals(fitted.posterior)
    assert loaded.convergence == fitted.convergence
    assert "answers use at most 10 draws" in repr(loaded)
    assert fitted.answering is None


def test_who_loads_a_fit_accepts_a_failed_sampler_anew(fitted, tmp_path):
    accepted = fitted.accept_unconverged()
    assert accepted.accepted
    assert "although the sampler failed" in repr(accepted)
    assert not results.load(accepted.save(tmp_path / "fit.nc")).accepted
    assert not fitted.accepted


def test_what_is_known_about_draws_goes_with_them_and_no_further(fitted):
    verdict = fitted.convergence
    assert fitted.thin(10).accept_unconverged().memo["convergence"] is verdict
    assert dataclasses.replace(fitted).memo == {}
    failed = dataclasses.replace(verdict, verdict="failed")
    assert fitted.with_convergence(failed).convergence is failed
    assert fitted.convergence is verdict


def test_missing_file(tmp_path):
    with pytest.raises(FitFileError, match=r"Give the path that fit\.save"):
        results.load(tmp_path / "none.nc")


def test_truncated_file(saved):
    content = saved.read_bytes()
    for share in (0.0, 0.1, 0.9):
        saved.write_bytes(content[: int(share * len(content))])
        with pytest.raises(FitFileError, match="cut short"):
            results.load(saved)


def test_foreign_file(tmp_path):
    path = tmp_path / "foreign.nc"
    xr.Dataset({"x": ("t", np.arange(3))}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(FitFileError, match="Give a file that"):
        results.load(path)
    path.write_text("not netCDF at all")
    with pytest.raises(FitFileError, match="not a saved fit"):
        results.load(path)


def test_a_full_disk_leaves_the_existing_file(saved):
    resource = pytest.importorskip("resource")
    fit, before = results.load(saved), saved.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(FitFileError, match="An existing file is unchanged"):
            fit.save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(before) > 100_000
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["fit.nc"]


def test_a_kill_while_saving_leaves_the_existing_file(fitted, killed):
    status, _, _, path, before = killed
    assert status == -9
    assert path.read_bytes() == before
    assert results.load(path).posterior.equals(fitted.posterior)
    assert len(list(path.parent.iterdir())) == 2
    fitted.save(path)
    assert [path.name for path in path.parent.iterdir()] == ["fit.nc"], "the next one sweeps what is left"


def test_a_folder_that_does_not_exist(fitted, tmp_path):
    with pytest.raises(FitFileError, match="Give a path in a folder that exists"):
        fitted.save(tmp_path / "no" / "fit.nc")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_saved_files_have_ordinary_permissions(saved):
    plain = saved.parent / "plain"
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


# ---------------------------------------------------------------------------------------- summaries and verdict
def test_summary_is_the_quantiles_of_the_draws(fitted):
    table = fitted.summary(ci_prob=0.8)
    draws = fitted.posterior["sales.half_life"].sel({"sales.media": "tv"}).values
    row = table.loc["sales.half_life[tv]"]
    assert_allclose(row[["lower", "median", "upper"]], np.quantile(draws, [0.1, 0.5, 0.9]), rtol=1e-12)
    assert_allclose(row[["mean", "sd"]], [draws.mean(), draws.std()], rtol=1e-12)
    assert table.attrs["ci_prob"] == 0.8
    assert len(table) == sum(v[0, 0].size for v in fitted.posterior.data_vars.values())


def test_interval_must_be_a_probability(fitted):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        fitted.summary(ci_prob=94)


def test_verdict_agrees_with_arviz(fitted):
    import arviz_stats

    table = fitted.summary()
    assert fitted.convergence.rhat == pytest.approx(table["rhat"].max())
    assert fitted.convergence.ess_bulk == pytest.approx(table["ess_bulk"].min())
    one = arviz_stats.ess(fitted.posterior["sales.sigma"], method="tail")
    assert table.loc["sales.sigma", "ess_tail"] == pytest.approx(float(one))


def _with_posterior(fitted, change):
    groups = {name: node.to_dataset() for name, node in fitted.tree.children.items()}
    groups |= change(groups)
    return results.Fit(
        fitted.data, fitted.system, fitted.scales, xr.DataTree.from_dict(groups), fitted.settings, {}
    )


def test_a_chain_that_went_elsewhere_fails_the_verdict(fitted):
    def move(groups):
        posterior = groups["posterior"].copy(deep=True)
        posterior["sales.sigma"][0] += 10 * posterior["sales.sigma"].std()
        return {"posterior": posterior}

    verdict = _with_posterior(fitted, move).convergence
    assert verdict.verdict == "failed"
    assert verdict.worst == "sales.sigma"
    assert verdict.modes.startswith("sales.sigma is about ")
    assert any("by a prior on that parameter" in move for move in verdict.next_moves())


def test_one_divergence_makes_a_fit_doubtful_and_says_what_to_do(fitted):
    def diverge(groups):
        stats = groups["sample_stats"].copy(deep=True)
        stats["diverging"][0, 0] = True
        return {"sample_stats": stats}

    verdict = _with_posterior(fitted, diverge).convergence
    assert verdict.verdict == "doubtful"
    assert verdict.next_moves()[0].startswith("raise target_accept")


def test_coefficients_in_raw_units_give_the_linear_part(fitted):
    """Raw coefficients on raw columns equal standardised ones on standardised columns."""
    raw = fitted.coefficients("sales").isel(chain=0, draw=0)
    b = fitted.posterior["sales.coefficient"].isel(chain=0, draw=0)
    size, scales = fitted.scales.size["sales"].item(), fitted.scales
    price = fitted.data.columns["price"][0]
    at = {
        name: (float(b.sel({"sales.term": name})), float(raw.sel({"sales.term": name})))
        for name in ("intercept", "price")
    }
    standardised = (price - scales.center["price"]) / scales.spread["price"]
    one = size * (at["intercept"][0] + at["price"][0] * standardised)
    assert_allclose(one, at["intercept"][1] + at["price"][1] * price, rtol=1e-12)


def test_raw_intercept_under_lognormal_is_that_of_the_log_of_the_series(fitted):
    from dataclasses import replace

    from bayesmmm.equations import MMM

    search, sales = fitted.system.equations
    logged = replace(fitted, system=MMM([search, replace(sales, likelihood="lognormal", priors={})]))
    shares = fitted.posterior["sales.coefficient"].isel(chain=0, draw=0)
    raw = logged.coefficients("sales").isel(chain=0, draw=0)
    price = fitted.data.columns["price"][0, 0]
    scales = fitted.scales
    z = (price - scales.center["price"]) / scales.spread["price"]
    one = shares.sel({"sales.term": "intercept"}) + shares.sel({"sales.term": "price"}) * z
    other = raw.sel({"sales.term": "intercept"}) + raw.sel({"sales.term": "price"}) * price
    assert_allclose(float(other), float(one) + np.log(scales.size["sales"].item()), rtol=1e-12)


def test_printing_a_fit_teaches(fitted):
    text = repr(fitted)
    for piece in ("search -> sales", "60 weekly periods", "4 chains x 1000 draws", "converged", "fit.summary()"):
        assert piece in text
