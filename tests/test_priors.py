"""Priors as records, their errors, and what the default priors imply."""

import copy
import json
import math
import pickle

import numpy as np
import pytest

from bayesmmm.equations import LIKELIHOODS
from bayesmmm.errors import PriorError, PriorSupportError, UnknownPriorError
from bayesmmm.priors import FrozenMap, Prior, check_support, contribution_scales, default_prior

# ---------------------------------------------------------------- the record


def test_equality_and_hash_depend_on_family_and_values_only():
    prior = Prior("LogNormal", mu=0, sigma=0.7)
    assert prior == Prior("LogNormal", sigma=0.7, mu=np.float64(0.0))
    assert hash(prior) == hash(Prior("LogNormal", sigma=0.7, mu=0.0))
    assert prior != Prior("LogNormal", mu=0, sigma=0.8)
    assert prior != Prior("Normal", mu=0, sigma=0.7)
    assert {prior: 1}[Prior("LogNormal", mu=0, sigma=0.7)] == 1


def test_equal_priors_share_one_distribution():
    prior = Prior("LogNormal", mu=0, sigma=2)
    assert Prior("LogNormal", sigma=2.0, mu=np.float64(0.0)).scipy() is prior.scipy()
    assert pickle.loads(pickle.dumps(prior)).scipy() is prior.scipy()
    assert Prior("LogNormal", mu=0, sigma=3).scipy() is not prior.scipy()
    assert Prior("Normal", mu=0, sigma=2).scipy() is not prior.scipy()


def test_repr_is_python_that_rebuilds_the_prior():
    prior = Prior("LogNormal", mu=1.95, sigma=0.8)
    assert repr(prior) == "LogNormal(mu=1.95, sigma=0.8)"
    exact = Prior("Normal", mu=0.1 + 0.2, sigma=1e-17)
    rebuilt = eval(repr(exact), {"Normal": lambda **args: Prior("Normal", **args)})
    assert rebuilt == exact


def test_dict_and_json_round_trip_exactly():
    rng = np.random.default_rng(0)
    for _ in range(50):
        prior = Prior("TruncatedNormal", mu=rng.normal(), sigma=rng.exponential(), lower=-rng.exponential() - 5)
        assert Prior.from_dict(json.loads(json.dumps(prior.to_dict()))) == prior
    assert Prior("HalfNormal", sigma=2).to_dict() == {"family": "HalfNormal", "sigma": 2.0}


def test_pickle_and_deepcopy_give_an_equal_prior():
    prior = Prior("Gamma", mu=1.0, sigma=0.5)
    assert pickle.loads(pickle.dumps(prior)) == prior
    assert copy.deepcopy(prior) == prior


def test_a_prior_cannot_be_changed():
    prior = Prior("Normal", mu=0, sigma=1)
    with pytest.raises(AttributeError, match="cannot assign"):
        prior.family = "Cauchy"
    with pytest.raises(TypeError, match="item assignment"):
        prior.args["mu"] = 3.0
    with pytest.raises(AttributeError, match="build a new one"):
        prior.args._items = {}


def test_frozen_map_behaves_like_a_dict():
    frozen = FrozenMap({"a": 1, "b": 2})
    assert frozen == {"b": 2, "a": 1}
    assert dict(frozen) == {"a": 1, "b": 2}
    assert hash(frozen) == hash(FrozenMap({"b": 2, "a": 1}))
    assert "c" not in frozen


def test_draws_depend_on_the_generator_only():
    prior = Prior("HalfStudentT", nu=3, sigma=0.2)
    one, two = (prior.draw(np.random.default_rng(4), (3, 5)) for _ in range(2))
    assert one.shape == (3, 5)
    assert np.array_equal(one, two)
    assert prior.draw(np.random.default_rng(4)).shape == ()


# ---------------------------------------------------------------- errors


def test_unknown_family_lists_the_known_ones_and_the_closest():
    with pytest.raises(
        UnknownPriorError, match=r"did you mean 'LogNormal'\?.*Use one of: AsymmetricLaplace, Beta"
    ):
        Prior("lognormal", mu=0, sigma=1)
    with pytest.raises(UnknownPriorError, match="Use one of"):
        Prior(["Normal"], mu=0)


