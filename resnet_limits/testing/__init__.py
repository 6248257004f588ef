"""Laws as test classes, for parts of your own: inherit, say which part it is, and run pytest.

    from resnet_limits.testing.path_laws import PathLaws

    class TestMyLaw(PathLaws):                    # a law of weights, and what it says of its regularity
        law = MyLaw()

        def covariance(self, s, t):               # in units of sigma^2, at times in units of the horizon
            return torch.cos(2 * math.pi * (s - t))

Needs pytest and scipy. What a part returns is tried before every run as well, by its shapes.
"""
