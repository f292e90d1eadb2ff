#!/usr/bin/env bash
# Months as a spreadsheet writes them, "Nov-23", become days of the year 1 in pandas 3, and January comes before November.
#
# Guess: "Jan-24" is January 2024; or else the 24th of January of this year, as dateutil has it; or an error, as in
#   pandas 2.3, whose dates end in 1677.
# Seen: pandas 3.1.1 counts in microseconds, so that 24 January of the year 1 is a date. A column of months comes as
#   0001-11-23, 0001-12-23, 0001-01-24, 0001-02-24. Sorted, the winter of 2023/24 is in the wrong order; four months
#   summed by month make twelve rows, eight of them zero. A single label gives no warning; a column warns only that its
#   format was not inferred. From "Jan-32" on, a label is a month of 2032.
# Versions: pandas 3.1.1, numpy 2.3.5, python-dateutil 2.9.0.post0; for comparison pandas 2.3.3.
# Why it matters: "Nov-23" is how Excel shows a month by default, and thus how monthly plans and sales reach a model. All
#   dates are there, none is missing, and lags, seasons and trends are those of another order. With the format "%b-%y"
#   the months are right.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for version in 3.1.1 2.3.3; do
    uv venv --quiet --python 3.12 "$work/$version"
    uv pip install --quiet --python "$work/$version/bin/python" "pandas==$version" 'numpy==2.3.5' \
        'python-dateutil==2.9.0.post0'
done

"$work/3.1.1/bin/python" - <<'PY'
import io
import warnings
from importlib.metadata import version

import pandas as pd

print({name: version(name) for name in ("pandas", "numpy", "python-dateutil")})
table = pd.read_csv(io.StringIO("month,sales\nNov-23,100\nDec-23,180\nJan-24,90\nFeb-24,95\n"))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    single = pd.Timestamp("Jan-24")
    assert not told
    table["read"] = pd.to_datetime(table["month"])
print([str(warning.message)[:60] for warning in told])
table["meant"] = pd.to_datetime(table["month"], format="%b-%y")
print(table.to_string())
in_order = table.sort_values("read")["month"].tolist()
summed = table.set_index("read")["sales"].resample("MS").sum()
print("sorted:", in_order, "rows by month:", len(summed), "of them zero:", int((summed == 0).sum()))
print("Jan-32:", pd.Timestamp("Jan-32"))

assert str(single) == "0001-01-24 00:00:00" and len(told) == 1
assert table["read"].astype(str).tolist() == ["0001-11-23", "0001-12-23", "0001-01-24", "0001-02-24"]
assert in_order == ["Jan-24", "Feb-24", "Nov-23", "Dec-23"]
assert table["meant"].astype(str).tolist() == ["2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01"]
assert len(summed) == 12 and (summed == 0).sum() == 8 and summed.sum() == table["sales"].sum()
assert str(pd.Timestamp("Jan-32")) == "2032-01-01 00:00:00"
PY

"$work/2.3.3/bin/python" - <<'PY'
from importlib.metadata import version

import pandas as pd

print("pandas", version("pandas"))
try:
    read = pd.to_datetime(pd.Series(["Nov-23", "Dec-23", "Jan-24", "Feb-24"]))
except pd.errors.OutOfBoundsDatetime as error:
    print("OutOfBoundsDatetime:", error)
else:
    raise AssertionError(f"pandas 2.3.3 read {read.tolist()}")
print("behaviour as described")
PY
