"A browser that opens notebooks in JupyterLab and Voilà, and keeps a record of what it should not see."

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
TOO_LATE = "[anywidget] Failed to initialize model."  # after two seconds; nothing comes for these models, see `Feed`
PATIENCE = 600_000  # ms: the machine may be busy
KERNEL_IS_IDLE = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
RUN_ALL_CELLS = """() => {
  const {commands, shell} = window.jupyterapp;
  if (!shell.leftCollapsed) commands.execute('application:toggle-left-area');
  return commands.execute('notebook:run-all-cells');
}"""
TRACES = """begins => Object.fromEntries(
  [...document.querySelectorAll('.js-plotly-plot')]
    .flatMap(d => d._fullData ?? [])
    .filter(t => (t.name ?? '').startsWith(begins))
    .map(t => [t.name, [Array.from(t.x ?? []), Array.from(t.y ?? [])]])
)"""
HAS_TRACE = """begins => [...document.querySelectorAll('.js-plotly-plot')].some(
  d => d._fullData?.some(t => (t.name ?? '').startsWith(begins))
)"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(folder):
    "Environment of a server that reads and writes nothing of the user's."
    own = dict(
        JUPYTER_CONFIG_DIR="config",
        JUPYTER_DATA_DIR="data",
        JUPYTER_RUNTIME_DIR="runtime",
        IPYTHONDIR="ipython",
        XDG_CACHE_HOME="cache",
        JUPYTERLAB_SETTINGS_DIR="settings",
        JUPYTERLAB_WORKSPACES_DIR="workspaces",
    )
    return (
        os.environ
        | {k: str(folder / v) for k, v in own.items()}
        | dict(JUPYTER_PATH=str(ROOT / "binder"), JUPYTER_CONFIG_PATH=str(ROOT / "binder"))
    )


@contextmanager
def server(app, notebook, folder, python=sys.executable, options=("--no-browser", "--Voila.token=")):
    "Serve a notebook with `lab` or `voila`, to which options may be given; gives its address."
    port = free_port()
    lab = [
        "-m",
        "jupyterlab",
        "--allow-root",
        "--no-browser",
        f"--port={port}",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={notebook.parent}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
    ]
    voila = ["-m", "voila", f"--port={port}", *options, str(notebook)]
    with open(folder / "server.log", "w") as log:
        process = subprocess.Popen(
            [python, *(lab if app == "lab" else voila)],
            env=environment(folder),
            stdout=log,
            stderr=log,
            cwd=notebook.parent,
        )
        try:
            _wait(f"http://127.0.0.1:{port}", process, folder / "server.log")
            yield f"http://127.0.0.1:{port}" + (f"/lab/tree/{notebook.name}" if app == "lab" else "")
        finally:
            process.terminate()
            process.wait(300)


def _wait(address, process, log, seconds=PATIENCE / 1000):
    path = "/voila/static/voila.js" if "voila" in process.args else "/api"
    for _ in range(int(seconds * 5)):
        if process.poll() is not None:
            break
        try:
            return urllib.request.urlopen(address + path, timeout=5)
        except urllib.error.HTTPError:
            return None
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def busy_machine():
    "A process for each core that does nothing but count."
    spin = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(spin) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def page(own, height=1200, width=1440):
    "A page that may reach only addresses that begin with `own`; what stays empty are its `problems` and `outside`."
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = browser.new_page(viewport=dict(width=width, height=height), accept_downloads=True)
        found.set_default_timeout(PATIENCE)
        found.problems, found.outside = [], []

        def pass_on(route):
            if route.request.url.startswith((own, "data:", "blob:")):
                return route.continue_()
            found.outside.append(route.request.url)
            route.abort()

        found.route("**/*", pass_on)
        found.on("console", lambda m: found.problems.append(m.text) if m.type == "error" else None)
        found.on("pageerror", lambda e: found.problems.append(str(e)) if TOO_LATE not in str(e) else None)
        try:
            yield found
        finally:
            browser.close()


@contextmanager
def opened(app, notebook, folder, python=sys.executable, prepare=None, **size):
    """A page with the notebook run; `prepare(page)` comes before its first address.

    `page.started` is when its first cell began, in JupyterLab with the kernel up, in Voilà before there is one.
    """
    with server(app, notebook, folder, python) as address, page(address.split("/lab/")[0], **size) as found:
        if prepare:
            prepare(found)
        found.started = time.perf_counter()
        found.goto(address)
        if app == "lab":
            found.wait_for_function(KERNEL_IS_IDLE)
            found.started = time.perf_counter()
            found.evaluate(RUN_ALL_CELLS)
        yield found


def loses_figures(page):
    """Let a page lose messages with a figure while `page.loses` is True; counts them in `page.lost`."""
    page.loses, page.lost = False, 0

    def connect(socket):
        server = socket.connect_to_server()

        def pass_on(message):
            content = message if isinstance(message, bytes) else message.encode()
            if page.loses and b'"figure"' in content and b'"update"' in content:
                page.lost += 1
            else:
                socket.send(message)

        socket.on_message(server.send)
        server.on_message(pass_on)

    page.route_web_socket("**/channels*", connect)


def traces(page, begins=""):
    "Data of the traces whose name begins so, {name: (x, y)}; arrays as the browser decoded them."
    return page.evaluate(TRACES, begins)


def wait_for_trace(page, begins, patience=PATIENCE):
    page.wait_for_function(HAS_TRACE, arg=begins, timeout=patience)


def picture(locator):
    "Pixels (H, W, 3) of an element."
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def nudge(page, name, steps=4):
    "Move the slider of a trait to the right."
    handle = page.locator(f".bpm-{name} .noUi-handle").first
    handle.focus()
    for _ in range(steps):
        handle.press("ArrowRight")


STOPWATCH = """() => {
  if (window.stopwatch) return;
  window.stopwatch = true;
  document.addEventListener('keydown', () => { window.pressed = performance.now(); window.drawn = null }, true);
  document.querySelectorAll('.js-plotly-plot').forEach(
    d => d.on('plotly_afterplot', () => { window.drawn = performance.now() - window.pressed })
  );
}"""


def redrawn_ms(page, name, times=5):
    "Median time from a key that moves the slider of a trait to the end of the plot that follows."
    page.evaluate(STOPWATCH)
    handle = page.locator(f".bpm-{name} .noUi-handle").first
    handle.focus()

    def once(key):
        handle.press(key)
        page.wait_for_function("window.drawn !== null")
        page.wait_for_timeout(700)
        return page.evaluate("window.drawn")

    return median(once(key) for key in ["ArrowLeft", "ArrowRight"] * times)


COUNT_DRAWN = """
window.drawnByViewer = 0;
for (const {prototype} of [WebGLRenderingContext, WebGL2RenderingContext])
  for (const name of ['drawElements', 'drawArrays', 'drawElementsInstanced', 'drawArraysInstanced'])
    if (prototype[name]) {
      const draw = prototype[name];
      prototype[name] = function (...args) { window.drawnByViewer++; return draw.apply(this, args); };
    }
