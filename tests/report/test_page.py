# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The page: its content, its size, and how Chromium shows it at the widths of a phone, a tablet and a screen."""
import html
import re
import shutil

import cv2
import numpy as np
import pytest

from src.report import page as page_module
from src.report.examples import Example
from src.report.page import MAX_PHOTO_BYTES, Section, detection_sections, render_page
from src.report.statistics import curves, errors, match
from tests.support.report.case import empty_plot

# What a text needs more room than its element has, the page more than the window, or a label of a plot more than it.
FAULTS = """async () => {
  const faults = [], is_scrolled = element => element.closest('.scroll');
  if (document.documentElement.scrollWidth > innerWidth) faults.push('the page is wider than the window');
  for (const element of document.querySelectorAll('body *')) {
    const box = element.getBoundingClientRect();
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth && !is_scrolled(element)
        || !is_scrolled(element) && box.right > innerWidth + 1) faults.push(`cut: ${element.textContent.trim()}`);
  }
  for (const image of document.images) {
    if (!image.complete || !image.naturalWidth) faults.push(`not loaded: ${image.alt}`);
    if (!image.src.startsWith('data:image/svg')) continue;
    const source = await (await fetch(image.src)).text(), place = document.createElement('div');
    place.innerHTML = source;
    document.body.append(place);
    const svg = place.querySelector('svg'), frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
          || box.bottom > frame.bottom + 1) faults.push(`cut in ${image.alt}: ${text.textContent}`);
    }
    place.remove();
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if not program:
        pytest.skip("no chromium; as root: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_chromium_shows_the_page_whole(browser, written, width, scheme):
    complaints, requests = [], []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((written / "report.html").as_uri())
    assert page.evaluate(FAULTS) == [] and complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [(written / "report.html").as_uri()]
    assert page.locator("img").count() == 5 + 7 + 3 + 2 + 2 * 3
    # The plots follow the theme of the page.
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    plot = page.locator("img[alt='Loss']").screenshot()
    levels = pixels(plot)
    assert (np.median(levels) > 200) == (scheme == "light") == (background == "rgb(238, 240, 241)")
    # Their text, too.
    assert levels.min() < 60 and levels.max() > 200
    context.close()


def pixels(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_the_figures_of_the_page(written, result):
    page = re.sub(r"(?s)<style>.*?</style>", "", (written / "report.html").read_text())
    shown = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert f"Training {written.name} finished; written 2" in shown
    assert "epochs 4 of 4 loss 2.25 images a second 30.5 best AP 0.5000 " in shown
    assert f"AP {result.ap:.4f} AP50 {result.ap50:.4f} evaluated images 4 objects 16" in shown
    # Above 0.85 three of eight cups are found, one of them twice.
    assert re.search(r"cup 8 \d\.\d{3} \d\.\d{3} 0\.750 0\.375", shown), shown
    assert "none 0 – – – –" in shown and "a ball with <b>a long name</b> & $x_{2$ 4" in shown
    assert "4 images, 16 boxes, 4 classes." in shown


def test_the_page_has_no_markup_of_class_names(written):
    page = (written / "report.html").read_text()
    assert "<b>" not in page and "&lt;b&gt;a long name" in page


def test_photos_that_would_make_the_page_too_large_are_left_out():
    photo = bytes(MAX_PHOTO_BYTES // 4)
    examples = tuple((f"example {number}", Example(number, "", photo, photo)) for number in range(3))
    page = render_page("", "", [], [Section("sheets", sheets=(("a sheet", photo),)), Section("e", examples=examples)])
    assert b"a sheet" in page and b"example 0" in page and b"example 1" not in page
    assert len(page) < 3 * 2**20


def test_a_page_without_an_error(data, result, monkeypatch):
    monkeypatch.setattr(page_module, "render", empty_plot)
    matches = match(data, [])
    sections = detection_sections(data, result, matches, curves(matches), errors(matches, 0.5), [])
    assert sections[-1].note == "No error." and b"No error." in render_page("", "", [], sections)
