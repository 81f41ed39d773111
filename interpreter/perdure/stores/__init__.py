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
    Firing,
    Letter,
    NewLetter,
    NewRun,
    NewTask,
    Occurrence,
    OpenAsk,
    RunExists,
    RunRow,
    ScheduleRow,
    SequenceTaken,
    SlotTaken,
    StaleSchedule,
    Store,
    Take,
    TaskRow,
    UpdateRow,
    WorkerRow,
)

__all__ = [
    "OPEN",
    "AskRow",
    "Closing",
    "Commit",
    "Firing",
    "Letter",
    "MemoryFile",
    "MemoryStore",
    "NewLetter",
    "NewRun",
    "NewTask",
    "Occurrence",
    "OpenAsk",
    "RunExists",
    "RunRow",
    "SQLiteStore",
    "ScheduleRow",
    "SequenceTaken",
    "SlotTaken",
    "StaleSchedule",
    "Store",
    "Take",
    "TaskRow",
    "UpdateRow",
    "WorkerRow",
    "open_store",
]
