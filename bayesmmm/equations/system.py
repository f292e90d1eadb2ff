"""A system of equations: its causal order, its edges, its outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bayesmmm.equations.correlation import check_mediator
from bayesmmm.equations.equation import Equation
from bayesmmm.equations.event_terms import event_columns
from bayesmmm.equations.panel import Panel, group_of
from bayesmmm.equations.reference import check_references
from bayesmmm.equations.text import graph_text, reached, system_text
from bayesmmm.equations.toml_writer import toml_text
from bayesmmm.errors import CycleError, EquationError, PanelError, UnknownTermError
from bayesmmm.text import no_such, notebook_html, written
from bayesmmm.validate import check_ordered

if TYPE_CHECKING:
    from bayesmmm.data import MMMData


@dataclass(frozen=True, repr=False)
class MMM:
    """A marketing-mix model: structural equations, of which the last explains the outcome.

    An equation whose column is a cause in another equation is a mediator: its *observed* series enters there, as media
    (adstock, then Hill) or linearly. Printing the system shows every equation, unit, prior and causal path.

    Parameters
    ----------
    equations
        The equations; the last one is the outcome, the others may stand in any order.

    Raises
    ------
    CycleError
        When equations feed each other in a circle.
    EquationError
        When two equations explain one column, one is named like a variable of another, one does not lead to the
        outcome, or one counts a linear term from another level than another does.
    UnknownTermError, LikelihoodError
        When a rho names a series without an equation, or one whose residuals are not Normal.

    Examples
    --------
    >>> system = MMM([Equation("search", media=["tv"]), Equation("sales", media=["tv", "search"])])
    >>> system.outcome, system.mediators, system.exogenous
    ('sales', ('search',), ('tv',))
    """

    equations: tuple[Equation, ...]

    if TYPE_CHECKING:  # what may be given; the field says what is kept

        def __init__(self, equations: Equation | Iterable[Equation]) -> None: ...

    def __post_init__(self):
        equations = self.equations
        if isinstance(equations, Equation):
            equations = (equations,)
        if isinstance(equations, str) or not isinstance(equations, Iterable):
            raise EquationError(f"an MMM was given {equations!r}. Give a list of Equation, the outcome last.")
        check_ordered(equations, "equations", EquationError)
        equations = tuple(equations)
        odd = [written(e) for e in equations if not isinstance(e, Equation)]
        if odd or not equations:
            found = odd[0] if odd else "no equation"
            raise EquationError(f"an MMM was given {found}. Give a list of Equation, the outcome last.")
        object.__setattr__(self, "equations", equations)
        names = [equation.name for equation in equations]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise EquationError(f"two equations explain {twice!r}. Merge them into one equation.")
        _check_variables(names)
        _check_parts(self)
        _check_acyclic(self)
        _check_reach(self)
        check_references(self)
        for equation in equations:
            for mediator in equation.rho:
                check_mediator(equation.name, mediator, {e.name: e.family for e in equations})
                if self.equation(mediator).has_sigma_per_geo:
                    raise EquationError(
                        f"equation {equation.name!r} has a rho for {mediator!r}, which has a sigma per geo: correlated "
                        f"residuals have one sigma for all geos. Leave rho out, or sigma out of the Panel of "
                        f"{mediator!r}."
                    )

    @property
    def outcome(self) -> str:
        """Name of the series that the last equation explains."""
        return self.equations[-1].name

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of all equations, causes before effects, the outcome last; ties as they were given."""
        parents = _parents(self)
        order: list[str] = []
        while len(order) < len(parents):
            ready = (n for n in parents if n not in order and all(p in order for p in parents[n]))
            order.append(next(ready))
        return tuple(order)

    @property
    def mediators(self) -> tuple[str, ...]:
        """Names of the equations before the outcome, in causal order."""
        return self.order[:-1]

    @cached_property
    def exogenous(self) -> tuple[str, ...]:
        """Columns that some equation needs and none explains: media first, then linear."""
        names = [*(n for e in self.equations for n in e.media), *(n for e in self.equations for n in e.linear)]
        return tuple(dict.fromkeys(n for n in names if n not in {e.name for e in self.equations}))

    @cached_property
    def events(self) -> tuple[str, ...]:
        """Events that act in some equation, by themselves or in a pool."""
        columns = (names for e in self.equations for names in event_columns(e).values())
        return tuple(dict.fromkeys(name for names in columns for name in names))

    @cached_property
    def media(self) -> tuple[str, ...]:
        """Columns that act as media in some equation: exogenous ones, then mediators in causal order."""
        acting = {name for equation in self.equations for name in equation.media}
        return tuple(name for name in (*self.exogenous, *self.mediators) if name in acting)

    @property
    def channels(self) -> tuple[str, ...]:
        """Exogenous columns that act as media in some equation."""
        return tuple(name for name in self.media if name in self.exogenous)

    def checked(self, equation: str | None) -> str:
        """Return the name of an equation of the system, the outcome by default."""
        return self.outcome if equation is None else self.equation(equation).name

    def equation(self, name: str) -> Equation:
        """Return the equation that explains the column `name`."""
        for equation in self.equations:
            if equation.name == name:
                return equation
        raise UnknownTermError(no_such(f"the system has no equation for {name!r}", name, self.order))

    def for_panel(self, data: "MMMData") -> "MMM":
        """Return the system as it is fitted to data: of a panel, every equation says how geos share it.

        Parameters
        ----------
        data : MMMData

        Raises
        ------
        PanelError
            When an equation says how geos share it, and there is one; when it groups them by a key that makes no groups.
        EquationError
            When an equation cannot be shared.
        """
        if len(data.geos) == 1:
            odd = next((e for e in self.equations if e.panel is not None), None)
            if odd is not None:
                raise PanelError(
                    f"equation {odd.name!r} says how geos share it (panel={odd.panel}), and the data hold one series. "
                    f"Leave panel out, or read the data with geo='...', the column that names the geo of each row."
                )
            return self
        groups = [group_of(e.panel or Panel(), data.levels, part=data.part) for e in self.equations]
        return MMM([e.for_geos(len(data.geos), group) for e, group in zip(self.equations, groups, strict=True)])

    def edges(self) -> tuple[tuple[str, str, str], ...]:
        """Return (source, target, kind) for every cause; kind is "media" or "linear"."""
        return tuple(
            (source, target, kind)
            for target in self.order
            for kind in ("media", "linear")
            for source in getattr(self.equation(target), kind)
        )

    def graph(self) -> str:
        """Return the causal graph drawn as text."""
        return graph_text(self)

    def to_toml(self, data_columns: Mapping[str, Any] | None = None) -> str:
        """Return the system as TOML text, which `read_toml` reads back exactly.

        Parameters
        ----------
        data_columns
            Keyword arguments of ``MMMData.from_csv``, to be written as the table [data].

        Raises
        ------
        SpecError
            When `data_columns` has an unknown key.
        """
        return toml_text(self.equations, data_columns)

    def __repr__(self) -> str:
        return system_text(self)

    def _repr_html_(self) -> str:
        """Return the equations with what acts in them, for notebooks; priors are in the printed text."""
        equations = [self.equation(name) for name in self.order]
        columns = {
            "equation": [equation.name for equation in equations],
            "media": [", ".join(equation.media) for equation in equations],
            "linear": [", ".join(equation.linear) for equation in equations],
            "events": [", ".join([*equation.events, *equation.pooled_events]) for equation in equations],
            "likelihood": [equation.likelihood for equation in equations],
        }
        return notebook_html(repr(self), columns)


