def upper_bound(problem, programme, best):
    return None, "not yet"