"""


def counts_what_the_viewer_draws(page):
    "Let a page count in `drawnByViewer` what is drawn by WebGL."
    page.add_init_script(COUNT_DRAWN)


def click_map(page, selector, place, taken, tries=20):
    "Click a place of a plot, in shares of its width and height, until it is taken: see `click_band`."
    plot = page.locator(selector)
    for _ in range(tries):
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
        page.wait_for_timeout(300)
        page.mouse.down()
        page.mouse.up()
        for _ in range(24):
            if taken():
                return
            page.wait_for_timeout(250)
    raise AssertionError("no click was taken")


CIRCLE = """([name, k]) => {
  const plot = document.querySelector('.js-plotly-plot'), box = plot.getBoundingClientRect();
  const trace = plot._fullData.find(t => t.name === `bands of ${name}`);
  const [xaxis, yaxis] = [trace.xaxis, trace.yaxis].map(a => plot._fullLayout[a[0] + 'axis' + a.slice(1)]);
  return [box.left + xaxis._offset + xaxis.d2p(trace.x[k]), box.top + yaxis._offset + yaxis.d2p(trace.y[k])];
}"""


def click_circle(page, name, k, taken, tries=5):
    "Click the circle of a band of one of several curves, a little beside its middle, until it is taken."
    for _ in range(tries):
        x, y = page.evaluate(CIRCLE, [name, k])
        page.mouse.move(x + 2, y + 2)
        page.wait_for_timeout(300)
        page.mouse.down()
        page.mouse.up()
        page.mouse.move(5, 5)
        for _ in range(40):
            if taken():
                return
            page.wait_for_timeout(250)
    raise AssertionError(f"no click on {name} was taken")


def click_band(page, k, tries=20):
    "Click the mark of a band until its table is there: a curve that is drawn anew at this very moment takes no click."
    for _ in range(tries):
        mark = page.locator(".js-plotly-plot .scatterlayer .points path").nth(k)
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(300)
        page.mouse.down()
        page.mouse.up()
        for _ in range(20):
            if page.locator(".bpm-table:has-text('cm⁻¹')").count():
                return
            page.wait_for_timeout(250)
    raise AssertionError("no click was taken")
