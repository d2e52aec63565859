SELECT
    'lake' AS catalog_name,
    nspname AS schema_name,
    'lake' AS schema_owner
FROM pg_catalog.pg_namespace
