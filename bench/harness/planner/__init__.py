"""What `ringfold-bench compare` and `ringfold-bench capacity` are made of. One concept a file; the
traffic itself is driven by `ringfold-bench load`, the null servers are `ringfold-bench backend`."""
