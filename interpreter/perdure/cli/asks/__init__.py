"""`perdure asks`: open questions and their answers. Import its modules directly."""

__all__: list[str] = []
