"""Baselines of periods after the fitted ones, and the residuals of these, which no plan changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from bayesmmm.data.checks import NATIONAL
from bayesmmm.engine.baseline import Baseline, Columns, carryover, evaluate
from bayesmmm.engine.residuals import given_mediator, random_stream_id, uniforms
from bayesmmm.engine.terms import FrozenDraws
from bayesmmm.equations import Equation


@dataclass(frozen=True)
class Noise:
    """Residuals of periods after the fitted ones.

    Attributes
    ----------
    residual : mapping of str to (R, G, T) array
        Of the equations whose series are simulated.
    moments : mapping of str to ((R, G, T) array or 0, (R,) or (R, G) array)
        As `Baseline.noise`.
    """

    residual: Columns
    moments: Mapping[str, tuple[np.ndarray | float, np.ndarray]]

    @property
    def size(self) -> int:
        """Bytes of memory."""
        arrays = [*self.residual.values(), *(each for pair in self.moments.values() for each in pair)]
        return sum(each.nbytes for each in arrays if isinstance(each, np.ndarray))


def future_noise(
    rows: FrozenDraws, periods: int, *, seed: int, paths: int, first: int = 0, outcome: bool = False
) -> Noise:
    """Draw the residuals of periods after the fitted ones.

    Parameters
    ----------
    periods : int
        How many.
    paths : int
        Residual paths of each draw.
    first : int
        Number of the first period, counted from the end of the fitted ones.
    outcome : bool
        Whether the outcome gets residuals, too: not needed where its mean is asked for.
    """
    rows, system = replace(rows, paths=paths), rows.system
    moments: dict[str, tuple[np.ndarray | float, np.ndarray]] = {}
    own: dict[str, np.ndarray] = {}  # residuals without period effects, which no correlation is about
    residual: dict[str, np.ndarray] = {}

    def drawn(kind: str, i: int, geos: tuple[str, ...]) -> np.ndarray:
        return uniforms(seed, random_stream_id(kind, i), rows.draws, geos, periods, paths=paths, first=first)

    for i, name in enumerate(system.order):
        equation = system.equation(name)
        par = {n: {k: rows.per_path(v) for k, v in rows.parameters[n].items()} for n in (name, *equation.rho)}
        center, sigma = given_mediator(equation, par, own)
        omega = par[name].get("omega")
        if isinstance(center, np.ndarray) and equation.family.log_scale:
            moments[name] = center, sigma
        if omega is not None:
            wide = np.hypot(sigma, omega if sigma.ndim == 1 else omega[:, None])
            moments[name] = moments.get(name, (0.0,))[0], wide
        if name == system.outcome and not outcome:
            continue
        at = drawn("future", i, rows.geos)
        own[name] = residual[name] = center + equation.family.residual_at({**par[name], "sigma": sigma}, at)
        if omega is not None:
            shared = special.ndtri(drawn("period", i, (NATIONAL,)))
            residual[name] = own[name] + omega[:, None, None] * shared
    return Noise(residual, moments)


def future(
    base: Baseline,
    dates: pd.DatetimeIndex,
    columns: Columns,
    *,
    seed: int,
    paths: int,
    first: int = 0,
    noise: bool = False,
    trend_until: pd.Timestamp | None = None,
    do: Columns | None = None,
    known: Noise | None = None,
    designs: Columns | None = None,
) -> Baseline:
    """Evaluate periods after those of `base`, which inherit its `carryover`.

    Parameters
    ----------
    dates : DatetimeIndex
        H periods that follow on from `base`.
    columns : mapping of str to (G, H) array
        Exogenous columns.
    paths : int
        Residual paths of each draw.
    first : int
        Number of the first period, counted from the end of the fitted ones.
    noise : bool
        Whether the outcome, too, gets residuals and a series: not needed where its mean is asked for.
    trend_until : Timestamp, optional
        Date after which trends stay where they are; by default they go on.
    do : mapping of str to (P, G, H) array, optional
        Mediators set by intervention.
    known : Noise, optional
        What `future_noise` gives for these draws and periods, where it is there already.
    designs : mapping of str to (G, H, K) array, optional
        The same of `designs_of`.
    """
    rows = replace(base.rows, paths=paths)
    if known is None:
        known = future_noise(rows, len(dates), seed=seed, paths=paths, first=first, outcome=noise)
    residuals = known.residual

    def residual(i: int, equation: Equation, *_: object) -> np.ndarray | None:
        return residuals.get(equation.name)

    every = {name: values[None] for name, values in columns.items()} | dict(do or {})
    out = evaluate(
        rows,
        dates,
        columns,
        every,
        residual,
        past=carryover(base),
        start=base.start + base.periods,
        trend_until=trend_until,
        periods_known=False,
        designs=designs,
    )
    return replace(out, future=True, noise=known.moments)
