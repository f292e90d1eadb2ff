"""Judging a plan whose gain is uncertain: one number from the gains of all draws, and its derivative to each.

CVaR is smoothed in the form of Rockafellar and Uryasev (2000), doi:10.21314/JOR.2000.038, the quantile by a Normal
kernel (Nadaraya, 1964, doi:10.1137/1109069), so that both have derivatives; the bandwidth is part of the answer.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from bayesmmm.errors import SettingError

#: Bandwidth of smoothed risk measures, in standard deviations of the gain.
BANDWIDTH = {"mean": 0.0, "sd": 1e-2, "cvar": 0.1, "quantile": 0.1}
PHRASES = {
    "mean": "mean",
    "sd": "mean - {:g} sd",
    "cvar": "mean of the worst {:.0%} of draws",
    "quantile": "{:.0%} quantile",
}


@dataclass(frozen=True)
class Risk:
    """How the gains of many draws become one number.

    Attributes
    ----------
    kind : {"mean", "sd", "cvar", "quantile"}
    level : float
        Weight of the sd, or share of draws.
    """

    kind: str
    level: float = 0.0

    def __str__(self) -> str:
        return PHRASES[self.kind].format(self.level)


def read_risk(risk: str | tuple[str, float]) -> Risk:
    """Check a risk attitude.

    Raises
    ------
    SettingError
    """
    if risk == "mean":
        return Risk("mean")
    wanted = (
        f"risk={risk!r} must be 'mean', ('sd', 0.5) for the mean less half a standard deviation, ('cvar', 0.1) for the "
        f"mean of the worst 10 % of draws, or ('quantile', 0.1)"
    )
    if not isinstance(risk, tuple | list) or len(risk) != 2 or risk[0] not in ("sd", "cvar", "quantile"):
        raise SettingError(wanted)
    kind, level = risk
    number = isinstance(level, int | float | np.number) and not isinstance(level, bool)
    if not number or not (0.0 < level < (1.0 if kind != "sd" else np.inf)):
        raise SettingError(
            f"{wanted}; the number of {kind!r} is {'above 0' if kind == 'sd' else 'between 0 and 1'}"
        )
    return Risk(kind, float(level))


def judged(risk: Risk, gain: np.ndarray, bandwidth: float) -> tuple[float, np.ndarray]:
    """Judge gains.

    Parameters
    ----------
    gain : (S,) array
    bandwidth : float
        In the unit of `gain`; at 0 a measure that has no derivative without smoothing is replaced by the mean.

    Returns
    -------
    value : float
    weight : (S,) array
        Derivative of the value to each gain.
    """
    n, mean = len(gain), gain.mean()
    if risk.kind == "mean":
        return float(mean), np.full(n, 1.0 / n)
    if risk.kind == "sd":
        away = gain - mean
        sd = np.hypot(np.sqrt((away**2).mean()), bandwidth)
        slope = away / (n * sd) if sd > 0.0 else np.zeros(n)
        return float(mean - risk.level * (sd - bandwidth)), 1.0 / n - risk.level * slope
    if bandwidth <= 0.0:  # gains without any spread
        return float(mean), np.full(n, 1.0 / n)
    # In units of the bandwidth, about the mean; the root lies within a few bandwidths of the gains.
    z = (gain - mean) / bandwidth
    cdf = special.expit if risk.kind == "cvar" else special.ndtr
    at = optimize.brentq(lambda q: cdf(q - z).mean() - risk.level, z.min() - 800.0, z.max() + 800.0, xtol=1e-13)
    if risk.kind == "cvar":
        shortfall = np.logaddexp(0.0, at - z).mean()
        return float(mean + bandwidth * (at - shortfall / risk.level)), special.expit(at - z) / (risk.level * n)
    kernel = np.exp(0.5 * ((at - z) ** 2).min() - 0.5 * (at - z) ** 2)
    return float(mean + bandwidth * at), kernel / kernel.sum()


def exactly(risk: Risk, gain: np.ndarray) -> float:
    """Judge gains (S,) without any smoothing."""
    if risk.kind == "sd":
        return float(gain.mean() - risk.level * gain.std())
    if risk.kind == "quantile":
        return float(np.quantile(gain, risk.level))
    if risk.kind == "cvar":  # the last of the worst draws counts in part
        count = risk.level * len(gain)
        return float(np.clip(count - np.arange(len(gain)), 0.0, 1.0) @ np.sort(gain) / count)
    return float(gain.mean())


def bandwidth_for(risk: Risk, spread: float) -> float:
    """Bandwidth for gains of such a standard deviation."""
    return BANDWIDTH[risk.kind] * spread
