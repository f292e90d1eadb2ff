"""What cells of a table may say besides a number or a day: nothing, a total, yes or no, a currency.

Knows words and signs only; every reader of tables takes them from here.
"""

import re
from collections import Counter
from collections.abc import Sequence

#: Cells, in lower case, that say that nothing is stated.
NOT_STATED = frozenset(
    [
        *(
            "",
            "-",
            "--",
            "—",
            "–",
            "…",
            "...",
            "?",
            "*",
            "n/a",
            "na",
            "n.a.",
            "n/d",
            "n.d.",
            "nd",
            "s/o",
            "k. a.",
            "k.a.",
        ),
        *("nan", "null", "none", "(none)", "#n/a", "<na>", "#div/0!", "#value!", "#ref!", "undefined"),
        *(
            "unknown",
            "unbekannt",
            "not available",
            "not applicable",
            "not set",
            "(not set)",
            "no data",
            "nicht verfügbar",
        ),
        *("keine angabe", "keine daten", "non disponible", "no disponible", "non disponibile", "não disponível"),
        *("niet beschikbaar",),
    ]
)
#: Cells, in lower case, that answer a question, and the number that stands for each.
ANSWERS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "ja": 1.0, "nein": 0.0, "oui": 1.0, "non": 0.0}
ANSWERS |= {"sí": 1.0, "si": 1.0, "sì": 1.0, "nee": 0.0, "y": 1.0, "n": 0.0}
#: Codes of currencies that accounts are kept in.
CURRENCIES = frozenset(
    [
        "AED",
        "ARS",
        "AUD",
        "BDT",
        "BGN",
        "BHD",
        "BOB",
        "BRL",
        "CAD",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CRC",
        "CZK",
        "DKK",
        "DZD",
        "EGP",
        "EUR",
        "GBP",
        "GTQ",
        "HKD",
        "HNL",
        "HRK",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "ISK",
        "JOD",
        "JPY",
        "KES",
        "KRW",
        "KWD",
        "KZT",
        "LKR",
        "MAD",
        "MOP",
        "MXN",
        "MYR",
        "NGN",
        "NIO",
        "NOK",
        "NZD",
        "OMR",
        "PEN",
        "PHP",
        "PKR",
        "PLN",
        "PYG",
        "QAR",
        "RON",
        "RSD",
        "RUB",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TND",
        "TRY",
        "TWD",
        "UAH",
        "USD",
        "UYU",
        "VND",
        "XAF",
        "XOF",
        "ZAR",
    ]
)
#: The code of the currency that a sign stands for; itself where several use it.
CODE_OF_SIGN = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "฿": "THB"}
CODE_OF_SIGN |= {"zł": "PLN", "Kč": "CZK", "Ft": "HUF", "Fr.": "CHF", "US$": "USD", "CA$": "CAD", "C$": "CAD"}
CODE_OF_SIGN |= {"A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "MX$": "MXN", "R$": "BRL"}
CODE_OF_SIGN |= {"NT$": "TWD", "$": "$", "¥": "¥", "kr": "kr", "kr.": "kr"}
#: Signs that stand beside a number.
SIGNS = "$€£¥₹₩₽₺฿₪%"
#: Signs that set digits apart.
BLANKS = " \u00a0\u2009\u202f'’"
#: The beginning of a cell that names a total.
TOTAL = re.compile(
    r"(?:grand |sub-?)?totals?\b|zwischensumme\b|gesamt(?:summe|ergebnis)?\b|insgesamt\b|ergebnis$|summe\b|somme\b|"
    r"totaux\b|total général|totale\b|totali\b|totais\b|totaal\b|suma\b|summa\b|all campaigns\b|sum\b|overall\b|"
    r"(?:account|report|campaign|page|column|table) totals?\b|toplam\b|razem\b|celkem\b|összesen\b|yhteensä\b|i alt\b|"
    r"ukupno\b|итого?\b|всего\b|合計|总计|總計|合计|Σ",
    flags=re.IGNORECASE,
)

_DIGITS = str.maketrans("123456789", "000000000")
_POINT = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?")
_COMMA = re.compile(r"-?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+|-?\d{1,3}(?:\.\d{3}){2,}")
_LIMIT = re.compile(r"[<>≤≥]\s*\d")
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
    >>> [kind_of(cell) for cell in ("7", "$1,234.50", "1,234", "12,5", "--", "Yes", "<5", "soon")]
    ['number', 'point', 'either', 'comma', 'unstated', 'answer', 'limit', 'word']
    """
    text = cell.strip()
    if is_unstated(text):
        return "unstated"
    if text.casefold() in ANSWERS:
        return "answer"
    if _LIMIT.match(text):
        return "limit"
    plain = text.translate(str.maketrans("", "", SIGNS + BLANKS))
    if _GROUPS.fullmatch(plain):
        return "either"
    if _POINT.fullmatch(plain):
        return "number" if plain == text and "," not in text else "point"
    return "comma" if _COMMA.fullmatch(plain) else "word"


def shapes_of(cells: Sequence[str]) -> list[str]:
    """Return every text with 0 for each of its digits, which do not tell what it is: many texts have few shapes."""
    text = "\n".join(cells)
    if text.count("\n") == len(cells) - 1:  # all at once, as no cell has a line break of its own
        return text.translate(_DIGITS).split("\n")
    return [cell.translate(_DIGITS) for cell in cells]


def kind_of_shape(shape: str) -> str:
    """Return what texts of a shape among numbers are: totals, or as `kind_of`."""
    return "total" if names_total(shape) else kind_of(shape)


def are_numbers(cells: Sequence[str]) -> int:
    """Return how many texts are numbers, whatever their signs and marks mean."""
    kinds = {shape: (count, kind_of_shape(shape)) for shape, count in Counter(shapes_of(cells)).items()}
    return sum(count for count, kind in kinds.values() if kind in ("number", "point", "either", "comma"))


def is_near(name: str, other: object) -> bool:
    """Tell whether two names differ in blanks and capitals only."""
    return isinstance(other, str) and " ".join(name.split()).casefold() == " ".join(other.split()).casefold()
