"""One process of the benchmark of cross-validation: all folds at once, or one fold by a fit of its own.

Started by ``cross_validation.py``; prints one line of JSON.
"""

import argparse
import json
import sys
import time
import warnings

import bayesmmm as mm
from bayesmmm.errors import BayesMMMWarning
from bayesmmm.evaluate import cross_validate, hold_out

FOLDS = 8
SETTINGS = {"draws": 1000, "tune": 500, "chains": 2}


def main() -> None:
    """Run what is asked for and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", required=True)
    parser.add_argument("--fold", type=int, help="one fold by itself, from 1; all of them without it")
    options = parser.parse_args()
    warnings.simplefilter("ignore", BayesMMMWarning)
    data = mm.MMMData.from_csv(
        options.csv,
        date="date_week",
        date_format="%m/%d/%Y",
        outcome="y",
        media=["x1", "x2"],
        controls=["event_1", "event_2"],
    )
    season = mm.Fourier(period=365.25, order=2)
    system = mm.MMM(
        [mm.Equation("y", media=["x1", "x2"], linear=["event_1", "event_2"], seasonality=season, trend=True)]
    )
    # 179 weeks: the second event is in week 129, so that the folds train on 131 weeks and more and test 6 each.
    horizon, last = 6, len(data.dates)
    if options.fold is None:
        found = cross_validate(system, data, folds=FOLDS, horizon=horizon, seed=1, progress=False, **SETTINGS)
    else:
        stop = last - horizon * (FOLDS - options.fold)
        past = data.between(data.dates[0], data.dates[stop - 1])
        found = hold_out(system, past, periods=horizon, seed=options.fold, **SETTINGS)
    row = {
        "folds": found.scores.sizes["fold"],
        "processor_s": time.process_time(),
        "rmse": float(found.table().loc["all", "rmse"]),
        "verdicts": found.folds["verdict"].value_counts().to_dict(),
    }
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
