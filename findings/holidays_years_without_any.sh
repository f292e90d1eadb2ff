#!/usr/bin/env bash
# Sri Lanka has 25 public holidays in 2026 and none in 2027; Spain has none before 2008. Nobody is told.
#
# Guess: a country that the holidays package supports has holidays in every year, or else asking for the year is an error,
#   or at least a warning.
# Seen: every country has a first and a last year. Outside of them country_holidays() gives an empty calendar, and
#   "day in calendar" is False for every day, silently. Sri Lanka's last year is 2026 in this release, so a forecast for
#   2027 has not a single day off. Of the past, Spain (2008), Nepal (2010) and Fiji (2016) begin late. The attributes
#   start_year and end_year say so to those who look.
# Versions: holidays 0.109.
# Why it matters: holiday dummies of a forecast, or of the first years of a long series, are zeros that look like years
#   without holidays. The effects that were fitted find no day, and every holiday week is forecast as a plain one.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'holidays==0.109'

"$work/env/bin/python" -W error - <<'PY'
import holidays

print(f"holidays {holidays.__version__}")


def days_off(country: str, years: range) -> dict[int, int]:
    """Number of days off by year."""
    return {year: len(holidays.country_holidays(country, years=year)) for year in years}


asked = {"LK": range(2024, 2029), "ES": range(2006, 2011), "NP": range(2008, 2012), "FJ": range(2014, 2018)}
found = {country: days_off(country, years) for country, years in asked.items()}
for country, by_year in found.items():
    known = holidays.country_holidays(country)
    print(country, by_year, f"known from {known.start_year} to {known.end_year}")

assert found["LK"][2026] == 25 and found["LK"][2027] == found["LK"][2028] == 0
assert found["ES"][2007] == 0 and found["ES"][2008] > 5
assert found["NP"][2009] == 0 and found["NP"][2010] > 5
assert found["FJ"][2015] == 0 and found["FJ"][2016] > 5
calendar = holidays.country_holidays("LK", years=range(2024, 2028))
assert "2026-12-25" in calendar and "2027-12-25" not in calendar  # warnings are errors here: there was none
print("behaviour as described")
PY
