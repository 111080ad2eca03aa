"""Events of runs: written, gathered, judged line by line, kept in one file, and told as reports.

`ingest` is the door: every record is accepted, a duplicate, or quarantined with its reason, also after a kill.
"""
