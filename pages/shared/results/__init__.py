"""The sections of the Results page, each in a module of its own with `draw(run, results)`."""
