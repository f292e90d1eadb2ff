#!/usr/bin/env bash
# Unless a region is named, the United Kingdom has no Easter Monday, Canada no Thanksgiving, Switzerland no Good Friday.
#
# Guess: holidays.country_holidays("GB") gives the days on which most of the country is shut: those of England and
#   Wales, or at least those that most people have. In Canada that includes Thanksgiving.
# Seen: without a subdivision a day counts only if it is a holiday in all of them. One small part that lacks a day
#   removes it for everybody: Scotland takes Easter Monday and the late-August bank holiday from the United Kingdom.
#   Canada loses Victoria Day, Thanksgiving and Remembrance Day. Switzerland loses Good Friday (a holiday in 23 of 26
#   cantons), Easter Monday and Whit Monday. Nothing tells the caller.
# Versions: holidays 0.109.
# Why it matters: a national model has one holiday dummy per country. Two of eight English bank holidays are then plain
#   weeks, and their lost or gained sales go to whatever was on air: Easter and late August are campaign seasons.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'holidays==0.109'

"$work/env/bin/python" - <<'PY'
from collections import Counter

import holidays

print(f"holidays {holidays.__version__}")


def missing(country: str) -> dict[str, str]:
    """Days of 2025 that most regions keep and the country as a whole does not, with the regions' count."""
    language = "en_US" if "en_US" in holidays.country_holidays(country).supported_languages else None
    regions = [region for region in holidays.country_holidays(country).subdivisions if len(region) <= 3]
    kept = Counter(
        (str(day), name)
        for region in regions
        for day, name in holidays.country_holidays(country, subdiv=region, years=2025, language=language).items()
    )
    whole = {str(day) for day in holidays.country_holidays(country, years=2025)}
    return {
        name: f"{day}, in {count} of {len(regions)}"
        for (day, name), count in sorted(kept.items())
        if day not in whole and count > len(regions) / 2
    }


for country in ("GB", "CA", "CH"):
    print(country, missing(country))

assert missing("GB") == {
    "Easter Monday": "2025-04-21, in 3 of 4",
    "Late Summer Bank Holiday": "2025-08-25, in 3 of 4",
}
canada = missing("CA")
assert {"Victoria Day", "Thanksgiving Day", "Remembrance Day"} <= set(canada)
switzerland = missing("CH")
assert switzerland["Good Friday"] == "2025-04-18, in 23 of 26"
assert {"Easter Monday", "Pentecost Monday"} <= set(switzerland)

england = holidays.country_holidays("GB", subdiv="ENG", years=2025)
assert len(england) == 8 and len(holidays.country_holidays("GB", years=2025)) == 6
print("behaviour as described")
PY
