"""`perdure test`, one file for each of its parts."""
