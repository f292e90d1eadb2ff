"""A system, and the roles of its columns, as one TOML text that `read_toml` reads back exactly."""

from collections.abc import Iterable, Mapping
from typing import Any

import tomli_w

from bayesmmm.equations.equation import Equation
from bayesmmm.errors import SpecError
from bayesmmm.priors import Prior
from bayesmmm.text import no_such, written
from bayesmmm.validate import as_list

#: Keys of [data]: the keyword arguments of ``MMMData.from_csv``.
DATA_KEYS = (
    *("date", "outcome", "media", "mediators", "controls", "geo", "outcome_unit", "date_format", "missing"),
    *("date_is", "calendar_dates", "events"),
    *("units", "spend"),
)


def toml_text(equations: Iterable[Equation], data_columns: Mapping[str, Any] | None) -> str:
    """Return the TOML text of equations and, when given, of the keyword arguments of ``MMMData.from_csv``."""
    spec: dict[str, Any] = {}
    if data_columns is not None:
        if not isinstance(data_columns, Mapping):
            raise SpecError(
                f"the data columns are {written(data_columns)}. Give a mapping, as {{'date': 'week', 'media': ['tv']}}."
            )
        for key in data_columns:
            if key not in DATA_KEYS:
                raise SpecError(no_such(f"the data columns have the unknown key {key!r}", key, DATA_KEYS, "Use"))
        odd = [
            k for k, v in data_columns.items() if not isinstance(v, str | Mapping | None) and as_list(v) is None
        ]
        if odd:
            raise SpecError(
                f"the data columns have {odd[0]} = {written(data_columns[odd[0]])}. Give a name or a list."
            )
        spec["data"] = {
            key: dict(value) if isinstance(value, Mapping) else value if isinstance(value, str) else as_list(value)
            for key, value in data_columns.items()
            if value is not None
        }
    spec["equation"] = [_equation(equation) for equation in equations]
    return tomli_w.dumps(spec)


def _equation(equation: Equation) -> dict[str, Any]:
    """Return one equation as plain tables; what equals its default is left out."""
    table: dict[str, Any] = {"name": equation.name}
    table |= {key: list(getattr(equation, key)) for key in ("media", "linear", "events") if getattr(equation, key)}
    if equation.pooled_events:
        table["pooled_events"] = {pool: list(names) for pool, names in equation.pooled_events.items()}
    if equation.trend:
        table["trend"] = list(equation.knots) or True
    table["likelihood"] = equation.likelihood
    if equation.max_lag is not None:
        table["max_lag"] = equation.max_lag
    if equation.rho:
        table["rho"] = {m: v.to_dict() if isinstance(v, Prior) else v for m, v in equation.rho.items()}
    if equation.panel is not None:
        keys = ("pooling", "periods", "per_geo", "sigma", "group", "pooled")
        panel = {key: getattr(equation.panel, key) for key in keys}
        panel |= {"sigma": None} if equation.panel.sigma == "shared" else {}
        table["panel"] = {
            k: list(v) if isinstance(v, tuple) else v for k, v in panel.items() if v not in (None, ())
        }
    if equation.sign:
        table["sign"] = dict(equation.sign)
    if equation.spend_share:
        table["spend_share"] = dict(equation.spend_share)
    if equation.reference:
        table["reference"] = dict(equation.reference)
    if equation.seasonality:
        table["seasonality"] = [{"period": s.period, "order": s.order} for s in equation.seasonality]
    if equation.priors:
        table["priors"] = {
            name: value.to_dict()
            if isinstance(value, Prior)
            else {label: p.to_dict() for label, p in value.items()}
            for name, value in equation.priors.items()
        }
    return table
