"""How much memory each open dashboard takes, served by Voilà as `make dashboard` does.

`.venv/bin/python tests/browser/dashboard_memory.py [KERNELS]`: for each dashboard so many are opened, left until
everything is computed, and a band is clicked in one of them. Proportional set size (PSS) counts a page of memory that
n processes share as an n-th of it, so that sums are what the machine gives; resident set size (RSS) counts it in full.
"""

import re
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import psutil
from browser import CHROMIUM, ROOT, click_band, page, server, wait_for_trace

from bpm_nb.dashboards.jobs import IDLE_SERVER_S

APPS = dict(raman_comparison="bands of", kernel_laboratory="best isotropic", your_molecule="bands of harmonic lines")


def kernels(of):
    "Processes of kernels that a server has started, each with its children."
    started = [p for p in psutil.Process(of).children() if "ipykernel" in " ".join(p.cmdline())]
    return [[p, *p.children(recursive=True)] for p in started]


def memory_mb(processes):
    "PSS and RSS of some processes together, MB (2²⁰ bytes); those that have ended meanwhile count nothing."
    sums = [0, 0]
    for process in processes:
        try:
            found = process.memory_full_info()
        except psutil.Error:
            continue
        sums = [sums[0] + found.pss / 2**20, sums[1] + found.rss / 2**20]
    return sums


def wait_until_idle(of, seconds=600):
    "Wait until no kernel of a server has used its core for three seconds; the most that one took meanwhile, PSS, MB."
    quiet, before, most = 0, None, 0
    for _ in range(seconds):
        now = sum(sum(p.cpu_times()[:2]) for tree in kernels(of) for p in tree if p.is_running())
        quiet = quiet + 1 if before is not None and now - before < 0.05 else 0
        most = max([most, *(memory_mb(tree)[0] for tree in kernels(of))])
        if quiet == 3:
            return most
        before = now
        time.sleep(1)
    raise RuntimeError("the kernels are still at work")


def line(of, when):
    "One row of the table."
    trees = kernels(of)
    one, whole = [memory_mb(tree[:1]) for tree in trees], [memory_mb(tree) for tree in trees]
    alone, together = (
        f"{mean(m[0] for m in found):.0f} PSS {mean(m[1] for m in found):.0f} RSS" for found in (one, whole)
    )
    print(f"  {when}: {len(trees)} kernels, MB each: {alone}, with their helpers {together}", flush=True)


def measure(tutorial, n_kernels):
    "Open a dashboard so many times, and print what that takes."
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        options = ["--no-browser", "--Voila.token=", f"--LimitedKernels.max_kernels={n_kernels}"]
        notebook = ROOT / "nbs/apps" / f"{tutorial}.ipynb"
        with server("voila", notebook, folder, options=options) as address:
            own = next(p.pid for p in psutil.Process().children() if "voila" in " ".join(p.cmdline()))
            print(tutorial, flush=True)
            with ThreadPoolExecutor(n_kernels) as pool:
                pool.map(lambda _: urllib.request.urlopen(address, timeout=600).read(), range(n_kernels - 1))
            with page(address) as shown:
                shown.goto(address)
                wait_for_trace(shown, APPS[tutorial])
                most = wait_until_idle(own)
                time.sleep(IDLE_SERVER_S + 5)
                line(own, f"at rest, after at most {most:.0f} MB PSS in one that computes")
                if tutorial == "raman_comparison":
                    click_band(shown, 3)
                    wait_until_idle(own)
                    clicked = max(kernels(own), key=lambda tree: tree[0].create_time())
                    pss, rss = memory_mb(clicked)
                    print(f"  a band was clicked: that one with its helpers {pss:.0f} PSS {rss:.0f} RSS MB", flush=True)
            print("  the server", "{:.0f} PSS {:.0f} RSS MB".format(*memory_mb([psutil.Process(own)])), flush=True)


def main():
    if CHROMIUM is None:
        sys.exit("this needs chromium")
    n_kernels = int(next(filter(re.compile(r"\d+").fullmatch, sys.argv[1:]), 5))
    for tutorial in APPS:
        measure(tutorial, n_kernels)


if __name__ == "__main__":
    main()
