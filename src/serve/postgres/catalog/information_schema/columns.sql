SELECT
    'lake' AS table_catalog,
    n.nspname AS table_schema,
    c.relname AS table_name,
    a.attname AS column_name,
    CAST(a.attnum AS INT) AS ordinal_position,
    CAST(NULL AS VARCHAR) AS column_default,
    CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
    CASE WHEN t.typname LIKE '\_%' THEN 'ARRAY' ELSE format_type(a.atttypid, NULL) END AS data_type,
    CAST(NULL AS INT) AS character_maximum_length,
    CAST(NULL AS INT) AS character_octet_length,
    CAST(NULL AS INT) AS numeric_precision,
    CAST(NULL AS INT) AS numeric_precision_radix,
    CAST(NULL AS INT) AS numeric_scale,
    CASE WHEN t.typname LIKE 'timestamp%' THEN 6 WHEN t.typname = 'date' THEN 0 END AS datetime_precision,
    CAST(NULL AS VARCHAR) AS domain_name,
    'lake' AS udt_catalog,
    'pg_catalog' AS udt_schema,
    t.typname AS udt_name,
    'NO' AS is_identity,
    'NEVER' AS is_generated,
    'NO' AS is_updatable
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0
