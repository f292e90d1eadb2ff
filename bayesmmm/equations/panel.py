"""How one equation of a panel differs from geo to geo, and what its geos share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bayesmmm.errors import EquationError
from bayesmmm.text import listed
from bayesmmm.validate import check_choice

POOLING = ("partial", "full", "none")
PERIODS = ("random", "fixed", "none")
SIGMA = ("shared", "per_geo")
#: Geos from which on period effects are told apart from what geos do by themselves.
MIN_GEOS = 4
#: Sd of period effects under "fixed", in shares of the mean size of a series: so wide that nothing pulls them to zero.
FIXED_SD = 3.0


@dataclass(frozen=True, kw_only=True)
class Panel:
    """How the geos of a panel share one equation.

    For geo g and period t::

        v_gt / s_g = alpha_g + u_t + W_gt b + sum_c A_gc hill(a_gct) + e_gt
        gamma_gc = gamma_c exp(tau_c z_gc),   z_gc ~ Normal(0, 1)        the contribution behind A_gc
        u_t ~ Normal(0, omega)                what all geos have in common in one period

    Half-lives, half-saturations, slopes, the other linear coefficients and, unless told otherwise, sigma are shared.
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
    per_geo : sequence of str
        Linear terms that every geo has a coefficient of its own for, beside the intercept: "trend", "seasonality", and
        columns listed under ``linear``.
    sigma : {"shared", "per_geo"}
        Whether residuals of all geos scatter by the same share of the mean size of their geo, or each geo has a sigma of
        its own. The density of the latter costs about twice as much.

    Raises
    ------
    EquationError
        For anything else.

    Examples
    --------
    >>> Panel(per_geo=["trend"])
    Panel(pooling='partial', periods=None, per_geo=('trend',), sigma='shared')
    """

    pooling: Literal["partial", "full", "none"] = "partial"
    periods: Literal["random", "fixed", "none"] | None = None
    per_geo: tuple[str, ...] = ()
    sigma: Literal["shared", "per_geo"] = "shared"

    if TYPE_CHECKING:  # what may be given; the fields say what is kept

        def __init__(
            self,
            *,
            pooling: Literal["partial", "full", "none"] = "partial",
            periods: Literal["random", "fixed", "none"] | None = None,
            per_geo: Sequence[str] = (),
            sigma: Literal["shared", "per_geo"] = "shared",
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

    @property
    def omega(self) -> float | None:
        """Sd of the period effects where it is no parameter: 0 without any; None where it is one."""
        return {"random": None, "fixed": FIXED_SD}.get(self.periods or "none", 0.0)

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
