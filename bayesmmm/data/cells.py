"""What cells of a table may say besides a number or a day: nothing, a total, yes or no, a currency.

Knows words and signs only; every reader of tables takes them from here.
"""

import re

#: Cells, in lower case, that say that nothing is stated.
NOT_STATED = frozenset(
    ["", "-", "--", "—", "–", "n/a", "na", "nan", "null", "none", "#n/a", "<na>", "not available", "k. a.", "k.a."]
)
#: Cells, in lower case, that answer a question, and the number that stands for each.
ANSWERS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "ja": 1.0, "nein": 0.0, "oui": 1.0, "non": 0.0}
ANSWERS |= {"sí": 1.0, "si": 1.0, "sì": 1.0, "nee": 0.0, "y": 1.0, "n": 0.0}
#: Signs that stand beside a number.
SIGNS = "$€£¥₹₩₽₺฿₪%"
#: Signs that set digits apart.
BLANKS = " \u00a0\u2009\u202f'’"
#: The beginning of a cell that names a total.
TOTAL = re.compile(
    r"(?:grand |sub-?)?totals?\b|zwischensumme\b|gesamt(?:summe|ergebnis)?\b|insgesamt\b|summe\b|somme\b|total général|"
    r"totale\b|totaal\b|suma\b|all campaigns\b|sum\b",
    flags=re.IGNORECASE,
)

_POINT = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?")
_COMMA = re.compile(r"-?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+|-?\d{1,3}(?:\.\d{3}){2,}")
_GROUPS = re.compile(r"-?\d{1,3},\d{3}")  # which a comma may also part from decimals


def names_total(cell: object) -> bool:
    """Tell whether a cell says that its row is a total."""
    return isinstance(cell, str) and bool(TOTAL.match(cell.strip()))


def is_unstated(cell: str) -> bool:
    """Tell whether a cell says that nothing is stated."""
    return cell.strip().casefold() in NOT_STATED


def kind_of(cell: str) -> str:
    """Return what a text among numbers is: a number written with signs or groups, or a word.

    Examples
    --------
    >>> [kind_of(cell) for cell in ("7", "$1,234.50", "1,234", "12,5", "--", "Yes", "soon")]
    ['number', 'point', 'either', 'comma', 'unstated', 'answer', 'word']
    """
    text = cell.strip()
    if is_unstated(text):
        return "unstated"
    if text.casefold() in ANSWERS:
        return "answer"
    plain = text.translate(str.maketrans("", "", SIGNS + BLANKS))
    if _GROUPS.fullmatch(plain):
        return "either"
    if _POINT.fullmatch(plain):
        return "number" if plain == text and "," not in text else "point"
    return "comma" if _COMMA.fullmatch(plain) else "word"


def is_number(cell: str) -> bool:
    """Tell whether a text is a number, whatever its signs and marks mean."""
    return kind_of(cell) in ("number", "point", "either", "comma")
