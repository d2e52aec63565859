"""Readers of Delta tables: one module each, with a class `Reader` that has `aggregates(table)` and `counts(table)`.

Figures are texts, or None for NULL, under keys such as `close.min` and `where close = max`. A reader that fails says why.
"""
