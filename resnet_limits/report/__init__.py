"""The report of one or several runs: a page that opens offline, LaTeX tables, BibTeX."""
