//! Provisional days in the report and in what the served page reads.

use serde_json::{Value, json};

use crate::fill::{NOW, Scene};
use crate::report_page::data_of;
use crate::serve::Server;
use crate::serve_views::read;
use crate::shell::pipe;

/// Two days of the archive, and two that only the API has, the second of which is not over.
fn filled() -> Scene {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    scene
}

fn report(scene: &Scene, flags: &[&str]) -> Value {
    let run = scene.lake.run("report", flags);
    assert_eq!(run.code, Some(0), "{run}");
    data_of(&run.stdout)
}

fn table<'a>(tables: &'a Value, name: &str) -> &'a Value {
    let mut tables = tables.as_array().unwrap().iter();
    tables.find(|table| table["name"] == name).unwrap()
}

/// Checks a series with its days, as both pages read it.
async fn check_series(scene: &Scene, series: &Value) {
    assert_eq!((&series["start"], &series["runs"]), (&json!("2026-05-01"), &json!("2h1a1a")));
    assert_eq!((&series["held"], &series["rows"]), (&json!(2), &json!(48)));
    let provisional = json!({"table": "recent.klines", "rows": 29, "days": 2});
    assert_eq!(series["provisional"], provisional);
    let answer = scene.lake.value("SELECT DISTINCT archive FROM recent.klines").await;
    let details = json!([[1, format!("24 rows of {answer}")], [2, format!("5 rows of {answer}")]]);
    assert_eq!(series["details"], details);
}

fn check_totals(totals: &Value) {
    let expected = json!([{"table": "recent.klines", "rows": 29, "first_day": "2026-05-03",
                           "last_day": "2026-05-04"}]);
    assert_eq!(*totals, expected);
}

#[tokio::test]
async fn the_report_marks_days_that_only_the_api_has() {
    let scene = filled();
    let data = report(&scene, &[]);
    check_series(&scene, &data["series"][0]).await;
    check_totals(&data["provisional"]);
    let mut states = data["states"].as_array().unwrap().iter();
    let state = states.find(|state| state["code"] == "a").unwrap();
    assert_eq!((&state["name"], &state["kind"]), (&json!("provisional"), &json!("provisional")));
    let until = report(&scene, &["--end", "2026-05-03"]);
    assert_eq!(until["series"][0]["runs"], "2h1a", "days out of the selection are left out");
}

#[test]
fn the_calendar_of_a_status_has_a_sign_for_them() {
    let scene = filled();
    let status = scene.lake.run("status", &[]);
    assert!(status.stdout.contains("2026-05  ■■◇◇\n"), "{status}");
    assert!(status.stdout.contains("■ held   ◇ provisional\n"), "{status}");
}

#[tokio::test]
async fn the_served_page_marks_them_and_counts_their_rows_by_table() {
    let scene = filled();
    let server = Server::start(&scene.lake, &[]);
    let coverage = read(&server, "/api/coverage.json").await;
    check_series(&scene, &coverage["series"][0]).await;
    assert_eq!(
        (&coverage["first"], &coverage["last"]),
        (&json!("2026-05-01"), &json!("2026-05-04"))
    );
    let overview = read(&server, "/api/overview.json").await;
    check_totals(&overview["provisional"]);
    let tables = read(&server, "/api/tables.json").await;
    for tables in [&overview["tables"], &tables] {
        assert_eq!(table(tables, "silver.klines")["provisional"], "29");
        let recent = table(tables, "recent.klines");
        assert_eq!((&recent["rows"], &recent["provisional"]), (&json!("29"), &Value::Null));
    }
    let columns = |name| {
        let columns = table(&tables, name)["columns"].as_array().unwrap();
        let described = columns.iter().filter(|column| column["description"].is_string()).count();
        (columns.len(), described)
    };
    assert_eq!(columns("recent.klines"), columns("silver.klines"));
    let commits = read(&server, "/api/history.json?table=recent.klines").await;
    assert_eq!((&commits[0]["rows_added"], &commits[0]["archives"]), (&json!(29), &json!(1)));
}

#[tokio::test]
async fn the_served_page_follows_a_fill_and_the_archive_after_it() {
    let scene = Scene::new();
    let server = Server::start(&scene.lake, &[]);
    let runs = async || read(&server, "/api/coverage.json").await["series"][0]["runs"].take();
    assert_eq!(runs().await, "2h");
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    wait_for(&runs, "2h1a1a").await;
    scene.publish("2026-05-03", "1.5");
    assert_eq!(scene.ingest().code, Some(0));
    wait_for(&runs, "3h1a").await;
}

/// Waits until the days of a series are these: a commit is seen after two seconds at most.
async fn wait_for(runs: &impl AsyncFn() -> Value, expected: &str) {
    let begin = std::time::Instant::now();
    loop {
        let found = runs().await;
        if found == expected {
            return;
        }
        assert!(begin.elapsed().as_secs() < 30, "the days stay {found}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_day_that_an_archive_owns_is_held_whatever_else_there_is_of_it() {
    let scene = filled();
    scene.publish_bars("1h", crate::fill::HOUR, "2026-05-03", "1.5", |hour| hour != 7);
    assert_eq!(scene.ingest().code, Some(0));
    let series = report(&scene, &[])["series"][0].take();
    assert_eq!(series["runs"], "3h1a");
    let provisional = json!({"table": "recent.klines", "rows": 6, "days": 2});
    assert_eq!(series["provisional"], provisional);
}

#[test]
fn the_shell_describes_provisional_tables_and_those_that_have_both() {
    let scene = filled();
    let described = |table: &str| {
        let run = pipe(&scene.lake, &[], &format!("\\d {table}\n"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
        run.stdout
    };
    let silver = described("silver.klines");
    assert_eq!(described("recent.klines"), silver);
    let both = described("all.klines");
    let (columns, note) = both.trim_end().rsplit_once('\n').unwrap();
    assert!(silver.starts_with(columns), "{both}");
    assert_eq!(note, "silver.klines, with what is only in recent.klines");
    let unknown = pipe(&scene.lake, &[], "\\d all.nothing\n");
    assert!(unknown.code != Some(0) && unknown.stderr.contains("all.nothing"), "{unknown}");
}

#[tokio::test]
async fn a_lake_that_was_never_filled_has_no_word_of_it() {
    let scene = Scene::new();
    let data = report(&scene, &[]);
    assert_eq!(
        (&data["provisional"], &data["series"][0]["provisional"]),
        (&Value::Null, &Value::Null)
    );
    let server = Server::start(&scene.lake, &[]);
    for path in ["/api/overview.json", "/api/coverage.json", "/api/tables.json"] {
        let text = read(&server, path).await.to_string();
        assert!(!text.contains("\"provisional\""), "{path}: {text}");
    }
}
