"""Programs that show numbers while jobs run: `sink.py` says what one is, one file each.

What a sink sees never changes a result, and a sink that fails never fails a job.
"""
