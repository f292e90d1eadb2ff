"""A service over saved fits: the same answers for programs, for a page in the browser and for agents.

Fits are loaded once, and every answer is worked out by the functions that Python users call. It knows questions as JSON,
answers as JSON, and limits; it computes nothing itself.
"""
