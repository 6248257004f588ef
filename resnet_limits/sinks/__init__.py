"""Programs that show numbers while jobs run, a file each in `programs/`; `measurement/sink.py` says what a sink is.

What a sink sees never changes a result, and a sink that fails never fails a job.
"""
