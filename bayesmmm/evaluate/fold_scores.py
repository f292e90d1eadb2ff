"""Folds put together: their predictions side by side, scored, and the drift of parameters from first to last."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import ConvergenceWarning
from bayesmmm.evaluate.fold_task import FoldResult
from bayesmmm.evaluate.scores import mae, mape, r2, rmse
from bayesmmm.evaluate.stability import drift

SCORES = ("rmse", "mae", "mape", "r2", "crps", "coverage", "elpd", "rmse_naive")


@dataclass(frozen=True, eq=False)
class FoldScores:
    """What `CrossValidation` says of its folds."""

    scores: xr.Dataset
    predictions: xr.Dataset
    stability: xr.Dataset
    folds: pd.DataFrame


def score_folds(results: Sequence[FoldResult], *, nested: bool) -> FoldScores:
    """Put folds together, in order.

    Parameters
    ----------
    nested : bool
        Whether the data of the first fold are part of those of the last.
    """
    folds = pd.DataFrame([result.about for result in results]).set_index("fold")
    number = xr.Variable("fold", folds.index.to_numpy())
    bare = xr.concat([r.predictions.drop_vars("date") for r in results], dim=number.dims[0])
    dates = np.stack([r.predictions["date"].values for r in results])
    predictions = bare.assign_coords(fold=number, date=(("fold", "ahead"), dates))
    found = xr.concat([r.moments for r in results], dim=number.dims[0]).assign_coords(fold=number)
    new = 1.0 - float(folds["periods"].iloc[0] / folds["periods"].iloc[-1]) if nested else None
    moved = drift(found["working_mean"].values, found["working_sd"].values, found["working_error"].values, new=new)
    stability = found[["mean", "sd", "lower", "upper"]].assign(drift=("parameter", moved))
    values = {
        name: [
            [scored(predictions.sel(fold=f, equation=e))[name] for e in predictions["equation"].values]
            for f in folds.index
        ]
        for name in SCORES
    }
    scores = xr.Dataset(
        {name: (("fold", "equation"), np.array(rows)) for name, rows in values.items()},
        {"fold": folds.index.to_numpy(), "equation": predictions["equation"].values},
    )
    return FoldScores(scores, predictions, stability, folds)


def scored(predictions: xr.Dataset) -> dict[str, float]:
    """Return every score of the predictions of one series, whatever their dims."""
    found = {str(name): values.values.ravel() for name, values in predictions.data_vars.items()}
    y, p = found["observed"], found["mean"]
    varies = np.ptp(y) > 0.0
    return {
        "rmse": float(rmse(y, p)),
        "mae": float(mae(y, p)),
        "mape": float(mape(y, p)) if (y != 0.0).all() else np.nan,
        "r2": float(r2(y, p)) if varies else np.nan,
        "crps": float(found["crps"].mean()),
        "coverage": float(np.mean((found["lower"] <= y) & (y <= found["upper"]))),
        "elpd": float(found["log_density"].mean()),
        "rmse_naive": float(rmse(y, found["naive"])),
    }


def warn_of_failures(folds: pd.DataFrame) -> None:
    """Say which folds have draws that are not to be trusted."""
    failed = folds.index[folds["verdict"] == "failed"].tolist()
    if failed:
        warnings.warn(
            ConvergenceWarning(
                f"the sampler failed in fold {', '.join(map(str, failed))}, whose scores may say little; see "
                f"`.folds`, and run longer, as draws=2000, tune=1000, chains=4"
            ),
            stacklevel=3,
        )
