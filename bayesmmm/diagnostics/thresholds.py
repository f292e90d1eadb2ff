"""Every threshold of every check, with where it comes from.

Those of R-hat and effective sample size are in `bayesmmm.results.convergence`, which judges every fit.
"""

import math
from dataclasses import dataclass
from numbers import Real

from bayesmmm.equations.panel import MIN_GEOS
from bayesmmm.equations.panel_warnings import COMMON_SPEND as COMMON_SPEND_SHARE
from bayesmmm.results.convergence import PARETO_K_GOOD
from bayesmmm.results.no_effect import NO_EFFECT
from bayesmmm.validate import refusal


@dataclass(frozen=True)
class Threshold:
    """Where a check begins to warn and to fail.

    Attributes
    ----------
    warn : float
    source : str
        A reference with DOI, or "convention of this package" and why.
    fail : float
        NaN where the check never fails.
    above : bool
        Whether large values are bad; otherwise small ones are.
    """

    warn: float
    source: str
    fail: float = math.nan
    above: bool = True

    def judge(self, value: float) -> str:
        """Verdict on a value: "ok", "warn", "fail", or "unknown" when it is NaN.

        A value on a bound is still good.

        Raises
        ------
        SettingError
            For something that is no number.

        Examples
        --------
        >>> Threshold(0.3, "", fail=0.2, above=False).judge(0.25)
        'warn'
        """
        if not isinstance(value, Real):
            raise refusal("value", value, "must be a number, or NaN where there is none")
        if math.isnan(value):
            return "unknown"
        sign = 1.0 if self.above else -1.0
        for verdict, bound in (("fail", self.fail), ("warn", self.warn)):
            if sign * value > sign * bound:  # never true of a bound that is NaN
                return verdict
        return "ok"

    def crossed(self, verdict: str) -> float:
        """The bound that a verdict refers to: the outer one of a failure, else the inner one."""
        return self.fail if verdict == "fail" else self.warn


_OURS = "convention of this package"
_BOUND_OURS = f"the bound is a {_OURS}"
_TOGETHER = "at most 5 % false alarms over all tests of fit together"

# ------------------------------------------------------------------------------------------------------- sampler
TREE_DEPTH = Threshold(
    0.01,
    "Betancourt (2017), arXiv:1701.02434, section 4: longer trajectories would be better; 1 % of draws is a "
    f"{_OURS}, as it costs speed and not correctness",
)
ENERGY = Threshold(
    0.3, "Betancourt (2016), arXiv:1604.00695; the bound 0.3 is that of Stan and ArviZ", fail=0.2, above=False
)
CONVERGENCE_SOURCE = "Vehtari et al. (2021), doi:10.1214/20-BA1221"
DIVERGENCE_SOURCE = (
    "Betancourt (2017), arXiv:1701.02434, section 6.2: every divergence is a warning; failure from 1 % of draws is a "
    f"{_OURS}"
)

