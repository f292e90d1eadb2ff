"""What the checks of data look at, computed once: equations on frozen scales, prior draws, typical media terms."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.diagnostics.plausibility import adstocks
from bayesmmm.equations import MMM, for_data

#: Prior draws, and their seed: the same data give the same audit.
DRAWS, SEED = 1000, 20240107


@dataclass(frozen=True, eq=False)
class PriorView:
    """A system and data before any fit: draws from the priors, and what each equation sees."""

    data: MMMData
    system: MMM
    scales: Scales
    prior: engine.Parameters
    inputs: Mapping[str, engine.Inputs]

    def design(self, name: str) -> np.ndarray:
        """Columns (T, K) of the linear part."""
        return self.inputs[name].design[0]

    def media(self, name: str) -> tuple[str, ...]:
        """Channels of an equation."""
        return self.system.equation(name).media

    def typical(self, name: str, parameter: str, at: float = 0.5) -> np.ndarray:
        """Quantile (C,) of the priors on half_life, half_saturation or slope, channel by channel."""
        values = {}
        for block in self.system.equation(name).parameters():
            for label, prior in zip(
                block.labels, block.priors, strict=False
            ):  # a block without labels has one prior
                if block.name == parameter:
                    values[label] = float(prior.scipy().ppf(at))
                elif (block.name, parameter) == ("retention", "half_life"):
                    values[label] = np.log(0.5) * self.data.days_per_period / np.log(float(prior.scipy().ppf(at)))
        return np.array([values[channel] for channel in self.media(name)])

    def stock(self, name: str, *, at: float = 0.5) -> np.ndarray:
        """Adstocked media (C, T) at a quantile of the half-life priors, in multiples of mean positive spend."""
        return self.stocks(name, self.typical(name, "half_life", at)[None])[0]

    def stocks(self, name: str, half_life: np.ndarray) -> np.ndarray:
        """Adstocked media (S, C, T) at half-lives (S, C)."""
        equation, inputs = self.system.equation(name), self.inputs[name]
        return adstocks(equation, equation.media, inputs.media[0], half_life, self.data.calendar)

    def curved(self, name: str, *, at: float = 0.5) -> np.ndarray:
        """Adstocked media (T, C) after the curve at the prior medians of half-saturation and slope."""
        half, slope = (self.typical(name, key)[:, None] for key in ("half_saturation", "slope"))
        stock = self.stock(name, at=at) ** slope
        return (stock / (half**slope + stock)).T


def evaluate(data: MMMData, system: MMM) -> PriorView:
    """Look at all equations before a fit."""
    system, scales = for_data(system, data), data.scales()
    rng = np.random.default_rng(SEED)
    prior = engine.draw_prior(system, data, scales, draws=DRAWS, rng=rng, observed_mediators=True)
    inputs = {name: engine.inputs(system.equation(name), data, scales) for name in system.order}
    return PriorView(data, system, scales, prior, inputs)


def left_over(columns: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Residuals (T, C) of a regression of columns on a basis (T, K), whatever its rank."""
    return columns - basis @ np.linalg.lstsq(basis, columns, rcond=None)[0]
