"""Kinds of raw exports in other layouts: languages, separators, names and orders that no rule knows by name."""

import gzip
import io
import json
import zipfile

import pandas as pd
import pytest

from bayesmmm import cli, errors, prepare
from tests.raw_exports import by_day, save

CODES = ["Currency", "Devise du compte", "Währung des Kontos", "Moneda", "Valuta", "Waluta", "通貨", "Cur."]
SETTINGS = [
    *("Attribution setting", "Attribution window", "Attributionseinstellung", "Paramètre d’attribution"),
    *("Configuración de atribución", "Impostazione di attribuzione", "Conversion window", "Attribution model"),
]
ENDS = [
    *(("Reporting starts", "Reporting ends"), ("Berichtsstart", "Berichtsende"), ("Von", "Bis"), ("From", "To")),
    *(("Début des rapports", "Fin des rapports"), ("Inicio del informe", "Fin del informe")),
    *(("Inizio report", "Fine report"), ("Date de début", "Date de fin"), ("Startdatum", "Enddatum")),
    *(("date_start", "date_stop"), ("First day", "Last day"), ("Período início", "Período fim")),
]
TOTALS = [
    *(
        "Total",
        "Gesamt",
        "Gesamtergebnis",
        "Totaux",
        "Total général",
        "Totale",
        "Totaal",
        "Suma",
        "Итого",
        "合計",
        "Toplam",
    ),
    *("I alt", "Yhteensä", "Razem", "Account total", "Overall", "TOTAL:", "Insgesamt"),
]
MADE = [
    *("Report generated at 2026-03-15T08:00:00Z", "Data as of 2026-03-15 10:00", "Last updated: 2026/03/15 14:05"),
    *("Stand: 15.03.2026, 09:12 Uhr", "Heruntergeladen am 15. März 2026 10:30", "Exporté le 15 mars 2026 à 10h30"),
    *("Generado el 15.03.2026 09:05", "Created: Mar 15, 2026 9:05 AM", "My account, 2026-03-15 07:41"),
    *("Data through: 2026-03-14", "Data for the last day may be incomplete", "Daten unvollständig: ja"),
]
FLAGS = [
    *(("isPartial", "False", "True"), ("Is complete", "true", "false"), ("Data status", "Final", "Partial")),
    *(("Unvollständig", "nein", "ja"), ("Incomplete", "0", "1")),
]


def refused(error, path, *words, **given):
    with pytest.raises(error) as raised:
        prepare.tidy(path, **{"columns": {"x": "Spend"}, **given})
    assert type(raised.value) is error
    for text in words:
        assert text in str(raised.value)
    return str(raised.value)


def rows(*lines, head="Day,Spend", mark=","):
    return "\n".join([head, *lines, ""]).replace(",", mark)


# ------------------------------------------------------------------------------------------------- currencies, settings
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", CODES)
def test_columns_of_currencies(name, mark, tmp_path):
    lines = ("2026-03-02,EUR,5", "2026-03-02,SEK,6", "2026-03-03,EUR,7")
    path = save(tmp_path, rows(*lines, head=f"Date,{name},Spend", mark=mark))
    refused(errors.MixedRowsError, path, repr(name), "'EUR' in rows 2, 4; 'SEK' in row 3", "rates={'SEK': rate}")
    taken = prepare.tidy(path, columns={"x": "Spend"}, where={name: "EUR"})
    assert by_day(taken, "x") == {"2026-03-02": 5, "2026-03-03": 7}
    turned = prepare.tidy(path, columns={"x": "Spend"}, currency="EUR", rates={"SEK": 0.5})
    assert by_day(turned, "x") == {"2026-03-02": 8, "2026-03-03": 7}


