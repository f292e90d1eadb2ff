#!/usr/bin/env bash
# Sums over "7d" in polars begin on Thursdays, sums over "1w" on Mondays, and those of pandas where the data begin.
#
# Guess: "7d" and "1w" are the same length and give the same windows; a first window begins with the first day of data.
# Seen: days from Monday 1 January 2024, four whole weeks. group_by_dynamic with "1w" gives four weeks of 700. With "7d"
#   it gives five windows, from Thursday 28 December 2023 on, of 300, 700, 700, 700 and 400: windows other than weeks are
#   counted from 1 January 1970, a Thursday, and the label of the first is a day that the data do not have. Truncating
#   dates does the same. In pandas, resample("7D") gives the four weeks.
# Versions: polars 1.35.2, pandas 3.1.1, numpy 2.3.5.
# Why it matters: spend summed with "7d" and sales with "1w", or by pandas, are four days apart and have an incomplete
#   week at both ends. The totals agree, so that no check of totals shows it; a model sees sales before their media.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'polars==1.35.2' 'pandas==3.1.1' 'numpy==2.3.5'

"$work/env/bin/python" - <<'PY'
import datetime
from importlib.metadata import version

import pandas as pd
import polars as pl

print({name: version(name) for name in ("polars", "pandas", "numpy")})
monday = datetime.date(2024, 1, 1)
days = [monday + datetime.timedelta(days=day) for day in range(28)]
table = pl.DataFrame({"date": days, "spend": [100.0] * 28})


def windows(every: str) -> list[tuple[str, float]]:
    summed = table.group_by_dynamic("date", every=every).agg(pl.col("spend").sum())
    return [(f"{day:%a %Y-%m-%d}", spend) for day, spend in summed.iter_rows()]


weeks, seven = windows("1w"), windows("7d")
print("1w:", weeks)
print("7d:", seven)
truncated = table["date"].dt.truncate("7d").unique().sort().to_list()
print("truncated to 7d:", truncated)
series = pd.Series(100.0, index=pd.to_datetime(days))
in_pandas = series.resample("7D").sum()
print("pandas, 7D:", [(f"{day:%a %Y-%m-%d}", spend) for day, spend in in_pandas.items()])

assert [spend for _, spend in weeks] == [700.0] * 4 and weeks[0][0] == "Mon 2024-01-01"
assert [spend for _, spend in seven] == [300.0, 700.0, 700.0, 700.0, 400.0]
assert seven[0][0] == "Thu 2023-12-28" and all(day.startswith("Thu") for day, _ in seven)
assert truncated[0] == datetime.date(2023, 12, 28) and len(truncated) == 5
assert in_pandas.tolist() == [700.0] * 4 and in_pandas.index[0] == pd.Timestamp(monday)
print("behaviour as described")
PY
