SELECT
    'lake' AS table_catalog,
    n.nspname AS table_schema,
    c.relname AS table_name,
    CASE c.relkind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type,
    'NO' AS is_insertable_into,
    'NO' AS is_typed
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v')
