"""Other people's methods, each a script that runs in the environment where its package is installed."""
