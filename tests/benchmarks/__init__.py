"""Measurements run by hand; nothing here is a test and no test asserts a time."""
