//! Parts of what clients send that the engine cannot plan, and what they come to here.

use std::ops::Range;

/// Each with what it comes to. Any white space is as good as another, and so are capital letters.
const REPLACED: &[(&str, &str)] = &[
    // psql 15, `\d+`: the options of a table, of which there are none.
    (
        "pg_catalog.array_to_string(c.reloptions || array(select 'toast.' || x from \
         pg_catalog.unnest(tc.reloptions) x), ', ')",
        "''",
    ),
    // ADBC, at its start: functions of types, which are numbers in PostgreSQL and names here.
    ("(typreceive != 0 OR typsend != 0)", "true"),
    // DBeaver and Metabase: the number of the table to whose rows all comments belong.
    ("'pg_class'::regclass", "(SELECT min(classoid) FROM pg_catalog.pg_description)"),
    // pgjdbc, `getPrimaryKeys`, `getIndexInfo` and the like: places in the keys of indexes, of
    // which there are none.
    ("(information_schema._pg_expandarray(i.indkey)).n", "1"),
    ("information_schema._pg_expandarray(i.indkey)", "1"),
    ("(result.KEYS).x", "result.KEYS"),
    ("(i.keys).x", "i.keys"),
    ("tmp.I_INDOPTION[tmp.ORDINAL_POSITION - 1] & 1::smallint", "0"),
    // Metabase, its list of indexes.
    ("(information_schema._pg_expandarray(\"i\".\"indkey\")).\"n\"", "1"),
    // pgjdbc, `getTypeInfo` and `getUDTs`: whether a type is that of a row, which none is.
    ("(SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid)", "false"),
    // pgjdbc, `getUDTs`: the type that a type is made of, of which there is one at most.
    ("(select CASE when base_type.oid =", "(select max(CASE when base_type.oid ="),
    ("else 1111 end from pg_type base_type", "else 1111 end) from pg_type base_type"),
    // pgjdbc, where it meets a type: whether it is an array.
    ("typinput='pg_catalog.array_in'::regproc", "typinput = 'array_in'"),
    // Grafana 9 to 12, its lists of tables and columns: the schemas of the search path.
    (
        "SELECT CASE WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END FROM \
         generate_series( array_lower(string_to_array(current_setting('search_path'),','),1), \
         array_upper(string_to_array(current_setting('search_path'),','),1) ) as i, \
         string_to_array(current_setting('search_path'),',') s",
        "'silver', 'gold', 'meta'",
    ),
];

/// Returns a statement with what the engine can plan in place of what it cannot.
pub(super) fn plannable(sql: &str) -> String {
    let mut sql = sql.to_owned();
    for (part, replacement) in REPLACED {
        while let Some(range) = find_words(&sql, part) {
            sql.replace_range(range, replacement);
        }
    }
    sql
}

/// Returns where a text has words in their order, in small or capital letters, with any white space
/// between them.
fn find_words(text: &str, words: &str) -> Option<Range<usize>> {
    let first = words.chars().next()?;
    let is_first = |sign: char| sign.eq_ignore_ascii_case(&first);
    for (start, _) in text.match_indices(is_first) {
        if let Some(rest) = without_words(&text[start..], words) {
            return Some(start..text.len() - rest.len());
        }
    }
    None
}

/// Returns what follows the words with which a text begins.
fn without_words<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let mut rest = text;
    for word in words.split_whitespace() {
        let (begin, after) = rest.trim_start().split_at_checked(word.len())?;
        if !begin.eq_ignore_ascii_case(word) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::plannable;
    use crate::serve::postgres::settings::SEARCH_PATH;

    #[test]
    fn the_search_path_that_grafana_asks_for_is_the_one_that_there_is() {
        let sql = "x IN (\n  SELECT\n    CASE WHEN trim(s[i]) = '\"$user\"' THEN user ELSE \
                   trim(s[i]) END\n FROM\n generate_series(\n array_lower(string_to_array(\
                   current_setting('search_path'),','),1),\n array_upper(string_to_array(\
                   current_setting('search_path'),','),1)\n ) as i,\n string_to_array(\
                   current_setting('search_path'),',') s\n) AND y";
        let schemas: Vec<_> = SEARCH_PATH.split(", ").map(|name| format!("'{name}'")).collect();
        assert_eq!(plannable(sql), format!("x IN (\n  {}\n) AND y", schemas.join(", ")));
    }
}