# ----------------------------------------------------------------------------------------------------------- fit
#: Probability, at most, that a right model meets any warning at all among the tests of fit of one diagnosis.
FALSE_ALARMS = 0.05
TEST_SOURCE = (
    "tests of residuals at posterior draws, Johnson (2007), doi:10.1214/07-BA229; twice the median p-value over draws, "
    f"Meinshausen et al. (2009), doi:10.1198/jasa.2009.tm08647; {_TOGETHER}"
)
PREDICTIVE_SOURCE = (
    f"posterior predictive check, Gelman, Meng and Stern (1996), Statistica Sinica 6, 733-807; {_TOGETHER}"
)
PIT_SOURCE = f"uniformity of LOO-PIT values by POT-C, Tesso and Vehtari (2026), as in arviz_stats; {_TOGETHER}"
#: How large an effect has to be, where a test finds one, for the check to fail rather than warn: conventions of this
#: package. Autocorrelation r leaves about T (1 - r) / (1 + r) of T periods (Bayley and Hammersley, 1946,
#: doi:10.2307/2983560): of 0.3, half of them. Residual sds that differ by a factor of 2, skewness of 1 or excess
#: kurtosis of 3 (a t with 6 degrees of freedom), thirds of the sample half a residual sd apart, a residual of 6 sds.
#: A share of periods in their intervals that is off by 0.2; a statistic five sds of its replicates away.
AUTOCORRELATION, VARIANCE_RATIO, SKEWNESS, KURTOSIS = 0.3, 2.0, 1.0, 3.0
DRIFT, OUTLIER, CORRELATION, COVERAGE, REPLICATES = 0.5, 6.0, 0.5, 0.2, 5.0
PARETO_K = Threshold(
    PARETO_K_GOOD,
    "Vehtari et al. (2024), Journal of Machine Learning Research 25(72), arXiv:1507.02646: min(0.7, 1 - 1 / log10 of "
    "the draws), and 1, where the estimate has no finite mean; both raised by one standard error of k, (1 + k) / sqrt "
    "of the draws in the tail, Smith (1987), doi:10.1214/aos/1176350499, since the largest of many estimates is judged",
    fail=1.0,
)
EXPLAINED = Threshold(
    0.1,
    f"{_OURS}: at 0 the equation predicts a period left out no better than the mean does; R-squared "
    "as in Gelman et al. (2019), doi:10.1080/00031305.2018.1549100",
    fail=0.0,
    above=False,
)
#: Share of a mediator's residual that the next equation cannot take up, below which a correlation is hard to see: about
#: this share of it is left in the residuals. At 0.32 a true correlation of 0.6 left +0.03 (sd 0.08) in 156 weeks.
VISIBLE = 0.5

# --------------------------------------------------------------------------------------------------- information
CONTRACTION = Threshold(
    0.1,
    "contraction as in Schad, Betancourt and Vasishth (2021), doi:10.1037/met0000275; the bound, a posterior sd within "
    f"5 % of that of the prior, is a {_OURS}",
    above=False,
)
SHAPES = Threshold(
    0.5,
    f"{_OURS}: a series of some years rarely informs every half-life, half-saturation and slope; here "
    "more than half of them have a contraction below 0.1",
)
#: Posterior sd over prior sd from which a direction counts as not informed.
UNINFORMED = 0.9
DIRECTIONS = Threshold(
    0.5, f"{_OURS}: half of the directions of the media parameters have a posterior sd within 10 % of the prior's"
)
#: Of the correlation that the strongest known cause would make, over that which takes a mediated effect away.
HIDDEN_CAUSE = Threshold(
    1.0,
    "after Imai, Keele and Yamamoto (2010), doi:10.1214/10-STS321; that a hidden cause may be as strong as "
    "the strongest known one is a convention of this package",
)
TRADE_OFF = Threshold(
    0.9, f"{_OURS}: at a correlation of 0.9 an interval is 2.3 times as wide as with the other parameter known"
)

# -------------------------------------------------------------------------------------------------- plausibility
MEDIA_SHARE = Threshold(
    0.05, f"{_OURS}: media cannot bring more than the whole outcome unless the rest is negative", fail=0.5
)
PRIOR_SHARE = Threshold(
    0.95, f"prior-data conflict, Evans and Moshonov (2006), doi:10.1214/06-BA129; {_BOUND_OURS}"
)
NEGATIVE_BASELINE = Threshold(
    0.05, f"{_OURS}: sales without media are not negative, but for noise in a few periods", fail=0.25
)
#: Return on spend that no channel is believed to have.
ROI_BOUND = 50.0
ROI_SIZE = Threshold(
    0.05, f"{_OURS}: 50 back for each 1 spent is far beyond published returns; suspect units first", fail=0.5
)
UNSEEN = Threshold(0.5, f"{_OURS}: more than half of a contribution lies where the curve was never seen")
CURVE_RANGE = Threshold(
    0.5, f"{_OURS}: more likely than not, the half-saturation lies above every adstocked spend seen"
)
DOMINANCE = Threshold(0.8, f"{_OURS}: one channel with more than four fifths of all media effect")

