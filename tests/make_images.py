"Make the pictures of the front page: `.venv/bin/python tests/make_images.py`."
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from browser import ROOT, opened, wait_for_trace


def main():
    images = ROOT/"nbs/images"
    images.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        notebook = shutil.copy(ROOT/"nbs/tutorials/raman_comparison.ipynb", folder)
        text = Path(notebook).read_text().replace('\\"analyser\\", 90', '\\"natural light, 90°\\", 0')
        Path(notebook).write_text(text)
        with opened("voila", Path(notebook), Path(folder)) as page:
            wait_for_trace(page, "bands of")
            page.wait_for_function("() => document.querySelector('.bpm-status').innerText.trim() === ''", timeout=900_000)
            page.wait_for_timeout(1000)
            page.locator(".js-plotly-plot").screenshot(path=images/"spectrum.png")
            mark = page.locator(".js-plotly-plot .scatterlayer .points path").nth(3).bounding_box()
            page.mouse.move(mark["x"] + mark["width"]/2, mark["y"] + mark["height"]/2)
            page.wait_for_timeout(300)
            page.mouse.down()
            page.mouse.up()
            page.wait_for_selector(".bpm-table td")
            page.mouse.move(5, 5)
            page.wait_for_timeout(3000)
            page.screenshot(path=images/"dashboard.png", clip=dict(x=0, y=0, width=1440, height=900))


if __name__ == "__main__": main()
