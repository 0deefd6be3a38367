"""What doctor checks: facts of `kinect_unlock.host` and of the program itself, judged, each with the next step.

A judgement is a function from facts to a `Check`; it reads no file and starts no program, so that every machine there
is can be told of in a test. `examination` alone reads the facts.
"""
