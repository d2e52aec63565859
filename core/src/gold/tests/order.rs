use std::collections::BTreeSet;

use super::file;
use crate::embedded::GOLD_FILES;
use crate::gold::Models;
use crate::names::table::{Layer, TableName};

fn tables() -> BTreeSet<TableName> {
    BTreeSet::from([TableName::new(Layer::Silver, "klines")])
}

fn text(inputs: &str) -> String {
    file(&format!("-- partitions: none\n-- key: symbol\n-- inputs: {inputs}\n"))
}

fn parse(models: &[(&str, &str)]) -> Models {
    let files: Vec<_> =
        models.iter().map(|(name, inputs)| (format!("{name}.sql"), text(inputs))).collect();
    Models::parse(&files, &tables())
}

fn order(models: &Models) -> Vec<&str> {
    models.models().iter().map(crate::gold::Model::name).collect()
}

#[test]
fn a_model_comes_after_all_that_it_reads() {
    let models =
        parse(&[("a", "gold.c, gold.b"), ("b", "gold.d"), ("c", "silver.klines"), ("d", "gold.c")]);
    assert_eq!(order(&models), ["c", "d", "b", "a"]);
    assert_eq!(models.broken(), []);
    assert_eq!(models.with_upstream(["b"]), BTreeSet::from(["b", "c", "d"]));
}

#[test]
fn an_input_that_does_not_exist_is_told_with_those_that_do() {
    let models = parse(&[("a", "silver.kline"), ("b", "gold.a"), ("c", "silver.klines")]);
    let error = &models.broken()[0].error;
    assert_eq!((error.file.as_str(), error.line), ("a.sql", 5));
    let expected =
        "unknown input `silver.kline`; expected one of silver.klines, gold.a, gold.b, gold.c";
    assert_eq!(error.message, expected);
    assert_eq!(order(&models), ["b", "c"], "what reads a broken model is whole itself");
}

#[test]
fn models_that_provisional_rows_may_change_are_those_that_read_them_and_what_reads_these() {
    let models = parse(&[
        ("a", "gold.c"),
        ("b", "silver.klines"),
        ("c", "gold.d, gold.b"),
        ("d", "all.klines"),
        ("e", "all.kline"),
    ]);
    assert_eq!(models.with_provisional(), BTreeSet::from(["a", "c", "d"]));
    let message = &models.broken()[0].error.message;
    assert!(message.starts_with("unknown input `all.kline`; expected one of silver.klines"));
}

#[test]
fn models_that_read_themselves_are_broken_and_told_with_the_way() {
    let models = parse(&[
        ("a", "gold.b"),
        ("b", "gold.c"),
        ("c", "gold.a"),
        ("d", "gold.a"),
        ("e", "gold.e"),
    ]);
    let messages: Vec<_> =
        models.broken().iter().map(|broken| broken.error.message.as_str()).collect();
    assert_eq!(
        messages[0],
        "the model reads itself: gold.a reads gold.b reads gold.c reads gold.a"
    );
    assert_eq!(messages[3], "the model reads itself: gold.e reads gold.e");
    assert_eq!((messages.len(), order(&models)), (4, vec!["d"]));
}

#[test]
fn a_model_with_partitions_needs_an_input_that_has_them() {
    let daily =
        file("-- partitions: market, date\n-- key: market, date, symbol\n-- inputs: gold.whole\n");
    let files = [("daily.sql".to_owned(), daily), ("whole.sql".to_owned(), text("silver.klines"))];
    let models = Models::parse(&files, &tables());
    assert_eq!((order(&models), models.broken()[0].error.line), (vec!["whole"], 5));
    assert!(
        models.broken()[0].error.message.ends_with("say `partitions: none`"),
        "{}",
        models.broken()[0].error
    );
}

#[test]
fn a_model_of_a_user_cannot_take_the_place_of_one_of_the_program() {
    let taken = format!("mine/{}", GOLD_FILES[0].0);
    let files = [
        (taken.clone(), text("silver.klines")),
        ("mine/own.sql".to_owned(), text("silver.klines")),
    ];
    let models = Models::new(&files, &tables());
    let broken = models.broken().iter().find(|broken| broken.error.file == taken).unwrap();
    assert!(
        broken.error.message.contains("is a model of the program; give the file another name"),
        "{}",
        broken.error
    );
    assert!(models.get("own").is_some());
}
