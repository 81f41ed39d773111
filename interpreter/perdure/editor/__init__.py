"""What an editor asks of a definition: completion, hover, where things stand, renaming, quick fixes.

Pure functions from a text and an index to an answer; `server` alone speaks the protocol. `tolerant` reads what is half
written, `analysis` makes of it what the checks make of a whole definition, and the files beside it answer one question
each.
"""
