//! What tests share.

pub(crate) mod command;
