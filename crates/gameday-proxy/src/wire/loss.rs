//! Packet loss on the proxy's own TCP sockets: a filter in the kernel that drops what comes in, at random.
//!
//! It is a classic BPF program (socket(7), SO_ATTACH_FILTER) that reads the kernel's random numbers. It is gone with its
//! socket, so nothing has to be cleaned up, and it touches this connection and no other.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use socket2::{Domain, SockFilter, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

use crate::attached::{Attached, Stream, Toxics};
use crate::timer::Timer;
use crate::toxic::{Line, PacketLoss, ToxicSpec};

const REMEDY: &str = "run the proxy as root, or with CAP_NET_ADMIN (`setcap cap_net_admin+ep`), or in a network of your \
                      own (`unshare -Urn`); see `gameday doctor`";

/// Whether this kernel lets this process lose packets of TCP; tried once, on a socket that goes nowhere.
pub(crate) fn allowed() -> Result<(), String> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    TRIED
        .get_or_init(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(|error| error.to_string())?;
            let attached = socket.attach_filter(&filter(0.5));
            attached
                .map_err(|error| format!("the kernel does not allow packet loss on TCP ({error}): {REMEDY}"))
        })
        .clone()
}

/// Drops that share of what comes in.
fn filter(share: f64) -> [SockFilter; 4] {
    const RANDOM: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM).cast_unsigned();
    const EVERYTHING: u32 = u32::MAX;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share is from 0 to 1"
    )]
    let limit = (share * f64::from(u32::MAX)) as u32;
    let step = |code: u32, yes, no, value| {
        SockFilter::new(
            u16::try_from(code).expect("codes of classic BPF have 16 bits"),
            yes,
            no,
            value,
        )
    };
    [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, RANDOM),
        step(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, 1, 0, limit),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, EVERYTHING),
    ]
}

fn set(socket: &TcpStream, share: f64) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if share > 0.0 {
        socket.attach_filter(&filter(share))
    } else {
        socket.detach_filter()
    }
}

/// The kernel's filter knows nothing of the packet before, so bursts begin and end on a clock that stands for packets.
const PACKET: Duration = Duration::from_millis(10);

/// The loss of one direction.
struct Lossy {
    toxic: Arc<Attached>,
    line: Line,
    rng: StdRng,
    share: f64,
    until: Option<Instant>,
}

/// The sockets of a connection: calls back with each whose incoming packets are those of a stream.
pub(crate) trait Sockets {
    fn each(&self, stream: Stream, what: &mut dyn FnMut(&TcpStream));
}

/// Keeps the filters of a connection as its toxics say, until it is dropped; `fresh` tells of new sockets.
pub(crate) async fn keep(
    sockets: &impl Sockets,
    mut toxics: watch::Receiver<Toxics>,
    number: u64,
    is_met: impl Fn(&Attached) -> bool,
    timer: &Arc<Timer>,
    fresh: &Notify,
) {
    let mut directions = [(Stream::Upstream, None), (Stream::Downstream, None)];
    let mut alarm = timer.alarm();
    loop {
        let current = Arc::clone(&toxics.borrow_and_update());
        for (stream, lossy) in &mut directions {
            let wanted = current.iter().find(|toxic| {
                toxic.stream == *stream && matches!(toxic.spec, ToxicSpec::PacketLoss(_)) && is_met(toxic)
            });
            turn(lossy, wanted, number);
            // New sockets have no filter yet; for the others this changes nothing.
            if let Some(lossy) = lossy {
                sockets.each(*stream, &mut |socket| drop(set(socket, lossy.share)));
            } else {
                sockets.each(*stream, &mut |socket| drop(set(socket, 0.0)));
            }
        }
        let next = directions
            .iter()
            .filter_map(|(_, lossy)| lossy.as_ref()?.until)
            .min();
        let lossless = directions.iter().all(|(_, lossy)| lossy.is_none());
        tokio::select! {
            changed = toxics.changed() => if changed.is_err() { std::future::pending::<()>().await },
            () = alarm.until(next) => {}
            // Without loss a new socket is as it should be.
            () = fresh.notified(), if !lossless => {}
        }
    }
}

