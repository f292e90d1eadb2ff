#!/usr/bin/env bash
# A holiday changes its name between the years of the fit and the year of the forecast.
#
# Guess: the name that the holidays package gives to a day, in one language, is the same in every year, so that one
#   dummy variable per name is one effect.
# Seen: the name depends on the year in two ways. (1) A lunar date that is not announced yet has "(estimated)" appended:
#   in the United Arab Emirates, Eid al-Fitr of 2022 to 2026 becomes "Eid al-Fitr (estimated)" in 2027; in Egypt, Eid
#   al-Adha changes in 2026 already, in the same release and one year apart from its Eid al-Fitr. (2) Two holidays on
#   one day make a third, joined name: South Korea's Children's Day has no day of its own in 2025, but
#   "Buddha's Birthday; Children's Day".
# Versions: holidays 0.109, pandas 3.1.1, numpy 2.5.5.
# Why it matters: dummies by name are the usual way to give a model its holidays. The effect fitted on five years of Eid
#   then finds no day in the forecast, and the new name has no effect fitted: the largest weeks of the year are
#   forecast, and budgets set, as plain weeks. Which names change depends on the release installed.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'holidays==0.109' 'pandas==3.1.1' 'numpy==2.5.5'

"$work/env/bin/python" - <<'PY'
import holidays
import pandas as pd

print(f"holidays {holidays.__version__}, pandas {pd.__version__}")


def dummies(country: str, years: range) -> pd.DataFrame:
    """Days of each holiday (columns) in each year (rows)."""
    days = holidays.country_holidays(country, years=years, language="en_US")
    table = pd.DataFrame({"year": [day.year for day in days], "name": list(days.values())})
    return pd.get_dummies(table["name"], dtype=int).groupby(table["year"]).sum()


eid = dummies("AE", range(2022, 2028))[["Eid al-Fitr", "Eid al-Fitr (estimated)"]]
print("United Arab Emirates\n", eid.T, sep="")
assert eid["Eid al-Fitr"].tolist() == [1, 1, 1, 1, 1, 0]
assert eid["Eid al-Fitr (estimated)"].tolist() == [0, 0, 0, 0, 0, 1]

egypt = dummies("EG", range(2024, 2028)).filter(like="Eid al-")
print("Egypt\n", egypt.T, sep="")
assert egypt.loc[2026, "Eid al-Fitr"] > 0 and egypt.loc[2026, "Eid al-Adha"] == 0
assert egypt.loc[2026, "Eid al-Adha (estimated)"] > 0 and egypt.loc[2026, "Eid al-Fitr (estimated)"] == 0

children = dummies("KR", range(2022, 2027)).filter(regex="^(Buddha|Children)")
print("South Korea\n", children.T, sep="")
assert children["Children's Day"].tolist() == [1, 1, 1, 0, 1]
assert children["Buddha's Birthday; Children's Day"].tolist() == [0, 0, 0, 1, 0]
print("behaviour as described")
PY
