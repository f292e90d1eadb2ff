"""Records of checks, thresholds, and the tests behind them: closed forms and known null distributions."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from bayesmmm.diagnostics import Check, Diagnosis, Threshold
from bayesmmm.diagnostics import residual_tests as tests
from bayesmmm.diagnostics import thresholds as bounds
from bayesmmm.diagnostics.check import TestResult, bonferroni
from bayesmmm.diagnostics.information import prior_scores
from bayesmmm.errors import UnknownTermError
from bayesmmm.priors import Prior


def check(name="rhat", verdict="ok", group="sampler", **kwargs) -> Check:
    remedies = ("run longer",) if verdict in ("warn", "fail") else ()
    values = {"value": 1.0, "threshold": 1.01, "finding": "found.", "source": "a book", "meaning": "it means"}
    return Check(name, group, verdict, **{**values, "remedies": remedies, **kwargs})


# --------------------------------------------------------------------------------------------------------- records
@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["ok", "ok"], "ok"),
        (["ok", "unknown"], "ok"),
        (["warn", "ok"], "warn"),
        (["warn", "fail", "ok"], "fail"),
        ([], "ok"),
    ],
)
def test_the_worst_verdict_is_that_of_the_diagnosis(verdicts, worst):
    found = Diagnosis("fit", tuple(check(f"c{i}", v) for i, v in enumerate(verdicts)), {})
    assert found.verdict == worst
    assert [c.verdict for c in found.raised] == sorted([v for v in verdicts if v in ("warn", "fail")])


@pytest.mark.parametrize(
    ("kwargs", "advice"),
    [
        ({"group": "weather"}, "must be one of sampler, fit, information, plausibility, data"),
        ({"verdict": "good"}, "must be one of ok, unknown, warn, fail"),
        ({"verdict": "warn", "remedies": ()}, "give remedies where it warns or fails, and only there"),
        ({"verdict": "ok", "remedies": ("do it",)}, "give remedies where it warns or fails, and only there"),
    ],
)
def test_checks_that_contradict_themselves_are_refused(kwargs, advice):
    with pytest.raises(ValueError, match=advice):
        check(**kwargs)


def test_a_diagnosis_is_read_by_name_as_a_table_and_as_text():
    checks = (check("rhat"), check("drift:sales", "fail", "fit"), check("energy", "warn"))
    found = Diagnosis("fit", checks, {"numbers": 1})
    assert found["drift:sales"] is checks[1]
    assert [c.name for c in found.raised] == ["drift:sales", "energy"]
    table = found.table()
    assert table.index.tolist() == ["rhat", "drift:sales", "energy"]
    assert table.loc["energy", "remedies"] == "1. run longer"
    text = str(found)
    assert text.splitlines()[0] == "diagnosis of the fit: fail (3 checks: 1 fail, 1 warn, 1 ok)"
    # What to do comes before the checks, failures first.
    places = [
        text.index(part) for part in ("what to do", "fail drift:sales", "warn energy", "\nsampler", "\nfit\n")
    ]
    assert places == sorted(places)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 118
    with pytest.raises(UnknownTermError, match="did you mean 'energy'"):
        found["enrgy"]
    with pytest.raises(TypeError):
        found.tables["more"] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.subject = "data"


def test_two_checks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="add where it was made, as rhat:revenue"):
        Diagnosis("fit", (check(), check()), {})


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.1, "ok"),
        (1.0, "ok"),
        (1.1, "warn"),
        (2.0, "warn"),
        (2.1, "fail"),
        (math.inf, "fail"),
        (math.nan, "unknown"),
    ],
)
def test_thresholds_where_large_is_bad(value, verdict):
    assert Threshold(1.0, "", fail=2.0).judge(value) == verdict
    assert Threshold(-1.0, "", fail=-2.0, above=False).judge(-value) == verdict
    if verdict == "fail":
        assert Threshold(1.0, "").judge(value) == "warn"


def test_every_threshold_has_a_source_and_is_stricter_to_fail_than_to_warn():
    found = {n: t for n, t in vars(bounds).items() if isinstance(t, Threshold)}
    assert len(found) >= 12
    for name, t in found.items():
        assert any(
            word in t.source for word in ("doi:", "arXiv:", "convention of this package:", "convention of this")
        ), name
        assert math.isnan(t.fail) or (t.fail > t.warn) == t.above, name


# ---------------------------------------------------------------------------------------------------------- trials
def trial(p, size=0.1, name="t"):
    return TestResult(name, p, size, "found", "it means", ("do it",))


def test_trials_share_one_rate_of_false_alarms():
    found = bonferroni(
        [trial(0.012, name="a"), trial(0.013, name="b"), trial(0.001, 2.0, "c"), trial(0.9, 2.0, "d")]
    )
    assert [c.verdict for c in found] == ["warn", "ok", "fail", "ok"]
    assert found[0].threshold == pytest.approx(0.05 / 4)


def test_a_trial_that_could_not_be_made_costs_the_others_nothing():
    found = bonferroni([trial(math.nan, name="a"), trial(0.03, name="b")])
    assert [c.verdict for c in found] == ["unknown", "warn"]
    assert found[1].threshold == pytest.approx(0.05)


# --------------------------------------------------------------------------------------------------- tests of residuals
def test_twice_the_median_is_never_above_one():
    assert tests.combined(np.array([0.7, 0.9, 1.0])) == 1.0
    assert tests.combined(np.array([1e-9, 0.001, 0.9])) == pytest.approx(0.002)


def test_autocorrelation_of_known_series():
    lags = np.array([1, 2, 13])
    wave = np.sin(2.0 * np.pi * np.arange(130) / 13.0)[None]
    r, p = tests.autocorrelations(wave, lags)
    assert r[0, 2] > 0.85
    assert p[0, 2] < 1e-15
    # Ranks of a series that alternates between two levels: half Normals of either sign, with product of means 2 / pi.
    turns = np.tile([1.0, -1.0], 650)[None] + 1e-9 * np.random.default_rng(0).random(1300)
    np.testing.assert_allclose(
        tests.autocorrelations(turns, lags)[0], [[-2 / np.pi, 2 / np.pi, -2 / np.pi]], atol=0.06
    )


def test_correlations_agree_with_scipy_and_ignore_constants():
    rng = np.random.default_rng(1)
    z, x = rng.standard_normal((5, 60)), rng.gamma(2.0, 1.0, (3, 60))
    x[2] = 4.0
    r, p = tests.correlations(z, x)
    for s in range(5):
        known = stats.pearsonr(stats.norm.ppf((stats.rankdata(z[s]) - 0.5) / 60), x[0])
        assert r[s, 0] == pytest.approx(known.statistic)
        assert p[s, 0] == pytest.approx(known.pvalue)
    np.testing.assert_array_equal(r[:, 2], 0.0)
    np.testing.assert_allclose(p[:, 2], 1.0)
    # One series for all draws, or one of its own for each.
    np.testing.assert_allclose(tests.correlations(z, np.repeat(x[None], 5, axis=0))[0], r)


def test_spread_agrees_with_spearman():
    rng = np.random.default_rng(2)
    by = rng.gamma(2.0, 1.0, (4, 90))
    z = rng.standard_normal((4, 90)) * by
    ratio, p = tests.spread(z, by)
    for s in range(4):
        r = stats.spearmanr(np.abs(z[s]), by[s]).statistic
        assert p[s] == pytest.approx(2.0 * stats.norm.sf(abs(r) * np.sqrt(89.0)))
        order = np.argsort(by[s])
        expected = np.sqrt(np.mean(z[s, order[-30:]] ** 2) / np.mean(z[s, order[:30]] ** 2))
        assert ratio[s] == pytest.approx(expected)


def test_drift_is_the_chi_square_of_the_thirds():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((6, 90)) + np.repeat([0.5, 0.0, 0.0], 30)
    means, p = tests.drift(z)
    thirds = z.reshape(6, 3, 30).mean(axis=-1)
    np.testing.assert_allclose(means, thirds - thirds.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(p, stats.chi2.sf(30.0 * (means**2).sum(axis=1), 2))


def test_the_largest_residual_of_many():
    z = np.zeros((1, 100))
    z[0, 7] = -3.0
    top, p = tests.largest(z)
    assert top[0] == 3.0
    assert p[0] == pytest.approx(1.0 - (1.0 - 2.0 * stats.norm.sf(3.0)) ** 100)


NULLS = {
    "autocorrelation": lambda z: tests.autocorrelations(z, np.array([1]))[1][:, 0],
    "many lags": lambda z: tests.smallest(tests.autocorrelations(z, np.arange(2, 15))[1]),
    "correlation": lambda z: tests.correlations(z, np.tile([5.0, 0.0, 0.0, 1.0], 26)[None])[1][:, 0],
    "spread": lambda z: tests.spread(z, np.arange(z.shape[1]))[1],
    "shape": lambda z: tests.shape(z)[2],
    "largest": lambda z: tests.largest(z)[1],
    "drift": lambda z: tests.drift(z)[1],
}


@pytest.mark.parametrize("name", NULLS)
def test_false_alarms_come_as_often_as_they_should(name):
    draws = 6000
    p = NULLS[name](np.random.default_rng(4).standard_normal((draws, 104)))
    for level in (0.1, 0.01, 0.005):
        # Within a quarter of the level upwards, Monte Carlo error apart; below is only cautious.
        assert (p <= level).mean() <= 1.25 * level + 3.0 * np.sqrt(level / draws)
        assert (p <= level).mean() >= 0.4 * level - 3.0 * np.sqrt(level / draws)


def test_residuals_at_one_posterior_draw_are_standard_normal():
    """The claim behind all tests, in a regression whose posterior is known; its mean would be too well behaved."""
    rng = np.random.default_rng(5)
    count, size, worlds = 40, 10, 4000
    x = rng.standard_normal((count, size))
    covariance = np.linalg.inv(x.T @ x + np.eye(size))  # prior N(0, I), sigma 1
    root = np.linalg.cholesky(covariance)
    b = rng.standard_normal((worlds, size))
    y = b @ x.T + rng.standard_normal((worlds, count))
    mean = y @ x @ covariance
    drawn = mean + rng.standard_normal((worlds, size)) @ root.T
    z = y - drawn @ x.T
    assert stats.kstest((z**2).sum(axis=1), stats.chi2(count).cdf).pvalue > 0.001
    assert stats.kstest(tests.drift(z)[1], stats.uniform.cdf).pvalue > 0.001
    plugged = y - mean @ x.T
    assert stats.kstest((plugged**2).sum(axis=1), stats.chi2(count).cdf).pvalue < 1e-6


# ------------------------------------------------------------------------------------------------------ prior scores
@pytest.mark.parametrize(
    "prior",
    [
        Prior("LogNormal", mu=1.9, sigma=0.8),
        Prior("HalfStudentT", nu=3, sigma=0.2),
        Prior("Normal", mu=0.5, sigma=1.0),
        Prior("Beta", alpha=2.0, beta=2.0),
        Prior("Gamma", alpha=2.0, beta=0.1),
    ],
    ids=str,
)
def test_draws_of_a_prior_have_standard_normal_scores(prior):
    score = prior_scores(prior, prior.draw(np.random.default_rng(6), 4000))
    assert stats.kstest(score, stats.norm.cdf).pvalue > 0.001


def test_scores_far_out_in_a_prior_are_finite_and_in_order():
    score = prior_scores(Prior("Normal", mu=0, sigma=1), np.array([-30.0, -5.0, 5.0, 30.0]))
    np.testing.assert_allclose(score, [-30.0, -5.0, 5.0, 30.0], rtol=1e-6)
    far = prior_scores(Prior("HalfStudentT", nu=3, sigma=0.1), np.array([1e-12, 0.1, 1e4, 1e8]))
    assert np.isfinite(far).all()
    assert (np.diff(far) >= 0.0).all()
