"""Other published memory estimators beside ours, on the same measured runs (`make bench-memory`)."""
