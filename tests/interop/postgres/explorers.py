"""What tools that explore databases send when they connect and open a table.

Sources: the readers of metadata in dbeaver/dbeaver, plugins/org.jkiss.dbeaver.ext.postgresql/model, and postgres.clj of
metabase/metabase, of which the list of tables is asked here.
"""

import psycopg

TABLE_OID = """SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'silver' AND c.relname = 'klines'"""

DESCRIBED = """LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid={0}.oid AND d.objsubid=0 AND d.classoid='{1}'::regclass"""

# Each with the least number of rows; {table} and {schema} are numbers.
DBEAVER = {
    "SELECT current_schema(),session_user": 1,
    "SELECT version()": 1,
    "SHOW search_path": 1,
    "select * from pg_catalog.pg_settings where name='standard_conforming_strings'": 1,
    "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE 1 = 1 AND datallowconn AND NOT datistemplate OR"
    " db.datname ='lake' ORDER BY db.datname": 1,
    f"SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n {DESCRIBED.format('n', 'pg_namespace')}"
    " ORDER BY nspname": 3,
    "SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, "
    f" pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c {DESCRIBED.format('c', 'pg_class')}"
    " WHERE c.relnamespace={schema} AND c.relkind not in ('i','I','c')": 10,
    "SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid"
    " FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid) LEFT OUTER JOIN"
    " pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum) LEFT OUTER JOIN"
    " pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) LEFT OUTER JOIN pg_depend dep on"
    " dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid"
    " WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.oid={table} ORDER BY a.attnum": 18,
    "SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description FROM"
    " pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem  LEFT OUTER JOIN"
    " pg_catalog.pg_class c ON c.oid=t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid WHERE"
    " t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR"
    " et.typcategory <> 'C')": 50,
    "SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,"
    "dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_get_expr(i.indexprs,"
    " i.indrelid, true) as expr,pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,"
    "pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans FROM pg_catalog.pg_index i INNER JOIN"
    " pg_catalog.pg_class c ON c.oid=i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid LEFT OUTER JOIN"
    " pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid WHERE i.indrelid={table} ORDER BY tabrelname, c.relname": 0,
    "SELECT a.oid,a.* FROM pg_catalog.pg_roles a ORDER BY a.rolname": 0,
    "SELECT t.oid,t.*,pg_tablespace_location(t.oid) loc FROM pg_catalog.pg_tablespace t ORDER BY t.oid": 0,
    "SELECT l.oid,l.* FROM pg_catalog.pg_language l ORDER BY l.oid": 0,
    "SELECT e.oid,e.* FROM pg_catalog.pg_extension e ORDER BY e.oid": 0,
    "SELECT * FROM silver.klines LIMIT 200": 200,
}

METABASE = """SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p'
THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END
AS "type", "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count" FROM "pg_catalog"."pg_class" AS
"c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid" LEFT JOIN
"pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" =
'pg_class'::regclass) LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND
("c"."relname" = "stat"."relname") WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND
("n"."nspname" <> 'information_schema') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ('silver')) ORDER
BY "type" ASC, "schema" ASC, "name" ASC"""


def check(url):
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor) as connection:
        table = connection.execute(TABLE_OID).fetchone()[0]
        schema = connection.execute("SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'silver'").fetchone()[0]
        for sql, least in DBEAVER.items():
            sql = sql.replace("{table}", str(table)).replace("{schema}", str(schema))
            cursor = connection.execute(sql)
            rows = [dict(zip([column.name for column in cursor.description], row)) for row in cursor.fetchall()]
            assert len(rows) >= least, f"{len(rows)} rows, not {least}: {sql}"
            if "dsc.description,dep" in sql or "partition_key" in sql:
                assert any(row["description"] for row in rows), f"no description: {sql}"
        rows = connection.execute(METABASE).fetchall()
        assert any(row[1] == "klines" and row[3] for row in rows), f"Metabase's tables are {rows}"
