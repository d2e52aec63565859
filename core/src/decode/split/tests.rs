use super::*;

type Row = (u32, Vec<String>);
type BadLine = (u32, Option<usize>);

/// Splits a block and shows its rows, the lines they stand on, and the lines that are none.
fn split(text: &str, fields: usize, limit: usize) -> (Vec<Row>, Vec<BadLine>, String) {
    let mut buffer = text.as_bytes().to_vec();
    let mut rows = SplitRows::default();
    let stop = rows.split(&mut buffer, 0, fields, limit);
    let field = |row, field| String::from_utf8(rows.field(&buffer, row, field).to_vec()).unwrap();
    let found = (0..rows.len())
        .map(|row| (rows.line(row), (0..fields).map(|at| field(row, at)).collect()))
        .collect();
    for at in 0..fields {
        let column: Vec<&[u8]> = rows.column(&buffer, at).collect();
        assert!(column.iter().enumerate().all(|(row, text)| *text == rows.field(&buffer, row, at)));
    }
    (
        found,
        rows.malformed().iter().map(|line| (line.line, line.fields)).collect(),
        text[stop..].to_owned(),
    )
}

fn row(line: u32, fields: &[&str]) -> Row {
    (line, fields.iter().map(|field| (*field).to_owned()).collect())
}

#[test]
fn complete_lines_are_split_and_the_rest_is_left() {
    let (rows, malformed, rest) = split("a,b,c\n1,,333333333333\r\n,,\nd,e", 3, 100);
    assert_eq!(
        rows,
        [row(0, &["a", "b", "c"]), row(1, &["1", "", "333333333333"]), row(2, &["", "", ""])]
    );
    assert_eq!((malformed, rest.as_str()), (vec![], "d,e"));
}

#[test]
fn a_limit_stops_behind_the_last_row_that_is_wanted() {
    for limit in 1..=3 {
        let (rows, _, rest) = split("a,b\n\nbad\n\"c\",d\ne,f\ng,h\n", 2, limit);
        assert_eq!(rows.len(), limit);
        assert_eq!(rest, ["\nbad\n\"c\",d\ne,f\ng,h\n", "e,f\ng,h\n", "g,h\n"][limit - 1]);
    }
}

#[test]
fn lines_that_are_no_rows_keep_their_numbers() {
    let (rows, malformed, _) = split("a,b\nx\n\n1,2,3\n\"open,y\nc,d\n\"p\",\"q\",r\n", 2, 100);
    assert_eq!(rows, [row(0, &["a", "b"]), row(5, &["c", "d"])]);
    assert_eq!(malformed, [(1, Some(1)), (3, Some(3)), (4, None), (6, Some(3))]);
}

#[test]
fn quotes_are_taken_off_and_what_they_hold_is_kept() {
    let (rows, malformed, _) =
        split("\"a\",\"b,\"\"c\"\"\"\n1,2\n,\"\"\n\"\",x\r\n\" \",\"\"\"\"\n", 2, 100);
    let expected = [
        row(0, &["a", "b,\"c\""]),
        row(1, &["1", "2"]),
        row(2, &["", "\"\""]),
        row(3, &["\"\"", "x"]),
        row(4, &[" ", "\""]),
    ];
    assert_eq!((rows, malformed.len()), (expected.to_vec(), 0));
}

#[test]
fn every_byte_below_the_first_plain_one_is_found_and_no_other() {
    for at in 0..8 {
        for byte in 0..=u8::MAX {
            for filler in [b'0', 0xFF, 0x80, b'z'] {
                let mut word = [filler; 8];
                word[at] = byte;
                let expected = if byte < FIRST_PLAIN { 0x80 << (at * 8) } else { 0 };
                assert_eq!(marks(word), expected, "{word:?}");
            }
        }
    }
}

#[test]
fn a_quoted_line_is_split_by_the_general_reader() {
    let fields = |line: &str| unquoted_fields(line.as_bytes()).map(|fields| fields.concat());
    assert_eq!(fields("\"\",\"\""), Some(Vec::new()));
    assert_eq!(fields("\"a"), None);
    assert_eq!(unquoted_fields(b"\"\",").unwrap().len(), 2);
    assert_eq!(unquoted_fields(b"\"\"").unwrap().len(), 1);
}
