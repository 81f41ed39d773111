"""`perdure` with somebody who attends to it: it stops, as by SIGTERM, when the process that started it is gone.

That process holds the other end of standard input and never writes to it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from perdure.cli.entry import main


def attend() -> None:
    """Waits for the end of standard input."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=attend, name="attend", daemon=True).start()
    main(sys.argv[1:], prog_name="perdure")
