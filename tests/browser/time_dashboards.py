"""How long the dashboards take to open, from the first cell to the first whole plot, and to draw again.

`.venv/bin/python tests/browser/time_dashboards.py [TUTORIAL] [lab|voila] [idle|busy]`, with nothing else at work: each
in JupyterLab and in Voilà, on an idle machine, and with a process for each core that does nothing but count.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from browser import CHROMIUM, ROOT, busy_machine, click_band, environment, opened, redrawn_ms, wait_for_trace

FIRST = dict(
    raman_comparison=("raman_compare", "bands of"), kernel_laboratory=("kernel_lab", "parity isotropic")
)  # tutorial: its function, a trace that a whole plot has
WHOLE = dict(
    raman_comparison="bands of", kernel_laboratory="best isotropic"
)  # a trace that is there when nothing runs any more
SLIDERS = dict(raman_comparison=("resolution_cm1", "temperature_K"), kernel_laboratory=("gamma", "lam"))
KERNEL = """
import asyncio, time
start = time.perf_counter()
async def opened():
    from bpm_nb.dashboards import {0}
    imported, dashboard = time.perf_counter(), {0}()
    built = time.perf_counter()
    while not any((trace.get("name") or "").startswith("{1}") for trace in dashboard.plot.figure["data"]):
        await asyncio.sleep(0.01)
    print(f"{{time.perf_counter() - start:.1f}} s (import {{imported - start:.1f}}, widgets {{built - imported:.1f}})")
    dashboard.state.cancel()
asyncio.run(opened())
"""


def in_a_kernel(tutorial, folder):
    "What the kernel needs, with no results kept from before, as text."
    return subprocess.run(
        [sys.executable, "-c", KERNEL.format(*FIRST[tutorial])],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def control_times(page, tutorial):
    "How long the plot takes to follow its controls, as text."
    return ", ".join(f"{name} {redrawn_ms(page, name):.0f} ms" for name in SLIDERS[tutorial])


def in_a_browser(tutorial, app, folder):
    "What a person sees, with no results kept from before, as text."
    (folder / "notebooks").mkdir()
    notebook = Path(shutil.copy(ROOT / "nbs/apps" / f"{tutorial}.ipynb", folder / "notebooks"))
    with opened(app, notebook, folder) as page:
        wait_for_trace(page, FIRST[tutorial][1])
        first = time.perf_counter() - page.started
        wait_for_trace(page, WHOLE[tutorial])
        text = f"first plot {first:.1f} s; drawn again after {control_times(page, tutorial)}"
        if tutorial == "raman_comparison":
            click_band(page, 2)
            page.wait_for_selector(".bpm-frames[data-ready]", state="attached")
            text += f"; while the molecule moves {control_times(page, tutorial)}"
        return text


APPS = dict(lab="kernel up", voila="kernel start included")
MACHINES = dict(idle=nullcontext, busy=busy_machine)


def in_browsers(tutorial, apps, machines):
    "Print the times of a dashboard in each app on each machine."
    for machine in machines:
        for app in apps:
            with TemporaryDirectory() as folder, MACHINES[machine]():
                times = in_a_browser(tutorial, app, Path(folder))
            print(f"{tutorial}, {app}, {APPS[app]}, {machine} machine: {times}", flush=True)


def chosen(names):
    "Those of the names that are among the arguments; all, if none is."
    return [name for name in names if name in sys.argv[1:]] or list(names)


def main():
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if unknown := set(sys.argv[1:]) - {*FIRST, *APPS, *MACHINES}:
        sys.exit(f"{min(unknown)!r} is none of {', '.join([*FIRST, *APPS, *MACHINES])}")
    for tutorial in chosen(FIRST):
        with TemporaryDirectory() as os.environ[
            "PYTHONPYCACHEPREFIX"
        ]:  # Python compiles every module that is imported for the first time
            for times in ("first time after installation", "again"):
                with TemporaryDirectory() as folder:
                    print(f"{tutorial}, kernel alone, {times}: {in_a_kernel(tutorial, Path(folder))}", flush=True)
            if CHROMIUM:
                in_browsers(tutorial, chosen(APPS), chosen(MACHINES))


if __name__ == "__main__":
    main()