def test_unknown_argument_shows_the_usage():
    with pytest.raises(
        UnknownPriorError, match=r"no argument 'sd'.*Write Normal\(mu, sigma\) or Normal\(mu, tau\)"
    ):
        Prior("Normal", mu=0, sd=1)
    with pytest.raises(UnknownPriorError, match=r"did you mean 'sigma'\?"):
        Prior("HalfNormal", sigme=1)


@pytest.mark.parametrize("args", [{}, {"mu": 0}, {"mu": 0, "sigma": 1, "tau": 1}, {"sigma": 1}])
def test_incomplete_or_double_arguments_show_the_usage(args):
    with pytest.raises(PriorError, match=r"Write Normal\(mu, sigma\) or Normal\(mu, tau\)"):
        Prior("Normal", **args)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", None, True, [1.0]])
def test_an_argument_that_is_no_finite_number(value):
    with pytest.raises(PriorError, match="Give one finite number"):
        Prior("Normal", mu=0, sigma=value)


@pytest.mark.parametrize("value", [0, -1.5])
def test_a_scale_that_is_not_positive(value):
    with pytest.raises(PriorError, match="Give a number above 0"):
        Prior("LogNormal", mu=0, sigma=value)


@pytest.mark.parametrize(
    ("family", "args", "advice"),
    [
        ("Beta", {"mu": 1.2, "sigma": 0.1}, "between 0 and 1. Change that argument"),
        ("Beta", {"mu": 0.5, "sigma": 0.6}, "must be below 0.5. Change that argument"),
        ("Uniform", {"lower": 2, "upper": 1}, "lower must be below upper. Change that argument"),
        ("TruncatedNormal", {"mu": 0, "sigma": 1, "lower": 2, "upper": 1}, "lower must be below upper"),
        ("Triangular", {"lower": 0, "c": 3, "upper": 1}, "must rise in this order. Change that argument"),
    ],
)
def test_arguments_that_contradict_each_other(family, args, advice):
    with pytest.raises(PriorError, match=advice):
        Prior(family, **args)


def test_a_record_without_family():
    with pytest.raises(PriorError, match="Add one, as in family = 'LogNormal'"):
        Prior.from_dict({"mu": 0.0})


# ---------------------------------------------------------------- support


def test_support_inside_the_bounds_is_accepted():
    assert check_support(Prior("Uniform", lower=0, upper=1), "retention", 0, 1) is None
    assert check_support(Prior("Pareto", alpha=2, m=1), "slope", 0, math.inf) is None


@pytest.mark.parametrize(
    ("prior", "bounds", "advice"),
    [
        (Prior("Normal", mu=5, sigma=0.1), (0, math.inf), "Use LogNormal, Gamma, HalfNormal"),
        (Prior("HalfNormal", sigma=0.1), (0, 1), "Use Beta, Kumaraswamy or LogitNormal"),
        (Prior("Uniform", lower=-1, upper=2), (-1, 1), "Use TruncatedNormal with these ends"),
    ],
)
def test_support_outside_the_bounds_names_families_that_fit(prior, bounds, advice):
    with pytest.raises(PriorSupportError, match=advice):
        check_support(prior, "retention", *bounds)


# ---------------------------------------------------------------- defaults


@pytest.mark.parametrize(
    ("parameter", "low", "high"),
    [("half_life", 1.88, 26.1), ("half_saturation", 0.316, 3.17), ("slope", 0.518, 1.931)],
)
def test_central_ninety_percent_of_the_shape_priors(parameter, low, high):
    assert default_prior(parameter).scipy().ppf([0.05, 0.95]) == pytest.approx([low, high], rel=0.01)


def _totals(channels: int, draws: int) -> np.ndarray:
    return np.cumsum(np.abs(np.random.default_rng(1).standard_t(3, (channels, draws))), axis=0)


@pytest.mark.parametrize(
    ("likelihood", "limit"), [("normal", 1.0), ("student_t", 1.0), ("censored_normal", 4.0), ("lognormal", 2.0)]
)
def test_total_media_share_exceeds_its_limit_with_2_5_to_5_percent(likelihood, limit):
    totals = _totals(20, 300_000)  # standard error of a probability of 4 %: 0.04 percentage points
    for n in range(1, 21):
        scale = contribution_scales([1.0] * n)[0]
        prior = default_prior("contribution", scale=scale, widths=LIKELIHOODS[likelihood].widths)
        assert prior.family == "HalfStudentT"
        probability = np.mean(prior.args["sigma"] * totals[n - 1] > limit)
        assert 0.025 <= probability <= 0.05


