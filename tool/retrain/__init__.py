"""Whether to fit a new engine, by policy; and the candidate, which never promotes itself."""