@pytest.mark.parametrize("name", SETTINGS)
def test_columns_of_attribution_settings(name, tmp_path):
    lines = ("2026-03-02,7-day click,5", "2026-03-02,1-day view,6", "2026-03-03,7-day click,7")
    path = save(tmp_path, rows(*lines, head=f"Date,{name},Results"))
    given = {"columns": {"x": "Results"}}
    refused(errors.MixedRowsError, path, "'1-day view' in row 3; '7-day click' in rows 2, 4", **given)
    assert by_day(prepare.tidy(path, accept=["attribution"], **given), "x")["2026-03-02"] == 11
    assert by_day(prepare.tidy(path, where={name: "7-day click"}, **given), "x")["2026-03-02"] == 5


def test_numbers_that_were_attributed_are_no_setting(tmp_path):
    path = save(tmp_path, rows("2026-03-02,5,1", "2026-03-02,6,2", head="Date,Attributed sales,Spend"))
    assert by_day(prepare.tidy(path, columns={"x": "Spend"}), "x") == {"2026-03-02": 3}


@pytest.mark.parametrize(
    "cells", [("12.50 USD", "3.00 EUR"), ("CA$12.50", "US$3.00"), ("12.50 kr", "3.00 zł"), ("£1", "€1")]
)
def test_units_beside_numbers(cells, tmp_path):
    path = save(tmp_path, rows(f"2026-03-02,{cells[0]}", f"2026-03-03,{cells[1]}"))
    refused(errors.MixedRowsError, path, "stands among numbers with", "in one unit")
    path = save(tmp_path, rows(f"2026-03-02,{cells[0]}", f"2026-03-03,{cells[0]}"))
    assert len(prepare.tidy(path, columns={"x": "Spend"}).frame) == 2


@pytest.mark.parametrize(
    "cells", [("€12.50", "3.00 EUR"), ("12.50 GBP", "£3.00"), ("US$12.50", "3.00 USD"), ("12.50", "€3.00")]
)
def test_two_ways_to_write_one_unit(cells, tmp_path):
    path = save(tmp_path, rows(f"2026-03-02,{cells[0]}", f"2026-03-02,{cells[1]}"))
    assert prepare.tidy(path, columns={"x": "Spend"}).frame["x"].tolist() == [15.5]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        *(("1.2E+05", "is rounded, as spreadsheets write large numbers"), ("1.2K", "is a number cut short")),
        *(("3M €", "is a number cut short"), ("1,2 Mio.", "is a number cut short"), ("50p", "is not a number")),
    ],
)
def test_numbers_that_are_not_whole(cell, said, tmp_path):
    path = save(tmp_path, rows("2026-03-02;5", f"2026-03-03;{cell}", head="Day;Spend", mark=","))
    refused(errors.NotNumericError, path, said, "or leave the column out")
    path = save(tmp_path, rows("2026-03-02;5", "2026-03-03;120000", head="Day;Spend", mark=","))
    assert prepare.tidy(path, columns={"x": "Spend"}).frame["x"].tolist() == [5, 120_000]


@pytest.mark.parametrize(
    ("one", "other"), [("Spend (EUR)", "Cost [USD]"), ("Spend EUR", "cost_GBP"), ("Kosten (CHF)", "Spend - USD")]
)
def test_currencies_in_names(one, other, tmp_path):
    files = [
        save(tmp_path, rows("2026-03-02,5", head=f"Day,{name}"), f"{i}.csv") for i, name in enumerate((one, other))
    ]
    given = {"columns": {"a": one, "b": other}}
    refused(errors.MixedRowsError, files, "2 currencies would be laid side by side", **given)
    assert prepare.tidy(files, accept=["currency"], **given).frame["b"].tolist() == [5]
    both = save(tmp_path, rows("2026-03-02,5,6", head=f"Day,{one},{other}"))
    refused(errors.MixedRowsError, both, "money of two currencies would be laid side by side", **given)
    assert prepare.tidy(both, accept=["currency"], **given).frame["b"].tolist() == [6]
    assert prepare.tidy(both, columns={"a": one}).frame["a"].tolist() == [5]