MIXES = [
    *([1.0] * n for n in (1, 2, 5, 10, 20)),
    *([0.95, 0.05], [0.5, 0.3, 0.2], [0.9, *[0.02] * 5], [0.6, 0.2, *[0.02] * 10]),
    *(np.random.default_rng(n).dirichlet(np.full(n, 0.5)).tolist() for n in range(2, 16)),
]


@pytest.mark.parametrize("shares", MIXES)
def test_media_exceed_the_series_with_the_same_probability_for_any_mix(shares):
    scales = contribution_scales(shares)
    draws = np.abs(np.random.default_rng(3).standard_t(3, (len(shares), 400_000)))
    # Standard error 0.03 percentage points. One scale for all channels leaves from 1 % to 8 % over the same mixes.
    assert 0.034 <= np.mean(np.tensordot(scales, draws, 1) > 1.0) <= 0.0375


@pytest.mark.parametrize("shares", [[1.0, 3.0], [0.2, 0.3, 0.5]])
def test_contribution_scales_are_in_proportion_to_spend_in_any_unit(shares):
    scales = np.array(contribution_scales(shares))
    assert scales / scales.sum() == pytest.approx(np.array(shares) / np.sum(shares), rel=1e-14)
    assert contribution_scales([1e6 * w for w in shares]) == pytest.approx(scales, rel=1e-14)


def test_contribution_scale_falls_with_the_number_of_channels():
    for n in range(1, 30):
        assert contribution_scales([0.4] * n) == pytest.approx([1.0 / (1.1 * n + 2.6 * math.sqrt(n))] * n)
    assert np.all(np.diff([contribution_scales([1.0] * n)[0] for n in range(1, 30)]) < 0)


def test_one_dominant_channel_is_not_crushed():
    # Ten channels: one of them alone explains over half of the series with some 2 %. A half-normal prior with
    # the same 95th percentile of the total calls that impossible.
    rng = np.random.default_rng(2)
    heavy = default_prior("contribution", scale=contribution_scales([1.0] * 10)[0]).draw(rng, (10, 200_000))
    light = np.abs(rng.normal(size=(10, 200_000)))
    light *= np.quantile(heavy.sum(axis=0), 0.95) / np.quantile(light.sum(axis=0), 0.95)
    assert np.mean(heavy.max(axis=0) > 0.5) > 0.015
    assert np.mean(light.max(axis=0) > 0.5) < 1e-4


def test_linear_defaults_widen_on_the_log_scale_and_behind_zeros():
    for parameter, usual in (("trend", 1.0), ("seasonality", 0.5), ("coefficient", 0.5)):
        for likelihood, factor in (("normal", 1), ("student_t", 1), ("lognormal", 2), ("censored_normal", 2)):
            widths = LIKELIHOODS[likelihood].widths
            assert default_prior(parameter, widths=widths) == Prior("Normal", mu=0, sigma=usual * factor)
    assert default_prior("intercept", widths=LIKELIHOODS["student_t"].widths) == Prior("Normal", mu=0.5, sigma=1)
    assert default_prior("intercept", widths=LIKELIHOODS["lognormal"].widths) == Prior("Normal", mu=0, sigma=3)


def test_degrees_of_freedom_keep_a_finite_variance():
    prior = default_prior("nu_minus_two", widths=LIKELIHOODS["student_t"].widths)
    assert prior.support[0] == 0.0
    # 90 % between nu = 4.1 and nu = 31.8, and next to nothing where the variance has no use left.
    assert prior.scipy().ppf([0.05, 0.95]) == pytest.approx([2.15, 29.8], rel=0.01)
    assert prior.scipy().cdf(0.1) < 1e-6


@pytest.mark.parametrize("parameter", ["roi", "retention", "half_live"])
def test_a_parameter_without_default_asks_for_a_prior(parameter):
    with pytest.raises(UnknownPriorError, match="Give one in `priors`, or use: half_life"):
        default_prior(parameter)
