#!/usr/bin/env bash
# AutoTheta finds no season in three years of weekly sales that are nothing but season.
#
# Guess: AutoTheta(season_length=52), given more than the two full years that its seasonal test asks for, repeats a
#   yearly pattern that is exact; any trouble would come from noise, or from a short and sharp peak.
# Seen: the other way round. A pure yearly wave between 70 and 130, three years long and with no noise at all, is
#   forecast as an almost straight line. A narrow Christmas peak of the same length is repeated exactly. The test
#   compares the correlation at lag 52 with a bound that grows with the correlations at lags 1 to 51, and a smooth
#   season has large ones. At 3.5 years it still fails; at four years the wave is back, whole. AutoETS, in the same
#   package and on the same three years, forecasts it to within a unit.
# Versions: statsforecast 2.1.1, pandas 2.3.3 (the newest that it takes), numpy 2.5.5.
# Why it matters: three years of weeks is the usual history of a mix model, and a smooth summer-winter swing the usual
#   season. A baseline or a control forecast from Theta is then flat, up to 35 off on a mean of 100; a campaign measured
#   against it gets the season as its effect. There is no warning.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'statsforecast==2.1.1' 'pandas==2.3.3' 'numpy==2.5.5'

"$work/env/bin/python" - <<'PY'
import numpy as np
import pandas as pd
import statsforecast
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, AutoTheta

print(f"statsforecast {statsforecast.__version__}, pandas {pd.__version__}")


def wave(week: np.ndarray) -> np.ndarray:
    return 100 + 30 * np.sin(2 * np.pi * week / 52)


def christmas(week: np.ndarray) -> np.ndarray:
    return 100 + 60 * np.exp(-0.5 * ((week % 52 - 48) / 2) ** 2)


def forecast(shape, weeks: int, model) -> tuple[float, float]:
    """Range and largest error of a year's forecast after this many weeks of history."""
    history = pd.DataFrame(
        {
            "unique_id": "sales",
            "ds": pd.date_range("2021-01-03", periods=weeks, freq="W-SUN"),
            "y": shape(np.arange(weeks)),
        }
    )
    made = StatsForecast(models=[model], freq="W-SUN").forecast(df=history, h=52)
    values = made[type(model).__name__].to_numpy()
    return float(np.ptp(values)), float(np.abs(values - shape(np.arange(weeks, weeks + 52))).max())


found = {}
for name, shape, weeks, model in (
    ("wave, 3 years, AutoTheta", wave, 156, AutoTheta(season_length=52)),
    ("wave, 3.5 years, AutoTheta", wave, 182, AutoTheta(season_length=52)),
    ("wave, 4 years, AutoTheta", wave, 208, AutoTheta(season_length=52)),
    ("wave, 3 years, AutoETS", wave, 156, AutoETS(season_length=52)),
    ("Christmas, 3 years, AutoTheta", christmas, 156, AutoTheta(season_length=52)),
):
    found[name] = forecast(shape, weeks, model)
    print(f"{name}: forecast ranges over {found[name][0]:.1f}, largest error {found[name][1]:.1f}")

assert found["wave, 3 years, AutoTheta"][0] < 5 and found["wave, 3 years, AutoTheta"][1] > 25
assert found["wave, 3.5 years, AutoTheta"][0] < 5 and found["wave, 3.5 years, AutoTheta"][1] > 25
assert found["wave, 4 years, AutoTheta"][0] > 58 and found["wave, 4 years, AutoTheta"][1] < 5
assert found["wave, 3 years, AutoETS"][1] < 1
assert found["Christmas, 3 years, AutoTheta"][0] > 58 and found["Christmas, 3 years, AutoTheta"][1] < 5
print("behaviour as described")
PY
