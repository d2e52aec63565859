SELECT
    CAST(NULL AS VARCHAR) AS constraint_catalog,
    CAST(NULL AS VARCHAR) AS constraint_schema,
    CAST(NULL AS VARCHAR) AS constraint_name,
    CAST(NULL AS VARCHAR) AS table_catalog,
    CAST(NULL AS VARCHAR) AS table_schema,
    CAST(NULL AS VARCHAR) AS table_name,
    CAST(NULL AS VARCHAR) AS column_name,
    CAST(NULL AS INT) AS ordinal_position,
    CAST(NULL AS INT) AS position_in_unique_constraint
WHERE false
