"Make the pictures of the front page: `make images`."

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from browser import ROOT, click_band, opened, wait_for_trace


def comparison(images):
    with TemporaryDirectory() as folder:
        notebook = shutil.copy(ROOT / "nbs/apps/raman_comparison.ipynb", folder)
        with opened("voila", Path(notebook), Path(folder)) as page:
            wait_for_trace(page, "bands of")
            page.wait_for_function(
                "() => document.querySelector('.bpm-status').innerText.trim() === ''", timeout=900_000
            )
            page.wait_for_timeout(1000)
            page.locator(".js-plotly-plot").screenshot(path=images / "spectrum.png")
            click_band(page, 5)
            page.wait_for_selector(".bpm-table td")
            page.locator("button.bpm-ellipsoid").click()
            page.mouse.move(5, 5)
            page.wait_for_selector(".bpm-frames[data-ready]", state="attached")
            page.wait_for_timeout(1000)
            top = page.locator(".bpm-samples").bounding_box()["y"] - 10
            page.screenshot(
                path=images / "dashboard.png", clip=dict(x=0, y=top, width=1440, height=min(960, 1200 - top))
            )


def own_molecule(images):
    with TemporaryDirectory() as folder:
        notebook = shutil.copy(ROOT / "nbs/apps/your_molecule.ipynb", folder)
        with opened("voila", Path(notebook), Path(folder)) as page:
            wait_for_trace(page, "bands of harmonic lines")
            page.wait_for_selector(".bpm-lines td")
            click_band(page, 3)
            page.wait_for_selector(".bpm-frames[data-ready]", state="attached")
            page.mouse.move(5, 5)
            page.wait_for_timeout(1000)
            top = page.locator(".bpm-name").bounding_box()["y"] - 10
            page.screenshot(
                path=images / "your_molecule.png", clip=dict(x=0, y=top, width=1440, height=min(900, 1200 - top))
            )


def main():
    images = ROOT / "nbs/images"
    images.mkdir(exist_ok=True)
    comparison(images)
    own_molecule(images)


if __name__ == "__main__":
    main()
