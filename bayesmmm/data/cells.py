"""What cells of a table may say besides a number or a day: nothing, a total, yes or no, a currency.

Knows words and signs only; every reader of tables takes them from here.
"""

import re
from collections.abc import Iterable

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


def kinds_of(cells: Iterable[str]) -> list[str]:
    """Return what each text among numbers is, as `kind_of`; which digits it holds does not matter."""
    known: dict[str, str] = {}
    kinds = []
    for cell in cells:
        shape = cell.translate(_DIGITS)
        if shape not in known:
            known[shape] = "total" if names_total(cell) else kind_of(cell)
        kinds.append(known[shape])
    return kinds


def are_numbers(cells: Iterable[str]) -> int:
    """Return how many texts are numbers, whatever their signs and marks mean."""
    return sum(kind in ("number", "point", "either", "comma") for kind in kinds_of(cells))


def is_near(name: str, other: object) -> bool:
    """Tell whether two names differ in blanks and capitals only."""
    return isinstance(other, str) and " ".join(name.split()).casefold() == " ".join(other.split()).casefold()
