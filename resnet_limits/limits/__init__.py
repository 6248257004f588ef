"""What is continuous: the limits that networks of growing depth are compared with."""
