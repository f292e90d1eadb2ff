"""`audit`: what data and priors can say, and what they cannot, before anything is fitted."""

from collections.abc import Sequence

from bayesmmm.data import MMMData
from bayesmmm.data.data_warnings import COLLINEAR_CORRELATION, OUTLIER_ROBUST_SDS
from bayesmmm.diagnostics.advice import prior_on_return, where
from bayesmmm.diagnostics.audit_equations import equation_checks
from bayesmmm.diagnostics.audit_media import media_checks
from bayesmmm.diagnostics.audit_panel import panel_checks_before, summed
from bayesmmm.diagnostics.check import Check, Diagnosis, check_against
from bayesmmm.diagnostics.prior_view import evaluate
from bayesmmm.diagnostics.thresholds import WARNINGS
from bayesmmm.equations import MMM, check_system, system_warnings
from bayesmmm.equations.spend_share import for_data
from bayesmmm.errors import (
    AlwaysOnWarning,
    BackdoorWarning,
    BayesMMMWarning,
    CollinearityWarning,
    CollinearTermsWarning,
    ConsequenceWarning,
    LowVariationWarning,
    ManyZerosWarning,
    OutlierWarning,
    SettingError,
)

_Kind = tuple[str, tuple[type[BayesMMMWarning], ...], str, str, tuple[str, ...]]

CONSEQUENCES: _Kind = (
    "consequences",
    (ConsequenceWarning,),
    "no control and no mediator explains nearly all of a series on its own.",
    "what follows from a series takes the effects of its causes to itself, and returns come out near zero",
    (
        "leave the column out of the equation",
        "if it is a step on the way from spend to the outcome, give it an equation of its own",
    ),
)
COLLINEAR_TERMS: _Kind = (
    "linear_overlap",
    (CollinearTermsWarning,),
    "every linear term varies apart from the others of its equation.",
    "the data see what these terms bring together: each by itself is prior, and may be huge with the other of the "
    "opposite sign",
    (
        "leave one of them out, or add the columns up to one",
        "report them together: what-if and decomposition of both at once are right",
    ),
)
#: Checks that say what `system_warnings` found: name, kinds, what is well without any, what it means, remedies. The
#: other kinds have checks with numbers of their own. "{prior}" stands for a prior on what the channel brings.
_KINDS: tuple[_Kind, ...] = (
    (
        "backdoors",
        (BackdoorWarning,),
        "every cause of a mediator is also in the equations that it feeds, and season and trend are in both.",
        "something that moves a mediator and the outcome passes for an effect of the mediator",
        (
            "put the missing terms into both equations, as mm.Equation(..., linear=['promotion'])",
            "leave one out only if the mediator carries all of its effect, and say why",
        ),
    ),
    CONSEQUENCES,
    COLLINEAR_TERMS,
    (
        "pairs",
        (CollinearityWarning,),
        f"no two channels move together with a correlation above {COLLINEAR_CORRELATION}.",
        "the data can hardly say which of the two it was",
        (
            "add the two up to one channel, as frame['both'] = frame['one'] + frame['other']",
            "give one an informative prior, as {prior}",
        ),
    ),
    (
        "variation",
        (LowVariationWarning, AlwaysOnWarning),
        "every channel pauses or varies enough to be told from the intercept.",
        "what never changes cannot be told from what would have come anyway",
        (
            "give it an informative prior, from an experiment if there is one, as {prior}",
            "pause it, or raise it, in some weeks or regions, and fit again",
        ),
    ),
    (
        "zeros",
        (ManyZerosWarning,),
        "zeros are rare where a likelihood takes them for measured values.",
        "a likelihood without zeros bends its mean towards them",
        ("use likelihood='censored_normal' in its equation, or list it under linear where it is negative",),
    ),
    (
        "outliers",
        (OutlierWarning,),
        f"no value lies further than {OUTLIER_ROBUST_SDS:g} robust standard deviations from its median.",
        "one value can decide an effect",
        (
            "check the value at its source",
            "if it is real, use likelihood='student_t', or mark the period with a control that is 1 there",
        ),
    ),
)


