"""Values that say what they are: a sentence and lines of facts, in a terminal and, as a table, in a notebook."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Mapping

from .printable import printable


class InWords(ABC):
    """A value that is shown by a headline and some facts, each with its name."""

    @abstractmethod
    def headline(self) -> str:
        """One line: what it is, and what came out."""

    def facts(self) -> Mapping[str, str]:
        """What else there is to say, by name."""
        return {}

    def __repr__(self) -> str:
        facts = self.facts()
        width = max(map(len, facts), default=0)
        lines = [f"  {name:<{width}}  {words}" for name, words in facts.items()]
        return printable("\n".join([self.headline(), *lines]))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(words)}</td></tr>"
            for name, words in self.facts().items()
        )
        return printable(f"<p><b>{html.escape(self.headline())}</b></p>" + (f"<table>{rows}</table>" if rows else ""))
