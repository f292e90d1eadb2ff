"""From decisions to spend: one level per channel in a profile over the window, or every period on its own."""

from dataclasses import dataclass

import numpy as np

FLIGHTINGS = ("flat", "historical", "free")


@dataclass(frozen=True)
class DecisionVariables:
    """A linear map from decisions, money in the window, to spend per channel and period.

    Attributes
    ----------
    names : tuple of str
        Channels (C).
    profile : (C, W) array
        How one unit of money of a channel is spread over the window.
    free : bool
        Whether every period is a decision of its own; the profile then only tells where a plan starts.
    """

    names: tuple[str, ...]
    profile: np.ndarray
    free: bool

    @property
    def size(self) -> int:
        """Number of decisions (V)."""
        return self.profile.size if self.free else len(self.names)

    @property
    def owner(self) -> np.ndarray:
        """Channel (V,) that each decision belongs to."""
        return np.repeat(np.arange(len(self.names)), self.size // len(self.names))

    def spend(self, decisions: np.ndarray) -> np.ndarray:
        """Spend (C, W) of decisions (V,)."""
        return decisions.reshape(self.profile.shape) if self.free else decisions[:, None] * self.profile

    def decisions(self, spend: np.ndarray) -> np.ndarray:
        """Decisions (V,) that spend as much per channel as a plan (C, W), or per period where those are free."""
        return spend.ravel().copy() if self.free else spend.sum(axis=1)

    def vjp(self, slope: np.ndarray) -> np.ndarray:
        """Derivative (V,) to decisions, from that to spend (C, W)."""
        return slope.ravel() if self.free else (slope * self.profile).sum(axis=1)

    def pattern(self, spend: np.ndarray) -> np.ndarray:
        """How the next unit of money of each channel is spread (C, W): as the plan is, by the profile if it has none."""
        own = spend.sum(axis=1, keepdims=True)
        return np.where(own > 0.0, spend / np.where(own > 0.0, own, 1.0), self.profile)


def read_variables(flighting: str, names: tuple[str, ...], current: np.ndarray) -> DecisionVariables:
    """Find how spend is spread; a channel without spend in the current plan is spread evenly."""
    even = np.full(current.shape, 1.0 / current.shape[1])
    variables = DecisionVariables(names, even, flighting == "free")
    return DecisionVariables(names, variables.pattern(current), False) if flighting == "historical" else variables
