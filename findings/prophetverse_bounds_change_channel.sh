#!/usr/bin/env bash
# Bounds of two channels change places over the days of a Prophetverse budget.
#
# Guess: BudgetOptimizer(bounds={"tv": (50, 150), "radio": (0, 40)}) holds tv between 50 and 150 and radio between 0 and
#   40 on each of four days, since a mapping names its channels.
# Seen: the first half of all bounds are those of tv, the second half those of radio, while amounts lie day by day. On
#   the first two days both channels are held between 50 and 150, on the last two both between 0 and 40: radio gets more
#   than its 40, and tv less than its 50. The search ends with success. With one day, or with one channel, all is as
#   guessed.
# Versions: prophetverse 0.12.0.
# Why it matters: minimum commitments and caps of a channel are what planners know for certain. The total is met, the plan
#   looks reasonable, and half of the days break the contract that the bounds stand for.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'prophetverse==0.12.0'

"$work/env/bin/python" -W ignore - 2>"$work/log" <<'PY' || { cat "$work/log" >&2; exit 1; }
from importlib.metadata import version

import numpy as np
import pandas as pd
from prophetverse.budget_optimization.constraints import TotalBudgetConstraint
from prophetverse.budget_optimization.objectives import MaximizeKPI
from prophetverse.budget_optimization.optimizer import BudgetOptimizer
from prophetverse.effects import LogEffect
from prophetverse.effects.trend import FlatTrend
from prophetverse.engine import MAPInferenceEngine
from prophetverse.sktime import Prophetverse
from prophetverse.utils.regex import exact

print({name: version(name) for name in ("prophetverse", "jax", "numpyro")})

rng = np.random.default_rng(1)
days = pd.period_range("2024-01-01", periods=120, freq="D")
spend = pd.DataFrame({"tv": rng.gamma(2.0, 50.0, 120), "radio": rng.gamma(2.0, 15.0, 120)}, index=days)
sales = 500 + 80 * np.log1p(spend["tv"] / 50) + 60 * np.log1p(spend["radio"] / 20) + rng.normal(0, 10, 120)
channels, limits = ["tv", "radio"], {"tv": (50.0, 150.0), "radio": (0.0, 40.0)}
effects = [(name, LogEffect(effect_mode="additive"), exact(name)) for name in channels]
model = Prophetverse(trend=FlatTrend(), exogenous_effects=effects, inference_engine=MAPInferenceEngine())
model.fit(y=sales.to_frame("sales"), X=spend)


def planned(count: int) -> pd.DataFrame:
    """The best plan of the last days with 100 a day in all, under the limits of each channel."""
    horizon, now = days[-count:], spend.copy()
    now.loc[horizon, channels] = [80.0, 20.0]
    optimizer = BudgetOptimizer(
        objective=MaximizeKPI(), constraints=[TotalBudgetConstraint(total=100.0 * count)], bounds=limits
    )
    plan = optimizer.optimize(model, X=now, horizon=horizon, columns=channels).loc[horizon, channels]
    print(f"{count} day(s), success {optimizer.result_.success}")
    print(plan.round(1))
    assert optimizer.result_.success
    assert abs(plan.to_numpy().sum() - 100.0 * count) < 0.1
    return plan


one, four = planned(1), planned(4)
assert one["tv"].between(50 - 1e-6, 150 + 1e-6).all() and one["radio"].between(-1e-6, 40 + 1e-6).all()
assert (four.iloc[:2] >= 50 - 1e-6).all(axis=None) and (four.iloc[2:] <= 40 + 1e-6).all(axis=None)
assert (four["radio"].iloc[:2] > 45).all() and (four["tv"].iloc[2:] < 45).all()
print("behaviour as described")
PY
