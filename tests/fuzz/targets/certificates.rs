#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gameday_probe::fuzz::certificates(bytes));
