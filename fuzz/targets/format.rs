#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lakehouse_fuzz::format(bytes));
