"""How well a system forecasts: fitted to the past of a history, judged by what came next, fold after fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, check_system
from bayesmmm.errors import EvaluationError, SettingError
from bayesmmm.evaluate.fold_scores import SCORES, score_folds, scored, warn_of_failures
from bayesmmm.evaluate.fold_task import FoldTask
from bayesmmm.evaluate.folds import check_complete, check_held_out, plan_folds
from bayesmmm.evaluate.held_out import MEDIATORS
from bayesmmm.evaluate.stability import FAR
from bayesmmm.inference.many_fits import cores_each, run, seeds
from bayesmmm.text import notebook_html
from bayesmmm.validate import PATHS, check_choice, check_ci_prob, check_paths, check_seed, refusal


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Forecasts of held-out periods, their scores, and what each fold thought of the parameters.

    Attributes
    ----------
    scores : xarray.Dataset
        Dims fold, equation: rmse, mae, crps, rmse_naive (units of the series), mape, r2, coverage (shares), elpd (mean
        log density of a period). The naive forecast is the value one year before or, where training does not reach back
        so far, the last value of training. mape is NaN where something observed is 0, r2 where nothing varies.
    predictions : xarray.Dataset
        Dims fold, equation, ahead (1 is the first period judged): observed, mean, median, lower, upper (interval of new
        observations), crps, log_density, naive; the coordinate ``date`` belongs to fold and ahead.
    stability : xarray.Dataset
        Dims fold, parameter: mean, sd, lower and upper in units that all folds share; ``drift`` (parameter), see
        `drift`. The ROI is that of the spend of the first fold's training periods, or of each fold's own when windows
        slide.
    folds : pandas.DataFrame
        By fold: dates, periods trained on, sampler verdict, R-hat, effective sample size, divergences, seconds,
        warnings.
    failed : mapping of int to str
        Fold -> error, for folds that could not be fitted.
    complete : bool
        Whether all folds are in.
    settings : mapping
        What was asked, the seed included.
    predictions_by_geo : xarray.Dataset, optional
        Of a panel, whose `predictions` and `scores` are in total over its geos: dims fold, equation, geo, ahead. There
        log_density is that of one geo; in total it is the joint one of all geos in a period.
    scores_by_geo : xarray.Dataset, optional
        Of a panel: dims equation, geo; all folds together.
    """

    scores: xr.Dataset
    predictions: xr.Dataset
    stability: xr.Dataset
    folds: pd.DataFrame
    failed: Mapping[int, str]
    complete: bool
    settings: Mapping[str, Any]
    predictions_by_geo: xr.Dataset | None = None
    scores_by_geo: xr.Dataset | None = None

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return str(self.scores["equation"].values[-1])

    def table(self, equation: str | None = None, *, by: Literal["geo"] | None = None) -> pd.DataFrame:
        """Scores by fold, and in the last row those of all folds together.

        Parameters
        ----------
        equation : str, optional
            The outcome by default, or a mediator.
        by : {"geo"}, optional
            Of a panel: scores by geo, of all folds together; by default those in total over the geos.

        Returns
        -------
        pandas.DataFrame
            ``attrs["unit"]`` holds the unit of rmse, mae, crps and rmse_naive.
        """
        name = self.outcome if equation is None else equation
        known = self.scores["equation"].values.tolist()
        if name not in known:
            raise SettingError(
                f"equation={name!r} was not predicted; predicted were: {', '.join(known)}"
                + ("" if self.settings["mediators"] == "respond" else ". Mediators are with mediators='respond'")
            )
        attrs = {"unit": self.settings["units"][name], "equation": name}
        if by is not None:
            table = self._scores_by_geo(by).sel(equation=name).to_dataframe()[list(SCORES)]
            table.attrs = attrs
            return table
        each = self.scores.sel(equation=name).to_dataframe()[list(SCORES)]
        every = pd.DataFrame([scored(self.predictions.sel(equation=name))], index=["all"])
        table = pd.concat([each, every]).rename_axis("fold")
        table.insert(0, "test_from", [*self.folds["test_start"].dt.strftime("%Y-%m-%d"), ""])
        table["verdict"] = [*self.folds["verdict"], ""]
        table.attrs = attrs
        return table

    def _scores_by_geo(self, by: str) -> xr.Dataset:
        check_choice(by, "by", ("geo",), "or left out for the total")
        if self.scores_by_geo is None:
            raise refusal(
                "by", by, "tells the geos of a panel apart, and these folds are of one series; leave by out"
            )
        return self.scores_by_geo

    def __str__(self) -> str:
        s, name, done = self.settings, self.outcome, len(self.scores["fold"])
        table = self.table()
        total = table.loc["all"]
        gap = f" after a gap of {s['gap']}" if s["gap"] else ""
        lines = [
            f"Cross-validation of {name!r}: {done} of {s['folds']} folds, {s['window']} window, "
            f"{s['horizon']} {s['frequency']} period(s) ahead{gap}, mediators {s['mediators']}",
            table.round(3).to_string(),
            f"unit of rmse, mae, crps: {s['units'][name]}",
            f"coverage {total['coverage']:.2f} of {s['ci_prob']:.2f} intended; rmse {total['rmse']:.4g}, of the naive "
            f"forecast {total['rmse_naive']:.4g}",
        ]
        if self.scores_by_geo is not None:
            worst = self.table(by="geo")["coverage"].sort_values(kind="stable")
            lines.append(
                f"in total over {len(worst)} geos; by geo coverage is {worst.iloc[0]:.2f} ({worst.index[0]}) to "
                f"{worst.iloc[-1]:.2f} ({worst.index[-1]}): .table(by='geo')"
            )
        moved = self.stability["drift"].to_series().dropna()
        moved = moved[moved.abs() > FAR].sort_values(key=np.abs, ascending=False)
        if len(moved):
            what = ", ".join(f"{k} (z {v:.1f})" for k, v in moved.head(5).items())
            lines.append(f"drift from the first to the last fold: {what}")
        if not self.complete:
            lines.append(f"not complete: {len(self.failed)} folds failed, {s['folds'] - done} are missing in all")
        return "\n".join([*lines, "Next: .table(), .predictions, .stability, mm.plots.cross_validation(...)"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the scores as they are printed, for notebooks."""
        table = self.table().round(3)
        columns = {"fold": list(table.index)}
        for name in table:
            lines = table[[name]].to_string(index=False, header=False).splitlines()
            columns[str(name)] = [line.strip() for line in lines]
        return notebook_html(str(self), columns)


def cross_validate(
    system: MMM,
    data: MMMData,
    *,
    folds: int | None = None,
    initial: int | None = None,
    horizon: int | None = None,
    step: int | None = None,
    gap: int = 0,
    window: Literal["expanding", "sliding"] = "expanding",
    mediators: Literal["respond", "observed"] = "respond",
    draws: int = 1000,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    paths: int = PATHS,
    ci_prob: float | None = None,
    seed: int | None = None,
    executor: Any = None,
    progress: bool = True,
) -> CrossValidation:
    """Forecast held-out periods again and again, each time fitted only to what came before.

    Every fold is trained on periods 1 .. n (or, sliding, on as many as the first fold has), with scales of its own, and
    predicts the next `horizon` periods from their spend and controls. Of a panel a fold has all geos over the same
    periods, and period effects of the periods to come are drawn, the same for all geos.

    Parameters
    ----------
    system : MMM
    data : MMMData
        The whole history, T periods.
    folds : int, optional
        8 by default or, where initial and horizon are given, as many as there is room for.
    initial : int, optional
        Periods that the first fold is trained on. By default the last test ends with the data, and the first fold has
        half of the periods or more, and as many as it takes for every column to vary.
    horizon : int, optional
        Periods judged in each fold; by default those after `initial` in equal parts.
    step : int, optional
        Periods from one fold to the next; by default `horizon`, so that every period is judged once.
    gap : int
        Periods between training and test, for data that arrive late.
    window : {"expanding", "sliding"}
    mediators : {"respond", "observed"}
        "respond": mediators of the test periods are forecast too. "observed": they are taken as they were, which judges
        the outcome's equation on its own; nobody could have forecast so.
    draws, tune, chains, target_accept
        As in ``fit``; shorter than there, since scores need less than intervals of parameters.
    paths : int
        Residual paths of responding mediators per draw.
    ci_prob : float in (0, 1), optional
        Of the intervals whose coverage is told; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.
    seed : int, optional
        Drawn and kept when left out.
    executor, progress
        As in `run`: by default several folds at once in threads of this process; Ctrl-C keeps the folds that are done.

    Returns
    -------
    CrossValidation
        Printing it shows the scores.

    Raises
    ------
    SettingError
        When the folds do not fit into the data, or a fold cannot be fitted: which, and why.
    EquationError, DataError, PriorError
        When system and data do not fit together.
    EvaluationError
        When every fold failed.

    Warns
    -----
    InterruptedWarning, FailedRunsWarning
        When folds are missing.
    ConvergenceWarning
        When the sampler failed in some fold.

    References
    ----------
    Hyndman and Athanasopoulos (2021), Forecasting: principles and practice, section 5.10, otexts.com/fpp3/tscv.html.
    Buerkner, Gabry and Vehtari (2020), doi:10.1080/00949655.2020.1783262, for densities of the future.

    Examples
    --------
    >>> cv = cross_validate(system, data, folds=8, seed=1)  # doctest: +SKIP
    >>> print(cv)  # doctest: +SKIP
    """
    engine.check_data(data)
    check_complete(data)
    check_system(system, data)
    check_choice(mediators, "mediators", MEDIATORS)
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else check_seed(seed)
    splits = plan_folds(
        system, data, folds=folds, initial=initial, horizon=horizon, step=step, gap=gap, window=window
    )
    settings: dict[str, Any] = {"draws": draws, "tune": tune, "chains": chains}
    task = FoldTask(
        system=system,
        data=data,
        mediators=mediators,
        paths=check_paths(paths),
        ci_prob=check_ci_prob(ci_prob),
        settings={**settings, "target_accept": target_accept, "cores": cores_each(len(splits), executor)},
        shared=splits[0].train if window == "expanding" else None,
    )
    items = list(zip(splits, seeds(seed, len(splits)), strict=True))
    done = run(
        task, items, executor=executor, progress=progress, label=lambda item: item[0].label(data), title="folds"
    )
    if not done.results:
        raise EvaluationError("interrupted before the first fold was done: there is nothing to show; run it again")
    settings |= {
        "folds": len(splits),
        "initial": splits[0].train.stop,
        "horizon": splits[0].horizon,
        "gap": gap,
        "window": window,
        "mediators": mediators,
        "ci_prob": task.ci_prob,
        "seed": seed,
        "frequency": data.frequency,
        "units": {n: data.unit(n) for n in system.order},
    }
    scores = score_folds(list(done.results.values()), nested=window == "expanding")
    warn_of_failures(scores["folds"])
    return CrossValidation(
        **scores,
        failed={splits[i].number: message for i, message in done.failed.items()},
        complete=done.complete,
        settings=settings,
    )


def hold_out(
    system: MMM,
    data: MMMData,
    *,
    periods: int,
    gap: int = 0,
    mediators: Literal["respond", "observed"] = "respond",
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    paths: int = PATHS,
    ci_prob: float | None = None,
    seed: int | None = None,
) -> CrossValidation:
    """Forecast the last periods from all before them: one fold of `cross_validate`, with the settings of ``fit``.

    Parameters
    ----------
    periods : int
        How many are held out at the end.
    system, data, gap, mediators, draws, tune, chains, target_accept, paths, ci_prob, seed
        As in :func:`cross_validate`, which raises the same errors.

    Returns
    -------
    CrossValidation
        With one fold; nothing is known of drift.

    Examples
    --------
    >>> print(hold_out(system, data, periods=13, seed=1))  # doctest: +SKIP
    """
    engine.check_data(data)
    check_complete(data)
    check_system(system, data)
    check_held_out(system, data, periods=periods, gap=gap)
    return cross_validate(
        system,
        data,
        folds=1,
        horizon=periods,
        gap=gap,
        mediators=mediators,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        paths=paths,
        ci_prob=ci_prob,
        seed=seed,
        progress=False,
    )
