"""Folds put together: their predictions side by side, scored, and the drift of parameters from first to last."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import ConvergenceWarning
from bayesmmm.evaluate.fold_task import FoldResult
from bayesmmm.evaluate.scores import mae, mape, r2, rmse
from bayesmmm.evaluate.stability import drift

SCORES = ("rmse", "mae", "mape", "r2", "crps", "coverage", "elpd", "rmse_naive")


def score_folds(results: Sequence[FoldResult], *, nested: bool) -> dict[str, Any]:
    """Put folds together, in order, as fields of `CrossValidation`.

    `nested`: the data of the first fold are part of those of the last.
    """
    folds = pd.DataFrame([result.about for result in results]).set_index("fold")
    number = xr.Variable("fold", folds.index.to_numpy())
    predictions = _together([result.predictions for result in results], number)
    parts = [result.by_geo for result in results if result.by_geo is not None]
    moments = xr.concat([r.moments for r in results], dim=number.dims[0]).assign_coords(fold=number)
    new = 1.0 - float(folds["periods"].iloc[0] / folds["periods"].iloc[-1]) if nested else None
    mean, sd, error = (moments[f"working_{part}"].values for part in ("mean", "sd", "error"))
    stability = moments[["mean", "sd", "lower", "upper"]]
    stability = stability.assign(drift=("parameter", drift(mean, sd, error, new=new)))
    coords = {"fold": folds.index.to_numpy(), "equation": predictions["equation"].values}
    rows = [[scored(predictions.sel(fold=f, equation=e)) for e in coords["equation"]] for f in coords["fold"]]
    values = {name: np.array([[one[name] for one in row] for row in rows]) for name in SCORES}
    scores = xr.Dataset({name: (("fold", "equation"), array) for name, array in values.items()}, coords)
    by_geo = _together(parts, number) if parts else None
    return {
        **{"scores": scores, "predictions": predictions, "stability": stability, "folds": folds},
        **{"predictions_by_geo": by_geo, "scores_by_geo": None if by_geo is None else _by_geo(by_geo)},
    }


def _together(parts: Sequence[xr.Dataset], number: xr.Variable) -> xr.Dataset:
    """Lay the predictions of folds side by side; dates belong to fold and ahead."""
    bare = xr.concat([part.drop_vars("date") for part in parts], dim=number.dims[0])
    dates = np.stack([part["date"].values for part in parts])
    return bare.assign_coords(fold=number, date=(("fold", "ahead"), dates))


def _by_geo(predictions: xr.Dataset) -> xr.Dataset:
    """Scores (equation, geo) of all folds together."""
    names, geos = predictions["equation"].values, predictions["geo"].values
    rows = [[scored(predictions.sel(equation=e, geo=g)) for g in geos] for e in names]
    values = {
        name: (("equation", "geo"), np.array([[one[name] for one in row] for row in rows])) for name in SCORES
    }
    return xr.Dataset(values, {"equation": names, "geo": geos})


def scored(predictions: xr.Dataset) -> dict[str, float]:
    """Return every score of the predictions of one series, whatever their dims."""
    values = {str(name): array.values.ravel() for name, array in predictions.data_vars.items()}
    y, p = values["observed"], values["mean"]
    return {
        "rmse": float(rmse(y, p)),
        "mae": float(mae(y, p)),
        "mape": float(mape(y, p)) if (y != 0.0).all() else np.nan,
        "r2": float(r2(y, p)) if np.ptp(y) > 0.0 else np.nan,
        "crps": float(values["crps"].mean()),
        "coverage": float(np.mean((values["lower"] <= y) & (y <= values["upper"]))),
        "elpd": float(values["log_density"].mean()),
        "rmse_naive": float(rmse(y, values["naive"])),
    }


def warn_of_failures(folds: pd.DataFrame) -> None:
    """Say which folds have draws that are not to be trusted."""
    failed = folds.index[folds["verdict"] == "failed"].tolist()
    if failed:
        message = (
            f"the sampler failed in fold {', '.join(map(str, failed))}, whose scores may say little; see `.folds`, and "
            f"run longer, as draws=2000, tune=1000, chains=4"
        )
        warnings.warn(ConvergenceWarning(message), stacklevel=3)
