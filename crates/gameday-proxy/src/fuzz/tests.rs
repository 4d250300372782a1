//! The corpus, and a few thousand mutations of it, on every run of the tests.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 7] = [
    ("tls_hello", super::tls_hello),
    ("postgres", super::postgres),
    ("redis", super::redis),
    ("dns", super::dns),
    ("config", super::config),
    ("toxic", super::toxic),
    ("link", super::link),
];

#[test]
fn no_bytes_of_the_corpus_and_none_near_it_break_a_promise() {
    let mut rng = StdRng::seed_from_u64(1);
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fuzz/corpus")
            .join(name);
        let files =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let corpus: Vec<Vec<u8>> = files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(!corpus.is_empty(), "{name} has a corpus");
        corpus.iter().for_each(|bytes| target(bytes));
        for _ in 0..1_000 {
            let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
            mutate(&mut rng, &mut bytes);
            target(&bytes);
        }
    }
}

fn mutate(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..8) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => bytes.insert(at, rng.random()),
        }
    }
}