def test_a_sign_is_told_from_other_currencies_and_not_from_its_own(tmp_path):
    files = [
        save(tmp_path, rows("2026-03-02,$5"), "a.csv"),
        save(tmp_path, rows("2026-03-02,€5", head="Day,Cost"), "b.csv"),
    ]
    given = {"columns": {"x": "Spend", "y": "Cost"}}
    refused(errors.MixedRowsError, files, "in $", "in EUR", **given)
    turned = prepare.tidy(files, currency="EUR", rates={"$": 0.5}, **given).frame
    assert (turned["x"].tolist(), turned["y"].tolist()) == ([2.5], [5])
    files[1] = save(tmp_path, rows("2026-03-02,5", head="Day,Cost (USD)"), "b.csv")
    assert len(prepare.tidy(files, columns={"x": "Spend", "y": "Cost (USD)"}).frame) == 1


# --------------------------------------------------------------------------------------------------- no days, totals
@pytest.mark.parametrize(("start", "end"), ENDS)
def test_rows_of_a_whole_range(start, end, tmp_path):
    head = f"Campaign;{start};{end};Spend"
    path = save(tmp_path, rows("A;02.03.2026;15.03.2026;5", "B;02.03.2026;15.03.2026;6", head=head))
    refused(errors.NoDaysError, path, "14 days", "holds no days, only totals", "download it by day")
    assert cli.main(["prepare", str(path), "--columns", "x=Spend", "--out", str(tmp_path / "o.csv")]) == 2
    assert not (tmp_path / "o.csv").exists()
    by_days = save(tmp_path, rows("A;02.03.2026;02.03.2026;5", "B;03.03.2026;03.03.2026;6", head=head))
    assert by_day(prepare.tidy(by_days, columns={"x": "Spend"}), "x") == {"2026-03-02": 5, "2026-03-03": 6}
    weeks = save(tmp_path, rows("A;02.03.2026;08.03.2026;5", "B;09.03.2026;15.03.2026;6", head=head))
    assert by_day(prepare.tidy(weeks, columns={"x": "Spend"}), "x") == {"2026-03-02": 5, "2026-03-09": 6}


def test_other_files_without_days(tmp_path):
    ranges = rows("A,2026-03-02 - 2026-03-15,5", "B,2026-03-02 - 2026-03-15,6", head="Campaign,Period,Spend")
    refused(errors.NoDaysError, save(tmp_path, ranges), "ranges of 14 days", "download it by day")
    campaigns = "Kampagnen\n2. März 2026 - 15. März 2026\nKampagne;Spend\nA;1,50\nSumme;1,50\n"
    refused(errors.NoDaysError, save(tmp_path, campaigns), "holds no days", "download it by day")
    repeated = "From 2026-03-02 to 2026-03-15\n" + rows(
        "A,2026-03-15,5", "B,2026-03-15,6", head="Ad,Report day,Spend"
    )
    path = save(tmp_path, repeated)
    refused(errors.NoDaysError, path, "all 2 rows are of 2026-03-15", "fill=True")
    assert prepare.tidy(path, columns={"x": "Spend"}, fill=True).frame["x"].sum() == 11
    for head in ("Month", "Quarter", "Day of week"):
        refused(errors.NoDaysError, save(tmp_path, rows("Monday,5", "Tuesday,6", head=f"{head},Spend")), "by day")


