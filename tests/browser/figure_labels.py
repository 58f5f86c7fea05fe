"""Which labels of a figure lie on each other, or are cut off.

`.venv/bin/python tests/browser/figure_labels.py _docs` opens every page of the documentation, 720 and 1280 px wide, and
prints what it finds; nothing, where every label can be read.
"""

import sys
from pathlib import Path

from browser import page

WIDTHS = 720, 1280  # px
ALL_DRAWN = "![...document.querySelectorAll('.plotly-graph-div')].some(d => !d._fullLayout)"
LABELS = """([least, most]) => [...document.querySelectorAll('.js-plotly-plot')].map(plot => {
  const frame = plot.querySelector('.main-svg').getBoundingClientRect();
  const kinds = '.gtitle, .xtitle, .ytitle, .xtick text, .ytick text, .legendtext, .annotation-text, .textpoint text, '
    + '.cbaxis text, .cbtitle text, .infolayer .slider-labels text, .slider-label, .updatemenu-item-text';
  const isSeen = t => t.textContent.trim() && getComputedStyle(t).visibility !== 'hidden' && t.getBBox().width;
  const seen = [...plot.querySelectorAll(kinds)].filter(isSeen);
  const boxes = seen.map(t => ({words: t.textContent.trim(), box: t.getBoundingClientRect()}));
  const found = [];
  boxes.forEach(({words, box}, k) => {
    const across = Math.max(frame.left - box.left, box.right - frame.right);
    if (Math.max(across, frame.top - box.top, box.bottom - frame.bottom) > most) found.push(`cut off: ${words}`);
    boxes.slice(0, k).forEach(({words: others, box: other}) => {
      const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
      const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
      if (Math.min(wide, high) > least) found.push(`${others} × ${words}`);
    });
  });
  return found;
})"""


def colliding_labels(shown, least=2, most=2):
    "For each figure of an open page, its labels that share more than `least` px both ways, or are cut by `most` px."
    return shown.evaluate(LABELS, [least, most])


def main():
    folder = Path(sys.argv[1]).resolve()
    for width in WIDTHS:
        with page("file://", width=width) as shown:
            for file in sorted(folder.rglob("*.html")):
                if "plotly-graph-div" not in file.read_text("utf-8"):
                    continue
                shown.goto(file.as_uri())
                shown.wait_for_function(ALL_DRAWN)
                shown.wait_for_timeout(500)
                for k, found in enumerate(colliding_labels(shown)):
                    for what in found:
                        print(f"{file.relative_to(folder)}, figure {k + 1}, {width} px: {what}", flush=True)


if __name__ == "__main__":
    main()
