SELECT
    table_catalog,
    table_schema,
    table_name,
    CAST(NULL AS VARCHAR) AS view_definition,
    'NONE' AS check_option,
    'NO' AS is_updatable,
    'NO' AS is_insertable_into
FROM information_schema.tables
WHERE table_type = 'VIEW'
