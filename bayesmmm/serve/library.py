"""The fits of a service: loaded once, told apart by an id."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bayesmmm.data import MONEY, next_dates
from bayesmmm.data.future import events_after
from bayesmmm.errors import FitFileError, ServiceError, UnknownFitError
from bayesmmm.optimize import Window
from bayesmmm.optimize.problem import read_window
from bayesmmm.results import Fit, load
from bayesmmm.results.kept import pinned
from bayesmmm.serve.hearing import heard
from bayesmmm.serve.tables import records
from bayesmmm.text import joined, no_such

#: Fits that are listed where there are no others to choose from.
_SUFFIX = ".nc"


@dataclass(frozen=True)
class Served:
    """A fit with the id that questions name it by."""

    id: str
    fit: Fit
    stamp: str


class Library:
    """Fits by id.

    Parameters
    ----------
    fits : mapping of str to Fit
    """

    def __init__(self, fits: dict[str, Fit]) -> None:
        if not fits:
            raise ServiceError(
                "there is no fit to serve; give the path of a saved fit, as fit.save('fit.nc') writes it"
            )
        self._served = {name: Served(name, pinned(fit), fit.stamp) for name, fit in fits.items()}

    def __iter__(self):
        return iter(self._served.values())

    def __getitem__(self, name: str | None) -> Served:
        """Return the fit of an id; where there is one, it need not be named."""
        if name is None:
            if len(self._served) > 1:
                text = f"fit must name one of {joined(self._served, 'or')}, since several are served"
                raise ServiceError(text, argument="fit")
            return next(iter(self._served.values()))
        if name not in self._served:
            raise UnknownFitError(
                no_such(f"there is no fit {name!r}", name, self._served), argument="fit", value=name
            )
        return self._served[name]


def load_library(paths: Sequence[Path], *, accept_unconverged: bool = False) -> Library:
    """Load fits from files, and from all ``.nc`` files of folders; ids are names of files without their end."""
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob(f"*{_SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise FitFileError(
                f"{path} holds no file that ends in {_SUFFIX}; give the folder of saved fits, or a file"
            )
        files += inside
    fits: dict[str, Fit] = {}
    for file in dict.fromkeys(files):
        name = stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", file.stem).strip("-.") or "fit"
        number = 1
        while name in fits:
            number += 1
            name = f"{stem}-{number}"
        fit = load(file)
        fits[name] = fit.accept_unconverged() if accept_unconverged else fit
    return Library(fits)


def summary(served: Served) -> dict[str, Any]:
    """Return what a list of fits says of one."""
    fit = served.fit
    first, last = (f"{fit.data.dates[at]:%Y-%m-%d}" for at in (0, -1))
    return {
        "id": served.id,
        "stamp": served.stamp,
        "outcome": fit.system.outcome,
        "unit": fit.data.unit(fit.system.outcome),
        "channels": list(fit.system.channels),
        "periods": {"first": first, "last": last, "count": len(fit.data.dates), "frequency": fit.data.frequency},
        "verdict": fit.convergence.verdict,
    }


def description(served: Served) -> dict[str, Any]:
    """Return what is to be known of a fit before it is asked anything."""
    fit = served.fit
    data, system = fit.data, fit.system
    sizes = fit.posterior.sizes
    ahead = next_dates(data, 1)[0]
    return {
        **summary(served),
        "equations": str(system),
        "money": MONEY,
        "inputs": [_input(fit, name) for name in system.exogenous],
        "mediators": [
            {"name": name, "unit": data.unit(name), "paid": data.is_money(name), "media": name in system.media}
            for name in system.mediators
        ],
        "geos": list(data.geos) if len(data.geos) > 1 else [],
        "next": f"{ahead:%Y-%m-%d}",
        "days_per_period": float(data.days_per_period),
        "convergence": {name: value for name, value in asdict(fit.convergence).items() if name != "verdict"},
        "draws": int(sizes["chain"] * sizes["draw"]),
        "seed": fit.settings["seed"],
        "versions": dict(fit.versions),
    }


def _input(fit: Fit, name: str) -> dict[str, Any]:
    data = fit.data
    values = data.columns[name]
    kind = "channel" if name in fit.system.channels else "event" if name in data.event_names else "control"
    return {
        "name": name,
        "kind": kind,
        "unit": data.unit(name),
        "money": data.is_money(name),
        "spend": data.spend.get(name, name if data.is_money(name) else None),
        "highest": float(values.max()),
        "lowest": float(values.min()),
    }


def current_plan(served: Served, periods: int) -> dict[str, Any]:
    """Return the last periods once more, as the rows of a plan: what scenarios and budgets are compared with."""
    with heard() as said:
        window, _ = read_window(served.fit, Window(periods=periods))
    assert isinstance(window.plan, pd.DataFrame)
    days = events_after(served.fit.data, periods)
    return {
        "fit": served.id,
        "stamp": served.stamp,
        "warnings": said,
        "rows": records(window.plan),
        # Not in the rows: a plan without them has their days by the dates that are known.
        "events": {name: days[name].mean(axis=0).tolist() for name in served.fit.system.events},
    }


def observed(served: Served) -> dict[str, Any]:
    """Return the fitted periods, as rows."""
    fit = served.fit
    data = fit.data
    names = [*fit.system.exogenous, *fit.system.mediators, fit.system.outcome]
    units = {name: data.unit(name) for name in names}
    parts = [
        pd.DataFrame({"date": data.dates, **({"geo": geo} if len(data.geos) > 1 else {})}).assign(
            **{name: data.columns[name][g] for name in names}
        )
        for g, geo in enumerate(data.geos)
    ]
    return {"fit": served.id, "stamp": served.stamp, "units": units, "rows": records(pd.concat(parts))}
