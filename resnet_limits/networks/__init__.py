"""What is discrete: vector fields of a block, steps, residual networks, read-in and read-out.

Plain functions on weights stacked over depth, `(r, sets, *shape)`, with replicas `r` in front.
"""
