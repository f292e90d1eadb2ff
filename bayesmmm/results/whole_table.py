"""A table that prints all its columns."""

import pandas as pd


class WholeTable(pd.DataFrame):
    """A data frame whose print hides no column: the upper end of an interval and R-hat stand last, and are needed.

    What is made of it, as its first rows, prints likewise. Long tables are cut in the middle as pandas is told to, by
    ``display.max_rows``. In a notebook columns are not hidden either.
    """

    @property
    def _constructor(self) -> type["WholeTable"]:
        return WholeTable

    def __repr__(self) -> str:
        most, least = (pd.get_option(f"display.{name}_rows") for name in ("max", "min"))
        cut = most is not None and 0 < most < len(self)
        text = self.to_string(max_rows=most if cut else None, min_rows=least, float_format="{:,.4g}".format)
        return f"{text}\n\n[{len(self)} rows x {self.shape[1]} columns]" if cut else text

    def _repr_html_(self) -> str | None:
        with pd.option_context("display.max_columns", None):
            return super()._repr_html_()
