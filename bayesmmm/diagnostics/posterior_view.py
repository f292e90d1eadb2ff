"""What the checks of a fit look at, computed once: residuals, means and media terms at posterior draws."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM
from bayesmmm.estimands.query import row_bytes, spaced
from bayesmmm.results import Fit

#: Draws at which residuals are tested, and of those at which media terms are kept.
TESTED, KEPT = 400, 100


@dataclass(frozen=True, eq=False)
class PosteriorView:
    """The equations of a fit at its posterior draws."""

    fit: Fit
    #: By equation, residuals (S, T) at all draws on the standard Normal scale; of a censored period drawn from its
    #: truncated distribution; where they correlate with those of a mediator, what is new beside these.
    z: Mapping[str, np.ndarray]
    #: Latent means (S, T), likewise given the residual of the mediator.
    mean: Mapping[str, np.ndarray]
    #: Draws at which residuals are tested, evenly spaced.
    tested: np.ndarray
    #: Media terms and designs of a few draws, and the places of these in `tested`.
    kept: engine.Baseline
    kept_at: np.ndarray

    @property
    def about(self) -> tuple[MMM, MMMData]:
        """System and data of the fit."""
        return self.fit.system, self.fit.data

    def dates(self) -> list[str]:
        """Dates of the fitted periods, as text."""
        return [f"{day:%Y-%m-%d}" for day in self.fit.data.dates]

    def term(self, name: str, channel: str) -> np.ndarray:
        """Media term (k, T) of a channel in an equation at the draws kept."""
        return np.broadcast_to(self.kept.term[name, channel], (len(self.kept_at), 1, self.z[name].shape[1]))[:, 0]

    def linear(self, name: str, *, without: tuple[str, ...] = ()) -> np.ndarray:
        """Linear part (k, T) of an equation at the draws kept; terms `without` are left out, at their mean.

        With what it has in common with the other geos of its panel.
        """
        keep = [k for k, term in enumerate(self.fit.system.equation(name).terms()) if term not in without]
        par = self.kept.rows.parameters[name]
        b = par["coefficient"].reshape(len(self.kept_at), -1)[:, keep]
        return b @ self.kept.design[name][0][:, keep].T + par.get("period", 0.0)


def evaluate(fit: Fit, *, seed: int = 0) -> PosteriorView:
    """Evaluate all equations of a fit at its draws."""
    parameters = fit.parameters()
    count = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    tested = spaced(count, TESTED)
    kept_at = spaced(len(tested), KEPT)

    def work(draws: np.ndarray) -> dict[str, np.ndarray]:
        base = engine.history(fit.system, fit.scales, fit.data, parameters, draws, seed=seed)
        out = {}
        for name in fit.system.order:
            par, equation = base.rows.parameters[name], fit.system.equation(name)
            # Where a residual is correlated with that of a mediator, what is new in it beside that one.
            mean, sigma = base.conditional(name)
            new = base.residual[name] - (mean - base.latent[name])
            out[f"z {name}"] = equation.family.standardise(new, {**par, "sigma": sigma})[:, 0]
            out[f"mean {name}"] = mean[:, 0]
        return out

    parts = engine.map_draws(work, np.arange(count), row_bytes(fit, len(fit.data.dates)))
    return PosteriorView(
        fit,
        {name: parts[f"z {name}"] for name in fit.system.order},
        {name: parts[f"mean {name}"] for name in fit.system.order},
        tested,
        engine.history(fit.system, fit.scales, fit.data, parameters, tested[kept_at], seed=seed),
        kept_at,
    )
