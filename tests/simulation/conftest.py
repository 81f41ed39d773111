"""The simulation stands on the exploring loop of the engine's tests and on the programs of the oracle's."""

import sys
from pathlib import Path

for neighbour in ("engine", "oracle"):
    sys.path.append(str(Path(__file__).parents[1] / neighbour))
