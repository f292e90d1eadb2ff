#!/usr/bin/env bash
# Turning Monday-stamped weeks into periods moves every week back by six days.
#
# Guess: an index of Mondays with freq "W-MON" is turned by to_period() into weeks that start on those Mondays, so that
#   to_period().to_timestamp() gives the same Mondays back.
# Seen: the frequency name means two things. For stamps "W-MON" is "on Mondays"; for periods it is "weeks that END on a
#   Monday". The row stamped Monday 8 January becomes the week 2 to 8 January, and the way back gives Tuesday 2 January.
#   No error, no warning. Asking for to_period("W") (Monday to Sunday) gives the Mondays back.
# Versions: pandas 3.1.1, numpy 2.5.5.
# Why it matters: weekly media exports are mostly stamped with the Monday on which the week starts, and joins or charts
#   by period are usual. Here a promotion on Wednesday 10 January, whose sales are in the row of Monday 8 January, is
#   matched with the row of Monday 15 January: what is joined by period is a week out of step with the rest.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'pandas==3.1.1' 'numpy==2.5.5'

"$work/env/bin/python" - <<'PY'
import pandas as pd

print(f"pandas {pd.__version__}")

# Daily sales of 10, and 100 on the day of a promotion: Wednesday 10 January 2024.
daily = pd.Series(10.0, index=pd.date_range("2024-01-01", periods=28, freq="D"))
daily["2024-01-10"] = 100.0

# Weeks from Monday to Sunday, stamped with their Monday.
weekly = daily.resample("W-MON", closed="left", label="left").sum()
print(weekly)
assert weekly.idxmax() == pd.Timestamp("2024-01-08")

moved = weekly.to_period()
back = moved.to_timestamp()
print("as periods:    ", list(moved.index.astype(str)))
print("and back again:", list(back.index.strftime("%a %d %b")))
assert list(weekly.index.day_name().unique()) == ["Monday"]
assert list(back.index.day_name().unique()) == ["Tuesday"]
assert set(weekly.index - back.index) == {pd.Timedelta(days=6)}

# The promotion's day, looked up in the same period frequency, finds the week after.
promotion = pd.Period("2024-01-10", freq=moved.index.freq)
print(f"sales of the period {promotion}: {moved[promotion]}; the promotion's week sold {weekly.max()}")
assert moved[promotion] == 70.0 and weekly.max() == 160.0
assert weekly.index[moved.index.get_loc(promotion)] == pd.Timestamp("2024-01-15")

kept = weekly.to_period("W")
assert kept.to_timestamp().index.equals(weekly.index)
assert kept[pd.Period("2024-01-10", freq="W")] == 160.0
print("behaviour as described")
PY
