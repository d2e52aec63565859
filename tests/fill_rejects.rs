//! Rows of the API that cannot be kept are in `meta.rejects`, once for each time.

use std::process::Stdio;

use crate::fill::{COMPLETE, NOW, Scene, request};
use crate::kill::kill_at;
use crate::support::api_server::Manner;

const REJECTS: &str = "SELECT line, \"column\", value, reason FROM meta.rejects ORDER BY line";
const BROKEN: &str = "2026-05-03T10:00:00Z";

/// A lake that was filled from an API whose bar at ten has no number for a price.
fn filled() -> Scene {
    let scene = Scene::new();
    scene.api.spoil(&[BROKEN]);
    let done = scene.fill(NOW, &[]);
    assert_eq!(done.code, Some(1), "{done}");
    assert!(done.stderr.contains("1 rows of the API cannot be read"), "{done}");
    scene
}

async fn answers(scene: &Scene) -> Vec<String> {
    scene.lake.rows("SELECT DISTINCT archive FROM meta.rejects").await
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_rejected_with_its_place_in_the_answer() {
    let scene = filled();
    assert_eq!(scene.recent().await, "28");
    let rows = scene.lake.rows(REJECTS).await;
    assert!(rows.len() == 1 && rows[0].starts_with("11 | open | much | "), "{rows:?}");
    let answer = scene.lake.value("SELECT DISTINCT archive FROM recent.klines").await;
    assert_eq!(answers(&scene).await, [answer]);
    let run = "SELECT count(*) FROM meta.rejects JOIN meta.runs USING (run)
               WHERE rejected_rows = 1 AND outcome = 'incomplete'";
    assert_eq!(scene.lake.value(run).await, "1");
    let report = scene.lake.run("report", &[]);
    assert!(report.stdout.contains("\"value\":\"much\""), "the report lists it");
}

#[tokio::test]
async fn a_later_answer_replaces_the_rejects_of_an_earlier_one_and_a_reused_one_none() {
    let scene = filled();
    let first = answers(&scene).await;
    scene.api.take_seen();
    assert_eq!(scene.fill(NOW, &[]).code, Some(1));
    let expected = request(BROKEN, "2026-05-03T11:00:00Z", 1);
    assert_eq!(scene.api.take_seen(), [expected]);
    let second = answers(&scene).await;
    assert!(second.len() == 1 && second != first, "{second:?}");
    let versions = scene.lake.versions();
    let again = scene.fill(NOW, &[]);
    assert!(again.code == Some(1) && scene.api.take_seen().is_empty(), "{again}");
    assert_eq!(scene.lake.versions()["meta/rejects"], versions["meta/rejects"]);
    scene.api.spoil(&[]);
    assert_eq!(scene.fill("2026-05-04T05:50:00Z", &[]).code, Some(0));
    assert!(answers(&scene).await.is_empty(), "the row can be read by now");
    assert_eq!(scene.all().await, COMPLETE);
}

#[tokio::test]
async fn a_fill_that_is_killed_before_its_rows_land_records_its_rejects_once() {
    let folder = tempfile::tempdir().unwrap();
    let steps = ["after commit meta.rejects", "before commit recent.klines"];
    for (number, step) in steps.into_iter().enumerate() {
        let scene = Scene::new();
        scene.api.spoil(&[BROKEN]);
        let marker = folder.path().join(format!("reached-{number}"));
        let mut command = scene.fill_command(NOW, &[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(kill_at(command, step, &marker), "never came to `{step}`");
        scene.api.take_seen();
        assert_eq!(scene.fill(NOW, &[]).code, Some(1));
        assert_eq!(scene.api.take_seen(), [""; 0], "the answer was kept before `{step}`");
        assert_eq!(scene.lake.rows(REJECTS).await.len(), 1, "killed at `{step}`");
        assert_eq!(scene.recent().await, "28", "killed at `{step}`");
    }
}

#[tokio::test]
async fn rejects_leave_when_the_archive_has_the_time() {
    let scene = filled();
    scene.publish("2026-05-03", "1.5");
    assert_eq!(scene.ingest().code, Some(0));
    assert_eq!(answers(&scene).await.len(), 1, "the last day of the answer is not published");
    scene.publish("2026-05-04", "1.5");
    let mut command = scene.ingest_command();
    let done = command.env("LAKEHOUSE_TEST_CLOCK", "2026-05-05T05:30:00Z").output().unwrap();
    assert!(done.status.success());
    assert!(answers(&scene).await.is_empty());
}

#[tokio::test]
async fn bars_off_their_grid_are_rejected_one_by_one() {
    let scene = Scene::new();
    scene.api.set_manner(Manner::Shifted);
    assert_eq!(scene.fill(NOW, &[]).code, Some(1));
    let rows = scene.lake.rows(REJECTS).await;
    let first = "1 | open_time | 2026-05-03T00:30:00.000Z | \
                 rows begin every 3600 s, and none begins then";
    assert_eq!((rows.len(), rows[0].as_str()), (29, first));
}

#[tokio::test]
async fn a_series_that_is_removed_loses_its_rejects() {
    let scene = filled();
    let removed = scene.lake.run("remove", &["--symbol", "BTCUSDT"]);
    assert_eq!(removed.code, Some(0), "{removed}");
    assert!(answers(&scene).await.is_empty());
}
