//! What several topics of tests share.

pub(crate) mod delta_fixture;
