"""How much an answer rests on the priors and how much on the data, by raising either to a power: no refit.

The posterior under a prior that counts a little more or less, ``p(theta)^alpha p(y | theta)``, is made from the draws
there are by importance weights ``p(theta)^(alpha - 1)``. What moves with alpha rests on the prior; what moves as the
likelihood is scaled rests on the data.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.diagnostics.thresholds import BUDGET_MOVED, POWER_SENSITIVE
from bayesmmm.engine import inputs
from bayesmmm.equations import log_likelihood
from bayesmmm.errors import SettingError
from bayesmmm.estimands import open_query, roi, verdict_of
from bayesmmm.optimize import Plan
from bayesmmm.results import Fit
from bayesmmm.results.predictive import check_groups
from bayesmmm.results.summaries import flat
from bayesmmm.sensitivity.importance import Weights, resampled, smoothed, weighted_quantiles
from bayesmmm.text import counted
from bayesmmm.validate import check_numbers, check_seed

#: Powers at which an answer is shown: a prior that counts a fifth less, and a quarter more.
ALPHAS = (0.8, 1.25)
COMPONENTS = ("prior", "likelihood")
#: Verdict on a quantity -> what it means.
MEANING = {
    "data decide": "the prior could be somewhat wider or narrower without a visible change",
    "prior-data conflict": "prior and data both move it: they disagree, or neither says much alone",
    "weak data": "the prior moves it and the data do not: it is mostly prior",
    "unknown": "its draws are all alike",
}
_SAMPLE = ("chain", "draw")


def power_scaling(
    fit: Fit, quantity: xr.DataArray | xr.Dataset | None = None, *, alphas: tuple[float, float] = ALPHAS
) -> pd.DataFrame:
    """Sensitivity of parameters, of returns on spend, or of anything else, to the priors and to the data.

    The diagnostic of a quantity is the rate at which its distribution function F moves as log2 of the power alpha on
    the prior (or the likelihood) leaves 0, in cumulative Jensen-Shannon distance::

        D = [d(F_alpha, F_1) / log2(alpha) + d(F_1/alpha, F_1) / log2(alpha)] / 2      at alpha = 1.01

    0.05 or more counts. Both above: prior-data conflict; only that of the prior: weak data.

    Parameters
    ----------
    fit : Fit
    quantity : DataArray or Dataset, optional
        Draws with dims chain and draw, as `roi`, `effects` or ``plan.answers`` give them; all parameters and the ROI of
        every channel by default.
    alphas : (float, float)
        Powers on the prior, below and above 1, at which medians are shown.

    Returns
    -------
    pandas.DataFrame
        A row per value, named ``variable[label]``: ``prior`` and ``likelihood``, the diagnostics; ``verdict`` ("data
        decide", "prior-data conflict", "weak data", "unknown" where draws are all alike or one of them is not finite)
        and ``finding``, a sentence; ``median``; ``weaker`` and ``stronger``, the medians under the powers `alphas` of
        the prior, NaN where weights cannot be trusted; ``shift``, the larger move of these in posterior sds;
        ``main_prior``, the block of priors b with the largest derivative of the posterior mean to its power,
        ``Cov(quantity, log p_b)``. ``attrs``: alphas, pareto_k (by component and alpha), allowed_k, reliable,
        threshold, verdict of the sampler.

    Raises
    ------
    SettingError
        For a quantity without draws of this fit, and impossible powers.
    AnswerError
        When the fit does not hold the densities of its draws.
    ConvergenceError
        When the sampler failed.

    Notes
    -----
    Priors are scaled as densities of the parameters that are printed, coefficients of the linear part included. Of a
    panel, those are what geos and periods vary around, tau and omega; what single geos and periods are, given these, is
    part of the model and is not scaled.

    References
    ----------
    Kallioinen, Paananen, Buerkner and Vehtari (2024), Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling, Statistics and Computing 34, 57, doi:10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> table = power_scaling(fit)  # doctest: +SKIP
    >>> table.loc["roi[tv]", ["prior", "likelihood", "finding"]]  # doctest: +SKIP
    >>> power_scaling(fit, mm.effects(fit)["indirect"])  # doctest: +SKIP
    """
    verdict = verdict_of(fit)
    alphas = checked_alphas(alphas)
    density = log_densities(fit)
    values = _quantities(fit, quantity)
    density = density.sel({dim: values[dim] for dim in _SAMPLE})
    parts = {name: density[names] for name, names in _parts(density).items()}
    weights = {(name, a): _weights(part, a) for name, part in parts.items() for a in alphas}
    table = pd.DataFrame({name: _sensitivity(values, part) for name, part in parts.items()})
    table.insert(2, "verdict", [_verdict(p, q) for p, q in zip(table["prior"], table["likelihood"], strict=True)])
    even = xr.ones_like(weights["prior", alphas[0]].values)
    medians = {"median": _medians(values, even / even.size)}
    for column, a in zip(("weaker", "stronger"), alphas, strict=True):
        weight = weights["prior", a]
        medians[column] = (
            _medians(values, weight.values) if weight.reliable else dict.fromkeys(table.index, np.nan)
        )
    table = table.join(pd.DataFrame(medians))
    sd = pd.Series(flat(_usable(values).std(_SAMPLE)))
    moves = table[["weaker", "stronger"]].sub(table["median"], axis=0).abs().max(axis=1, skipna=False)
    table["shift"] = moves / sd.where(sd > 0.0)
    table["main_prior"] = _main_prior(values, density)
    undefined = flat((~values.map(np.isfinite)).sum(_SAMPLE))
    table["finding"] = [_finding(row, alphas, int(undefined[row.Index])) for row in table.itertuples()]
    table.attrs = {
        "alphas": alphas,
        "pareto_k": {f"{name} {a:g}": weight.k for (name, a), weight in weights.items()},
        "allowed_k": weights["prior", alphas[0]].allowed,
        "reliable": all(weights["prior", a].reliable for a in alphas),
        "threshold": POWER_SENSITIVE.warn,
        "source": POWER_SENSITIVE.source,
        "verdict": verdict,
    }
    return table.rename_axis("quantity")


def checked_alphas(alphas: tuple[float, float]) -> tuple[float, float]:
    """Return powers, checked to lie on both sides of 1."""

    def around_one(powers: np.ndarray) -> bool:
        return len(powers) == 2 and 0.0 < powers[0] < 1.0 < powers[1]

    allowed = "a power between 0 and 1 and one above 1"
    low, high = check_numbers(alphas, "alphas", allowed, ALPHAS, around_one).tolist()
    return low, high


def log_densities(fit: Fit) -> xr.Dataset:
    """Log prior of each block and log likelihood of each equation (in ``attrs``), summed over periods (chain, draw)."""
    large = len(fit.data.geos) > 1 and "log_likelihood" not in fit.tree.children
    check_groups(fit, ("log_prior",) if large else ("log_prior", "log_likelihood"), "power-scaling")
    prior = fit.tree["log_prior"].to_dataset()
    series = _summed_likelihood(fit) if large else fit.tree["log_likelihood"].to_dataset()
    likelihood = {
        f"log p({name})": values.sum([dim for dim in values.dims if dim not in _SAMPLE])
        for name, values in series.items()
    }
    return xr.Dataset({**prior.data_vars, **likelihood}).assign_attrs(likelihood=tuple(likelihood))


def _summed_likelihood(fit: Fit) -> xr.Dataset:
    """Log likelihood of each equation (chain, draw) of a panel too large to keep it by geo and period."""
    posterior, data = fit.posterior, fit.data
    query = open_query(replace(fit, answering=None).accept_unconverged())

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base, out = query.history(draws), {}
        for name in fit.system.order:
            equation, par = fit.system.equation(name), base.rows.parameters[name]
            density = log_likelihood(equation, data.columns[name], base.latent[name], par, fit.scales)
            seen = inputs(equation, data, fit.scales).seen
            out[name] = np.where(seen, density, 0.0).sum(axis=(1, 2))
        return out

    coords = {dim: posterior[dim] for dim in _SAMPLE}
    parts = query.map(work, len(data.dates))
    shape = tuple(posterior.sizes[dim] for dim in _SAMPLE)
    return xr.Dataset({name: (_SAMPLE, values.reshape(shape)) for name, values in parts.items()}, coords)


def _parts(density: xr.Dataset) -> dict[str, list[str]]:
    """What is scaled together: all priors, and all likelihoods."""
    likelihood = list(density.attrs["likelihood"])
    return {"prior": [str(name) for name in density if name not in likelihood], "likelihood": likelihood}


def _weights(part: xr.Dataset, alpha: float) -> Weights:
    """Weights of draws as the densities of one part are raised to a power."""
    return smoothed((alpha - 1.0) * part.to_dataarray().sum("variable"))


def _main_prior(values: xr.Dataset, density: xr.Dataset) -> pd.Series:
    """Block of priors whose power moves the mean of each value fastest; empty for a value that does not vary."""
    covariance = {
        block: flat(abs((_usable(values) * (density[block] - density[block].mean())).mean(_SAMPLE, skipna=False)))
        for block in _parts(density)["prior"]
    }
    table = pd.DataFrame(covariance)
    return table.fillna(-1.0).idxmax(axis=1).where(table.notna().all(axis=1), "")


def _quantities(fit: Fit, quantity: xr.DataArray | xr.Dataset | None) -> xr.Dataset:
    """Draws of what is asked about, as a data set."""
    if quantity is None:
        returns = {"roi": roi(fit)} if any(map(fit.data.has_spend, fit.system.channels)) else {}
        return xr.Dataset({**fit.posterior.sel(open_query(fit).coords).data_vars, **returns})
    draws = quantity.to_dataset(name=quantity.name or "value") if isinstance(quantity, xr.DataArray) else quantity
    names = []
    if isinstance(draws, xr.Dataset):
        names = [n for n, v in draws.data_vars.items() if set(_SAMPLE) <= set(v.dims) and v.dtype.kind in "biuf"]
    if not names:
        raise SettingError(
            f"quantity is a {type(quantity).__name__} without numbers of dims chain and draw; give draws, as "
            f"quantity=mm.roi(fit)"
        )
    posterior = fit.posterior
    for dim in _SAMPLE:
        if dim not in draws.coords or not np.isin(draws[dim].values, posterior[dim].values).all():
            raise SettingError(
                f"quantity has draws that this fit does not have (its {dim} is labelled otherwise); give what was "
                f"computed from this fit, as quantity=mm.roi(fit)"
            )
    return draws[names]


def _sensitivity(values: xr.Dataset, density: xr.Dataset) -> dict[str, float]:
    """Diagnostic of every value as the densities are scaled together; NaN where a value is constant or not finite."""
    import arviz_stats

    tree = xr.DataTree.from_dict({"posterior": _usable(values), "log_prior": density})
    if float(sum(abs(part.std()) for part in density.data_vars.values())) == 0.0:
        return dict.fromkeys(flat(values.isel(dict.fromkeys(_SAMPLE, 0))), 0.0)
    return flat(arviz_stats.psense(tree, group="prior", sample_dims=list(_SAMPLE)))


def _usable(values: xr.Dataset) -> xr.Dataset:
    """Values with NaN throughout where one draw is not finite or none differs, which no distance is defined for."""
    good = values.map(np.isfinite).all(_SAMPLE) & (values.max(_SAMPLE) > values.min(_SAMPLE))
    return values.where(good)


def _medians(values: xr.Dataset, weights: xr.DataArray) -> dict[str, float]:
    return flat(
        xr.Dataset({n: weighted_quantiles(v, weights, (0.5,)).isel(quantile=0) for n, v in values.items()})
    )


def _verdict(prior: float, likelihood: float) -> str:
    if np.isnan(prior) or np.isnan(likelihood):
        return "unknown"
    if prior < POWER_SENSITIVE.warn:
        return "data decide"
    return "prior-data conflict" if likelihood >= POWER_SENSITIVE.warn else "weak data"


def _finding(row, alphas: tuple[float, float], undefined: int) -> str:
    """Say in a sentence what moves a quantity, and by how much; `undefined` draws of it are no finite numbers."""
    head = f"{row.verdict}: {MEANING[row.verdict]}"
    if row.verdict == "unknown":
        odd = f"unknown: {counted(undefined, 'draw')} of it not finite, and no distance is defined for such"
        return odd if undefined else head
    if np.isnan(row.weaker) or np.isnan(row.stronger):
        return f"{head}; how far cannot be told from these draws"
    return (
        f"{head}; median {row.median:.3g}, {row.weaker:.3g} with priors at power {alphas[0]:g} and {row.stronger:.3g} "
        f"at {alphas[1]:g}, {row.shift:.2f} posterior sd at most; most of it the prior of {row.main_prior}"
    )


# ------------------------------------------------------------------------------------------------------- budgets
def power_scaled_budget(
    fit: Fit,
    plan: Callable[[Fit], Plan],
    *,
    component: str = "prior",
    alphas: tuple[float, float] = ALPHAS,
    seed: int = 0,
) -> xr.Dataset:
    """How the best budget moves as the priors, or the data, count for less or more.

    Draws are resampled with the weights ``p(theta)^(alpha - 1)`` and the plan is optimised again on them. A draw that
    is kept stays in its place, so that what moves is not the luck of resampling; ``noise`` is how far the plan moves as
    other draws of the same posterior choose it.

    Parameters
    ----------
    fit : Fit
    plan : callable
        From a fit to a plan, as ``lambda fit: mm.optimize_budget(fit, total=250_000, periods=13)``.
    component : {"prior", "likelihood"}
    alphas : (float, float)
        Powers, below and above 1.
    seed : int
        Of resampling.

    Returns
    -------
    xarray.Dataset
        ``spend`` (alpha, channel) of the window in money, at both powers and at 1; ``change`` (alpha, channel), over
        that at 1 as a share; ``moved`` (alpha), the share of the money that goes elsewhere; ``noise``, likewise by
        chance; ``pareto_k``, ``reliable`` (alpha). ``attrs``: component, unit, verdict of the sampler, ``finding``, a
        sentence, and ``raised``, whether more moves than a tenth and than twice the noise.

    Raises
    ------
    SettingError
        When `plan` is no such function; for impossible powers and components.
    AnswerError, ConvergenceError
        As `power_scaling`; what the optimisation raises.

    References
    ----------
    Kallioinen et al. (2024), doi:10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> best = lambda fit: mm.optimize_budget(fit, total=250_000, periods=13)  # doctest: +SKIP
    >>> print(power_scaled_budget(fit, best).attrs["finding"])  # doctest: +SKIP
    """
    verdict = verdict_of(fit)
    alphas, seed = checked_alphas(alphas), check_seed(seed)
    if component not in COMPONENTS:
        raise SettingError(f"component={component!r} must be 'prior' or 'likelihood'")
    if not callable(plan):
        raise SettingError(
            f"plan is a {type(plan).__name__}, and must be a function of a fit, as plan=lambda fit: "
            f"mm.optimize_budget(fit, total=250_000, periods=13)"
        )
    density = log_densities(fit)
    weights = {a: _weights(density[_parts(density)[component]], a) for a in alphas}
    base = _spend(plan, fit)
    sizes = fit.posterior.sizes
    others = np.arange(sizes["chain"] * sizes["draw"]).reshape(-1, sizes["draw"])
    chance = _spend(plan, _with_draws(fit, np.roll(others, 1, axis=1).ravel()))
    low, high = (_spend(plan, _with_draws(fit, resampled(weights[a].values, seed=seed))) for a in alphas)
    each = xr.concat([low, base, high], dim="alpha").assign_coords(alpha=[alphas[0], 1.0, alphas[1]])
    spend, now = (
        money.sum([dim for dim in money.dims if dim not in ("alpha", "channel")]) for money in (each, base)
    )
    out = xr.Dataset(
        {
            "spend": spend.assign_attrs(unit="money"),
            **({"spend_by_geo": each.assign_attrs(unit="money")} if "geo" in each.dims else {}),
            "change": (spend / now.where(now > 0.0) - 1.0).assign_attrs(unit="share of the spend at alpha 1"),
            "moved": _moved(each, base).assign_attrs(unit="share of the money"),
            "noise": _moved(chance, base).assign_attrs(unit="share of the money"),
            "pareto_k": ("alpha", [weights[alphas[0]].k, 0.0, weights[alphas[1]].k]),
            "reliable": ("alpha", [weights[alphas[0]].reliable, True, weights[alphas[1]].reliable]),
        },
        attrs={"component": component, "verdict": verdict, "source": BUDGET_MOVED.source},
    )
    return out.assign_attrs(_verdict_on_budget(out, weights))


def _with_draws(fit: Fit, index: np.ndarray) -> Fit:
    """Fit with some draws in the place of others; nothing but the posterior is kept."""

    def chosen(values: xr.DataArray) -> xr.DataArray:
        wide = values.transpose(*_SAMPLE, ...)
        flat_values = wide.values.reshape(-1, *wide.shape[2:])
        return wide.copy(data=flat_values[index].reshape(wide.shape))

    other = replace(fit, tree=xr.DataTree.from_dict({"posterior": fit.posterior.map(chosen)}))
    # Draws that occur twice would pass for a chain that is stuck; what there is to say was said of the fit itself.
    return other.with_convergence(fit.convergence)


def _spend(plan: Callable[[Fit], Plan], fit: Fit) -> xr.DataArray:
    best = plan(fit)
    if not isinstance(best, Plan):
        raise SettingError(
            f"plan(fit) returned a {type(best).__name__}, and must return a Plan, as plan=lambda fit: "
            f"mm.optimize_budget(fit, total=250_000, periods=13)"
        )
    return best.spend.sum("date")


def _moved(spend: xr.DataArray, base: xr.DataArray) -> xr.DataArray:
    """Half the sum of absolute changes over the money there is: each unit that goes elsewhere counts once."""
    return 0.5 * abs(spend - base).sum(base.dims) / base.sum()


def _verdict_on_budget(answer: xr.Dataset, weights: dict[float, Weights]) -> dict[str, object]:
    """Say how far a plan moves, and whether that is more than chance."""
    noise, component = float(answer["noise"]), answer.attrs["component"]
    moved = {a: float(answer["moved"].sel(alpha=a)) for a in weights}
    bad = [f"{a:g} ({w.k:.2f}, allowed {w.allowed:.2f})" for a, w in weights.items() if not w.reliable]
    parts = [f"{share:.1%} at power {a:g}" for a, share in moved.items()]
    most = max(moved.values())
    raised = bool(most > BUDGET_MOVED.warn and most > 2.0 * noise)
    words = "rests on" if raised else "hardly depends on"
    finding = (
        f"the plan {words} the {component}: of the money, {' and '.join(parts)} of the {component} goes elsewhere; "
        f"{noise:.1%} does as other draws choose"
    )
    if bad:
        finding += f"; weights are not to be trusted, by their Pareto k, at power {', '.join(bad)}"
    return {"finding": finding, "raised": int(raised), "threshold": BUDGET_MOVED.warn}
