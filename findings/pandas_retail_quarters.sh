#!/usr/bin/env bash
# Sales summed by retail quarter carry the name of the quarter before, and lose their last Saturday to the next.
#
# Guess: resample with FY5253Quarter, pandas' own 52/53-week retail calendar, behaves as resample with "QE": the bin
#   ends on the quarter's last day, holds that day, and is named by it.
# Seen: unlike "QE", it closes on the left and labels on the left. The bin named 2023-10-28 (the end of the third
#   quarter) holds the sales of the fourth, and every quarter's closing Saturday is counted in the next one. The year
#   2023 has 53 weeks; its Christmas quarter of 14 weeks shows under the third quarter's date. With closed="right" and
#   label="right" the quarters are right, 13, 13, 13 and 14 weeks, but an empty quarter follows the last day of sales.
# Versions: pandas 3.1.1, numpy 2.5.5.
# Why it matters: Saturday is often the best day of a shop's week, and the Christmas quarter its best quarter. Targets,
#   budgets and year-on-year growth by retail quarter come out one quarter off, and the total of each is a day out.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'pandas==3.1.1' 'numpy==2.5.5'

"$work/env/bin/python" - <<'PY'
import pandas as pd
from pandas.tseries.offsets import FY5253Quarter

print(f"pandas {pd.__version__}")

# Retail year that ends on the Saturday nearest to 31 January; a 53rd week goes into the fourth quarter.
quarter = FY5253Quarter(weekday=5, startingMonth=1, qtr_with_extra_week=4, variation="nearest")
ends = pd.date_range("2023-02-01", "2024-02-03", freq=quarter)
print("quarter ends:", list(ends.strftime("%a %Y-%m-%d")))
assert list(ends.strftime("%Y-%m-%d")) == ["2023-04-29", "2023-07-29", "2023-10-28", "2024-02-03"]

# One unit sold a day, over retail year 2023 (Sunday 29 January 2023 to Saturday 3 February 2024).
daily = pd.Series(1.0, index=pd.date_range("2023-01-29", "2024-02-03", freq="D"))
assert len(daily) == 53 * 7

plain = daily.resample(quarter).sum()
print("as it comes:\n", plain, sep="")
names = ["2023-01-28", "2023-04-29", "2023-07-29", "2023-10-28", "2024-02-03"]
assert list(plain.index.strftime("%Y-%m-%d")) == names
assert plain.tolist() == [90.0, 91.0, 91.0, 98.0, 1.0]

asked = daily.resample(quarter, closed="right", label="right").sum()
print("closed and labelled right:\n", asked, sep="")
assert list(asked.index[:4]) == list(ends)
assert asked.tolist() == [91.0, 91.0, 91.0, 98.0, 0.0]  # and an empty quarter after the data's end

calendar = daily.resample("QE-JAN").sum()
print("calendar quarters, for comparison:\n", calendar, sep="")
assert list(calendar.index.strftime("%Y-%m-%d"))[1:5] == ["2023-04-30", "2023-07-31", "2023-10-31", "2024-01-31"]
assert calendar["2024-01-31"] == 92.0
print("behaviour as described")
PY
