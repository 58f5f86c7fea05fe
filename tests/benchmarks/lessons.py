"""What a lesson of the course takes

From a fresh kernel, top to bottom, one lesson after the other: time on the wall, seconds of processors, and the largest
memory of the kernel with all that it starts (proportional set size, looked at ten times a second, and no less than the
largest resident size of the kernel alone). For a class on one machine, count the memory once for each student.

With `--keep FOLDER` the lessons are written there with their results; numbers, as in `5 11`, choose lessons.
"""

import argparse
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from threading import Event, Thread

import nbformat
import psutil
from measure import SMALL, table
from nbclient import NotebookClient

COURSE = Path(__file__).parents[2] / "nbs/course"


def in_processors():
    "Seconds that processes which have ended spent in processors."
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class MeasuredClient(NotebookClient):
    "Looks at the memory of its kernel, and of what that has started, until the last cell is done."

    peak = 0.0  # MB, 2²⁰ bytes

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        self.is_done = Event()
        Thread(target=self.look, args=(psutil.Process(self.km.provisioner.pid),), daemon=True).start()
        return client

    def look(self, kernel):
        while not self.is_done.wait(0.1):
            try:
                tree = [kernel, *kernel.children(recursive=True)]
                together = sum(p.memory_full_info().pss for p in tree) / 2**20
                with open(f"/proc/{kernel.pid}/status") as f:
                    alone = next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024
            except (psutil.Error, OSError, StopIteration):  # a process has just ended
                continue
            self.peak = max(self.peak, together, alone)

    def execute(self, **options):
        try:
            return super().execute(**options)
        finally:
            self.is_done.set()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", type=int, help="numbers of lessons; none: all")
    parser.add_argument("--keep", type=Path, help="folder for the lessons with their results")
    parser.add_argument("--small", action="store_true", help="the first lesson alone")
    a = parser.parse_args()
    rows, chosen = [], [1] if SMALL else a.lessons
    for file in sorted(COURSE.glob("[0-9]*.ipynb"))[1:]:
        if chosen and int(file.name[:2]) not in chosen:
            continue
        with TemporaryDirectory() as folder:
            notebook = nbformat.read(file, 4)
            client = MeasuredClient(notebook, timeout=900, resources=dict(metadata=dict(path=folder)))
            start, before = time.perf_counter(), in_processors()
            client.execute()
        seconds = time.perf_counter() - start, in_processors() - before
        rows.append((file.stem.replace("_", " "), *(f"{s:.0f}" for s in seconds), f"{client.peak:.0f}"))
        print(*rows[-1], file=sys.stderr, flush=True)
        if a.keep:
            a.keep.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, a.keep / file.name)
    print(table(("lesson", "seconds", "processor seconds", "MB"), rows))


if __name__ == "__main__":
    main()
