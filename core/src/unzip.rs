//! unzip
