"""Budgets: the plan that earns most of what is asked for, and how sure that is.

`optimize_budget` finds a plan over the whole posterior, with exact derivatives from the engine; `frontier` finds one
for every total. A `Plan` says what it brings on draws that did not choose it, and how far it is from the best.
"""

from bayesmmm.optimize.arguments import Solver, Window
from bayesmmm.optimize.budget import optimize_budget
from bayesmmm.optimize.constraints import Constraints
from bayesmmm.optimize.efficient_frontier import frontier
from bayesmmm.optimize.goal import Goal, Risk
from bayesmmm.optimize.plan import Plan
from bayesmmm.optimize.plan_comparison import PlanComparison
from bayesmmm.optimize.ranges import Share
from bayesmmm.optimize.side_by_side import compare_plans
from bayesmmm.optimize.solution import BindingLimit, Offer, Solution
