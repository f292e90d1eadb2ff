#!/usr/bin/env bash
# The total_budget of PyMC-Marketing's optimiser is spent again in every week of the window.
#
# Guess: allocate_budget(total_budget=12_000) on an optimiser made for an 8-week window splits 12,000 over channels and
#   weeks. The default spread over time, described as 1 / num_periods per period, says the same, and the budgets that
#   come back add up to 12,000.
# Seen: 12,000 is the budget of each week. The spend simulated over 8 weeks is 96,000, and the response that is
#   maximised grows with the length of the window, for one and the same total: each further week adds what the model
#   predicts for a week with all of the 12,000. The budgets still add up to 12,000. `total_budget` is described as the
#   total budget to allocate; that it is money per period is said in a note on prices that depend on spend.
# Versions: pymc-marketing 1.3.0, pymc 6.3.2, pytensor 3.3.8, nutpie 0.16.11, numpy 2.3.5, pandas 3.1.1.
# Why it matters: a quarter's money given as the total is planned 13 times over. The split between channels is then made
#   far up their saturation curves, where it is another split: here about half to television, not nine tenths.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'pymc-marketing==1.3.0' 'pymc==6.3.2' 'pytensor==3.3.8' \
    'nutpie==0.16.11' 'numpy==2.3.5' 'pandas==3.1.1'

"$work/env/bin/python" -W ignore - <<'PY'
import logging
from importlib.metadata import version

import numpy as np
import pandas as pd
from pymc_marketing.mmm import MMM, GeometricAdstock, LogisticSaturation

logging.disable(logging.INFO)
print({name: version(name) for name in ("pymc-marketing", "pymc", "pytensor", "nutpie")})

rng = np.random.default_rng(0)
weeks = pd.date_range("2022-01-03", periods=104, freq="W-MON")
data = pd.DataFrame({"date": weeks, "tv": rng.gamma(2.0, 500.0, 104), "radio": rng.gamma(2.0, 500.0, 104)})
tv = 3000.0 * np.tanh(data["tv"] / 1500.0)
radio = 1500.0 * np.tanh(data["radio"] / 1500.0)
sales = pd.Series(5000.0 + tv + radio + rng.normal(0.0, 100.0, 104), name="y")

model = MMM(
    date_column="date",
    channel_columns=["tv", "radio"],
    adstock=GeometricAdstock(l_max=2),
    saturation=LogisticSaturation(),
)
model.fit(data, sales, draws=150, tune=300, chains=1, random_seed=1, progressbar=False)


def plan(total: float, periods: int) -> tuple[dict[str, float], float]:
    """Budgets by channel and the response over the window."""
    start = weeks[-1] + pd.Timedelta(weeks=1)
    optimiser = model.budget_optimizer(start_date=start, end_date=start + pd.Timedelta(weeks=periods - 1))
    assert optimiser.num_periods == periods
    result = optimiser.allocate_budget(total_budget=total)
    budgets = {str(name): float(value) for name, value in zip(result.budgets["channel"].values, result.budgets.values)}
    return budgets, -float(result.scipy_result.fun)


def simulated(budgets: dict[str, float], periods: int) -> float:
    """Media response of a week in which this is spent, after as much in the weeks before, as the model predicts it."""
    window = pd.date_range(weeks[-1] + pd.Timedelta(weeks=1), periods=periods, freq="W-MON")
    drawn = model.sample_posterior_predictive(
        pd.DataFrame({"date": window, **budgets}),
        extend_idata=False,
        var_names=["channel_contribution"],
        random_seed=1,
        progressbar=False,
    )
    return float(drawn["channel_contribution"].mean("sample").sum("channel")[-1]) * sales.max()


TOTAL = 12_000.0
budgets, eight_weeks = plan(TOTAL, 8)
_, four_weeks = plan(TOTAL, 4)
meant, _ = plan(TOTAL / 8, 8)
each_more = (eight_weeks - four_weeks) / 4
every_week = simulated(budgets, 8)
split = simulated({name: value / 8 for name, value in budgets.items()}, 8)
share, share_meant = budgets["tv"] / TOTAL, meant["tv"] / (TOTAL / 8)
print(f"budgets for a total_budget of 12,000 over 8 weeks add up to {sum(budgets.values()):,.0f}")
print(f"response that was maximised: {four_weeks:,.0f} for 4 weeks, {eight_weeks:,.0f} for 8: {each_more:,.0f} for each more")
print(f"predicted response of a week with all of 12,000: {every_week:,.0f}; with an eighth of it: {split:,.0f}")
print(f"television's share: {share:.0%} for 12,000 as given, {share_meant:.0%} for 1,500 a week")

assert abs(sum(budgets.values()) - TOTAL) < 1.0
assert abs(each_more / every_week - 1.0) < 0.02
assert each_more > 1.8 * split
assert share_meant > share + 0.25
print("behaviour as described")
PY
