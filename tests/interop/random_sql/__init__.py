"""Statements drawn at random over the tables of a lake, answered by the program and by DuckDB, and compared.

`lake` loads the tables into DuckDB and knows their columns. `expressions`, `numbers`, `texts_and_times`, `conditions`,
`aggregates` and `windows` draw parts of statements, `relations`, `joins` and `statements` whole ones, as trees of
`select`.
`engines` asks, `answers` compares, `reasons` lists the differences that are documented, and `reduce` makes a statement
that differs smaller.
"""
