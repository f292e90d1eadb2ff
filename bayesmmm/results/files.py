"""The file of a fit: one netCDF file with the ArviZ groups and a group of our own.

The verdict on the sampler is kept with a fingerprint of the draws it was passed on, since working it out takes longer
than reading the file; for other draws it is worked out anew.
"""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.equations import read_toml
from bayesmmm.errors import FitFileError
from bayesmmm.results.convergence import fingerprint, judged

if TYPE_CHECKING:
    from bayesmmm.results.fit import Fit

FORMAT = 1
#: Where a fit keeps the fingerprint of the draws that its verdict was passed on.
JUDGED = "_judged"
_OWN_GROUP = "bayesmmm"


def write(fit: "Fit", path: str | os.PathLike[str]) -> Path:
    """Write a fit under a temporary name in the same folder, then rename it."""
    path = Path(path)
    tree = fit.tree.copy()
    tree[_OWN_GROUP] = xr.DataTree(_own_group(fit))
    # In memory first: the HDF5 library does not report a full disk as an error that can be caught.
    content = tree.to_netcdf(engine="h5netcdf")
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        try:
            Path(temporary).write_bytes(content)
            os.chmod(temporary, 0o666 & ~_umask())
            _flush(temporary)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FitFileError(
            f"{path} could not be written: {error}. An existing file is unchanged. Give a path in a folder that "
            f"exists, with space and write permission."
        ) from error
    return path


def _own_group(fit: "Fit") -> xr.Dataset:
    data = fit.data
    roles = {
        "outcome": data.outcome,
        "media": list(data.media),
        "mediators": dict(data.mediators),
        "controls": list(data.controls),
        "outcome_unit": data.outcome_unit,
        "unused": list(data.unused),
    }
    variables = {f"column_{i}": (("geo", "date"), v) for i, v in enumerate(data.columns.values())}
    attrs = {
        "format": FORMAT,
        "columns": json.dumps(list(data.columns)),
        "roles": json.dumps(roles),
        "system": fit.system.to_toml(),
        "scales": json.dumps(fit.scales.to_dict()),
        "settings": json.dumps(fit.settings),
        "versions": json.dumps(dict(fit.versions)),
    }
    found = fingerprint(fit.tree)
    if fit.__dict__.get(JUDGED) == found:  # no verdict that was made by hand, or on draws that were changed since
        numbers = {k: v for k, v in asdict(fit.convergence).items() if k != "verdict"}
        attrs |= {"convergence": json.dumps(numbers), "fingerprint": found}
    return xr.Dataset(variables, {"geo": list(data.geos), "date": data.dates}, attrs)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a fit that `write` wrote, and what is known about its draws."""
    path = Path(path)
    if not path.is_file():
        raise FitFileError(f"{path} does not exist. Give the path that fit.save(...) returned.")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise FitFileError(
            f"{path} cannot be read as netCDF ({error}): it is cut short or not a saved fit. Save the fit again."
        ) from error
    own = tree[_OWN_GROUP].to_dataset() if _OWN_GROUP in tree.children else xr.Dataset()
    if "format" not in own.attrs:
        raise FitFileError(
            f"{path} is a netCDF file but not a fit of bayesmmm: its group {_OWN_GROUP!r} is missing. Give a file that "
            f"fit.save(...) wrote."
        )
    if int(own.attrs["format"]) > FORMAT:
        version = json.loads(own.attrs["versions"]).get("bayesmmm", "unknown")
        raise FitFileError(
            f"{path} has file format {int(own.attrs['format'])}, written by bayesmmm {version}; this version reads up "
            f"to format {FORMAT}. Upgrade bayesmmm."
        )
    return _fields(tree, own), _known(tree, own)


def _known(tree: xr.DataTree, own: xr.Dataset) -> dict[str, Any]:
    """Verdict on the draws and their fingerprint, where the file holds one on these very draws."""
    found = own.attrs.get("fingerprint")
    if found is None or found != fingerprint(tree):
        return {}
    return {JUDGED: found, "convergence": judged(**json.loads(own.attrs["convergence"]))}


def _fields(tree: xr.DataTree, own: xr.Dataset) -> dict[str, Any]:
    roles = json.loads(own.attrs["roles"])
    names = json.loads(own.attrs["columns"])
    data = MMMData(
        dates=pd.DatetimeIndex(own["date"].values),
        geos=tuple(str(g) for g in own["geo"].values),
        columns={name: own[f"column_{i}"].values for i, name in enumerate(names)},
        **roles,
    )
    groups = {name: node.to_dataset() for name, node in tree.children.items() if name != _OWN_GROUP}
    return {
        "data": data,
        "system": read_toml(own.attrs["system"])[0],
        "scales": Scales.from_dict(json.loads(own.attrs["scales"])),
        "tree": xr.DataTree.from_dict(groups),
        "settings": json.loads(own.attrs["settings"]),
        "versions": json.loads(own.attrs["versions"]),
    }
