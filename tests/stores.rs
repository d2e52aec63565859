//! Places for a lake that are refused before anything is done, and what to do instead.

use crate::support::command::{Run, lakehouse};

fn status(lake: &str, variables: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut program = lakehouse(folder.path());
    program.args(["status", "--lake", lake]);
    program.envs(variables.iter().copied());
    program.output().unwrap().into()
}

#[test]
fn a_profile_that_is_not_read_is_refused_with_the_command_that_exports_its_keys() {
    let run = status("s3://bucket/lake", &[("AWS_PROFILE", "research")]);
    assert_eq!(run.code, Some(2), "{run}");
    let command = "aws configure export-credentials --profile research --format env";
    assert!(run.stderr.contains(command), "{run}");
}

#[test]
fn stores_of_other_clouds_are_refused_in_words() {
    for lake in ["gs://bucket/lake", "az://container/lake", "abfss://c@account/lake", "hdfs://a/b"]
    {
        let run = status(lake, &[]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("expected a folder or s3://bucket/prefix"), "{run}");
    }
}
