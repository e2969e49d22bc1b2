"""The command line: one file per subject, with its commands and their options."""
