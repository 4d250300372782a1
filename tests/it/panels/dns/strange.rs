//! Name servers that are wrong in one way each, and no server that can be installed is: they answer by hand.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use super::Said;
use crate::support::Sandbox;

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;
/// Bits of the third byte of a message (RFC 1035, 4.1.1).
const AA: u8 = 4;
const TC: u8 = 2;

/// What is answered: to the question, the A and AAAA of this name.
#[derive(Clone, Copy)]
struct Way {
    flags: u8,
    code: fn(is_aaaa: bool) -> u8,
    ttl: u32,
    address: [u8; 4],
    delay: Duration,
    /// Changes the finished answer.
    spoil: fn(&mut Vec<u8>),
}

const GOOD: Way = Way {
    flags: AA,
    code: |_| NOERROR,
    ttl: 60,
    address: [203, 0, 113, 9],
    delay: Duration::ZERO,
    spoil: |_| {},
};

/// A server of datagrams alone; returns its address.
fn serve(way: Way) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let reply = answer(&query[..length], way);
            thread::sleep(way.delay);
            let _ = socket.send_to(&reply, from);
        }
    });
    at
}

fn answer(query: &[u8], way: Way) -> Vec<u8> {
    // The name's labels end with an empty one; then there are type and class.
    let mut end = 12;
    while query[end] != 0 {
        end += usize::from(query[end]) + 1;
    }
    let question = &query[12..end + 5];
    let is_aaaa = query[end + 2] == 28;
    let code = (way.code)(is_aaaa);
    let count = u8::from(code == NOERROR && way.flags & TC == 0);
    let mut reply = query[..2].to_vec();
    reply.extend([
        0x80 | way.flags | query[2] & 1,
        0x80 | code,
        0,
        1,
        0,
        count,
        0,
        0,
        0,
        0,
    ]);
    reply.extend(question);
    if count == 1 {
        reply.extend([0xc0, 12, 0, query[end + 2], 0, 1]);
        reply.extend(way.ttl.to_be_bytes());
        match is_aaaa {
            true => {
                reply.extend([0, 16]);
                reply.extend(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).octets());
            }
            false => {
                reply.extend([0, 4]);
                reply.extend(way.address);
            }
        }
    }
    (way.spoil)(&mut reply);
    reply
}

#[test]
fn servers_that_answer_wrongly_are_told_apart() {
    let sandbox = Sandbox::new();
    let look = |ask: &str, lines: &str| {
        let file = format!("timeout = \"2s\"\n[dns]\nname = \"pay.shop.test\"\nask = [{ask}]\n{lines}\n");
        Said::of(&sandbox, &file)
    };
    let one = |scheme: &str, way: Way, lines: &str| look(&format!("\"{scheme}://{}\"", serve(way)), lines);
    one("udp", GOOD, "").is("up", "");
    one("auth", GOOD, "expect = [\"answers authoritative\"]").is("up", "");

    let not_authoritative = Way { flags: 0, ..GOOD };
    one("auth", not_authoritative, "").is("dns_servfail", "is lame: its answer is not authoritative");
    one("udp", not_authoritative, "").is("up", "");
    let slow = Way {
        delay: Duration::from_millis(400),
        ..GOOD
    };
    one("udp", slow, "").is("up", "");
    one("udp", slow, "expect = [\"duration < 300ms\"]").is("assert_failed", "4");
    let too_slow = Way {
        delay: Duration::from_secs(5),
        ..GOOD
    };
    one("udp", too_slow, "").is("dns_timeout", "did not answer in time");
    let wrong_id = Way {
        spoil: |reply| reply[0] ^= 0xff,
        ..GOOD
    };
    one("udp", wrong_id, "").is("unexpected_reply", "none has our question's id");
    let other_question = Way {
        spoil: |reply| reply[13] ^= 1,
        ..GOOD
    };
    one("udp", other_question, "").is("unexpected_reply", "another question: qay.shop.test.");
    // Cut off, and nobody listens for TCP.
    let cut_off = Way {
        flags: AA | TC,
        ..GOOD
    };
    one("udp", cut_off, "").is("connect_refused", "its answer was cut off, and over TCP: ");

    let ttl = "expect = [\"ttl in 30..600\"]";
    one("udp", Way { ttl: 0, ..GOOD }, ttl).is("assert_failed", "a TTL of 0 seconds");
    one("udp", Way { ttl: 86_400, ..GOOD }, ttl).is("assert_failed", "a TTL of 86400 seconds");
    // RFC 2181, 8: the highest bit makes it none.
    one("udp", Way { ttl: 1 << 31, ..GOOD }, "expect = [\"ttl >= 1\"]").is("assert_failed", "TTL");

    // A name is there or is not, for all of its types.
    let half = Way {
        code: |is_aaaa| if is_aaaa { NXDOMAIN } else { NOERROR },
        ..GOOD
    };
    let both = "types = [\"A\", \"AAAA\"]";
    one("udp", half, both).is("dns_nxdomain", "(AAAA fails, A does not)");
    one("udp", GOOD, both).is("up", "");

    // Two say that there is no such name, one sends its visitors elsewhere.
    let honest = Way {
        code: |_| NXDOMAIN,
        ..GOOD
    };
    let liar = serve(Way {
        address: [198, 51, 100, 1],
        ..GOOD
    });
    let three = format!(
        "\"udp://{}\", \"udp://{liar}\", \"udp://{}\"",
        serve(honest),
        serve(honest)
    );
    look(&three, "expect = [\"rcode == NXDOMAIN\"]").is("assert_failed", &liar);
    look(
        &three,
        "expect = [\"resolvers agree\", \"rcode in [NOERROR, NXDOMAIN]\"]",
    )
    .is("resolver_disagree", &format!("{liar} says 198.51.100.1"));
}
