"""Draws page.png: the service's page with its example, in headless Chromium.

pip install -c constraints.txt -e ".[serve,test]" && python docs/images/draw_page.py URL docs/images/page.png

URL is where `secondpass serve` listens.
"""  # noqa: INP001 - a script beside its picture

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

_SIZE = (1200, 800)


def draw(url: str) -> bytes:
    """A PNG of the page once its example has been ranked and nothing moves."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(
            viewport={"width": _SIZE[0], "height": _SIZE[1]}, color_scheme="light", reduced_motion="reduce"
        )
        page.goto(url)
        page.get_by_role("button", name="Example").click()
        page.locator("mark").first.wait_for()
        page.locator("#stop").wait_for(state="hidden")
        picture = page.screenshot(animations="disabled")
        browser.close()
    # 256 colours are a third of the bytes. Maximum coverage keeps those of few pixels, such as an arrow's green.
    reduced = io.BytesIO()
    few = (
        Image.open(io.BytesIO(picture))
        .convert("RGB")
        .quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    few.save(reduced, "PNG", optimize=True)
    return reduced.getvalue()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(draw(sys.argv[1]))
