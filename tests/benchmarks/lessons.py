"""What a lesson of the course takes

From a fresh kernel, top to bottom, one lesson after the other: time on the wall, and the largest memory of the kernel
(resident set size). For a class on one machine, count the memory once for each student.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import psutil
from measure import SMALL, table
from nbclient import NotebookClient

COURSE = Path(__file__).parents[2] / "nbs/course"


class MeasuredClient(NotebookClient):
    "Looks at the memory of its kernel after each cell."

    peak = 0.0  # MB, 2²⁰ bytes

    async def async_execute_cell(self, *args, **options):
        cell = await super().async_execute_cell(*args, **options)
        kernel = psutil.Process(self.km.provisioner.pid)
        with open(f"/proc/{kernel.pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        self.peak = max(self.peak, peak / 1024)
        return cell


def main():
    rows = []
    for file in sorted(COURSE.glob("[0-9]*.ipynb"))[1 : 2 if SMALL else None]:
        with TemporaryDirectory() as folder:
            client = MeasuredClient(nbformat.read(file, 4), timeout=900, resources=dict(metadata=dict(path=folder)))
            start = time.perf_counter()
            client.execute()
            rows.append((file.stem.replace("_", " "), f"{time.perf_counter() - start:.0f}", f"{client.peak:.0f}"))
    print(table(("lesson", "seconds", "MB"), rows))


if __name__ == "__main__":
    main()
