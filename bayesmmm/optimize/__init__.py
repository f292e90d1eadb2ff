"""Budgets: the plan that earns most of what is asked for, and how sure that is."""

from bayesmmm.optimize.plan import Plan, Solution

__all__ = ["Plan", "Solution"]
