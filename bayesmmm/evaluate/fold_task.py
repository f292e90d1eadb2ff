"""One fold from beginning to end: fit, forecast, compare, and keep only what is small."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayesmmm.baselines import one_season_before
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM
from bayesmmm.evaluate.folds import Fold
from bayesmmm.evaluate.held_out import HeldOut, score_held_out
from bayesmmm.evaluate.scores import crps
from bayesmmm.evaluate.stability import moments, shared_units
from bayesmmm.inference.many_fits import SilentFit, fit_quietly


@dataclass(frozen=True)
class FoldResult:
    """What is kept of a fold: predictions (equation, ahead), moments (parameter), its row of the table of folds."""

    predictions: xr.Dataset
    moments: xr.Dataset
    about: dict[str, Any]
    by_geo: xr.Dataset | None = None  # predictions (equation, geo, ahead) of a panel


@dataclass(frozen=True)
class FoldTask:
    """Fit one fold and judge it; picklable, so that it can be sent to other processes."""

    system: MMM
    data: MMMData
    mediators: str
    paths: int
    ci_prob: float
    settings: Mapping[str, Any]  # of the sampler
    shared: slice | None  # periods whose spend the ROI is of; by default the fold's own

    def __call__(self, item: tuple[Fold, int]) -> FoldResult:
        """Work off one fold with its seed."""
        fold, seed = item
        silent = fit_quietly(self.system, fold.training(self.data), seed=seed, **self.settings)
        ahead = slice(fold.train.stop, fold.test.stop)
        held = score_held_out(
            silent.fit,
            fold.plan(self.data, self.system.exogenous),
            {name: self.data.columns[name][:, ahead] for name in self.system.order},
            last=fold.horizon,
            mediators=self.mediators,
            paths=self.paths,
            seed=seed,
        )
        spend = fold.train if self.shared is None else self.shared
        days = self.data.dates[spend.start], self.data.dates[spend.stop - 1]
        parts = {name: series.by_geo for name, series in held.items() if series.by_geo is not None}
        return FoldResult(
            predictions=self._predictions(fold, held),
            moments=moments(shared_units(silent.fit, *days), self.ci_prob),
            about=self._about(fold, silent),
            by_geo=self._predictions(fold, parts) if parts else None,
        )

    def _predictions(self, fold: Fold, held: Mapping[str, HeldOut]) -> xr.Dataset:
        """Predictions (equation, ahead), or by geo (equation, geo, ahead), summarised."""
        tail = (1.0 - self.ci_prob) / 2.0
        rows = []
        for name, series in held.items():
            simple = naive(self.data, name, fold)
            lower, median, upper = np.quantile(series.drawn, [tail, 0.5, 1.0 - tail], axis=0)
            rows.append(
                {
                    "observed": series.observed,
                    "mean": series.mean.mean(axis=0),
                    "median": median,
                    "lower": lower,
                    "upper": upper,
                    "crps": crps(series.observed, series.drawn),
                    "log_density": series.log_density,
                    "naive": simple if series.observed.ndim > 1 else simple.sum(axis=0),
                }
            )
        by_geo = rows[0]["observed"].ndim > 1
        dims = ("equation", *(("geo",) if by_geo else ()), "ahead")
        steps = np.arange(1, fold.horizon + 1)
        variables = {key: (dims, np.stack([row[key] for row in rows])) for key in rows[0]}
        dates = self.data.dates[fold.test].to_numpy()
        coords = {"equation": list(held), "ahead": steps, "date": ("ahead", dates)}
        return xr.Dataset(variables, coords | ({"geo": list(self.data.geos)} if by_geo else {}))

    def _about(self, fold: Fold, silent: SilentFit) -> dict[str, Any]:
        dates, verdict = self.data.dates, silent.fit.convergence
        return {
            "fold": fold.number,
            "train_start": dates[fold.train.start],
            "train_stop": dates[fold.train.stop - 1],
            "test_start": dates[fold.test.start],
            "test_stop": dates[fold.test.stop - 1],
            "periods": fold.train.stop - fold.train.start,
            "verdict": verdict.verdict,
            "rhat": verdict.rhat,
            "ess": min(verdict.ess_bulk, verdict.ess_tail),
            "divergences": verdict.divergences,
            "seconds": sum(silent.fit.settings["seconds"].values()),
            "warnings": ", ".join(sorted({type(w).__name__ for w in silent.notices})),
        }


def naive(data: MMMData, name: str, fold: Fold) -> np.ndarray:
    """Return the forecast (G, H) that anyone could make: the value one year before, or else the last one of training.

    One year is so many whole periods as come nearest to it. Values before training (of a window that slides) are known
    too, those of the gap are not.
    """
    series, year = data.columns[name], round(365.25 / data.days_per_period)
    at = np.arange(fold.test.start, fold.test.stop)
    return one_season_before(series, at, fold.train.stop, year)
