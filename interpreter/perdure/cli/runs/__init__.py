"""`perdure runs`: look into runs and act on them. Import its modules directly."""

__all__: list[str] = []
