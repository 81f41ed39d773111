"""Where runs are kept: one protocol (`store`), on SQLite and in memory."""

from perdure.stores.address import open_store
from perdure.stores.memory import MemoryStore
from perdure.stores.memory_file import MemoryFile
from perdure.stores.sqlite import SQLiteStore
from perdure.stores.store import (
    OPEN,
    AskRow,
    Closing,
    Commit,
    Letter,
    NewLetter,
    NewRun,
    OpenAsk,
    RunExists,
    RunRow,
    SequenceTaken,
    Store,
    UpdateRow,
    WorkerRow,
)

__all__ = [
    "OPEN",
    "AskRow",
    "Closing",
    "Commit",
    "Letter",
    "MemoryFile",
    "MemoryStore",
    "NewLetter",
    "NewRun",
    "OpenAsk",
    "RunExists",
    "RunRow",
    "SQLiteStore",
    "SequenceTaken",
    "Store",
    "UpdateRow",
    "WorkerRow",
    "open_store",
]
