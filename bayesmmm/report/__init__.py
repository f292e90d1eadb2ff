"""The report of a fit: tables, figures, and a page of findings that a reader without a notebook can follow.

Computes nothing about the model: it asks for answers, once and under one window, and puts them into words.
"""

from bayesmmm.report.findings import Finding
from bayesmmm.report.writing import Report, compose, write, write_report
