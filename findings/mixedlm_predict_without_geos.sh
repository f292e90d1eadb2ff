#!/usr/bin/env bash
# predict() of a statsmodels mixed model, on the rows it was fitted to, leaves out the levels of the geos.
#
# Guess: predict() without arguments gives the fitted values, as it does for every other regression of statsmodels.
# Seen: for a geo panel with a random level per geo, fittedvalues follow the geos (R2 0.999...), and predict() gives
#   every geo the level of their mean (R2 0.49): two answers for the same rows. New rows, which carry no geo, are
#   predicted alike, so that a forecast of a large geo falls to the mean geo's level, and one of a small geo rises.
# Versions: statsmodels 0.15.0, pandas 3.1.1, numpy 2.3.5, scipy 1.16.3.
# Why it matters: a panel's R2 on a hold-out, worked out from predict(), says that the model is poor; and the forecast of
#   a region is that of no region. The level of each geo has to be added by hand, from random_effects.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'statsmodels==0.15.0' 'pandas==3.1.1' 'numpy==2.3.5' \
    'scipy==1.16.3'

"$work/env/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
import pandas as pd
import statsmodels.api as sm

print({name: version(name) for name in ("statsmodels", "pandas", "numpy", "scipy")})
rng = np.random.default_rng(1)
levels = pd.Series({"north": 0.0, "south": 200.0, "east": 400.0, "west": 600.0, "centre": 800.0, "coast": 1000.0})
rows = pd.DataFrame({"geo": np.repeat(levels.index, 40), "one": 1.0, "tv": rng.gamma(2.0, 500.0, 240)})
sales = rows["geo"].map(levels) + 0.5 * rows["tv"] + rng.normal(0.0, 5.0, 240)
fit = sm.MixedLM(sales, rows[["one", "tv"]], groups=rows["geo"]).fit()


def r2(predicted: pd.Series) -> float:
    return float(1.0 - np.square(sales - predicted).sum() / np.square(sales - sales.mean()).sum())


fitted, predicted = pd.Series(fit.fittedvalues), pd.Series(np.asarray(fit.predict()))
again = np.asarray(fit.predict(rows[["one", "tv"]]))
by_hand = predicted + rows["geo"].map({geo: effect.iloc[0] for geo, effect in fit.random_effects.items()})
means = pd.DataFrame({"sales": sales, "fittedvalues": fitted, "predict()": predicted}).groupby(rows["geo"]).mean()
print(means.round(0).to_string())
print(f"R2 of fittedvalues {r2(fitted):.4f}, of predict() {r2(predicted):.4f}, with random_effects {r2(by_hand):.4f}")
ordinary = sm.OLS(sales, rows[["one", "tv"]]).fit()
print("OLS: predict() equals fittedvalues:", bool(np.allclose(ordinary.predict(), ordinary.fittedvalues)))

assert np.allclose(ordinary.predict(), ordinary.fittedvalues)
assert r2(fitted) > 0.999 and 0.4 < r2(predicted) < 0.7 and r2(by_hand) > 0.999
assert np.allclose(again, predicted)
print("behaviour as described")
PY
