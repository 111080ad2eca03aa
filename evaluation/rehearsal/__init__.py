"""`make rehearse`: twelve weeks of a simulated fleet, through the real commands and the real workflow files.

`truth` is the world: what runs need and how they end. It imports nothing of the project, so that no forecast can be
right because it was written down twice. `fleet` asks and trains, `world` is a forge with a repository, `play` is the
calendar, `findings` says what must have come out, and `report` tells it.
"""
