"""`perdure activities`: what is installed, its schemas, and one call. Import its modules directly."""

__all__: list[str] = []
