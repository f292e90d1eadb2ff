#!/usr/bin/env bash
# A fitted linear trend, forecast with PyMC-Marketing, ends every forecast at the level of the last fitted week.
#
# Guess: sales that grew by 50 a week for two years go on growing by 50 a week in the forecast; at most the last changed
#   slope goes on. A longer forecast ends higher than a shorter one.
# Seen: the trend's time is divided by the last day of whatever dates it is given, so that it always ends at 1. The
#   forecast starts below the last fitted week, the more so the longer it is (by about 400 for 13 weeks, 1,600 for 52),
#   climbs, and ends at the last fitted level for 13, 26 and 52 weeks alike. Predicting history and future together
#   moves the history too: the last fitted week falls by 1,700.
# Versions: pymc-marketing 1.3.0, pymc 6.3.2, pytensor 3.3.8, nutpie 0.16.11, numpy 2.3.5, pandas 3.1.1.
# Why it matters: the growth of the business is missing from the baseline. Here a year's plan is short by 1,700 to 2,600
#   a week on sales of 10,000. It shows as a drop at the seam, which is easily read as a bad season or lost media.
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
from pymc_marketing.mmm.additive_effect import LinearTrendEffect
from pymc_marketing.mmm.linear_trend import LinearTrend

logging.disable(logging.INFO)
print({name: version(name) for name in ("pymc-marketing", "pymc", "pytensor", "nutpie")})

FITTED, AHEAD, GROWTH = 104, 52, 50.0
rng = np.random.default_rng(0)
weeks = pd.date_range("2022-01-03", periods=FITTED + AHEAD, freq="W-MON")
data = pd.DataFrame({"date": weeks, "tv": rng.gamma(2.0, 500.0, len(weeks))})
expected = 5000.0 + GROWTH * np.arange(len(weeks)) + 0.2 * data["tv"]
sales = pd.Series(expected + rng.normal(0.0, 50.0, len(weeks)), name="y")

model = MMM(
    date_column="date",
    channel_columns=["tv"],
    adstock=GeometricAdstock(l_max=2),
    saturation=LogisticSaturation(),
)
model.add_mu_effect(LinearTrendEffect(trend=LinearTrend(n_changepoints=2), prefix="trend"))
model.fit(data[:FITTED], sales[:FITTED], draws=200, tune=400, chains=1, random_seed=1, progressbar=False)
scale = sales[:FITTED].max()  # the model's own scale for the target


def predicted(first: int, last: int) -> np.ndarray:
    drawn = model.sample_posterior_predictive(
        data[first:last], extend_idata=False, random_seed=1, progressbar=False
    )
    return drawn["y"].mean("sample").to_numpy() * scale


fitted = predicted(0, FITTED)
print(f"fitted, last week: {fitted[-1]:,.0f}; true {expected[FITTED - 1]:,.0f}")
starts, ends = {}, {}
for horizon in (13, 26, 52):
    ahead = predicted(FITTED, FITTED + horizon)
    starts[horizon], ends[horizon] = ahead[:4].mean() - fitted[-4:].mean(), ahead[-4:].mean() - fitted[-4:].mean()
    truth = expected[FITTED + horizon - 4 : FITTED + horizon].mean() - expected[FITTED - 4 : FITTED].mean()
    print(
        f"{horizon} weeks ahead, against the last four fitted weeks: starts {starts[horizon]:+,.0f},"
        f" ends {ends[horizon]:+,.0f}; true end {truth:+,.0f}"
    )
together = predicted(0, FITTED + AHEAD)
moved = together[FITTED - 4 : FITTED].mean() - fitted[-4:].mean()
print(f"the last four fitted weeks, predicted together with the 52 weeks ahead: {moved:+,.0f}")

assert abs(fitted[-4:].mean() - expected[FITTED - 4 : FITTED].mean()) < 100
assert -700 < starts[13] < -200 and -1200 < starts[26] < -700 and -2000 < starts[52] < -1300
assert all(abs(end) < 200 for end in ends.values())
assert -2000 < moved < -1300
print("behaviour as described")
PY
