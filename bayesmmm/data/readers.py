"""Ways to read `MMMData`: from files, or only to look for faults. Every one ends in `MMMData.from_frame`.

Knows files and arguments, and leaves what they mean to the reading of a table.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import pandas as pd

from bayesmmm.data import checks
from bayesmmm.data.checks import MONEY
from bayesmmm.data.faults import Faults
from bayesmmm.data.frames import all_faults
from bayesmmm.data.roles import keys_of, uses_of
from bayesmmm.data.table_files import read_csv, read_table

type Path = str | os.PathLike[str]
_ROLES = ("outcome", "media", "mediators", "controls", "spend", "units")


class Readers:
    """Class methods that read data."""

    from_frame: ClassVar[Any]

    @classmethod
    def _read(cls, read: Callable[..., pd.DataFrame], **arguments: Any) -> Self:
        """Read a file with what is said of its columns, and its table with the arguments of `from_frame`."""
        uses = uses_of(*(arguments[role] for role in _ROLES))
        keys = keys_of(arguments["date"], arguments["geo"])
        checks.check_roles([*keys, *uses])
        numbers, by = [name for name, _ in uses], checks.as_keys(arguments["geo"])
        return cls.from_frame(read(date=arguments["date"], keys=by, numbers=numbers), **arguments)

    @classmethod
    def from_csv(
        cls,
        path: Path,
        *,
        date: str,
        outcome: str,
        media: Sequence[str],
        mediators: Mapping[str, str] | None = None,
        controls: Sequence[str] = (),
        geo: str | Sequence[str] | None = None,
        outcome_unit: str = MONEY,
        date_format: str | None = None,
        missing: Mapping[str, str] | str | None = None,
        date_is: str | None = None,
        calendar_dates: Sequence[Any] | None = None,
        events: Any = None,
        units: Mapping[str, str] | None = None,
        spend: Mapping[str, str] | None = None,
    ) -> Self:
        """Read a comma-separated UTF-8 file; see `from_frame` for the other arguments.

        Parameters
        ----------
        path : str or path
            A local file with a header. Empty cells of number columns are missing values.
        date, outcome, media, mediators, controls, geo, outcome_unit, date_format, missing, date_is, calendar_dates,
        units, spend, events
            As in `from_frame`.

        Returns
        -------
        MMMData
            The same as `from_frame` gives for the table of the file.

        Raises
        ------
        MissingFileError
            There is no such file; it is a FileNotFoundError too.
        DataError
            As `from_frame`, and for a file that is empty, not UTF-8, or not separated by commas.
        """
        return cls._read(
            partial(read_csv, path),
            date=date,
            outcome=outcome,
            media=media,
            mediators=mediators,
            controls=controls,
            geo=geo,
            outcome_unit=outcome_unit,
            date_format=date_format,
            missing=missing,
            date_is=date_is,
            calendar_dates=calendar_dates,
            events=events,
            units=units,
            spend=spend,
        )

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        date: str,
        outcome: str,
        media: Sequence[str],
        mediators: Mapping[str, str] | None = None,
        controls: Sequence[str] = (),
        geo: str | Sequence[str] | None = None,
        outcome_unit: str = MONEY,
        date_format: str | None = None,
        missing: Mapping[str, str] | str | None = None,
        date_is: str | None = None,
        calendar_dates: Sequence[Any] | None = None,
        events: Any = None,
        units: Mapping[str, str] | None = None,
        spend: Mapping[str, str] | None = None,
        sheet: str | None = None,
    ) -> Self:
        """Read a CSV file, a workbook or a Parquet file; see `from_frame` for the other arguments.

        Parameters
        ----------
        path : str or path
            A local file: CSV as in `from_csv`, ``.xlsx`` (needs openpyxl) or ``.parquet`` (needs pyarrow).
        date, outcome, media, mediators, controls, geo, outcome_unit, date_format, missing, date_is, calendar_dates,
        units, spend, events
            As in `from_frame`.
        sheet : str, optional
            Sheet of a workbook; needed where it has several.

        Returns
        -------
        MMMData
            The same as `from_frame` gives for the table of the file.

        Raises
        ------
        MissingLibraryError
            The library that reads such files is not installed.
        FileFormatError
            The file is damaged, or of another kind than its name says.
        DataError
            As `from_csv`; a workbook with several sheets of which none is named.
        """
        return cls._read(
            partial(read_table, path, sheet=sheet),
            date=date,
            outcome=outcome,
            media=media,
            mediators=mediators,
            controls=controls,
            geo=geo,
            outcome_unit=outcome_unit,
            date_format=date_format,
            missing=missing,
            date_is=date_is,
            calendar_dates=calendar_dates,
            events=events,
            units=units,
            spend=spend,
        )

    @classmethod
    def check(
        cls,
        table: pd.DataFrame | Path,
        *,
        date: str,
        outcome: str,
        media: Sequence[str],
        mediators: Mapping[str, str] | None = None,
        controls: Sequence[str] = (),
        geo: str | Sequence[str] | None = None,
        outcome_unit: str = MONEY,
        date_format: str | None = None,
        missing: Mapping[str, str] | str | None = None,
        date_is: str | None = None,
        calendar_dates: Sequence[Any] | None = None,
        events: Any = None,
        units: Mapping[str, str] | None = None,
        spend: Mapping[str, str] | None = None,
    ) -> Faults:
        """List every fault of a table, or of a file, that `from_frame` would refuse; none where it would not.

        Faults that hide others are looked through where that can be done: where a cell is no number the other cells
        of its column are still checked, and where one row has no date the calendar of the others is.

        Parameters
        ----------
        table : pandas.DataFrame or path
            What would be given to `from_frame`, or to `from_file`.
        date, outcome, media, mediators, controls, geo, outcome_unit, date_format, missing, date_is, calendar_dates,
        units, spend, events
            As in `from_frame`.

        Returns
        -------
        Faults
            What is wrong, its remedy, and what `bayesmmm.prepare.tidy` does about it. It prints as a table; its `table`
            is one; it is empty where the data can be read.

        Examples
        --------
        >>> import pandas as pd
        >>> from bayesmmm.data import MMMData
        >>> frame = pd.DataFrame({"week": ["07/01/2024", "14/01/2024"], "revenue": [9.0, 8], "tv": ["$1,000", "--"]})
        >>> found = MMMData.check(frame, date="week", outcome="revenue", media=["tv"])
        >>> [fault.kind for fault in found]
        ['DateError', 'NotNumericError', 'TooFewPeriodsError']
        >>> found[0].remedy
        'pass date_format="%d/%m/%Y"'
        """
        arguments = {
            "date": date,
            "outcome": outcome,
            "media": media,
            "mediators": mediators,
            "controls": controls,
            "geo": geo,
            "outcome_unit": outcome_unit,
            "date_format": date_format,
            "missing": missing,
            "date_is": date_is,
            "calendar_dates": calendar_dates,
            "events": events,
            "units": units,
            "spend": spend,
        }
        if isinstance(table, str | os.PathLike):
            return all_faults(lambda: cls.from_file(table, **arguments), repr(os.fspath(table)))
        return all_faults(lambda: cls.from_frame(table, **arguments))
