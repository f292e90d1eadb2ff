"""Which prior every parameter of an equation has: the one that was given, checked, or the default."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bayesmmm.equations.event_terms import DEVIATION, EVENT
from bayesmmm.equations.panel import TAUS
from bayesmmm.equations.text import unit_of
from bayesmmm.errors import EquationError, PriorError, UnknownPriorError, UnknownTermError
from bayesmmm.priors import FrozenMap, Prior, check_reach, check_support, contribution_scales, default_prior
from bayesmmm.text import listed, no_such, written
from bayesmmm.validate import is_number

if TYPE_CHECKING:
    from bayesmmm.equations.equation import Equation

#: Parameters with one value per media channel.
MEDIA_PARAMETERS = ("half_life", "retention", "half_saturation", "slope", "contribution", "roi")
#: Two ways to write one belief: a channel has one or the other.
_EITHER = (("half_life", "retention"), ("contribution", "roi"))
#: What an equation must have for a prior to apply: how it is called, and how to get it.
_NEEDS = {
    **dict.fromkeys(MEDIA_PARAMETERS, ("media", "list channels in media=[...]")),
    "trend": ("trend", "set trend=True"),
    "seasonality": ("seasonality", "set seasonality=Fourier(period=365.25, order=2)"),
    "coefficient": ("linear terms", "list columns in linear=[...]"),
    EVENT: ("events", "list events in events=[...]"),
    DEVIATION: ("pools of events", 'set pooled_events={"holidays": [...]}'),
    **dict.fromkeys(TAUS, ("media", "list channels in media=[...]")),
}
_LINEAR_PARAMETERS = ("intercept", "trend", "seasonality", "coefficient", EVENT, DEVIATION)
_ANY = (-math.inf, math.inf)
#: Values of a contribution, or of a roi, by the sign of a channel.
SIGNS = {"positive": (0.0, math.inf), "negative": (-math.inf, 0.0), "any": _ANY}
_SUPPORT = dict.fromkeys([*MEDIA_PARAMETERS, "sigma", "nu_minus_two", *TAUS, "omega"], (0.0, math.inf)) | {
    "retention": (0.0, 1.0),
    **dict.fromkeys(("contribution", "roi"), _ANY),
}


def _labels(equation: "Equation", parameter: str) -> tuple[str, ...]:
    """Return the labels that a per-label prior of this parameter may name."""
    if parameter in (*MEDIA_PARAMETERS, *TAUS):
        return equation.media
    if parameter == "trend":
        return tuple(term for term in equation.terms() if term.split("@")[0] == "trend") if equation.trend else ()
    if parameter in (EVENT, DEVIATION):
        return tuple(term for term in equation.terms() if equation.term_kind(term) == parameter)
    return equation.linear if parameter == "coefficient" else ()


def read_priors(equation: "Equation") -> FrozenMap:
    """Return the given priors of an equation, checked."""
    where = f"equation {equation.name!r}"
    given = equation.priors
    if not isinstance(given, Mapping):
        raise PriorError(f'{where} has priors = {given!r}. Give a mapping such as {{"slope": Prior(...)}}.')
    media = (p for p in MEDIA_PARAMETERS if p != "roi" or equation.family.additive)
    panel = equation.panel
    # Whether geos are in groups may be decided by the data.
    shared = ("tau", "tau_group", *(f"tau_{name}" for name in panel.pooled), "omega") if panel else ()
    known = (*media, *_LINEAR_PARAMETERS, *equation.family.scalars, *shared)
    read = {}
    for parameter, value in given.items():
        if parameter == "roi" and not equation.family.additive:
            raise PriorError(
                f"{where} has a prior on roi under a {equation.likelihood} likelihood, where a contribution is "
                f"{equation.family.contribution_is}. Put the prior on contribution, or use normal or student_t."
            )
        if parameter not in known:
            use = "It belongs to student_t only. " * (parameter == "nu_minus_two") + "Use one of"
            raise UnknownPriorError(
                no_such(f"{where} has a prior on the unknown parameter {parameter!r}", parameter, known, use)
            )
        _check_applies(equation, parameter, value)
        read[parameter] = _read_prior(equation, parameter, value)
    for first, second in _EITHER:
        both = [c for c in equation.media if _has(read, first, c) and _has(read, second, c)]
        if both:
            raise PriorError(
                f"{where} gives {both[0]!r} a prior on {first} and on {second}, which are one quantity. Keep one of "
                f"them; name channels, as {{'{second}': {{'{both[0]}': Prior(...)}}}}, where they differ."
            )
    return FrozenMap(read)


def _check_applies(equation: "Equation", parameter: str, value: Any) -> None:
    """Refuse a prior that would be read and then change nothing."""
    where = f"equation {equation.name!r}"
    labels = equation.seasonality if parameter == "seasonality" else _labels(equation, parameter)
    if parameter in _NEEDS and not labels:
        lacking, remedy = _NEEDS[parameter]
        raise UnknownPriorError(
            f"{where} has a prior on {parameter} but no {lacking}: {remedy} or drop the prior."
        )
    if isinstance(value, Mapping) and not value:
        raise UnknownPriorError(
            f"{where} has an empty mapping as the prior on {parameter}, which applies to nothing. Give a Prior, "
            f"or drop {parameter!r} from priors."
        )


def _read_prior(equation: "Equation", parameter: str, value: Any) -> Prior | FrozenMap:
    where = f"equation {equation.name!r}"
    bounds = _SUPPORT.get(parameter, _ANY)
    signed = equation.sign if parameter in ("contribution", "roi") else {}
    if isinstance(value, Prior):
        check_support(value, f"{parameter} of {where}", *bounds)
        for label, sign in signed.items():
            check_support(value, f"{parameter} of {label!r} in {where}, by its sign {sign},", *SIGNS[sign])
        check_reach(value, parameter, where, unit_of(equation, parameter))
        return value
    labels = _labels(equation, parameter)
    if not isinstance(value, Mapping):
        raise PriorError(
            f"{where} has {value!r} as the prior on {parameter}. Give a Prior, or a mapping from label to Prior."
        )
    for label, prior in value.items():
        if label not in labels:
            wrong = f"{where} has a prior on {parameter} of the unknown label {label!r}"
            raise UnknownPriorError(
                no_such(wrong, label, labels) if labels else f"{wrong}. Give one Prior without labels."
            )
        if not isinstance(prior, Prior):
            raise PriorError(f"{where} has {prior!r} as the prior on {parameter} of {label!r}. Give a Prior.")
        check_support(prior, f"{parameter} of {label!r} in {where}", *bounds)
        if label in signed:
            sign = signed[label]
            check_support(prior, f"{parameter} of {label!r} in {where}, by its sign {sign},", *SIGNS[sign])
        check_reach(prior, parameter, f"{where} for {label!r}", unit_of(equation, parameter))
    return FrozenMap(value)


def _has(priors: Mapping, parameter: str, label: str) -> bool:
    value = priors.get(parameter)
    return isinstance(value, Prior) or (value is not None and label in value)


def prior_of(equation: "Equation", parameter: str, label: str | None) -> Prior:
    """Return the prior of a parameter, of one of its labels where it has any."""
    value = equation.priors.get(parameter)
    if isinstance(value, Prior):
        return value
    if value is not None and label in value:
        return value[label]
    if parameter == "contribution" and label is not None:
        media = equation.media
        scales = contribution_scales([equation.spend_share.get(c, 1.0 / len(media)) for c in media])
        scale, sign = scales[media.index(label)], equation.sign.get(label, "positive")
        return default_prior(parameter, scale=scale, sign=sign, widths=equation.family.widths)
    return default_prior(parameter, widths=equation.family.widths)


def read_sign(equation: "Equation") -> FrozenMap:
    """Return the given signs of channels, checked."""
    where, given, media = f"equation {equation.name!r}", equation.sign, equation.media
    if not isinstance(given, Mapping):
        raise EquationError(
            f"{where} has sign = {written(given)}. Give a mapping from channels to their signs, as "
            f"{{'competitor': 'negative', 'display': 'any'}}."
        )
    for channel, sign in given.items():
        if channel not in media:
            wrong = f"{where} has a sign for {channel!r}, which is none of its media"
            raise UnknownTermError(no_such(wrong, channel, media, "Use", "it has none"))
        if sign not in tuple(SIGNS):
            raise EquationError(
                no_such(f"{where} has the sign {written(sign)} of {channel!r}", sign, tuple(SIGNS), "Use one of")
            )
    return FrozenMap({str(channel): str(sign) for channel, sign in given.items()})


def sign_of(equation: "Equation", channel: str) -> str:
    """Return "positive", "negative" or "any": where the prior on the contribution of a channel, or its roi, has mass."""
    parameter = "roi" if _has(equation.priors, "roi", channel) else "contribution"
    low, high = prior_of(equation, parameter, channel).support
    return "positive" if low >= 0.0 else "negative" if high <= 0.0 else "any"


def read_spend_share(equation: "Equation") -> FrozenMap:
    """Return the given shares of spend of an equation, checked; empty where there are none."""
    where, given = f"equation {equation.name!r}", equation.spend_share
    if not isinstance(given, Mapping):
        raise EquationError(
            f"{where} has spend_share = {written(given)}. Give a mapping from every channel to its share, as "
            f"{{'tv': 0.7, 'radio': 0.3}}, or leave it out: then it is taken from the data."
        )
    if given and set(given) != set(equation.media):
        raise EquationError(
            f"{where} has a spend_share for {listed(given)}, and the media {listed(equation.media) or 'none'}. Name "
            f"each of its media, or leave spend_share out: then it is taken from the data."
        )
    for channel, share in given.items():
        if not is_number(share) or not 1e-12 <= share <= 1.0:
            raise EquationError(
                f"{where} has the spend_share {written(share)} of {channel!r}. Give a number above 0, of at most 1."
            )
    return FrozenMap({channel: float(given[channel]) for channel in equation.media if given})


def parametrised(equation: "Equation", parameter: str) -> tuple[tuple[str, ...], tuple[Prior, ...]]:
    """Return the channels that are parametrised by `parameter`, and their priors."""
    channels = equation.media
    for usual, instead in _EITHER:
        if parameter in (usual, instead):
            wanted = parameter == instead
            channels = tuple(c for c in channels if _has(equation.priors, instead, c) == wanted)
    return channels, tuple(prior_of(equation, parameter, c) for c in channels)
