"""Putting the program onto a computer for all its users, and taking it off again.

`plan` says from what is there what is to be done, as data; `doing` does it step by step; `undoing` takes back what was
written down of it. Everything happens below a root folder, which in tests is a scratch one, and no step begins before
what it will do stands in the record: whatever interrupts it, the record names enough to undo it.
"""
