"""A real Chromium, which tests of pages share within their module."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 15_000  # the machine may be busy


# Playwright's loop counts as running in this thread while it is open, so it must be closed before the next module.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        told = "THE PAGES ARE NOT TESTED: there is no chromium on the path; apt-get install chromium"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()