def audit(data: MMMData, system: MMM) -> Diagnosis:
    """Check before a fit what data and priors can say about a system, and what they cannot.

    Looks at spend (variation, persistence, pauses, collinearity, range beside the half-saturation prior), at what drives
    it (does it follow past surprises of the outcome), at every equation (values per parameter, seasons seen, what the
    priors imply for the media share and for the series), and at mediators (do they move with their drivers, are back
    doors open). It takes about a second; priors are drawn with a fixed seed.

    Of a panel it asks what geos can say together: are there enough of them for period effects, is the spend of a channel
    one series split by one key, is a channel bought by one geo only, has each geo enough values for what is its own, and
    what do priors imply in each geo. One geo after another is looked at as ``audit(data.sel("north"), system)``.

    Parameters
    ----------
    data : MMMData
    system : MMM

    Returns
    -------
    Diagnosis
        ``subject`` is "data". Tables: "summary" and "correlation" as ``data.summary()`` and ``data.correlation()``;
        "channels" (variation, share of active periods, number of flights, persistence, largest over mean spend);
        "overlap" by pair; "vif" and "range" by equation and channel; "feedback" by channel and for all; "parameters" and
        "prior_predictive" by equation; "mediators"; "media_share", draws of what priors let channels bring; "spend", the
        series by date. Of a panel: "summary", "correlation" (within geos), "channels" by channel and geo, "parameters",
        "prior_predictive" by equation, geo and date, "media_share" and "spend" in total, "media_share_by_geo".

    Raises
    ------
    EquationError, DataError, PriorError
        When system and data do not fit together.
    SettingError
        When the arguments are something else.

    References
    ----------
    Chan and Perry (2017), Challenges and opportunities in media mix modeling, Google Research. Gabry et al. (2019),
    Visualization in Bayesian workflow, doi:10.1111/rssa.12378.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> world = mm.load_case("social_search")
    >>> found = audit(world.data, world.system)
    >>> found.subject, found["backdoors"].verdict
    ('data', 'ok')
    """
    if not isinstance(data, MMMData) or not isinstance(system, MMM):
        raise SettingError(
            f"audit got a {type(data).__name__} and a {type(system).__name__}, and needs data and equations, as "
            f"audit(MMMData.from_csv(...), MMM([...]))"
        )
    check_system(system, data)
    if len(data.geos) > 1:
        return _audit_panel(data, for_data(system, data))
    view = evaluate(data, system)
    media, tables = media_checks(view)
    equations, more = equation_checks(view)
    checks = [*warning_checks(system_warnings(system, data), system, data), *media, *equations]
    whole = {"summary": data.summary(), "correlation": data.correlation(), "spend": summed(data)}
    return Diagnosis("data", tuple(checks), {**whole, **tables, **more})


def _audit_panel(data: MMMData, system: MMM) -> Diagnosis:
    checks, tables = panel_checks_before(data, system)
    warned = warning_checks(system_warnings(system, data), system, data)
    whole = {"summary": data.summary(), "correlation": data.correlation(), "spend": summed(data)}
    return Diagnosis("data", tuple([*warned, *checks]), {**whole, **tables})


def warning_checks(
    warnings: Sequence[BayesMMMWarning],
    system: MMM,
    data: MMMData,
    kinds: Sequence[_Kind] = _KINDS,
    group: str = "data",
) -> list[Check]:
    """One check for each kind of warning: what was found, or that nothing was."""
    checks, channels = [], system.media
    for name, classes, well, meaning, remedies in kinds:
        sentences = [str(warning).rstrip(".") for warning in warnings if isinstance(warning, classes)]
        finding = "; ".join(sentences) + "." if sentences else well
        if sentences and channels:
            channel = next((c for c in channels if repr(c) in finding), channels[0])  # warnings quote their names
            prior = prior_on_return(where(system, channel), channel, data)
            remedies = tuple(remedy.replace("{prior}", prior) for remedy in remedies)
        checks.append(check_against(name, group, WARNINGS, float(len(sentences)), finding, meaning, remedies))
    return checks
