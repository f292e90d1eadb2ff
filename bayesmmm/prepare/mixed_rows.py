"""Rows that must not be added up as they are: several currencies, several attribution settings; and exchange rates.

Knows the columns that say so. A column that does not depend on the difference is no reason to refuse.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np

from bayesmmm.data.cells import CODE_OF_SIGN, CURRENCIES
from bayesmmm.errors import MixedRowsError, RatesError
from bayesmmm.prepare.amounts import is_number
from bayesmmm.prepare.part import SEPARATOR, Part, exact_sum, named_rows
from bayesmmm.prepare.reading import clean, clean_all
from bayesmmm.prepare.settings import BY_KEY
from bayesmmm.prepare.tables import Table
from bayesmmm.text import listed

_CURRENCY_COLUMN = re.compile(
    r"(?:\w+ )?(?:currency|currency ?code|währung|währungscode|devise|moneda|valuta|moeda|divisa|waluta|通貨)"
    r"(?: (?:des|du|de la|of|del|dell|della|do|da) .*)?",
    re.I,
)
_ATTRIBUTION_COLUMN = re.compile(
    r".*(?:attribu[a-z]|atribu|zuordnung|lookback|(?:conversion|click|view)[- ]window|atrybuc)", re.I
)
_IN_NAME = re.compile(r"(?:^|[\s(\[_,/-])([A-Z]{3})[)\]]?$")
#: Codes that one sign may stand for.
_SHARED = {
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU"},
    "¥": {"JPY", "CNY"},
    "kr": {"SEK", "NOK", "DKK", "ISK"},
}
_PROBED = 200  # cells that show whether a column holds numbers
_COUNT = re.compile(
    r"impr|click|klick|reach|reichweite|view|recipient|session|user|visit|quantity|menge|open|save|install|lead|"
    r"(?:conversion|purchase|order|result)s?(?!.*(?:value|wert|revenue))",
    flags=re.IGNORECASE,
)
_ATTRIBUTED = re.compile(
    r"conver|konver|purchas|result|ergebnis|order|sale|revenue|umsatz|value|wert|roas|lead|install|cart|checkout|kauf|action",
    flags=re.IGNORECASE,
)
_DELIVERED = re.compile(
    r"spen[dt]|cost|kosten|ausg|amount|betrag|budget|impr|click|klick|reach|reichweite|frequency|view|cpm|cpc|ctr|fee",
    flags=re.IGNORECASE,
)


def currency_place(table: Table) -> int | None:
    """Return the column that says the currency."""
    named = (i for i, known in enumerate(table.names) if known and _CURRENCY_COLUMN.fullmatch(known[0]))
    held = (i for i, cells in enumerate(table.columns) if _holds(cells, CURRENCIES.__contains__))
    return next(named, next(held, None))


def _holds(cells: Sequence[str], allowed: Callable[[str], bool]) -> bool:
    """Tell whether every cell that states something is of some kind, and there are such cells."""
    if cells and not allowed(clean(cells[0])) and clean(cells[0]):
        return False  # as nearly all columns show with their first cell
    stated = {clean(cell) for cell in set(cells)} - {""}
    return bool(stated) and all(map(allowed, stated))


def attribution_place(table: Table) -> int | None:
    """Return the column that says how conversions are attributed."""
    return next(
        (
            i
            for i, known in enumerate(table.names)
            if known
            and _ATTRIBUTION_COLUMN.match(known[0])
            and not any(is_number(cell) for cell in table.columns[i][:_PROBED])
        ),
        None,
    )


def may_be_money(source: str) -> bool:
    """Tell whether a column is money, as far as its name says; in doubt it is."""
    return not _COUNT.search(source)


def is_attributed(source: str) -> bool:
    """Tell whether a column depends on how conversions are attributed; in doubt it does."""
    return bool(_ATTRIBUTED.search(source)) or not _DELIVERED.search(source)


def currency_of(sources: Sequence[str], signs: Sequence[str], cells: np.ndarray | None) -> str | None:
    """Return the one currency of a table, from its column, a name such as "Spend (EUR)", or a sign."""
    if cells is not None:
        found = {clean(cell) for cell in set(cells.tolist())} - {""}
    else:
        found = {code for source in sources if (code := _code_in(source))}
        found = found or {
            CODE_OF_SIGN.get(sign, sign) for sign in signs if sign in CODE_OF_SIGN or sign in CURRENCIES
        }
    return found.pop() if len(found) == 1 else None


def _code_in(source: str) -> str | None:
    """Return the code of a currency that ends the name of a column, as in "Spend (EUR)"."""
    code = _IN_NAME.search(source)
    return code[1] if code and code[1] in CURRENCIES else None


def check_columns(path: str, codes: Mapping[str, str | None]) -> None:
    """Refuse columns of several currencies side by side; `codes` are by column, None where it is not known."""
    known = {code: name for name, code in codes.items() if code is not None}
    for (first, one), (second, other) in combinations(known.items(), 2):
        if not may_be_same(first, second):
            raise MixedRowsError(
                f"{path!r}: {one!r} is in {first}, {other!r} in {second}; money of two currencies would be laid side by "
                f"side; take one of the two in columns=, or keep them apart on purpose: accept=['currency']"
            )


def may_be_same(one: str, other: str) -> bool:
    """Tell whether two codes or signs may be one currency, as "$" and "USD"."""
    return one == other or other in _SHARED.get(one, ()) or one in _SHARED.get(other, ())


def check_attribution(part: Part, cells: np.ndarray, name: str, sources: dict[str, str], *, accept: bool) -> None:
    """Refuse rows of several attribution settings where a column depends on them."""
    touched = [] if accept else [column for column, source in sources.items() if is_attributed(source)]
    _check_one(
        *(part, cells, name, "attribution settings", touched),
        lambda most, _: (
            f"take one, as where={{{name!r}: {most!r}}}, or add them up all the same: accept=['attribution']"
        ),
    )


def check_currency(part: Part, cells: np.ndarray, name: str, sources: dict[str, str], *, accept: bool) -> None:
    """Refuse rows of several currencies where a column is money."""

    def fix(most: str, others: list[str]) -> str:
        rates = ", ".join(f"{kind!r}: rate" for kind in others)
        return (
            f"convert them, as currency={most!r}, rates={{{rates}}}, or take one, as where={{{name!r}: {most!r}}}"
        )

    touched = [] if accept else [column for column, source in sources.items() if may_be_money(source)]
    _check_one(part, cells, name, "currencies", touched, fix)


def _check_one(
    part: Part, cells: np.ndarray, name: str, what: str, touched: list[str], fix: Callable[[str, list[str]], str]
) -> None:
    """Refuse rows of several kinds where columns depend on them, with each kind's rows; most rows are of the first."""
    texts = np.array(clean_all(cells.tolist()), dtype=object)
    kinds, counts = np.unique(texts.astype(str), return_counts=True)
    rows = {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True) if kind}
    if len(rows) < 2 or not touched:
        return
    shown = "; ".join(f"{kind!r} in {named_rows(part.lines[texts == kind])}" for kind in rows)
    most = max(rows, key=rows.__getitem__)
    raise MixedRowsError(
        f"{part.path!r}, column {name!r}: rows of {len(rows)} {what} would be added up in {listed(touched)}: {shown}; "
        f"{fix(most, [kind for kind in rows if kind != most])}"
    )


