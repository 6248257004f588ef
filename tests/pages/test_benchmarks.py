"""The page of the benchmarks is that of what they printed."""

from __future__ import annotations

from tests.benchmarks import page


def test_the_committed_page_is_that_of_what_is_kept():
    """After a change of words: `python -m tests.benchmarks.page --write`."""
    assert page.PAGE.read_text(encoding="utf-8") == page.page()
    assert all(f"## {name}: " in page.page() for name in page.NAMES)
