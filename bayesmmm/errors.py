"""Every exception and warning of the package.

Impossible input is an error, unwise input is a warning, and each kind has a class of its own so that callers
can catch, filter or test exactly the one they mean. A message says what is wrong, the value seen, where, what
is allowed, and one way to put it right. This module knows no other module of the package.
"""


class _Named:
    """What an error or a warning is about, for callers that have a name of their own for it.

    Attributes
    ----------
    argument : str or None
        Name of the argument that has to change, where there is one.
    value : object
        What was given for it.
    prepare : str
        Of a fault of a table: what `bayesmmm.prepare` does about it.
    """

    def __init__(
        self, *args: object, argument: str | None = None, value: object = None, prepare: str = ""
    ) -> None:
        super().__init__(*args)
        self.argument, self.value, self.prepare = argument, value, prepare

    def __reduce__(self) -> tuple:
        # Some have two built-in parents of different layout: libraries that send them between processes need to be told.
        return type(self), getattr(self, "args", ()), self.__dict__


class BayesMMMError(_Named, Exception):
    """Base of every error that the package raises on purpose; `argument` and `value` tell what it is about."""


# ---------------------------------------------------------------- data


class DataError(BayesMMMError, ValueError):
    """Raised when a table cannot be read as marketing-mix data; base of the classes below."""


class UnknownColumnError(DataError):
    """Raised when a column is asked for that the table does not have."""


class NotNumericError(DataError):
    """Raised when a column that must hold numbers holds text, dates or other objects."""


class MissingValueError(DataError):
    """Raised when a value is missing (NaN) or infinite."""


class ValueRangeError(DataError):
    """Raised when the values of a column are too large or too small for their squares and products to be computed."""


class DateError(DataError):
    """Raised when a date cannot be parsed, is ambiguous, occurs twice or stands out of order."""


class CalendarGapError(DataError):
    """Raised when periods are missing between the first and the last date."""


class EventError(DataError):
    """Raised for events that are none: rows of their table, countries, and those that never fall within the data."""


class NegativeSpendError(DataError):
    """Raised when a column that is money spent, or counts what people are reached by, holds a negative value."""


class NeverSpentError(DataError):
    """Raised when a media or mediator column is zero throughout, or acts as media and is never above zero."""


class ConstantColumnError(DataError):
    """Raised when the outcome, a mediator, a control or a linear term never changes."""


class PanelError(DataError):
    """Raised when the geos of a panel do not share one calendar, or a geo is unknown."""


class TooFewPeriodsError(DataError):
    """Raised when there are too few periods to estimate anything."""


class RoleError(DataError):
    """Raised when the roles of the columns contradict each other or are incomplete."""


class MissingFileError(DataError, FileNotFoundError):
    """Raised when the file to be read does not exist; a `FileNotFoundError` too."""


class WindowError(DataError):
    """Raised when a window lies outside the periods that can be answered for."""


class PlanError(DataError):
    """Raised when a plan does not continue the history."""


# ---------------------------------------------------------------- raw exports


class ExportError(DataError):
    """Raised when raw exports cannot be prepared as they are; base of the classes below."""


class FileFormatError(ExportError):
    """Raised when a file is not text, is a spreadsheet under the name of a text file, or its text is damaged."""


class MissingLibraryError(ExportError):
    """Raised when a kind of file, or the holidays of a country, need a library that is not installed."""


class EmptyFileError(ExportError):
    """Raised when a file has no row below its header, or nothing at all."""


class NoDaysError(ExportError):
    """Raised when an export holds totals only, without days."""


class AmbiguousError(ExportError):
    """Raised when dates or numbers, as written, can be read in two ways."""


class NotStatedError(ExportError):
    """Raised when a cell that is needed says that its number is not stated, or only that it is small."""


class TotalsError(ExportError):
    """Raised when a row of totals disagrees with the rows above it."""


class MixedRowsError(ExportError):
    """Raised when rows of several currencies or attribution settings would be added up."""


class WeekError(ExportError):
    """Raised when weeks of two starts, or weeks and other periods, would be laid side by side."""


class AbsentDaysError(ExportError):
    """Raised when days are absent that a sum or a join needs."""


class IncompleteDayError(ExportError):
    """Raised when the last day was not over when the file was made."""


class OverlapError(ExportError):
    """Raised when two files or tables both have a column asked for, or a day that would be counted twice."""


class GroupError(ExportError):
    """Raised when rows belong to no group, or two groups would get the same name."""


class RatesError(ExportError):
    """Raised when an exchange rate or a currency is not known."""


class ExportSettingError(ExportError):
    """Raised when an argument about raw exports is impossible."""


# ---------------------------------------------------------------- equations


class EquationError(BayesMMMError, ValueError):
    """Raised when equations do not form a valid system; base of the classes below."""


class CycleError(EquationError):
    """Raised when equations feed each other in a circle."""


class UnknownTermError(EquationError):
    """Raised when an equation, term or label is named that the system does not have."""


class LikelihoodError(EquationError):
    """Raised when a likelihood is unknown or is ruled out by the data."""


class SpecError(EquationError):
    """Raised when a TOML specification cannot be read or holds an unknown key."""


# ---------------------------------------------------------------- priors


class PriorError(BayesMMMError, ValueError):
    """Raised when a prior cannot be used as given; base of the classes below."""


