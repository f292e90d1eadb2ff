"""What priors and data of each equation are up to: parameters per value, implied shares, seasons, mediators."""

import numpy as np
import pandas as pd
from scipy import special, stats

from bayesmmm import engine
from bayesmmm.diagnostics import thresholds as bounds
from bayesmmm.diagnostics.advice import prior_on
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.prior_view import SEED, PriorView, left_over
from bayesmmm.equations import observe
from bayesmmm.equations.checks import prior_media_share, values_per_parameter

#: Quantiles of the half-life priors at which a mediator is asked whether it moves; rounds of a censored regression.
_HALF_LIVES, _ROUNDS = (0.1, 0.5, 0.9), 500


def equation_checks(view: PriorView) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Check every equation with its priors against its data; tables as `audit` lists them."""
    checks: list[Check | None] = []
    counts, ahead = {}, {}
    for name in view.system.order:
        values, parameters = values_per_parameter(view.system.equation(name), view.data)
        counts[name] = {"values": values, "parameters": parameters, "ratio": values / parameters}
        ahead[name] = predictive_table(view, name)
        checks += [ratio_check(name, values, parameters), season_check(view, name), _share(view, name)]
        checks.append(_coverage(name, ahead[name]))
    mediators = mediator_table(view)
    checks += [_moves(view, str(name), row) for name, row in mediators.iterrows()]
    tables = {
        "parameters": pd.DataFrame.from_dict(counts, orient="index").rename_axis("equation"),
        "prior_predictive": pd.concat(ahead, names=["equation"]),
        "media_share": share_table(view),
    }
    made = [check for check in checks if check is not None]
    return made, tables | ({"mediators": mediators} if len(mediators) else {})


def ratio_check(name: str, values: int, parameters: int) -> Check:
    """Values of an equation beside its parameters."""
    return check_against(
        f"periods:{name}",
        "data",
        bounds.PERIODS_PER_PARAMETER,
        values / parameters,
        f"{name} has {values} values for {parameters} parameters, {values / parameters:.1f} for each.",
        "there is less to learn from than there is to be learned: priors decide much of the answer",
        (
            "use fewer terms: a lower order, as seasonality=[mm.Fourier(period=365.25, order=1)], no trend knots, fewer "
            "controls",
            "add small channels up to one",
            "get more periods, or daily data instead of weekly",
            "write down what is known as priors, above all on roi",
        ),
    )


def season_check(view: PriorView, name: str) -> Check | None:
    """Number of its longest seasons that the data of an equation run over."""
    equation, data = view.system.equation(name), view.data
    if not equation.seasonality:
        return None
    longest = max(season.period for season in equation.seasonality)
    cycles = len(data.dates) * data.days_per_period / longest
    return check_against(
        f"seasons:{name}",
        "data",
        bounds.SEASONS_SEEN,
        cycles,
        f"the data of {name} run over {cycles:.1f} of its seasons of {longest:g} days.",
        "what comes back every season cannot be told from what happened once: season, trend and campaigns trade with "
        "each other",
        (
            "use a longer history",
            f"lower the order, as seasonality=[mm.Fourier(period={longest:g}, order=1)], or narrow its prior, as "
            f"{prior_on(equation, 'seasonality')}",
            "replace the season by what causes it: holidays, weather, price promotions as controls",
        ),
    )


# ---------------------------------------------------------------------------------------------------- prior beliefs
def share_table(view: PriorView) -> pd.DataFrame:
    """What the priors let each channel bring to the outcome directly, in shares of its mean size: a row per draw.

    Under likelihoods where contributions are no such shares: of the sum of the latent scale, as
    ``1 - exp(-contribution)`` under "lognormal", as they are under "censored_normal".
    """
    name = view.system.outcome
    equation = view.system.equation(name)
    share = prior_media_share(equation, view.data)
    if share is None:
        share = view.prior[name]["contribution"][:, 0]
        share = -np.expm1(-share) if equation.family.log_scale else share
        total = -np.expm1(np.log1p(-share).sum(axis=1)) if equation.family.log_scale else share.sum(axis=1)
    else:
        share = share[:: max(len(share) // len(view.prior[name]["sigma"]), 1)]
        total = share.sum(axis=1)
    table = pd.DataFrame(share, columns=list(equation.media))
    table.insert(len(equation.media), "total", total, allow_duplicates=True)
    return table


def _share(view: PriorView, name: str) -> Check | None:
    share = prior_media_share(view.system.equation(name), view.data)
    if share is None:
        return None
    total = share.sum(axis=1)
    value = float((total > 1.0).mean())
    low, median, high = 100.0 * np.quantile(total, [0.05, 0.5, 0.95])
    return check_against(
        f"media_share:{name}",
        "data",
        bounds.IMPLIED_MEDIA_SHARE,
        value,
        f"the priors let all media of {name} bring {median:.0f} % of it (90 % {low:.0f} to {high:.0f} %), and more than "
        f"all of it with probability {value:.2f}.",
        "the priors believe in answers that cannot be; where the data say little, so will the posterior",
        (
            "leave the default priors, which keep the total below the whole for any number of channels",
            f"narrow them, as {prior_on(view.system.equation(name), 'contribution', view.media(name)[0])}",
        ),
    )


def predictive_table(view: PriorView, name: str) -> pd.DataFrame:
    """Series beside what the priors predict for it, by date: observed, median, lower, upper (90 %), in its own unit."""
    equation, par, inputs = view.system.equation(name), view.prior[name], view.inputs[name]
    with np.errstate(over="ignore", invalid="ignore"):  # a wide prior under a log link passes the largest double
        mean = engine.latent_mean(equation, inputs, par, view.data.calendar)
        noise = equation.family.draw_residual(par, mean.shape, np.random.default_rng(SEED))
        series = observe(equation, mean + noise, view.scales)[:, 0]
        lower, median, upper = np.quantile(series, [0.05, 0.5, 0.95], axis=0)
    columns = {"observed": view.data.columns[name][0], "median": median, "lower": lower, "upper": upper}
    return pd.DataFrame(columns, pd.DatetimeIndex(view.data.dates, name="date"))


def _coverage(name: str, table: pd.DataFrame) -> Check:
    inside = (table["observed"] >= table["lower"]) & (table["observed"] <= table["upper"])
    value = float(inside.mean())
    return check_against(
        f"prior_predictive:{name}",
        "data",
        bounds.PRIOR_COVERAGE,
        value,
        f"the 90 % interval that the priors predict for {name} holds {100 * value:.0f} % of its values.",
        "the priors rule out what was observed: data and priors will pull against each other",
        (
            "print(system), and compare the priors on intercept, contribution or roi with what is plausible",
            "check units: an outcome in thousands beside spend in single units gives an roi prior another meaning",
        ),
    )


# -------------------------------------------------------------------------------------------------------- mediators
def mediator_table(view: PriorView) -> pd.DataFrame:
    """How well each mediator follows its drivers.

    Its media terms, at the prior medians of the curve, are added to a regression on its linear terms: at the 10, 50 and
    90 % quantiles of the half-life priors, of which the one that fits best counts (with its p-value times three). A
    censored series has a censored regression. ``explained`` is the share of the residual variance that the media terms
    take up; ``p`` that of the test that they take up nothing, NaN where too few values are left; ``zeros`` the share of
    periods at exactly zero.
    """
    rows = {}
    for name in filter(view.media, view.system.mediators):
        fits = [_added(view, name, at) for at in _HALF_LIVES]
        share, p = min(fits, key=lambda one: np.inf if np.isnan(one[1]) else one[1])
        zeros = float((view.data.values(name) == 0.0).mean())
        rows[name] = {"explained": share, "p": min(p * len(_HALF_LIVES), 1.0), "zeros": zeros}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["explained", "p", "zeros"])
    return table.rename_axis("mediator")


def _added(view: PriorView, name: str, at: float) -> tuple[float, float]:
    """Share of residual variance that the media terms of an equation take up, and the p-value of that."""
    design, target = view.design(name), view.inputs[name].target[0]
    basis = np.column_stack([design, view.curved(name, at=at)])
    ranks = [int(np.linalg.matrix_rank(part)) for part in (design, basis)]
    added, free = ranks[1] - ranks[0], len(target) - ranks[1]
    if added < 1 or free < 1:
        return 0.0, np.nan
    if view.system.equation(name).family.censored:
        (before, wide), (after, narrow) = (censored_regression(target, part) for part in (design, basis))
        return 1.0 - (narrow / wide) ** 2, float(stats.chi2.sf(max(2.0 * (after - before), 0.0), added))
    before, after = (float(np.square(left_over(target, part)).sum()) for part in (design, basis))
    if after <= 1e-12 * before or before <= 0.0:
        return 1.0, 0.0
    ratio = (before - after) / added / (after / free)
    return 1.0 - after / before, float(stats.f.sf(max(ratio, 0.0), added, free))


def censored_regression(target: np.ndarray, basis: np.ndarray) -> tuple[float, float]:
    """Log likelihood and residual sd of a regression of ``max(0, latent)`` on a basis, at their maximum.

    By expectation and maximisation: latent values at zeros are replaced by their means, given that they are below zero.

    References
    ----------
    Tobin (1958), Estimation of relationships for limited dependent variables, doi:10.2307/1907382.
    """
    u, size, _ = np.linalg.svd(basis, full_matrices=False)
    u = u[:, size > 1e-10 * size[0]]
    zero, latent, sd, density = target <= 0.0, target.astype(float), float(target.std()), -np.inf
    for _ in range(_ROUNDS):
        mean = u @ (u.T @ latent)
        a = -mean[zero] / sd
        log_below = special.log_ndtr(a)
        inverse = np.exp(-0.5 * a**2 - log_below) / np.sqrt(2.0 * np.pi)
        before, density = density, float(stats.norm.logpdf(target[~zero], mean[~zero], sd).sum() + log_below.sum())
        if abs(density - before) < 1e-9 * len(target):
            break
        latent = np.where(zero, 0.0, target)
        latent[zero] = mean[zero] - sd * inverse
        spread = sd**2 * np.maximum(1.0 - a * inverse - inverse**2, 0.0)
        mean = u @ (u.T @ latent)
        sd = float(np.sqrt((np.square(latent - mean).sum() + spread.sum()) / len(target)))
    return density, sd


def _moves(view: PriorView, name: str, row: pd.Series) -> Check:
    drivers = ", ".join(view.media(name))
    return check_against(
        f"mediator:{name}",
        "data",
        bounds.MEDIATOR_MOVES,
        float(row["p"]),
        f"{drivers} take up {100 * row['explained']:.0f} % of what the linear terms leave of {name} "
        f"(p = {row['p']:.2g}); {name} is zero in {100 * row['zeros']:.0f} % of periods.",
        f"no answer of {name} to its drivers is seen: every indirect effect through it will be what the prior says",
        (
            f"leave the drivers out of {name!r} that cannot move it, as mm.Equation({name!r}, media=[...])",
            f"make {name} an ordinary channel: leave its equation out",
            "look at a finer period: days show an answer that weeks blur",
        ),
    )
