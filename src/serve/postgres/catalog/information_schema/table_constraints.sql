SELECT
    CAST(NULL AS VARCHAR) AS constraint_catalog,
    CAST(NULL AS VARCHAR) AS constraint_schema,
    CAST(NULL AS VARCHAR) AS constraint_name,
    CAST(NULL AS VARCHAR) AS table_catalog,
    CAST(NULL AS VARCHAR) AS table_schema,
    CAST(NULL AS VARCHAR) AS table_name,
    CAST(NULL AS VARCHAR) AS constraint_type,
    CAST(NULL AS VARCHAR) AS is_deferrable,
    CAST(NULL AS VARCHAR) AS initially_deferred,
    CAST(NULL AS VARCHAR) AS enforced
WHERE false