/// Goes on to what is wanted now: another toxic, none, or the next state of the same one.
fn turn(lossy: &mut Option<Lossy>, wanted: Option<&Arc<Attached>>, number: u64) {
    let Some(toxic) = wanted else {
        *lossy = None;
        return;
    };
    let ToxicSpec::PacketLoss(loss) = &toxic.spec else {
        return;
    };
    let is_same = |old: &Lossy| old.toxic.id == toxic.id && old.toxic.revision == toxic.revision;
    match lossy.as_mut().filter(|old| is_same(old)) {
        None => {
            toxic.touches.note();
            *lossy = Some(Lossy::begin(toxic, *loss, number));
        }
        Some(old) if old.until.is_some_and(|until| until <= Instant::now()) => old.turn(),
        Some(_) => {}
    }
}

impl Lossy {
    fn begin(toxic: &Arc<Attached>, loss: PacketLoss, number: u64) -> Self {
        let line = loss.line();
        Self {
            toxic: Arc::clone(toxic),
            line,
            rng: toxic.dice(number).stage_rng(toxic.id),
            share: line.share(),
            until: loss.burst.map(|_| later(PACKET)),
        }
    }

    fn turn(&mut self) {
        self.line.turn(&mut self.rng);
        (self.share, self.until) = (self.line.share(), Some(later(PACKET)));
    }
}

fn later(span: Duration) -> Instant {
    Instant::now() + span
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::control::NewToxic;
    use crate::testing::{Rig, pair, soon};

    /// Segments that this socket has sent again (tcp_info of linux/tcp.h), read through the kernel's `ss`.
    fn retransmitted(port: u16) -> u64 {
        let ss = std::process::Command::new("ss")
            .args(["-tinH", &format!("sport = :{port}")])
            .output();
        let text = String::from_utf8(ss.expect("`ss` of the package iproute2").stdout).unwrap();
        let counts = text.split_whitespace().filter_map(|word| {
            word.strip_prefix("retrans:")?
                .split_once('/')?
                .1
                .parse::<u64>()
                .ok()
        });
        counts.sum::<u64>()
    }

    fn lose(rig: &Rig, stream: &str, settings: &str) {
        let attributes: serde_json::Value = toml::from_str::<toml::Value>(settings)
            .unwrap()
            .try_into()
            .unwrap();
        let new = NewToxic {
            name: Some(stream.to_owned()),
            kind: "packet_loss".to_owned(),
            stream: stream.to_owned(),
            toxicity: 1.0,
            attributes: attributes.as_object().unwrap().clone(),
            ..NewToxic::default()
        };
        rig.control.add_toxic("p", new).unwrap();
    }

    #[tokio::test]
    async fn segments_are_lost_and_sent_again_and_every_byte_arrives() {
        if let Err(why) = allowed() {
            println!("not tested: {why}");
            assert!(why.contains("CAP_NET_ADMIN"), "{why}");
            return;
        }
        let rig = Rig::start();
        let (mut client, mut server) = pair(&rig).await;
        // The default may be BBR, which hardly notices loss.
        SockRef::from(&server).set_tcp_congestion(b"reno").unwrap();
        let port = server.local_addr().unwrap().port();
        lose(&rig, "downstream", "share = \"10%\"");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let sent: Vec<u8> = (0..=250).cycle().take(400_000).collect();
        let expected = sent.clone();
        let sending = async {
            // In small pieces, so that one lost packet is not half of everything.
            for piece in sent.chunks(1400) {
                server.write_all(piece).await.unwrap();
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
        };
        let mut received = vec![0; expected.len()];
        let (_, read) = soon(async { tokio::join!(sending, client.read_exact(&mut received)) }).await;
        read.unwrap();
        assert!(received == expected, "the stream is not what was sent");
        let again = retransmitted(port);
        assert!(again > 0, "nothing was sent again");

        // Gone with its toxic: what comes now is sent once.
        rig.remove("downstream");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = retransmitted(port);
        for _ in 0..200 {
            server.write_all(b"x").await.unwrap();
            soon(client.read_exact(&mut [0; 1])).await.unwrap();
        }
        assert_eq!(retransmitted(port), before);
    }

    #[tokio::test]
    async fn with_all_packets_lost_nothing_arrives_until_the_toxic_goes() {
        if allowed().is_err() {
            return;
        }
        let rig = Rig::start();
        let (mut client, mut server) = pair(&rig).await;
        lose(&rig, "upstream", "share = \"100%\"");
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.write_all(b"x").await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(400), server.read_u8()).await;
        assert!(early.is_err(), "{early:?}");
        rig.remove("upstream");
        assert_eq!(soon(server.read_u8()).await.unwrap(), b'x');
    }
}