def _parents(system: MMM) -> dict[str, list[str]]:
    names = {equation.name for equation in system.equations}
    return {e.name: [n for n in e.inputs if n in names] for e in system.equations}


def _check_variables(names: Iterable[str]) -> None:
    """Refuse a name that reads like a variable of another equation, which is "equation.parameter"."""
    for name in names:
        other = next((other for other in names if name.startswith(f"{other}.")), None)
        if other is not None:
            raise EquationError(
                f"the equation {name!r} is named like a variable of the equation {other!r}, as {other}.sigma is. "
                f"Rename the column, for example to {name.replace('.', '_')!r}."
            )


def _check_parts(system: MMM) -> None:
    """Refuse a column with the name of a part of a decomposition, which are called after channels and mediators."""
    columns = {n for e in system.equations for n in (e.name, *e.inputs, *event_columns(e))}
    for mediator in {equation.name for equation in system.equations[:-1]}:
        starts = {f"{column} via {mediator}" for column in columns}
        both = sorted(columns & {*starts, f"{mediator} organic", f"common with {mediator}"})
        if both:
            raise EquationError(
                f"the column {both[0]!r} has the name of a part of what {mediator!r} brings. Rename the column, for "
                f"example to {both[0].replace(' ', '_')!r}."
            )


def _check_acyclic(system: MMM) -> None:
    parents = _parents(system)
    left = dict(parents)
    while free := [name for name in left if not any(p in left for p in left[name])]:
        for name in free:
            del left[name]
    if not left:
        return
    # Every equation that is left has a cause that is left: walking upwards must come round.
    path = [next(iter(left))]
    while path.count(path[-1]) == 1:
        path.append(next(p for p in left[path[-1]] if p in left))
    cycle = path[path.index(path[-1]) :][::-1]
    raise CycleError(
        f"the equations feed each other in a circle: {' -> '.join(cycle)}. Remove one of these causes: a "
        "system needs a first mover within each period."
    )


def _check_reach(system: MMM) -> None:
    leading = reached([system.outcome], _parents(system))
    lost = [e.name for e in system.equations if e.name not in leading]
    if lost:
        raise EquationError(
            f"the equation of {lost[0]!r} does not lead to the outcome {system.outcome!r}. List "
            f"{lost[0]!r} as a cause in an equation that does, drop the equation, or put the outcome last."
        )
