"""The file of a fit: one netCDF file with the ArviZ groups and a group of our own, sealed by a checksum at its end.

Whoever reads a file can rely on every number in it: the checksum covers all of its bytes, and what a file holds twice,
or holds and can be worked out, has to agree. The HDF5 library takes no notice of what stands after its own end.
"""

import io
import json
import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import files
from bayesmmm.data import Event, MMMData, Scales
from bayesmmm.data.future import DATE
from bayesmmm.engine import layout
from bayesmmm.equations import MMM, check_system, parse_toml
from bayesmmm.errors import FitFileError

FORMAT = 8
#: What the sampler's settings say where scales were given instead of taken from the data.
GIVEN_SCALES = "given"
_OWN_GROUP = "bayesmmm"
_ROLES = ("outcome", "media", "mediators", "controls", "outcome_unit", "unused", "part", "units", "spend")
_RECORDS = ("scales", "settings", "versions")
_SEAL = re.compile(rb"crc32:([0-9a-f]{8})\n\Z")
_SEAL_SIZE = 15
#: How far what is recomputed may miss what is stored: the order of a sum, which differs between processors.
_AGREES = 1e-9


# ------------------------------------------------------------------------------------------------------------- writing
def write_fit_file(
    path: Path,
    stamp: str,
    *,
    data: MMMData,
    system: MMM,
    scales: Scales,
    tree: xr.DataTree,
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
    extra: Mapping[str, Any],
) -> None:
    """Write the parts of a fit, with `extra` attributes, and its stamp; an ordinary file in its place is replaced."""
    known = data.calendar_dates
    lists = (list(data.media), dict(data.mediators), list(data.controls))
    roles = (
        data.outcome,
        *lists,
        data.outcome_unit,
        list(data.unused),
        data.part,
        dict(data.units),
        dict(data.spend),
    )
    attrs = {
        "format": FORMAT,
        "columns": json.dumps(list(data.columns)),
        "roles": json.dumps(dict(zip(_ROLES, roles, strict=True))),
        "levels": json.dumps({key: list(values) for key, values in data.levels.items()}),
        "missing": json.dumps(dict(data.missing)),
        "events": json.dumps([event.to_dict() for event in data.events]),
        "date_name": data.date_name,
        "calendar": json.dumps([data.date_is, known if known is None else known.strftime("%Y-%m-%d").tolist()]),
        "system": system.to_toml(),
        "scales": json.dumps(scales.to_dict()),
        "settings": json.dumps(dict(settings)),
        "versions": json.dumps(dict(versions)),
        **extra,
    }
    variables = {f"column_{i}": (("geo", "date"), v) for i, v in enumerate(data.columns.values())}
    variables |= {} if data.present is None else {"present": (("geo", "date"), data.present.astype(float))}
    tree = tree.copy()
    tree[_OWN_GROUP] = xr.DataTree(xr.Dataset(variables, {"geo": list(data.geos), "date": data.dates}, attrs))
    # In memory first: the HDF5 library does not report a full disk as an error that can be caught.
    content = sealed(bytes(tree.to_netcdf(engine="h5netcdf")), stamp)
    try:
        if problem := files.obstacle(path):
            raise FitFileError(f"{path} {problem}.")
        files.write_files({path: content})
    except OSError as error:
        raise FitFileError(
            f"{path} could not be written: {error}. An existing file is unchanged. Give a path in a folder that "
            f"exists, with space and write permission."
        ) from error


def sealed(content: bytes, stamp: str) -> bytes:
    """Return the content of a file with the mark and the checksum at its end."""
    body = content + f"\n{files.make_mark('saved', stamp, stamp)}\n".encode()
    return body + b"crc32:" + _checksum(body) + b"\n"


def _checksum(content: bytes | memoryview) -> bytes:
    return f"{zlib.crc32(content):08x}".encode()


