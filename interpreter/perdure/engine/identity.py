"""Who this worker is: an id unique per process, and facts by which others on this host see whether it is alive."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from uuid import uuid4

from perdure.stores.store import WorkerRow


def new_worker(lease_until: int) -> WorkerRow:
    """A row for this process; the id is never used again."""
    return WorkerRow(
        id=uuid4().hex,
        host=socket.gethostname(),
        boot=boot(),
        pid=os.getpid(),
        pid_started=pid_started(os.getpid()) or 0,
        lease_until=lease_until,
    )


def is_gone(worker: WorkerRow, now: int) -> bool:
    """Whether a worker is certainly dead, or its lease has ended.

    On the same host the process itself answers: at once, and also for one that hangs no longer than its lease.
    """
    if worker.lease_until <= now:
        return True
    if worker.host != socket.gethostname():
        return False
    if worker.boot != boot():
        return True
    started = pid_started(worker.pid)
    return started is None or (worker.pid_started != 0 and started != worker.pid_started)


def boot() -> str:
    """The kernel's id of this boot (Linux); elsewhere empty, which never tells two boots apart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def pid_started(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; 0 where the system does not say, None where it is gone.

    A zombie is gone: it runs no more code (proc(5), field 3 and 22 of stat).
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return 0 if _exists(pid) else None
    except OSError:
        return 0
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
