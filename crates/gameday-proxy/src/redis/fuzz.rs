//! What must hold whatever bytes come from a client and a server of Redis.

use bytes::BytesMut;

use super::commands::{CAP, Commands, Piece};
use super::replies::Replies;

/// The first byte says into pieces of what size the rest is cut; as commands, and as replies.
pub fn redis(bytes: &[u8]) {
    let Some((cut, rest)) = bytes.split_first() else {
        return;
    };
    let cut = usize::from(*cut) + 1;
    let [fine, coarse] = [1, cut].map(|cut| commands(rest, cut));
    assert_eq!(fine, coarse, "the same commands however they are cut");
    let [fine, coarse] = [1, cut].map(|cut| replies(rest, cut));
    assert_eq!(fine, coarse, "the same replies however they are cut");
}

/// The names of all commands; every second one is dropped and the others come out whole.
fn commands(stream: &[u8], cut: usize) -> (Vec<String>, Vec<u8>) {
    let (mut commands, mut buffer) = (Commands::default(), BytesMut::new());
    let (mut names, mut passed) = (Vec::new(), Vec::new());
    let mut taken = 0;
    for piece in stream.chunks(cut) {
        buffer.extend_from_slice(piece);
        while let Some(piece) = commands.next(&mut buffer) {
            match piece {
                Piece::Command { name, bytes, .. } => {
                    taken += bytes.len();
                    names.push(name);
                    let dropped = names.len().is_multiple_of(2);
                    commands.settle(dropped);
                    if !dropped {
                        passed.extend_from_slice(&bytes);
                    }
                }
                Piece::Rest(bytes) => {
                    taken += bytes.len();
                    passed.extend_from_slice(&bytes);
                }
            }
        }
        assert!(buffer.len() <= 3 * CAP + cut && taken + buffer.len() <= stream.len());
    }
    if commands.is_lost() {
        assert!(buffer.is_empty(), "what makes no sense passes");
    }
    (names, passed)
}

/// Where replies end that answer commands.
fn replies(stream: &[u8], cut: usize) -> Vec<usize> {
    let (mut replies, mut ends, mut at) = (Replies::default(), Vec::new(), 0);
    for mut piece in stream.chunks(cut) {
        while !piece.is_empty() && !replies.is_lost() {
            let (length, answers) = replies.take(piece);
            assert!(0 < length && length <= piece.len());
            at += length;
            ends.extend(answers.then_some(at));
            piece = &piece[length..];
        }
    }
    ends
}
