"""What a plan decides: channels, of a panel channels in geos, and how decisions become spend per period."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bayesmmm.optimize.arguments import Target


def label_of(channel: str, geo: str) -> str:
    """Name of a channel in one geo."""
    return f"{channel} in {geo}"


@dataclass(frozen=True)
class DecisionVariables:
    """A linear map from decisions, money in the window, to spend per channel and period."""

    names: tuple[
        str, ...
    ]  # what is decided (C): channels, of a panel channels in geos, those of a geo side by side
    #: How one unit of its money is spread over the window (C, W); empty until `spread` has seen the current plan.
    profile: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    free: bool = (
        False  # whether every period is a decision of its own; the profile then only tells where a plan starts
    )
    #: Of a panel, channel and geo of each (C); none where all is one series.
    pairs: tuple[tuple[str, str], ...] = ()
    #: Channels (K) of the pairs, in the order of the system: a geo that lacks some has no say in it.
    of_pairs: tuple[str, ...] = ()
    unbought: tuple[tuple[str, str], ...] = ()  # those that are not decided, as nothing was ever spent there

    def spread(self, flighting: str, current: np.ndarray) -> "DecisionVariables":
        """Return those of a flighting; a channel without spend in the current plan (C, W) is spread evenly."""
        even = replace(self, profile=np.full(current.shape, 1.0 / current.shape[1]), free=flighting == "free")
        return replace(even, profile=even.pattern(current)) if flighting == "historical" else even

    @property
    def flighting(self) -> str:
        """How spend is spread, as in `Constraints`; a historical profile that is even is flat."""
        even = np.allclose(self.profile, 1.0 / self.profile.shape[1])
        return "free" if self.free else "flat" if even else "historical"

    @property
    def size(self) -> int:
        """Number of decisions (V)."""
        return self.profile.size if self.free else len(self.names)

    @property
    def owner(self) -> np.ndarray:
        """Number of the name (V,) that each decision belongs to."""
        return np.repeat(np.arange(len(self.names)), self.size // len(self.names))

    # ---------------------------------------------------------------------------------------------- channels, geos
    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Channels (K) of what is decided, each once."""
        return self.of_pairs if self.pairs else self.names

    @cached_property
    def geos(self) -> tuple[str, ...]:
        """Geos that a plan of a panel decides about; none where all is one series."""
        return tuple(dict.fromkeys(geo for _, geo in self.pairs))

    @cached_property
    def channel(self) -> np.ndarray:
        """Number of its channel (C,), in `channels`."""
        return np.array([self.channels.index(name) for name, _ in self.pairs or [(n, "") for n in self.names]])

    @cached_property
    def geo(self) -> np.ndarray:
        """Number of its geo (C,), in `geos`; 0 where all is one series."""
        return np.array(
            [self.geos.index(geo) if geo else 0 for _, geo in self.pairs or [("", "")] * len(self.names)]
        )

    def members(self, target: Target) -> np.ndarray:
        """Numbers of the names that are meant by a channel, or by a channel in a geo; empty where nothing is."""
        if isinstance(target, tuple):
            return np.flatnonzero([pair == target for pair in self.pairs])
        return (
            np.flatnonzero(self.channel == self.channels.index(target))
            if target in self.channels
            else np.array([])
        )

    def who(self, i: int | np.integer) -> tuple[str, str | None]:
        """Channel and geo of a name, by its number; no geo where all is one series."""
        return self.pairs[i] if self.pairs else (self.names[i], None)

    # ------------------------------------------------------------------------------------------------------- spend
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
