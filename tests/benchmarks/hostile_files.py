"""Mutated files of every format

Each is read or refused in one sentence that names it; seeded, so that each can be made again by its number. Times
are those of the processor, memory is the peak of the process that reads all of a format.
"""

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from measure import SMALL, table  # noqa: E402
from mutations import IN_OWN_PROCESS, MEMORY_MB, READERS, SLOW_S  # noqa: E402

STALLED_S = 120  # without an answer, on a machine that may be busy


def outcomes(name, first, last):
    "[(number, what came of it, seconds, MB)] of mutations, read by processes of their own; one that ends is replaced."
    while first < last:
        command = [sys.executable, TESTS / "mutations.py", name, str(first), str(last)]
        environment = os.environ | dict(
            OMP_NUM_THREADS="1", PYTHONPATH=os.pathsep.join(map(str, (TESTS.parent, TESTS)))
        )
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        started = None
        for line in lines_in_time(worker):
            number = json.loads(line)
            if len(number) == 1:
                started = number[0]
            else:
                yield number
                first = number[0] + 1
        worker.kill()
        code = worker.wait()
        if first < last:
            if started is None or started < first:
                raise RuntimeError(f"the process that reads {name} does not start ({code})")
            yield [started, f"the process ended ({code}) or stalled", STALLED_S, 0]
            first = started + 1


def lines_in_time(worker):
    "Lines that a process prints, until it ends or is silent for too long."
    waiting, rest = selectors.DefaultSelector(), b""
    waiting.register(worker.stdout, selectors.EVENT_READ)
    while waiting.select(STALLED_S):
        if not (piece := os.read(worker.stdout.fileno(), 65536)):
            return
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole


def row(name, first, last):
    "What came of the mutations of a file, as a row of the table; faults go to the error stream."
    found = list(outcomes(name, first, last))
    faults = [f for f in found if f[1] not in ("read", "refused")]
    slow = [f for f in found if f[2] > SLOW_S]
    for k, came, seconds, _ in faults + slow:
        print(f"{name} {k}: {came} ({seconds} s)", file=sys.stderr, flush=True)
    refused = sum(f[1] == "refused" for f in found)
    memory = max(f[3] for f in found)
    slowest = max(f[2] for f in found)
    return [
        name,
        len(found),
        refused,
        len(faults),
        len(slow),
        f"{slowest:.1f}",
        f"{memory}{' !' * (memory > MEMORY_MB)}",
    ]


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    names = [a for a in sys.argv[1:] if a in READERS] or list(READERS)[:: 9 if SMALL else 1]
    rows = [row(name, *(numbers or (0, 4 if SMALL else 40 if name in IN_OWN_PROCESS else 5600))) for name in names]
    print(table(["file", "mutations", "refused", "other errors", "above 5 s", "slowest / s", "memory / MB"], rows))
