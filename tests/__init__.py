"""The tests, and what holds for every process that they start."""

import os
import sys

# They run side by side, each on one processor: threads of linear algebra would only burn time waiting for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Hundreds of processes are started, each of which would compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
