"""Values of a simulated series that are declared missing lie in their predictive intervals, as often as these say."""

import warnings

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.errors import BayesMMMWarning

SEEDS, PERIODS, SHARE = range(8), 150, 0.1
SETTINGS = {"draws": 250, "tune": 300, "chains": 2, "cores": 2, "progress": False}


def _series(seed):
    """A season, a price, one channel with adstock and saturation, and a residual; in plain NumPy."""
    rng = np.random.default_rng(seed)
    tv = 100.0 * rng.gamma(2.0, 0.5, PERIODS) * (rng.random(PERIODS) < 0.7)
    stock, keep = np.zeros(PERIODS), 0.5 ** (7.0 / rng.lognormal(np.log(7.0), 0.5))
    for t in range(PERIODS):
        stock[t] = (1.0 - keep) * tv[t] + keep * (stock[t - 1] if t else 0.0)
    price = rng.normal(10.0, 1.0, PERIODS)
    season = 0.15 * np.sin(2.0 * np.pi * np.arange(PERIODS) / 52.18)
    mean = 0.8 + 0.3 * stock / (stock + 80.0) + season - 0.04 * (price - 10.0)
    sales = 1000.0 * (mean + rng.normal(0.0, 0.06, PERIODS))
    weeks = pd.date_range("2021-01-03", periods=PERIODS, freq="7D")
    hidden = np.sort(rng.choice(PERIODS, int(SHARE * PERIODS), replace=False))
    return pd.DataFrame({"week": weeks, "sales": sales, "tv": tv, "price": price}), hidden


def _inside(seed, *, declared):
    """Whether each hidden value lies in its 90 % interval; where it is not declared, it is taken for zero."""
    frame, hidden = _series(seed)
    truth = frame["sales"].to_numpy()[hidden]
    frame.loc[hidden, "sales"] = np.nan if declared else 0.0
    roles = {"date": "week", "outcome": "sales", "media": ["tv"], "controls": ["price"]}
    data = mm.MMMData.from_frame(frame, **roles, missing="ignore" if declared else None)
    season = mm.Fourier(period=365.25, order=1)
    system = mm.MMM([mm.Equation("sales", media=["tv"], linear=["price"], seasonality=season)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesMMMWarning)
        fit = mm.fit(system, data, seed=seed, **SETTINGS).accept_unconverged()
    low, high = mm.predict(fit, noise=True)["sales"].quantile([0.05, 0.95], ("chain", "draw")).values[:, hidden]
    return (low < truth) & (truth < high)


@pytest.mark.slow
def test_what_was_not_recorded_lies_in_its_intervals():
    share = float(np.concatenate([_inside(seed, declared=True) for seed in SEEDS]).mean())
    print(f"held-out values in their 90 % intervals: {share:.1%}")  # noqa: T201
    assert 0.85 <= share <= 0.95, share


@pytest.mark.slow
def test_what_was_not_recorded_is_not_zero():
    """The negative control."""
    share = float(np.concatenate([_inside(seed, declared=False) for seed in SEEDS[:3]]).mean())
    assert not 0.85 <= share <= 0.95, share
