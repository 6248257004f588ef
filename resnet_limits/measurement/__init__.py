"""The values that everybody speaks of: records, jobs, estimates, what is kept of a job, where its numbers are shown."""
