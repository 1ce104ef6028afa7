"""The page of ``handpose demo`` in a real browser: Chromium, without a window; ``nox -s browser`` runs it."""

import shutil
import sys

import numpy as np
import pytest
from core.tests.estimators.small_onehand import write_checkpoint
from core.tests.web.serving import serving

cv2 = pytest.importorskip("cv2")
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WITHOUT_GPU = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE = 240_000  # ms: without a GPU, drawing in 3D takes its time
TRIES = 12

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture
def opened(tmp_path):
    """The page, opened, with an untrained model, and the addresses it has asked for."""
    checkpoint = write_checkpoint(tmp_path / "small.ckpt")
    command = [sys.executable, "-m", "handpose_core.cli.main", "demo", "--checkpoint", str(checkpoint)]
    with serving(command) as address, playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=WITHOUT_GPU)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("text=A hand in 3D")
        yield page, asked, address
        browser.close()


def test_an_example_is_drawn_and_turned_in_3d_and_what_is_no_picture_is_told(opened, tmp_path):
    page, asked, address = opened
    page.locator("button.gallery-item").first.click()
    page.wait_for_selector("text=Mean confidence")
    page.wait_for_selector("text=little_tip", state="attached")
    canvas = page.locator("canvas").first
    before = _seen(canvas, lambda now: now.std() > 5)  # something is drawn
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    _seen(canvas, lambda now: np.abs(now - before).mean() > 1)  # dragging turns it

    page.locator("button[aria-label='Remove Image'], button[title='Remove Image']").first.click()
    page.wait_for_selector("text=Mean confidence", state="detached")
    no_picture = tmp_path / "no-picture.png"
    no_picture.write_text("no picture at all")
    page.locator("input[type=file]").first.set_input_files(no_picture)
    page.wait_for_selector(".toast-body")
    page.locator("button.gallery-item").nth(1).click()  # and the page goes on
    page.wait_for_selector("text=Mean confidence")
    local = (address, "data:", "blob:")
    assert [url for url in asked if not url.startswith(local)] == []


def _seen(element, expected):
    """A picture of the element, once it is as expected."""
    for _ in range(TRIES):
        png = np.frombuffer(element.screenshot(timeout=PATIENCE), np.uint8)
        now = cv2.imdecode(png, cv2.IMREAD_COLOR).astype(np.float64)
        if expected(now):
            return now
    pytest.fail(f"not within {TRIES} looks")
