#!/usr/bin/env bash
# Asked for names in "en", the holidays package answers in German, French or Italian, and says that it is "en".
#
# Guess: language="en" gives English names, or an error where a country has none; the same for "en-US" and "EN_US".
# Seen: a language that a country does not have is no error: the names are those of its own default language, and the
#   attribute language repeats what was asked. Only the exact "en_US" is English, so that Easter Monday of Germany, France
#   and Italy, one name under "en_US", has three under "en", "en-US" and "EN_US".
# Versions: holidays 0.109.
# Why it matters: a panel of countries gives holidays of one name one effect, or one pool. With a code that is nearly
#   right each country gets names, and effects, of its own, from a third of the days; columns by their English names
#   are missing, or filled with zeros where a table is reindexed.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'holidays==0.109'

"$work/env/bin/python" -W error - <<'PY'
import holidays

print(f"holidays {holidays.__version__}")
COUNTRIES = ("DE", "FR", "IT")


def names(language: str) -> set[str]:
    """What Easter Monday of 2025 is called in three countries."""
    calendars = [holidays.country_holidays(country, years=2025, language=language) for country in COUNTRIES]
    assert all(calendar.language == language for calendar in calendars)  # what was asked, not what was given
    return {calendar["2025-04-21"] for calendar in calendars}


for language in ("en_US", "en", "en-US", "EN_US"):
    print(f"{language:6}", sorted(names(language)))

assert names("en_US") == {"Easter Monday"}
for language in ("en", "en-US", "EN_US"):
    assert names(language) == {"Ostermontag", "Lundi de Pâques", "Lunedì dell'Angelo"}
print("behaviour as described")
PY