@pytest.mark.parametrize("place", ["first", "second", "top"])
@pytest.mark.parametrize("label", TOTALS)
def test_totals_in_other_languages(label, place, tmp_path):
    def export(total):
        lines = ["2026-03-02;A;1,50", "2026-03-03;B;2,50"]
        cells = f";{label};{total}" if place == "second" else f"{label};;{total}"
        lines.insert(0 if place == "top" else 2, cells)
        return save(tmp_path, rows(*lines, head="Tag;Kampagne;Spend"))

    assert prepare.tidy(export("4,00"), columns={"x": "Spend"}).frame["x"].tolist() == [1.5, 2.5]
    path = export("5,25")
    refused(
        errors.TotalsError, path, "is 5.25", "2 rows add up to 4.00", "a difference of +1.25", "accept=['totals']"
    )
    assert prepare.tidy(path, columns={"x": "Spend"}, accept=["totals"]).frame["x"].tolist() == [1.5, 2.5]


def test_totals_of_days_that_agree_in_part(tmp_path):
    lines = ("2026-03-02,A,1.5", "2026-03-02,Total,9.5", "2026-03-03,B,2.5", "2026-03-03,Total,2.5")
    path = save(tmp_path, rows(*lines, head="Day,Campaign,Spend"))
    refused(
        errors.TotalsError,
        path,
        "row 3",
        "is 9.50",
        "add up to 1.50",
        "a difference of +8.00",
        "accept=['totals']",
    )
    assert prepare.tidy(path, columns={"x": "Spend"}, accept=["totals"]).frame["x"].tolist() == [1.5, 2.5]


def test_a_row_that_lost_its_day_is_no_total(tmp_path):
    path = save(tmp_path, rows("2026-03-02,A,1.5", "soon,B,2.5", "2026-03-04,C,2.5", head="Day,Campaign,Spend"))
    refused(errors.DateError, path, "row 3", "'soon'")


# ----------------------------------------------------------------------------------------------------- incomplete days
@pytest.mark.parametrize("where", ["above", "below"])
@pytest.mark.parametrize("line", MADE)
def test_a_last_day_that_was_not_over(line, where, tmp_path):
    table = rows("2026-03-14,1", "2026-03-15,2")
    path = save(tmp_path, f'"{line}"\n\n{table}' if where == "above" else f'{table}\n"{line}"\n')
    refused(errors.IncompleteDayError, path, "2026-03-15, may not be complete", "stop='2026-03-14'")
    assert by_day(prepare.tidy(path, columns={"x": "Spend"}, stop="2026-03-14"), "x") == {"2026-03-14": 1}
    assert len(prepare.tidy(path, columns={"x": "Spend"}, accept=["incomplete"]).frame) == 2


@pytest.mark.parametrize(("name", "done", "open_"), FLAGS)
def test_a_column_that_says_what_is_complete(name, done, open_, tmp_path):
    lines = (f"2026-03-13,{done},4", f"2026-03-14,{done},1", f"2026-03-15,{open_},2")
    path = save(tmp_path, rows(*lines, head=f"Day,{name},Spend"))
    refused(errors.IncompleteDayError, path, "row 4", "stop='2026-03-14'", "accept=['incomplete']")
    assert len(prepare.tidy(path, columns={"x": "Spend"}, stop="2026-03-14").frame) == 2
    assert len(prepare.tidy(path, columns={"x": "Spend"}, accept=["incomplete"]).frame) == 3


@pytest.mark.parametrize(
    "line", ["Report generated at 2026-03-16 08:00", "Data through: 2026-03-15", "Unvollständig: nein"]
)
def test_a_last_day_that_was_over(line, tmp_path):
    path = save(tmp_path, f'"{line}"\n' + rows("2026-03-14,1", "2026-03-15,2"))
    assert len(prepare.tidy(path, columns={"x": "Spend"}).frame) == 2


# ------------------------------------------------------------------------------------------------------ cells and days
@pytest.mark.parametrize(
    "cell", [" --", "—", "n/a", "N/D", "(not set)", "k.A.", "s/o", "nicht verfügbar", "#DIV/0!", "?"]
)
def test_cells_that_state_nothing(cell, tmp_path):
    path = save(tmp_path, rows(f"2026-03-02\t{cell}", "2026-03-03\t4", head="Tag\tSpend"))
    refused(errors.NotStatedError, path, "1 cell is not stated, which is not zero", "missing=0", "missing='empty'")
    assert prepare.tidy(path, columns={"x": "Spend"}, missing=0).frame["x"].tolist() == [0, 4]


