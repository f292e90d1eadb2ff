"""Calibration with real NUTS: truths drawn from the frozen priors must lie in their intervals as often as promised.

Parameters first, then what people ask for: total, direct and indirect ROI.

A data set that `MMMData` refuses (a mediator that never leaves zero, say) is drawn again. The refusal depends on the
data alone, so the posterior of an accepted data set is the same with or without it, and coverage stays exact.
"""

import numpy as np
import pytest
from scipy import stats

from bayesmmm import engine, estimands, inference
from bayesmmm.errors import BayesMMMError
from bayesmmm.simulate import simulate_world
from tests import worlds
from tests.fits import quiet

DATA_SETS = 100
PROBABILITY = 0.9
# A channel without a mediated path has an indirect effect of exactly 0, known beforehand.
ROI = {"roi": ["tv", "social"], "roi_direct": ["tv", "social"], "roi_indirect": ["social"], "roi_net": ["social"]}


def _worlds(system, data, scales, count):
    seed, found = 0, []
    while len(found) < count:
        seed += 1
        try:
            found.append(quiet(simulate_world, system, data, scales=scales, seed=seed))
        except BayesMMMError:
            continue
    return found


def _true_parameters(world):
    truth = engine.to_dataset(world.system, world.parameters, world.data, chains=1).isel(chain=0, draw=0)
    return {name: values.values for name, values in truth.data_vars.items()}


def _coverage(fit_system, simulated, scales):
    """Share of worlds whose truth lies in the 90 % interval, by parameter and by ROI of each channel."""
    inside: dict[str, list[bool]] = {}
    tail = (1 - PROBABILITY) / 2
    for i, world in enumerate(simulated):
        fit = quiet(
            inference.fit,
            fit_system,
            world.data,
            draws=500,
            tune=500,
            chains=2,
            seed=i,
            scales=scales,
            progress=False,
        )
        draws, truth = dict(fit.posterior.data_vars), _true_parameters(world)
        found = quiet(estimands.effects, fit.accept_unconverged(), window="outcome")
        for name, channels in ROI.items():
            draws[name] = found[name].sel(channel=channels)
            truth[name] = world.truth.effects[name].sel(channel=channels).values
        for name, values in draws.items():
            low, high = (values.quantile(q, ["chain", "draw"]).values for q in (tail, 1 - tail))
            for j, hit in enumerate(np.ravel((low <= truth[name]) & (truth[name] <= high))):
                inside.setdefault(f"{name}[{j}]", []).append(bool(hit))
    return {name: np.mean(hits) for name, hits in inside.items()}


def _bounds(quantities):
    """Range of the share covered by a calibrated interval, all quantities at once with 99 %."""
    tail = 0.01 / quantities / 2
    binomial = stats.binom(DATA_SETS, PROBABILITY)
    return binomial.ppf(tail) / DATA_SETS, binomial.ppf(1 - tail) / DATA_SETS


@pytest.fixture(scope="module")
def setting():
    """Eighty weeks, two channels, one censored mediator; scales frozen at those of a typical data set."""
    data = worlds.data(80, seed=5)
    return worlds.system("normal", "censored_normal"), data, data.scales()


@pytest.mark.slow
def test_intervals_of_every_parameter_and_roi_cover_the_truth(setting):
    system, data, scales = setting
    coverage = _coverage(system, _worlds(system, data, scales, DATA_SETS), scales)
    low, high = _bounds(len(coverage))
    print({k: float(v) for k, v in coverage.items()}, (low, high))  # noqa: T201
    assert len(coverage) >= 31
    assert all(low <= share <= high for share in coverage.values()), coverage
    # All of them together: close to 90 %, whatever single ones do.
    assert abs(np.mean(list(coverage.values())) - PROBABILITY) < 0.02


@pytest.mark.slow
def test_a_model_without_carryover_is_caught(setting):
    """Negative control: the same data, fitted with an adstock cut after one lag."""
    system, data, scales = setting
    from dataclasses import replace

    from bayesmmm.equations import MMM

    wrong = MMM([replace(e, max_lag=1) for e in system.equations])
    coverage = _coverage(wrong, _worlds(system, data, scales, DATA_SETS), scales)
    low, _ = _bounds(len(coverage))
    assert min(coverage.values()) < low
