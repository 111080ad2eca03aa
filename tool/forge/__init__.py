"""The forge's REST interface (GitHub's), in one place: standard library only, so that it runs before any install.

Nothing else in the project speaks to the forge. The token is read from the environment, never from an argument.
"""