@pytest.mark.parametrize("cell", ["<1", "< 5", "≤5", "less than 5", "weniger als 5", "moins de 5", "<5*", "<1%"])
def test_cells_below_a_limit(cell, tmp_path):
    path = save(tmp_path, rows(f"2026-03-02\t{cell}", "2026-03-03\t4", head="Tag\tSpend"))
    refused(errors.NotStatedError, path, "below a limit", "below='half'", "below=0", "below='empty'")
    assert prepare.tidy(path, columns={"x": "Spend"}, below=0).frame["x"].tolist() == [0, 4]
    assert 0 < prepare.tidy(path, columns={"x": "Spend"}, below="half").frame["x"][0] <= 2.5


@pytest.mark.parametrize(
    "cells", [("$1,234", "$5,678"), ("1.234 €", "5.678 €"), ("(1,234)", "2,345"), ("1,234", "0")]
)
def test_marks_of_thousands_or_decimals(cells, tmp_path):
    path = save(tmp_path, rows(*(f"2026-03-0{i}\t{cell}" for i, cell in enumerate(cells, 2)), head="Tag\tSpend"))
    refused(errors.AmbiguousError, path, "thousands or decimals", "decimal='.'", "decimal=','")
    values = [prepare.tidy(path, columns={"x": "Spend"}, decimal=mark).frame["x"][0] for mark in ".,"]
    assert sorted(map(abs, values)) == [1.234, 1234]


@pytest.mark.parametrize(
    "form", ["%d/%m/%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%Y 00:00", "%a %d/%m/%Y", "%a, %m/%d/%Y"]
)
def test_days_and_months_that_may_be_either(form, tmp_path):
    days = pd.date_range("2026-03-02", periods=5)
    path = save(tmp_path, rows(*(f"{day.strftime(form)};1" for day in days), head="Date;Spend"))
    said = refused(errors.AmbiguousError, path, "no day above 12", "date_format='%d", "date_format='%m")
    first = "%d" if form.replace("%a", "").lstrip(" ,").startswith("%d") else "%m"
    told = said[said.index(f"date_format='{first}") :].partition("'")[2].partition("'")[0]
    found = prepare.tidy(path, columns={"x": "Spend"}, date_format=told).frame["date"]
    assert found.tolist() == list(days)


# ---------------------------------------------------------------------------------------------------------------- files
def workbook():
    out = io.BytesIO()
    pd.DataFrame({"Day": ["2026-03-02"], "Spend": [1.5]}).to_excel(out, index=False)
    return out.getvalue()


def archive(member):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(member, "x")
    return out.getvalue()


FILES = {
    "workbook": (workbook, "an Excel workbook under another name; rename it to end in .xlsx"),
    "old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "old format; save it as .xlsx"),
    "open document": (lambda: archive("content.xml"), "an OpenDocument spreadsheet; save it as .xlsx"),
    "archive": (lambda: archive("a.csv"), "an archive; unpack it first"),
    "damaged": (lambda: gzip.compress(b"Day,Spend\n")[:-9], "cannot be unpacked"),
    "pdf": (lambda: b"%PDF-1.4\n", "a PDF; export the table as CSV"),
    "picture": (lambda: b"GIF89a\1\2", "a picture; export the table as CSV"),
    "database": (lambda: b"SQLite format 3\0", "a database; export the table as CSV"),
    "document": (lambda: b"{\\rtf1\\ansi Day,Spend}", "a text document; export the table as CSV"),
    "page": (lambda: b"\xef\xbb\xbf\n<html><table><tr><td>Day", "a web page"),
    "json": (lambda: json.dumps([{"Day": "2026-03-02", "Spend": 1}], indent=1).encode(), "is JSON"),
    "json lines": (lambda: b'{"Day": "2026-03-02"}\n{"Day": "2026-03-03"}\n', "is JSON"),
    "zeros": (lambda: bytes(range(256)) * 3, "zero bytes; export the table as CSV"),
    "controls": (lambda: bytes(range(1, 128)) * 3, "characters that none has; export the table as CSV"),
    "another encoding": (lambda: "Tag;Größe;Spend\nä;ö;1\n".encode("cp1252"), "encoding='cp1252'"),
}


