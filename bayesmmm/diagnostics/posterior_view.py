"""What the checks of a fit look at, computed once: residuals, means and media terms at posterior draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bayesmmm import engine
from bayesmmm.errors import AnswerError
from bayesmmm.estimands import row_bytes
from bayesmmm.results import Fit

#: Draws at which residuals are tested, and of those at which media terms are kept.
TESTED, KEPT = 400, 100


@dataclass(frozen=True, eq=False)
class PosteriorView:
    """The equations of a fit at its posterior draws.

    Attributes
    ----------
    fit : Fit
    z : mapping of str to (S, T) array
        By equation, residuals at all draws on the standard Normal scale; of a censored period drawn from its truncated
        distribution; where they correlate with those of a mediator, what is new beside these.
    mean : mapping of str to (S, T) array
        Latent means, likewise given the residual of the mediator.
    tested : (s,) int array
        Draws at which residuals are tested, evenly spaced.
    kept : engine.Baseline
        Media terms and designs of a few draws, those of `tested` at even steps.
    kept_at : (k,) int array
        Their places in `tested`.
    """

    fit: Fit
    z: Mapping[str, np.ndarray]
    mean: Mapping[str, np.ndarray]
    tested: np.ndarray
    kept: engine.Baseline
    kept_at: np.ndarray

    @property
    def parameters(self) -> engine.Parameters:
        """Parameters at all draws."""
        return self.fit.parameters()

    def dates(self) -> list[str]:
        """Dates of the fitted periods, as text."""
        return [f"{day:%Y-%m-%d}" for day in self.fit.data.dates]

    def linear(self, name: str, *, without: tuple[str, ...] = ()) -> np.ndarray:
        """Linear part (k, T) of an equation at the draws kept; terms `without` are left out, at their mean."""
        keep = [k for k, term in enumerate(self.fit.system.equation(name).terms()) if term not in without]
        b = self.kept.rows.parameters[name]["coefficient"][:, keep]
        return b @ self.kept.design[name][0][:, keep].T


def check_groups(fit: Fit, groups: Sequence[str], purpose: str) -> None:
    """Refuse a fit whose tree was cut down.

    Raises
    ------
    AnswerError
    """
    for group in groups:
        if group not in fit.tree.children:
            raise AnswerError(
                f"the fit has no group {group!r} in its tree, and {purpose} needs it; use a Fit as mm.fit(...) and "
                f"mm.load(...) return it"
            )


def evaluate(fit: Fit, *, seed: int = 0) -> PosteriorView:
    """Evaluate all equations of a fit at its draws."""
    parameters = fit.parameters()
    count = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    tested = _spaced(count, TESTED)
    kept_at = _spaced(len(tested), KEPT)

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = engine.history(fit.system, fit.scales, fit.data, parameters, draws, seed=seed)
        out = {}
        for name in fit.system.order:
            par, equation = base.rows.parameters[name], fit.system.equation(name)
            # Where a residual is correlated with that of a mediator, what is new in it beside that one.
            known, sigma = engine.given_mediator(equation, base.rows.parameters, base.residual)
            new = base.residual[name] - known
            out[f"z {name}"] = equation.family.standardise(new, {**par, "sigma": sigma})[:, 0]
            out[f"mean {name}"] = (base.latent[name] + known)[:, 0]
        return out

    found = engine.map_draws(work, np.arange(count), row_bytes(fit.system, len(fit.data.dates)))
    return PosteriorView(
        fit,
        {name: found[f"z {name}"] for name in fit.system.order},
        {name: found[f"mean {name}"] for name in fit.system.order},
        tested,
        engine.history(fit.system, fit.scales, fit.data, parameters, tested[kept_at], seed=seed),
        kept_at,
    )


def _spaced(count: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int))
