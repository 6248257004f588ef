"""The command `reslim`: one file a command; the only place that knows Typer, rich and the terminal."""