# ------------------------------------------------------------------------------------------------------------- reading
def read_fit_file(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parts of a fit by name, checked, and all attributes of its file."""
    content = _whole(path)
    try:
        with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
            tree = opened.load()
        own = tree[_OWN_GROUP].to_dataset()
        version = int(own.attrs["format"])
        if version == FORMAT:
            fields = _fields(tree, own)
            _check(**fields)
            return fields, dict(own.attrs)
        written = json.loads(own.attrs["versions"]).get("bayesmmm", "unknown")
    # Whatever is wrong with it, a file raises one error: libraries and records have many.
    except Exception as error:
        what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise FitFileError(
            f"{path} does not hold a fit that can be used: {what.rstrip('.')}. Save the fit again from where it was "
            f"made, or fit again."
        ) from error
    raise FitFileError(
        f"{path} has file format {version}, written by bayesmmm {written}; this version reads format {FORMAT}. "
        + ("Upgrade bayesmmm." if version > FORMAT else "Fit again.")
    )


def _whole(path: Path) -> bytes:
    """Return the content of a file whose checksum holds."""
    try:
        if not path.is_file():
            wrong = "is no file" if path.exists() else "does not exist"
            raise FitFileError(f"{path} {wrong}. Give the path that fit.save(...) returned.")
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _SEAL_SIZE))
            seal = _SEAL.search(file.read())
            file.seek(0)
            content = file.read() if seal else b""
    except OSError as error:
        raise FitFileError(f"{path} cannot be read: {error}. Give a file with read permission.") from error
    if seal is None:
        raise FitFileError(
            f"{path} is not a saved fit, or not all of one: the checksum at its end is missing, as in a file that is "
            f"cut short, was changed, or is something else. Give a file that fit.save(...) wrote."
        )
    if _checksum(memoryview(content)[:-_SEAL_SIZE]) != seal[1]:
        raise FitFileError(
            f"{path} is damaged or was changed after it was saved: its checksum does not hold, so that no number in it "
            f"can be relied on. Take a copy of the file, or fit again."
        )
    return content


def _fields(tree: xr.DataTree, own: xr.Dataset) -> dict[str, Any]:
    records = {name: json.loads(own.attrs[name]) for name in (*_RECORDS, "columns", "roles", "calendar")}
    if set(records["roles"]) != set(_ROLES):
        raise ValueError(f"its roles are {sorted(records['roles'])}, and must be {sorted(_ROLES)}")
    data = MMMData(
        dates=pd.DatetimeIndex(own["date"].values),
        geos=tuple(str(g) for g in own["geo"].values),
        columns={name: own[f"column_{i}"].values for i, name in enumerate(records["columns"])},
        **records["roles"],
        levels=json.loads(own.attrs["levels"]),
        missing=json.loads(own.attrs["missing"]),
        events=tuple(Event.from_dict(row) for row in json.loads(own.attrs["events"])),
        date_is=records["calendar"][0],
        calendar_dates=records["calendar"][1],
        date_name=str(own.attrs.get("date_name", DATE)),
        present=own["present"].values > 0.0 if "present" in own else None,
    )
    groups = {name: node.to_dataset() for name, node in tree.children.items() if name != _OWN_GROUP}
    return {
        "data": data,
        "system": parse_toml(own.attrs["system"], "its system")[0],
        "scales": Scales.from_dict(records["scales"]),
        "tree": xr.DataTree.from_dict(groups),
        "settings": records["settings"],
        "versions": records["versions"],
    }


# -------------------------------------------------------------------------------------------------------- cross-checks
def _check(
    data: MMMData, system: MMM, scales: Scales, tree: xr.DataTree, settings: Mapping[str, Any], versions: object
) -> None:
    """Hold the parts of a fit against each other; a ValueError or an error of the package says what disagrees."""
    check_system(system, data)
    if system.outcome != data.outcome:
        raise ValueError(f"its system explains {system.outcome!r}, its data {data.outcome!r}")
    _check_records(settings, versions)
    if settings.get("scales") != GIVEN_SCALES:
        _check_scales(data, scales)
    posterior = tree["posterior"].to_dataset()
    _check_posterior(posterior, system, data)
    for name, node in tree.children.items():
        _check_group(name, node.to_dataset(), posterior, data)


def _check_records(settings: Mapping[str, Any], versions: object) -> None:
    counts = [settings[name] for name in ("draws", "chains", "seed")]
    numbers = [*counts, *settings["seconds"].values()]
    whole = all(isinstance(n, int) for n in counts) and all(isinstance(n, int | float) for n in numbers)
    if not whole or not isinstance(settings["sampler"], str):
        raise ValueError(f"its settings are {dict(settings)}, which no sampler has")
    if not isinstance(versions, dict) or not all(isinstance(version, str) for version in versions.values()):
        raise ValueError(f"its versions of libraries are {versions!r}")


def _check_scales(data: MMMData, scales: Scales) -> None:
    made = data.scales()
    if (made.start, made.end) != (scales.start, scales.end):
        raise ValueError(
            f"its scales run from {scales.start} to {scales.end}, its data from {made.start} to {made.end}"
        )
    for kind in ("size", "spend", "center", "spread"):
        stored, right = getattr(scales, kind), getattr(made, kind)
        if list(stored) != list(right):
            raise ValueError(f"its scales have {kind} for {list(stored)}, and must have it for {list(right)}")
        for name, value in right.items():
            largest = np.abs(data.values(name)).max()
            if not np.allclose(stored[name], value, rtol=_AGREES, atol=_AGREES * largest, equal_nan=True):
                raise ValueError(f"its {kind} of {name!r} is {stored[name]}, and that of its data is {value}")


def _check_posterior(posterior: xr.Dataset, system: MMM, data: MMMData) -> None:
    dims, labels = layout(system, data.geos)
    if set(posterior.data_vars) != set(dims):
        odd = sorted(set(map(str, posterior.data_vars)) ^ set(dims))
        raise ValueError(f"its draws and its system do not both have {odd[0]!r}")
    for dim, known in labels.items():
        drawn = posterior[dim].values.tolist()
        if drawn != known:
            raise ValueError(f"its draws are labelled {drawn} along {dim!r}, its system {known}")
    for variable, own in dims.items():
        if posterior[variable].dims != ("chain", "draw", *own):
            raise ValueError(f"its draws of {variable!r} have dims {posterior[variable].dims}")
    for name in system.order:
        for block in system.equation(name).parameters():
            variable = f"{name}.{block.name}"
            if variable in posterior:
                draws = posterior[variable]
                # A half-life may have a prior for some channels and follow from the retention for the others.
                dim = f"{name}.{'term' if block.name == 'coefficient' else 'media'}" if block.labels else ""
                draws = draws.sel({dim: list(block.labels)}) if dim in draws.dims else draws
                values, supports = draws.values, [p.support for p in block.priors]
                panel = system.equation(name).panel
                if panel and block.name in ("contribution", *panel.pooled):
                    values, supports = _of_buyers(variable, values, supports, block.labels, data)
                _check_support(variable, values, supports)


def _of_buyers(variable: str, values: np.ndarray, supports: list, labels: tuple[str, ...], data: MMMData) -> tuple:
    """Draws, and their supports, of channels in geos that ever bought them; the others have none."""
    buys = data.bought(labels).reshape(values.shape[2:])
    if (np.isnan(values) == buys).any():
        raise ValueError(f"its draws of {variable!r} are not those of the geos that buy a channel")
    return values[..., buys], [
        support for geo in np.atleast_2d(buys) for support, buy in zip(supports, geo, strict=True) if buy
    ]


def _check_support(variable: str, values: np.ndarray, supports: list[tuple[float, float]]) -> None:
    low, high = np.array(supports).T if values.ndim > 2 else supports[0]
    inside = np.all((values >= low) & (values <= high))
    if not inside or not np.isfinite(values).all():
        raise ValueError(f"its draws of {variable!r} hold values outside {supports}")


def _check_group(name: str, group: xr.Dataset, posterior: xr.Dataset, data: MMMData) -> None:
    if name in ("sample_stats", "log_likelihood", "log_prior", "posterior_predictive"):
        for dim in ("chain", "draw"):
            if group.sizes[dim] != posterior.sizes[dim]:
                raise ValueError(f"{name} has {group.sizes[dim]} along {dim}, the draws {posterior.sizes[dim]}")
    if "date" in group.coords and not np.array_equal(group["date"].values, data.dates.to_numpy()):
        raise ValueError(f"{name} has other dates than the data")
    if name in ("observed_data", "constant_data"):
        for column, values in group.data_vars.items():
            held = values.values.reshape(len(data.geos), -1)
            if not np.array_equal(held, data.columns[str(column)], equal_nan=True):
                raise ValueError(f"{column!r} in {name} is not what it is in the data")
