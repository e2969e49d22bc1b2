"""Tests mirror dsc_core; browser tests and benchmarks lie in folders of their own."""
