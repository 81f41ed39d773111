"""`perdure dev`, one file for each of its parts.

`dev` watches and keeps a worker; `affected` says what a change concerns; `round` checks, tests and deploys it in a
process of its own, so that it sees the code as it is now; `attended` is the worker's process.
"""
