"""How one equation of a panel differs from geo to geo, and what its geos share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bayesmmm.errors import EquationError, PanelError
from bayesmmm.text import listed
from bayesmmm.validate import check_choice

POOLING = ("partial", "full", "none")
PERIODS = ("random", "fixed", "none")
SIGMA = ("shared", "per_geo")
#: Geos from which on period effects are told apart from what geos do by themselves.
MIN_GEOS = 4
#: Sd of period effects under "fixed", in shares of the mean size of a series: so wide that nothing pulls them to zero.
FIXED_SD = 3.0
#: Parameters of a channel that may differ from geo to geo beside its contribution.
POOLABLE = ("half_life", "half_saturation", "slope")
#: Of `group`: geos are in no groups.
UNGROUPED = "none"


@dataclass(frozen=True)
class Spread:
    """How one parameter of each channel differs between geos, or groups of them: by a factor ``exp(tau z)``."""

    tau: str  # parameter with the sd of z tau, one for each channel
    z: str  # standard Normal deviations, one for each channel and geo, or group, that buys it
    of: str  # what is multiplied: contribution, or one of POOLABLE
    by_group: bool


#: All that there may be, in the order of the sampler's coordinates.
SPREADS = (
    Spread("tau", "z", "contribution", False),
    Spread("tau_group", "z_group", "contribution", True),
    *(Spread(f"tau_{name}", f"z_{name}", name, False) for name in POOLABLE),
)
TAUS = tuple(spread.tau for spread in SPREADS)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """How the geos of a panel share one equation.

    For geo g and period t::

        v_gt / s_g = alpha_g + u_t + W_gt b + sum_c A_gc hill(a_gct) + e_gt
        gamma_gc = gamma_c exp(tau_c z_gc),   z_gc ~ Normal(0, 1)        the contribution behind A_gc
        u_t ~ Normal(0, omega)                what all geos have in common in one period

    Of geos in groups, such as the territories of brands, a group has a deviation, too::

        gamma_gc = gamma_c exp(tau_group_c z_group_bc + tau_c z_gc)     for geo g of group b

    Half-lives, half-saturations, slopes, the other linear coefficients and sigma are shared, unless told otherwise.
    What moves all geos of a period together, and drives spend as well, is taken out by the period effects: no other part
    of the model can tell it from the effect of media.

    Parameters
    ----------
    pooling : {"partial", "full", "none"}
        "partial": contributions of geos vary around that of the median geo, by as much as the data say. "full": all are
        the same. "none": each geo has a prior of its own, which lifts weak channels in every geo, so that totals are
        biased upwards.
    periods : {"random", "fixed", "none"}, optional
        "random": u_t as above, with omega learned. "fixed": nothing pulls them to zero. "none": no period effects. By
        default random from four geos on, and none below, where they are not told apart from what the geos do.
        Random ones leave a share ``sigma^2 / (sigma^2 + G omega^2)`` of a common shock unexplained: where few, noisy
        geos spend more on days of high demand, that goes to the channels, and "fixed" is safer.
    per_geo : sequence of str
        Linear terms that every geo has a coefficient of its own for, beside the intercept: "trend", "seasonality", and
        columns listed under ``linear``.
    sigma : {"shared", "per_geo"}
        Whether residuals of all geos scatter by the same share of the mean size of their geo, or each geo has a sigma of
        its own. The density of the latter costs about twice as much.
    group : str, optional
        Key of the data whose values are the groups, as "brand". By default the first of several keys, where it makes
        two groups or more of which one has several geos; "none": geos are in no groups.
    pooled : sequence of str
        Of "half_life", "half_saturation" and "slope" those that differ from geo to geo, as contributions do:
        ``half_life_gc = half_life_c exp(tau_half_life_c z_half_life_gc)``. The geos say much less about them than about
        contributions; without a reason leave them shared.

    Raises
    ------
    EquationError
        For anything else.

    Examples
    --------
    >>> Panel(per_geo=["trend"])
    Panel(pooling='partial', periods=None, per_geo=('trend',), sigma='shared', group=None, pooled=())
    """

    pooling: Literal["partial", "full", "none"] = "partial"
    periods: Literal["random", "fixed", "none"] | None = None
    per_geo: tuple[str, ...] = ()
    sigma: Literal["shared", "per_geo"] = "shared"
    group: str | None = None
    pooled: tuple[str, ...] = ()

    if TYPE_CHECKING:  # what may be given; the fields say what is kept

        def __init__(
            self,
            *,
            pooling: Literal["partial", "full", "none"] = "partial",
            periods: Literal["random", "fixed", "none"] | None = None,
            per_geo: Sequence[str] = (),
            sigma: Literal["shared", "per_geo"] = "shared",
            group: str | None = None,
            pooled: Sequence[str] = (),
        ) -> None: ...

    def __post_init__(self):
        check_choice(self.pooling, "pooling", POOLING, error=EquationError)
        check_choice(self.sigma, "sigma", SIGMA, error=EquationError)
        if self.periods is not None:
            check_choice(self.periods, "periods", PERIODS, error=EquationError)
        names = self.per_geo
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
            raise EquationError(
                f"per_geo={names!r} must be a list of linear terms, as per_geo=['trend']; the intercept always has a "
                f"value for each geo"
            )
        object.__setattr__(self, "per_geo", tuple(dict.fromkeys(names)))
        if self.group is not None and (not isinstance(self.group, str) or not self.group.strip()):
            raise EquationError(f"group={self.group!r} must be a key of the data, as group='brand', or 'none'")
        if self.group not in (None, UNGROUPED) and self.pooling != "partial":
            raise EquationError(
                f"group={self.group!r} says how contributions of geos vary, and with pooling={self.pooling!r} they do "
                f"not vary around anything; leave group out, or pooling"
            )
        pooled = self.pooled
        if isinstance(pooled, str) or not isinstance(pooled, Sequence) or not set(pooled) <= set(POOLABLE):
            raise EquationError(
                f"pooled={pooled!r} must be a list of some of {listed(POOLABLE)}, as pooled=['half_life'], which stands "
                f"for a retention, too"
            )
        object.__setattr__(self, "pooled", tuple(name for name in POOLABLE if name in pooled))

    @property
    def omega(self) -> float | None:
        """Sd of the period effects where it is no parameter: 0 without any; None where it is one."""
        return {"random": None, "fixed": FIXED_SD}.get(self.periods or "none", 0.0)

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """What differs between geos by factors."""
        partial = self.pooling == "partial"
        grouped = partial and self.group not in (None, UNGROUPED)
        used = {"contribution": partial, **dict.fromkeys(self.pooled, True)}
        return tuple(s for s in SPREADS if used.get(s.of) and (grouped or not s.by_group))

    def check_terms(self, equation: str, kinds: Iterable[str], linear: Sequence[str]) -> None:
        """Refuse a name under `per_geo` that is no linear term: a kind of terms that there are, or a column."""
        kinds = set(kinds)
        known = [*(kind for kind in ("trend", "seasonality") if kind in kinds), *linear]
        for name in self.per_geo:
            if name not in known:
                raise EquationError(
                    f"equation {equation!r} lists {name!r} under per_geo, which is no linear term of it. "
                    + (f"It has {listed(known)}." if known else "It has none; leave per_geo out.")
                )


def group_of(panel: Panel, levels: Mapping[str, Sequence[str]], *, part: bool = False) -> str:
    """Return the key whose values are the groups of geos, or that they are in none.

    Parameters
    ----------
    levels : mapping of str to sequence of str
        Keys of the data, with a value for each geo.
    part : bool
        Whether the geos are some of those that were fitted.

    Raises
    ------
    PanelError
        For a key that the data do not have, or that makes no groups.
    """
    if panel.pooling != "partial" or panel.group == UNGROUPED:
        return UNGROUPED
    if panel.group is None:
        outer = next(iter(levels), UNGROUPED)
        return outer if outer != UNGROUPED and _makes_groups(levels[outer]) else UNGROUPED
    if panel.group not in levels:
        keys = f"the keys {listed(levels)}" if levels else "one key: read them with geo=['brand', 'territory']"
        raise PanelError(
            f"group={panel.group!r} is no key of the data, which have {keys}. Name one of several, or leave group out."
        )
    if not part and not _makes_groups(levels[panel.group]):
        values = dict.fromkeys(levels[panel.group])
        what = "has one value for all geos" if len(values) == 1 else "has another value in every geo"
        raise PanelError(f"group={panel.group!r} makes no groups: it {what}. Leave group out.")
    return panel.group


def _makes_groups(values: Sequence[str]) -> bool:
    return 1 < len(set(values)) < len(values)
