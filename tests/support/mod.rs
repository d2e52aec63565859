//! What several topics of tests share.

pub(crate) mod archive_server;
pub(crate) mod command;
pub(crate) mod csv_oracle;
pub(crate) mod delta_fixture;
pub(crate) mod delta_log;
pub(crate) mod dialect;
pub(crate) mod fetch_bench;
pub(crate) mod figures;
pub(crate) mod gold_scene;
pub(crate) mod http_server;
pub(crate) mod market_model;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod recorder;
pub(crate) mod s3_server;
pub(crate) mod sample_archive;
pub(crate) mod samples;
pub(crate) mod scale;
pub(crate) mod server;
pub(crate) mod shared;
pub(crate) mod silver_rows;
pub(crate) mod statements;
pub(crate) mod terminal;
pub(crate) mod test_lake;
pub(crate) mod tls;
pub(crate) mod zips;
