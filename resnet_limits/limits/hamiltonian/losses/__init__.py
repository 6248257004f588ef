"""Losses of scores `s` and targets `y`, a point each: one file a loss, `loss.py` says what one is.

square               |s - y|^2 / 2
logistic             -log softmax(s) . y; with one score and y = +-1: log(1 + exp(-y s))
squared_hinge        max(0, 1 - y s)^2 / 2,            y = +-1
squared_insensitive  sum over outputs of max(0, |s - y| - epsilon)^2 / 2
"""
