#!/usr/bin/env bash
# Longer max_lag stretches Meridian's binomial adstock instead of uncovering its tail.
#
# Guess: max_lag cuts a carry-over curve that alpha fixes, as it does for geometric decay: with alpha 0.5, going from a
#   window of 8 to one of 26 weeks adds what little effect is left after week 8.
# Seen: for adstock_decay_spec "binomial" the curve is drawn over the window. It reaches nothing at max_lag + 1 whatever
#   alpha is, and alpha sets its shape on the way: at 0.5 it is a straight line. Going from 8 to 26 weeks moves the
#   average lag from 2.7 to 8.7 weeks; the geometric curve with the same alpha stays at one week.
# Versions: google-meridian 2.1.0, jax 0.12.0.1, numpy as installed with it.
# Why it matters: max_lag is commonly raised "to be safe", and alpha has the same uniform prior in each case. Here that
#   triples the carry-over believed in before any data are seen. An alpha, or a posterior of it, can't be carried from
#   one window length to another, nor compared with the decay of another package.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'google-meridian==2.1.0'

TF_CPP_MIN_LOG_LEVEL=3 "$work/env/bin/python" -W ignore - 2>"$work/log" <<'PY' || { cat "$work/log" >&2; exit 1; }
from importlib.metadata import version

import numpy as np
from meridian.model.adstock_hill import AdstockTransformer

print({name: version(name) for name in ("google-meridian", "numpy")})

WEEKS = 60
pulse = np.zeros((1, WEEKS, 1), dtype=np.float32)
pulse[0, 0, 0] = 1.0


def weights(decay: str, alpha: float, max_lag: int) -> np.ndarray:
    adstock = AdstockTransformer(
        alpha=np.array([alpha], dtype=np.float32), max_lag=max_lag, n_times_output=WEEKS, decay_functions=decay
    )
    return np.asarray(adstock.forward(pulse))[0, :, 0]


lags = np.arange(WEEKS)
average = {}
np.set_printoptions(precision=3, suppress=True)
for decay in ("geometric", "binomial"):
    for max_lag in (8, 26):
        made = weights(decay, 0.5, max_lag)
        average[decay, max_lag] = float(made @ lags)
        print(f"{decay}, max_lag {max_lag}: {made[:9]} ..., average lag {average[decay, max_lag]:.2f} weeks")
        assert np.isclose(made.sum(), 1.0, atol=1e-5)
        assert np.all(made[: max_lag + 1] > 0) and np.all(made[max_lag + 1 :] == 0)

for max_lag in (8, 26):
    line = np.clip(1.0 - lags / (max_lag + 1), 0.0, None)
    assert np.allclose(weights("binomial", 0.5, max_lag), line / line.sum(), atol=1e-5)
assert abs(average["geometric", 8] - average["geometric", 26]) < 0.02
assert abs(average["binomial", 8] - 8 / 3) < 0.01 and abs(average["binomial", 26] - 26 / 3) < 0.01
print("behaviour as described")
PY