def convert(
    part: Part,
    cells: np.ndarray | None,
    money: Sequence[str],
    currency: str,
    rates: Sequence[Sequence],
    keys: Sequence[str],
) -> tuple[Part, list]:
    """Convert columns of money into one currency, "USD>EUR" where the file does not say its own.

    `cells` hold the currency of every row, where a column says so; a rate holds for a day, or for every day (None). A
    series may have a rate of its own, by its `keys`.
    """
    own, _, target = currency.rpartition(">")
    texts = [""] * len(part.days) if cells is None else clean_all(cells.tolist())
    codes = np.array([text or own or part.currency or "" for text in texts], dtype=object)
    table = {(None if day is None else np.datetime64(day), code): rate for day, code, rate in rates}
    for code in dict.fromkeys(code for _, code in table if "=" in code):
        codes[_of_series(part, code, keys)] = code
    codes = codes.astype(str)
    factor = np.ones(len(part.days))
    details = []
    for code in np.unique(codes):
        mask = codes == code
        if code == target:
            continue
        if not code and not any(np.nan_to_num(part.values[name][mask]).any() for name in money):
            continue
        if not code:
            raise RatesError(
                f"{part.path!r}: {named_rows(part.lines[mask])} do not say their currency, so that they cannot be "
                f"converted; say it before the new one, as currency='USD>{target}'"
            )
        factor[mask] = [_rate(table, day, str(code), target, part, money) for day in part.days[mask]]
        for name in money:
            old = exact_sum(part.values[name][mask], part.decimals[name])
            details.append(
                f"{name}: {old:,.2f} {code} = {float(np.nansum(part.values[name][mask] * factor[mask])):,.2f} "
                f"{target}"
            )
    # Parts of a cent are kept until the rows of a period are added up.
    rounded = {name: max(part.decimals[name], 2) for name in money}
    places = {name: part.decimals[name] + 4 for name in money}
    values = {
        name: np.round(old * factor, places[name]) if name in money else old for name, old in part.values.items()
    }
    done = dataclasses.replace(
        part,
        whole=part.whole - set(money),
        values=values,
        decimals={**part.decimals, **places},
        currency=target,
        rounded=rounded,
    )
    before, after = part.sums(), done.sums()
    change = {name: round(after[name] - before[name], places[name]) for name in money if name in before}
    return done, [done.step("convert", f"money in {target}: {', '.join(money)}", part, change, details)]


def _of_series(part: Part, code: str, keys: Sequence[str]) -> np.ndarray:
    """Tell which rows are of a series with some values of its keys, as "brand=acme, territory=north"."""
    told = dict(piece.split("=", 1) for piece in code.split(BY_KEY))
    texts = part.texts.get("geo")
    if texts is None:
        return np.zeros(len(part), dtype=bool)
    values = (dict(zip(keys, text.split(SEPARATOR), strict=True)) for text in texts.tolist())
    return np.array([all(own[key] == value for key, value in told.items()) for own in values], dtype=bool)


def _rate(table: dict, day: np.datetime64, code: str, target: str, part: Part, money: Sequence[str]) -> float:
    rate = table.get((day, code), table.get((None, code)))
    if rate is None:
        raise RatesError(
            f"{part.path!r}: no rate from {code} to {target} on {day}, which {listed(money)} needs; add it to "
            f"rates=, as {{{code!r}: 0.92}} or a row of date, currency and rate"
        )
    return rate