class UnknownPriorError(PriorError):
    """Raised when a prior names an unknown family, argument, parameter or channel, or applies to nothing."""


class PriorSupportError(PriorError):
    """Raised when the support of a prior does not fit its parameter."""


# ---------------------------------------------------------------- fits


class FitFileError(BayesMMMError):
    """Raised when a saved fit is damaged or was changed, was written by something else, or cannot be written."""


class SamplingError(BayesMMMError, RuntimeError):
    """Raised when the sampler fails, or its draws may not be used."""


class ConvergenceError(SamplingError):
    """Raised when an answer is asked of a fit whose sampler failed."""


class BusyFolderError(BayesMMMError):
    """Raised when another run is writing to the same folder."""


class WritingError(BayesMMMError, OSError):
    """Raised when files cannot be written to where they should be; an `OSError` too."""


# ---------------------------------------------------------------- answers


class AnswerError(BayesMMMError, ValueError):
    """Raised when a question about a fit cannot be answered as it is put; base of the classes below."""


class SettingError(AnswerError):
    """Raised when an argument of an answer is impossible, such as draws, a factor or a series of another length."""


class InfeasibleError(AnswerError):
    """Raised when no plan meets all limits; names those in conflict."""


class SolverError(AnswerError, RuntimeError):
    """Raised when the solver found no plan that can be trusted."""


class AnswerSizeError(AnswerError):
    """Raised when an answer would take more memory than an answer may."""


class RunTimeError(AnswerError):
    """Raised when an answer takes longer than whoever asked for it allows."""


class CancelledError(AnswerError):
    """Raised when whoever asked for an answer no longer wants it."""


class ServiceError(AnswerError):
    """Raised for a question that a service does not take, such as one of another form; base of the classes below."""


class UnknownFitError(ServiceError):
    """Raised when a service is asked about a fit or a job that it does not have."""


class BusyError(ServiceError):
    """Raised when a service has too much to do already."""


class EvaluationError(AnswerError, RuntimeError):
    """Raised when every fit that an evaluation needs failed."""


# ---------------------------------------------------------------- warnings


class BayesMMMWarning(_Named, UserWarning):
    """Base of every warning that the package gives on purpose; `argument` and `value` tell what it is about."""


class CollinearityWarning(BayesMMMWarning):
    """Given when two channels move together so closely that the data cannot tell them apart."""


class CollinearTermsWarning(BayesMMMWarning):
    """Given when the other linear terms of an equation explain one nearly whole, so that only their sum is seen."""


class LowVariationWarning(BayesMMMWarning):
    """Given when a channel hardly varies, so that its effect cannot be seen."""


class UnevenPeriodsWarning(BayesMMMWarning):
    """Given when periods have rather different lengths, and nothing in an equation says so."""


class EventWarning(BayesMMMWarning):
    """Given when a plan covers days on which an event will have come back, and nobody said when."""


class FewPeriodsWarning(BayesMMMWarning):
    """Given when there are few periods per parameter, so that priors decide much of the answer."""


class FewGeosWarning(BayesMMMWarning):
    """Given when there are too few geos to tell what they have in common from what they do by themselves."""


class CommonSpendWarning(BayesMMMWarning):
    """Given when geos get the same share of a channel in every period, so that they say nothing about each other."""


class OutlierWarning(BayesMMMWarning):
    """Given when a value lies far outside the rest of its column."""


class UnitWarning(BayesMMMWarning):
    """Given when a channel of which no unit was said looks like a count and is taken for money, or a cost looks odd."""


class SpendMismatchWarning(BayesMMMWarning):
    """Given when much of what was paid, or of what was had, is in periods without any of the other."""


class ManyZerosWarning(BayesMMMWarning):
    """Given when many values are exact zeros where the likelihood has none, or enter as zero since they are negative."""


class PriorWarning(BayesMMMWarning):
    """Given when the priors together imply a media share above one too often."""


class BackdoorWarning(BayesMMMWarning):
    """Given when a common cause of a mediator and the outcome may be missing from one equation."""


class ConsequenceWarning(BayesMMMWarning):
    """Given when a control or mediator goes with a series so closely that it is rather a part or consequence of it."""


class AlwaysOnWarning(BayesMMMWarning):
    """Given when a channel never pauses, so that its contribution trades with the intercept."""


class ConvergenceWarning(BayesMMMWarning):
    """Given when diagnostics say that the draws are not yet to be trusted."""


class ControlsWarning(BayesMMMWarning):
    """Given when a plan depends on future controls that nobody stated, so that those of the past are taken."""


class InterruptedWarning(BayesMMMWarning):
    """Given when an evaluation was interrupted and its answer rests on the fits done so far."""


class FailedRunsWarning(BayesMMMWarning):
    """Given when some of the fits of an evaluation failed, so that the answer goes without them."""


class GlyphWarning(BayesMMMWarning):
    """Given when the font of a figure has no sign for a letter of a name."""


class ParetoWarning(BayesMMMWarning):
    """Given when importance weights are too uneven for what is computed from them to be trusted."""


class FigureWarning(BayesMMMWarning):
    """Given when a figure cannot be drawn, so that a report or a folder of results goes without it."""


class KernelCacheWarning(BayesMMMWarning):
    """Given when compiled code that was kept on disk is damaged, so that it is compiled again."""
