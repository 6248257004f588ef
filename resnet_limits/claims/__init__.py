"""What a paper predicts, what was measured, and the verdict.

    claim.py    what a claim is
    order.py    the order of convergence and its interval
    judge.py    records and a claim -> a verdict

Nothing is imported here: `claim` and `order` stay free of pandas.
"""
