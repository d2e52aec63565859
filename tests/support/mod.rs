//! What several topics of tests share.

pub(crate) mod archive_server;
pub(crate) mod fetch_bench;
pub(crate) mod recorder;
