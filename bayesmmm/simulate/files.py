"""A world as plain files: a CSV that anyone can read, a JSON with the truth, a TOML with the system."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData, Scales
from bayesmmm.data.calendars import PERIOD_WORD
from bayesmmm.data.future import GEO
from bayesmmm.equations import read_toml
from bayesmmm.errors import DataError
from bayesmmm.files import write_files
from bayesmmm.simulate.truth import Truth
from bayesmmm.simulate.world import World
from bayesmmm.validate import check_path

FORMAT = 2
# How far the parts of the truth may miss the table: rounding of sums, and no more.
_AGREES = 1e-9


def write_world(world: World, folder: str | os.PathLike[str], name: str) -> tuple[Path, Path, Path]:
    """Write a world to ``<name>.csv``, ``<name>.json`` and ``<name>.toml``.

    The CSV holds the data, every float exactly; the JSON the truth, system, scales, parameters and seed; the TOML
    the system and the roles of the columns, as ``bayesmmm fit <name>.csv --spec <name>.toml`` reads them. Files are
    written under temporary names and then renamed, so that a failure leaves existing files as they were.

    Parameters
    ----------
    world : World
    folder : str or path
        Made if it does not exist.
    name : str
        Name of the files without ending.

    Returns
    -------
    tuple of pathlib.Path
        CSV, JSON, TOML.

    Raises
    ------
    DataError
        When the files cannot be written.
    """
    if not isinstance(world, World):
        raise DataError(f"world is a {type(world).__name__}. Give a World, as simulate_world returns it.")
    folder = check_path(folder, "folder", DataError, "worlds")
    columns = data_columns(world.data)
    spec = world.system.to_toml(columns)
    record = {
        "format": FORMAT,
        "seed": world.seed,
        "system": spec,
        "scales": world.scales.to_dict(),
        "parameters": {n: {k: v.tolist() for k, v in par.items()} for n, par in world.parameters.items()},
        "truth": world.truth.to_dict(),
    }
    truth = json.dumps(record, allow_nan=False) + "\n"
    text = {"csv": _csv(world.data, columns["date"]), "json": truth, "toml": spec}
    paths = {ending: folder / f"{name}.{ending}" for ending in text}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_files({paths[ending]: content.encode() for ending, content in text.items()})
    except OSError as error:
        raise DataError(
            f"the world {name!r} could not be written to {folder}: {error}. Give a folder with space and write "
            f"permission, and a name without slashes."
        ) from error
    return paths["csv"], paths["json"], paths["toml"]


def data_columns(data: MMMData) -> dict[str, Any]:
    """Keyword arguments with which ``MMMData.from_csv`` reads the CSV of a world."""
    return {
        "date": PERIOD_WORD[data.frequency],
        **({"geo": GEO} if len(data.geos) > 1 else {}),
        "outcome": data.outcome,
        "media": list(data.media),
        "mediators": dict(data.mediators),
        "controls": list(data.controls),
        "outcome_unit": data.outcome_unit,
        **({"units": dict(data.units)} if data.units else {}),
        **({"spend": dict(data.spend)} if data.spend else {}),
        **calendar_columns(data),
    }


def calendar_columns(data: MMMData) -> dict[str, Any]:
    """What was said of the periods of some data, beside their dates, as plain text."""
    said: dict[str, Any] = {} if data.date_is is None else {"date_is": data.date_is}
    said |= {"events": [event.to_dict() for event in data.events]} if data.events else {}
    known = data.calendar_dates
    return said if known is None else {**said, "calendar_dates": known.strftime("%Y-%m-%d").tolist()}


def _csv(data: MMMData, date: str) -> str:
    frame = pd.DataFrame({date: np.tile(data.dates.strftime("%Y-%m-%d"), len(data.geos))})
    if len(data.geos) > 1:
        frame[GEO] = np.repeat(np.array(data.geos, dtype=object), len(data.dates))
    for name, values in data.columns.items():
        # repr is the shortest text that reads back as the same float; counts lose their ".0".
        frame[name] = [repr(v).removesuffix(".0") for v in values.ravel().tolist()]
    return frame.to_csv(index=False, lineterminator="\n")


def read_world(folder: str | os.PathLike[str], name: str) -> World:
    """Read the world that `write_world` wrote; every number comes back exactly, nothing is recomputed.

    Parameters
    ----------
    folder : str or path
    name : str
        Name of the files without ending.

    Returns
    -------
    World

    Raises
    ------
    DataError
        When a file is missing, cut short or of another format, or when table and truth do not belong together.
    """
    table, path = Path(folder) / f"{name}.csv", Path(folder) / f"{name}.json"
    for file in (table, path):
        if not file.is_file():
            raise DataError(f"{file} does not exist. Give folder and name as they were given to write_world.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise DataError(
                f"{path} has file format {record['format']}; this version reads format {FORMAT}. "
                + ("Upgrade bayesmmm." if record["format"] > FORMAT else "Write the world again.")
            )
        system, columns = read_toml(record["system"])
        if columns is None:
            raise KeyError("data")
        scales, truth = Scales.from_dict(record["scales"]), Truth.from_dict(record["truth"])
        parameters = {
            equation: {key: np.array(value) for key, value in par.items()}
            for equation, par in record["parameters"].items()
        }
        seed = record["seed"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is cut short or not the record of a world ({type(error).__name__}: {error}). Write the world again."
        ) from error
    data = MMMData.from_csv(table, **columns)
    _check_agreement(data, system, truth, table, path)
    return World(data=data, system=system, scales=scales, parameters=parameters, truth=truth, seed=seed)


def _check_agreement(data: MMMData, system, truth: Truth, table: Path, path: Path) -> None:
    """Refuse a truth that does not belong to the table, as after one of the two files was edited."""
    for name in system.order:
        parts = truth.components[name]
        latent, scale = parts.sum(f"{name}.component").values, parts.attrs["scale"]
        made = np.exp(latent) if scale == "log" else np.maximum(latent, 0.0) if scale == "latent" else latent
        seen = data.columns[name].reshape(latent.shape) if latent.size == data.columns[name].size else np.empty(0)
        size = np.abs(data.columns[name]).mean()
        if made.shape != seen.shape or not np.allclose(made, seen, rtol=_AGREES, atol=_AGREES * size):
            raise DataError(
                f"{path} does not belong to {table}: the parts of {name!r} do not add up to its column. Write the "
                f"world again."
            )
