"""What doctor checks: facts of `kinect_unlock.host` and of the program itself, judged, each with the next step.

In `camera`, `permission`, `driver` and `desktop` a judgement is a function from facts to a `Check`, which reads no
file and starts no program, so that every machine there is can be told of in a test. `program`, `recognition` and
`measuring` ask the parts of the program itself. `examination` reads the facts and puts all together.
"""
