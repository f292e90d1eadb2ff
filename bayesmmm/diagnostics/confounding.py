"""Residuals of a mediator beside those of what it moves: a hint of a common cause that nobody observed."""

import numpy as np
import pandas as pd

from bayesmmm.diagnostics import residual_tests as tests
from bayesmmm.diagnostics.advice import accepted
from bayesmmm.diagnostics.multiple_tests import Trial
from bayesmmm.diagnostics.posterior_view import Seen
from bayesmmm.diagnostics.thresholds import CORRELATION, VISIBLE

#: Directions of a media term over draws are kept until they hold this share of its variation.
_KEPT = 0.99


def confounding_checks(seen: Seen) -> tuple[list[Trial], dict[str, pd.DataFrame]]:
    """Test the correlation of the residuals of each mediator with those of the equations that it enters.

    An equation that has M itself as an input takes up most of what a common cause of M and the outcome does: with a
    linear effect and the same other terms, all of it, and the correlation of the residuals is zero by construction
    whatever the confounding. How much could be seen is the share of the residual of M outside what the terms of the
    next equation can follow.

    Returns
    -------
    list of Trial
    dict
        "residual_correlation": by mediator and equation, median, lower, upper (90 %), p and visible; empty without
        mediators.
    """
    out, rows = [], {}
    system = seen.fit.system
    for mediator in system.mediators:
        for name in system.order:
            if mediator in (*system.equation(name).media, *system.equation(name).linear):
                found, rows[mediator, name] = _pair(seen, mediator, name)
                out.append(found)
    if not rows:
        return [], {}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["mediator", "equation"])
    return out, {"residual_correlation": table}


def visible_share(seen: Seen, mediator: str, name: str) -> float:
    """Share of the residual of a mediator that the terms of the next equation cannot follow, 0 to 1.

    The terms are the columns of the linear part, the mean of each media term, and the directions in which the term of
    the mediator moves from draw to draw.
    """
    residual = seen.kept.residual[mediator][:, 0].mean(axis=0)
    equation, columns = seen.fit.system.equation(name), [seen.kept.design[name][0]]
    for channel in equation.media:
        term = np.broadcast_to(seen.kept.term[name, channel], (len(seen.kept_at), 1, len(residual)))[:, 0]
        mean = term.mean(axis=0)
        columns.append(mean[:, None])
        if channel == mediator:
            _, size, directions = np.linalg.svd(term - mean, full_matrices=False)
            share = np.cumsum(size**2) / max((size**2).sum(), np.finfo(float).tiny)
            columns.append(directions[: int(np.searchsorted(share, _KEPT)) + 1].T)
    basis = np.concatenate(columns, axis=1)
    basis = basis / np.maximum(np.linalg.norm(basis, axis=0), np.finfo(float).tiny)
    q, size, _ = np.linalg.svd(basis, full_matrices=False)
    q = q[:, size > 1e-8 * size[0]]
    left = residual - q @ (q.T @ residual)
    return float((left @ left) / max(residual @ residual, np.finfo(float).tiny))


def _pair(seen: Seen, mediator: str, name: str) -> tuple[Trial, dict[str, float]]:
    z_mediator, z = (seen.z[n][seen.tested] for n in (mediator, name))
    r, p = tests.correlations(z, tests.scores(z_mediator)[:, None])
    lower, median, upper = np.quantile(r, [0.05, 0.5, 0.95])
    visible = visible_share(seen, mediator, name)
    row = {"median": median, "lower": lower, "upper": upper, "p": tests.combined(p[:, 0]), "visible": visible}
    sight = (
        f"a correlation can hardly be seen here, since the equation of {name} takes up all but {100 * visible:.0f} % of "
        f"the residual of {mediator}: silence is no comfort"
        if visible < VISIBLE
        else f"{100 * visible:.0f} % of the residual of {mediator} lies outside what the equation of {name} takes up, "
        f"so that about as much of a correlation would show"
    )
    found = Trial(
        f"confounding:{mediator}->{name}",
        row["p"],
        abs(float(median)),
        CORRELATION,
        f"residuals of {mediator} and {name} correlate by {median:+.2f} (90 % {lower:+.2f} to {upper:+.2f}); {sight}",
        f"something unobserved may move both {mediator} and {name}: then the effect of {mediator}, and every indirect "
        f"effect through it, is off",
        (
            f"add the common cause (demand, weather, holidays, prices) as a control to both equations, as "
            f"mm.Equation({mediator!r}, ..., linear=['demand']) and mm.Equation({name!r}, ..., linear=['demand'])",
            *_assumed(seen, mediator, name, float(median)),
        ),
    )
    return found, row


def _assumed(seen: Seen, mediator: str, name: str, median: float) -> tuple[str, ...]:
    """Moves that take a correlation for given, or what stands in the way."""
    fit = seen.fit
    at = float(np.clip(np.round(median, 1), -0.9, 0.9)) + 0.0
    if not accepted(fit.system, fit.data, name, rho={mediator: at}):
        kinds = {n: fit.system.equation(n).likelihood for n in (mediator, name)}
        return (
            f"to assume a correlation and see how effects depend on it, fit both as 'normal' or 'lognormal': "
            f"{mediator} is {kinds[mediator]!r}, {name} is {kinds[name]!r}",
        )
    rho = f"fit with a correlation that you believe, as mm.Equation({name!r}, ..., rho={{{mediator!r}: {at:g}}})"
    if name != fit.system.outcome or fit.system.equation(name).rho:
        return (rho,)
    quick = f"mm.sensitivity.mediation_sensitivity_quick(fit, mediator={mediator!r})"
    return (f"see how effects depend on it, as {quick}", rho)