WEAK = Threshold(
    NO_EFFECT,
    "relative likelihood at the ends of a 90 % interval of a Normal; density ratio of Dickey (1971), "
    "doi:10.1214/aoms/1177693507",
)

# --------------------------------------------------------------------------------------------------- sensitivity
_POWER = "Kallioinen et al. (2024), doi:10.1007/s11222-023-10366-5"
#: Change of a posterior per doubling of a power, as a distance of distribution functions, from which it counts.
POWER_SENSITIVE = Threshold(
    0.05, f"{_POWER}, whose bound it is: about that of a Normal that moves by 0.3 of its sd"
)
BUDGET_MOVED = Threshold(0.1, f"power-scaling as in {_POWER}; a tenth of the money going elsewhere is a {_OURS}")

# ---------------------------------------------------------------------------------------------------------- data
_WARNED = f"the bound of the warning of the same kind that mm.fit gives, a {_OURS}"
#: Of a check that counts warnings: none is allowed.
WARNINGS = Threshold(0.0, _WARNED)
PERIODS_PER_PARAMETER = Threshold(
    4.0, f"{_WARNED}; with fewer values than parameters only priors give an answer", fail=1.0, above=False
)
INFLATION = Threshold(
    10.0,
    "Marquardt (1970), doi:10.1080/00401706.1970.10488699, for 10; see O'Brien (2007), "
    "doi:10.1007/s11135-006-9018-6, on what it does not say; at 100 a standard error is ten times as large",
    fail=100.0,
)
SPEND_PERSISTENCE = Threshold(
    0.9,
    f"{_OURS}: at 0.9 only 1 - 0.9^2 = 19 % of the variance of spend is new in each period, and "
    "carry-over looks like spend",
)
SHARED_PAUSES = Threshold(0.9, f"{_OURS}: a correlation of on and off above 0.9; 1 where pauses are the same")
IMPLIED_MEDIA_SHARE = Threshold(0.05, _WARNED)
PRIOR_COVERAGE = Threshold(
    0.5,
    f"prior predictive check, Gabry et al. (2019), doi:10.1111/rssa.12378; the bounds are a {_OURS}",
    fail=0.1,
    above=False,
)
SEASONS_SEEN = Threshold(
    2.0, f"{_OURS}: a season seen once is not told from a trend or a campaign", fail=1.0, above=False
)
#: Probability of a false alarm over all channels together.
FEEDBACK = Threshold(
    0.01,
    f"test of Granger (1969), doi:10.2307/1912791, Bonferroni over channels; failure from 1e-4 is a {_OURS}",
    fail=1e-4,
    above=False,
)
MEDIATOR_MOVES = Threshold(0.05, f"F test of the drivers beside the linear terms; the level of 5 % is a {_OURS}")

# -------------------------------------------------------------------------------------------------------- panels
#: Standard deviations that what geos have in common may exceed chance by: one false alarm in 30,000.
COMMON_SPREAD = 4.0
FEW_GEOS = Threshold(MIN_GEOS, _WARNED, above=False)
COMMON_SPEND = Threshold(COMMON_SPEND_SHARE, _WARNED)
BUYERS = Threshold(2.0, f"{_OURS}: how far geos differ takes two of them to see", above=False)
SHARE_BY_GEO = Threshold(
    0.1, f"{_OURS}: twice the bound for one series, since geos may differ from the median one"
)
FREE_PERIODS = Threshold(
    2.5,
    "test of Hausman (1978), doi:10.2307/1913827, with the standard errors of effects that nothing draws to zero, so "
    f"that it is the bias in standard errors, too; the bound is a {_OURS}: at 2.5 one 90 % interval in five holds the "
    "truth; in simulated panels of four noisy geos it speaks in 33 of 60 whose spend follows what they share, and in 1 "
    "of 120 whose spend does not",
)
COMMON_SOURCE = f"1 / geos by chance, plus 4 standard deviations of that over the periods; {_BOUND_OURS}"
