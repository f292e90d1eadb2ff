#!/usr/bin/env bash
# A plan whose columns stand in another order is read by position: statsmodels takes one channel's spend for another's.
#
# Guess: a model fitted on a data frame finds the columns of a new one by their names, as scikit-learn demands; or says
#   that they differ.
# Seen: OLS, GLM, SARIMAX and UnobservedComponents, each fitted on a frame with the columns "search" and "tv", give other
#   forecasts, without a word, when the plan has "tv" before "search": 3,150 in place of 900 a week. Nor are the dates of
#   a plan read: a plan for 2030 is forecast as the weeks that follow the data. scikit-learn raises an error.
# Versions: statsmodels 0.15.0, scikit-learn 1.8.0, pandas 3.1.1, numpy 2.3.5, scipy 1.16.3.
# Why it matters: plans come from spreadsheets and pivot tables, which sort columns. The forecast of a plan with much
#   television and little search becomes that of the opposite plan, and a formula or a reordered frame is all it takes to
#   mend it.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'statsmodels==0.15.0' 'scikit-learn==1.8.0' 'pandas==3.1.1' \
    'numpy==2.3.5' 'scipy==1.16.3'

"$work/env/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression

print({name: version(name) for name in ("statsmodels", "scikit-learn", "pandas", "numpy", "scipy")})
rng = np.random.default_rng(1)
weeks = pd.date_range("2022-01-02", periods=120, freq="W-SUN")
spend = pd.DataFrame({"search": rng.gamma(2.0, 50.0, 120), "tv": rng.gamma(2.0, 500.0, 120)}, index=weeks)
sales = 100.0 + 3.0 * spend["search"] + 0.5 * spend["tv"] + rng.normal(0.0, 5.0, 120)
plan = pd.DataFrame(
    {"search": [100.0] * 3, "tv": [1000.0] * 3}, index=pd.date_range("2024-04-21", periods=3, freq="W-SUN")
)
expected = 100.0 + 3.0 * 100.0 + 0.5 * 1000.0

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    ols, glm = sm.OLS(sales, spend.assign(one=1.0)).fit(), sm.GLM(sales, spend.assign(one=1.0)).fit()
    arima = sm.tsa.SARIMAX(sales, exog=spend, trend="c").fit(disp=False)
    level = sm.tsa.UnobservedComponents(sales, "local level", exog=spend).fit(disp=False)
    told.clear()
    sorted_plan = plan[["tv", "search"]]
    forecasts = {
        "OLS": [ols.predict(p.assign(one=1.0)).iloc[0] for p in (plan, sorted_plan)],
        "GLM": [glm.predict(p.assign(one=1.0)).iloc[0] for p in (plan, sorted_plan)],
        "SARIMAX": [arima.forecast(3, exog=p).iloc[0] for p in (plan, sorted_plan)],
        "UnobservedComponents": [level.forecast(3, exog=p).iloc[0] for p in (plan, sorted_plan)],
    }
    later = arima.forecast(3, exog=plan.set_axis(plan.index.shift(300)))
    print("warnings:", [str(warning.message) for warning in told])
print(f"true mean of the plan: {expected:,.0f}")
for name, (by_name, by_position) in forecasts.items():
    print(f"{name}: columns as fitted {by_name:,.0f}, channels in another order {by_position:,.0f}")
    assert abs(by_name - expected) < 15 and abs(by_position - (100.0 + 3.0 * 1000.0 + 0.5 * 100.0)) < 60
print("a plan for 2030 is forecast for", [f"{day:%Y-%m-%d}" for day in later.index])
assert not told and later.index[0] == pd.Timestamp("2024-04-21")

try:
    LinearRegression().fit(spend, sales).predict(sorted_plan)
except ValueError as error:
    print("scikit-learn:", str(error).splitlines()[0])
else:
    raise AssertionError("scikit-learn took the columns in another order")
print("behaviour as described")
PY
