"""The black-box tests' worlds and reports, and a browser. Without a Chromium the tests are skipped."""

import importlib.util
import os

import pytest

_file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "conftest.py")
_spec = importlib.util.spec_from_file_location("integration_conftest", _file)
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)

world, authority = _shared.world, _shared.authority
pytest_configure, pytest_runtest_makereport = _shared.pytest_configure, _shared.pytest_runtest_makereport

import browser as chromium  # noqa: E402  (the path has to be set first)


@pytest.fixture
def browser():
    if chromium.program() is None:
        pytest.skip("no chromium here: apt-get install chromium")
    one = chromium.Browser()
    yield one
    one.close()


@pytest.fixture
def visit(browser):
    """visit(node, "#/keys/", width=360): a page of that node. In the end none may have done what no page may."""
    pages = []

    def visit(node, where="", **more):
        page = browser.page(**more)
        page.origin = chromium.origin(node)
        pages.append(page)
        return page.open(page.origin + "/ui/" + where)
    yield visit
    for page in pages:
        faults = page.faults(page.origin)
        page.close()
        assert not faults, faults