@pytest.mark.parametrize("name", ["export.csv", "export.txt", "Export.CSV"])
@pytest.mark.parametrize("kind", FILES)
def test_files_that_are_not_text(kind, name, tmp_path):
    if kind == "workbook":
        pytest.importorskip("openpyxl", reason="workbooks are written with openpyxl")
    content, words = FILES[kind]
    refused(errors.FileFormatError, save(tmp_path, content(), name), words)


def test_what_gzip_packed_is_read_as_it_was(tmp_path):
    packed = save(tmp_path, gzip.compress(b"Day,Spend\n2026-03-02,5.5\n2026-03-03,6\n"), "a.csv.gz")
    assert prepare.tidy(packed, columns={"x": "Spend"}).to_csv() == "date,x\n2026-03-02,5.50\n2026-03-03,6.00\n"


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n \t\r\n", b",,,\n,,,\n", b"Day,Spend\n"]
)
def test_files_without_anything(content, tmp_path):
    for given in ({}, {"columns": None}):
        refused(errors.EmptyFileError, save(tmp_path, content), "is empty", "download it again", **given)


@pytest.mark.parametrize(
    ("one", "other"), [("Spend", "spend"), ("Amount  spent", " Amount spent "), ("Kosten", "KOSTEN")]
)
def test_a_column_that_two_files_have(one, other, tmp_path):
    files = [save(tmp_path, rows("2026-03-02,5,1", head=f"Day,{one},A"), "a.csv")]
    files.append(save(tmp_path, rows("2026-03-02;6", head=f"Tag;{other}"), "b.csv"))
    for columns in ({"x": one}, None):
        refused(errors.OverlapError, files, "both have column", "a:", "stack=True", columns=columns)
    found = prepare.tidy(files, columns={"x": f"a:{one}", "y": f"b:{other}"}).frame
    assert (found["x"].tolist(), found["y"].tolist()) == ([5], [6])


WEEKS = {
    "tiktok": ("Week,Cost", ["2026-03-02,1", "2026-03-09,2", "2026-03-16,3"]),
    "snap": ("Woche;Ausgaben", ["01.03.2026;1", "08.03.2026;2", "15.03.2026;3"]),
    "ranges": ("Semaine\tDépenses", ["1 mars 2026 - 7 mars 2026\t1", "8 mars 2026 - 14 mars 2026\t2"]),
    "of": ("Week of|Amount", ["Mar 1, 2026|1", "Mar 8, 2026|2", "Mar 15, 2026|3"]),
    "iso": ("Kalenderwoche;Betrag", ["2026-W10;1", "2026-W11;2", "2026-W12;3"]),
}


@pytest.mark.parametrize(
    ("one", "other"), [("tiktok", "snap"), ("tiktok", "ranges"), ("iso", "of"), ("iso", "snap")]
)
def test_weeks_of_two_starts(one, other, tmp_path):
    files, columns = [], {}
    for name in (one, other):
        head, lines = WEEKS[name]
        files.append(save(tmp_path, "\n".join([head, *lines, ""]), f"{name}.csv"))
        columns[name] = head.replace(";", ",").replace("\t", ",").replace("|", ",").split(",")[1]
    refused(
        errors.WeekError,
        files,
        "weeks that start on monday",
        "weeks that start on sunday",
        "by day",
        columns=columns,
    )
