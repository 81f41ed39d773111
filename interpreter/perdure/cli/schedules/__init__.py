"""`perdure schedules`: schedules and what is done with them. Import its modules directly."""

__all__: list[str] = []
