"""`perdure store`: the file that runs are kept in. Import its modules directly."""

__all__: list[str] = []
