//! Leases: what is put in place, what is seen of it, and that it ends.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Control, NewProxy, ProxyEdit, ToxicEdit};
use crate::attached::Stream;
use crate::model::{Fault, FaultState, NewFault, ToxicOrder};
use crate::refusal::Refusal;
use crate::testing::{Rig, read_all, soon};

const MINUTE_MS: u64 = 60_000;

fn latency(ms: u64) -> ToxicOrder {
    let attributes = json!({ "latency": ms }).as_object().unwrap().clone();
    ToxicOrder {
        kind: "latency".to_owned(),
        stream: Stream::Downstream,
        toxicity: 1.0,
        attributes,
        scope: crate::scope::Scope::default(),
        seed: None,
    }
}

async fn rig() -> (Rig, std::net::SocketAddr) {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    (rig, address)
}

fn row(control: &Control, owner: &str) -> Fault {
    control.lease(owner).unwrap().faults.pop().unwrap()
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_ends_on_time_and_takes_its_toxic_with_it() {
    let (rig, address) = rig().await;
    let control = &rig.control;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"x").await.unwrap();
    soon(client.read_exact(&mut [0; 1])).await.unwrap();
    // Long enough for the byte to be held, also on a machine that does other things.
    control.renew_lease("drill", 500).unwrap();
    let start = Instant::now();
    control
        .add_fault("drill", &NewFault::toxic("drill.slow", "p", latency(86_400_000)))
        .unwrap();
    client.write_all(b"x").await.unwrap();
    soon(client.read_exact(&mut [0; 1])).await.unwrap();
    // The byte was held for a day and came when the lease had ended: not before, and soon after.
    let elapsed = start.elapsed();
    assert!(
        Duration::from_millis(499) <= elapsed && elapsed < Duration::from_secs(2),
        "{elapsed:?}"
    );
    let fault = row(control, "drill");
    assert_eq!((fault.state, fault.touched), (FaultState::Expired, 1));
    assert!(fault.first_touched_at.unwrap() <= fault.ended_at.unwrap());
    assert!(fault.proxy_bytes >= 1);
    assert_eq!(control.lease("drill").unwrap().expires_in_ms, 0);
    assert_eq!(control.proxy("p").unwrap().toxics, []);
}

#[tokio::test]
async fn renewing_keeps_a_fault_and_a_late_renewal_begins_anew() {
    let (rig, _) = rig().await;
    let control = &rig.control;
    control.renew_lease("drill", 300).unwrap();
    control
        .add_fault("drill", &NewFault::toxic("drill.slow", "p", latency(1)))
        .unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let lease = control.renew_lease("drill", 300).unwrap();
        assert_eq!(lease.faults[0].state, FaultState::Active);
    }
    control.renew_lease("drill", 1).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let lease = control.renew_lease("drill", MINUTE_MS).unwrap();
    assert!(lease.expires_in_ms > 0);
    assert_eq!(
        lease.faults[0].state,
        FaultState::Expired,
        "the row stays, the fault does not come back"
    );
    assert_eq!(control.proxy("p").unwrap().toxics, []);
    control
        .add_fault("drill", &NewFault::toxic("drill.slow", "p", latency(1)))
        .unwrap();
    assert_eq!(control.lease("drill").unwrap().faults.len(), 1);
}

#[tokio::test]
async fn a_proxy_switched_off_counts_what_it_cut_and_is_switched_on_again() {
    let (rig, address) = rig().await;
    let control = &rig.control;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"x").await.unwrap();
    soon(client.read_exact(&mut [0; 1])).await.unwrap();
    control.renew_lease("drill", MINUTE_MS).unwrap();
    let fault = control
        .add_fault("drill", &NewFault::down("drill.down", "p"))
        .unwrap();
    assert_eq!(
        (fault.touched, fault.enabled),
        (2, Some(false)),
        "the listener and a connection"
    );
    assert!(fault.first_touched_at.is_some());
    TcpStream::connect(address).await.unwrap_err();
    assert_eq!(read_all(&mut client).await.unwrap_or_default(), b"");
    let again = control.add_fault("drill", &NewFault::down("drill.again", "p"));
    assert_eq!(
        again.unwrap_err(),
        Refusal::Conflict("proxy `p` is switched off already".to_owned())
    );
    control.drop_lease("drill").unwrap();
    TcpStream::connect(address).await.unwrap();
    assert_eq!(control.proxy("p").unwrap().listen, address.to_string());
    assert_eq!(row(control, "drill").state, FaultState::Removed);
    control.drop_lease("drill").unwrap();
}

#[tokio::test]
async fn an_undo_that_fails_is_shown_and_tried_until_it_succeeds() {
    let (rig, address) = rig().await;
    let control = &rig.control;
    control.renew_lease("drill", 50).unwrap();
    control
        .add_fault("drill", &NewFault::down("drill.down", "p"))
        .unwrap();
    let thief = TcpListener::bind(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let fault = row(control, "drill");
    assert_eq!(fault.state, FaultState::Active);
    assert!(fault.error.unwrap().contains("address already in use"));
    assert_eq!(control.lease("drill").unwrap().expires_in_ms, 0);
    drop(thief);
    soon(async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(row(control, "drill").state, FaultState::Expired);
    assert_eq!(row(control, "drill").error, None);
}

#[tokio::test]
async fn what_is_done_through_toxiproxys_api_ends_the_fault() {
    let (rig, _) = rig().await;
    let control = &rig.control;
    control.renew_lease("drill", MINUTE_MS).unwrap();
    control
        .add_fault("drill", &NewFault::toxic("drill.slow", "p", latency(1)))
        .unwrap();
    assert_eq!(control.toxics("p").unwrap()[0].name, "drill.slow");
    control.delete_toxic("p", "drill.slow").unwrap();
    assert_eq!(row(control, "drill").state, FaultState::Removed);
    control.remove_fault("drill", "drill.slow").unwrap();

    control
        .add_fault("drill", &NewFault::down("drill.down", "p"))
        .unwrap();
    control
        .edit_proxy(
            "p",
            ProxyEdit {
                enabled: Some(true),
                ..ProxyEdit::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(row(control, "drill").state, FaultState::Removed);

    control
        .add_fault("drill", &NewFault::toxic("drill.gone", "p", latency(1)))
        .unwrap();
    control.delete_proxy("p").unwrap();
    assert_eq!(row(control, "drill").state, FaultState::Removed);
}

#[tokio::test]
async fn a_leased_toxic_cannot_be_changed_behind_its_lease() {
    let (rig, _) = rig().await;
    let control = &rig.control;
    let edit = ToxicEdit {
        toxicity: Some(0.0),
        attributes: latency(0).attributes,
        ..ToxicEdit::default()
    };
    control.renew_lease("drill", MINUTE_MS).unwrap();
    control
        .add_fault("drill", &NewFault::toxic("slow", "p", latency(500)))
        .unwrap();
    let before = control.toxic("p", "slow").unwrap();
    assert_eq!(
        control.edit_toxic("p", "slow", &edit).unwrap_err(),
        Refusal::Conflict("toxic belongs to the lease `drill`".to_owned())
    );
    assert_eq!(control.toxic("p", "slow").unwrap(), before);
    // Nobody's toxics can be changed, one with the name of a fault that has ended among them.
    control.drop_lease("drill").unwrap();
    rig.add("slow", "latency", "downstream", &[("latency", 500)]);
    assert_eq!(control.edit_toxic("p", "slow", &edit).unwrap().toxicity, 0.0);
}

#[tokio::test]
async fn changing_a_proxy_neither_undoes_nor_escapes_its_fault() {
    let (mut rig, _) = rig().await;
    let upstream = rig.echo().await.to_string();
    let control = &rig.control;
    control.renew_lease("drill", MINUTE_MS).unwrap();
    control
        .add_fault("drill", &NewFault::toxic("slow", "p", latency(300)))
        .unwrap();
    let edits = [
        (None, Some(upstream), None),
        (Some("127.0.0.1:0".to_owned()), None, None),
        (None, None, Some(false)),
        (None, None, Some(true)),
    ];
    for (listen, upstream, enabled) in edits {
        let edit = ProxyEdit {
            listen,
            upstream,
            enabled,
            ..ProxyEdit::default()
        };
        let info = control.edit_proxy("p", edit).await.unwrap();
        assert_eq!(row(control, "drill").state, FaultState::Active);
        if !info.enabled {
            continue;
        }
        let mut client = TcpStream::connect(&info.listen).await.unwrap();
        let sent = Instant::now();
        client.write_all(b"x").await.unwrap();
        soon(client.read_exact(&mut [0; 1])).await.unwrap();
        // Less would mean that the toxic was not there.
        assert!(sent.elapsed() >= Duration::from_millis(300), "{info:?}");
    }
    assert_eq!(row(control, "drill").touched, 3);
}

#[tokio::test]
async fn a_proxy_that_a_fault_has_switched_off_stays_off_when_it_is_moved() {
    let (rig, address) = rig().await;
    let control = &rig.control;
    control.renew_lease("drill", MINUTE_MS).unwrap();
    control.add_fault("drill", &NewFault::down("down", "p")).unwrap();
    let any = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = any.local_addr().unwrap();
    drop(any);
    let edit = ProxyEdit {
        listen: Some(free.to_string()),
        upstream: Some("127.0.0.1:9".to_owned()),
        enabled: None,
        ..ProxyEdit::default()
    };
    assert!(!control.edit_proxy("p", edit).await.unwrap().enabled);
    assert_eq!(row(control, "drill").state, FaultState::Active);
    for door in [address, free] {
        TcpStream::connect(door).await.unwrap_err();
    }
    control.drop_lease("drill").unwrap();
    TcpStream::connect(free).await.unwrap();
}

#[tokio::test]
async fn faults_that_contradict_are_refused() {
    let (rig, _) = rig().await;
    let control = &rig.control;
    let slow = |name: &str, proxy: &str| NewFault::toxic(name, proxy, latency(1));
    let conflict = |text: &str| Refusal::Conflict(text.to_owned());
    assert_eq!(
        control.add_fault("a", &slow("x", "p")).unwrap_err(),
        Refusal::NotFound("lease")
    );
    control.renew_lease("a", MINUTE_MS).unwrap();
    control.renew_lease("b", MINUTE_MS).unwrap();
    assert_eq!(
        control.add_fault("a", &slow("x", "nowhere")).unwrap_err(),
        Refusal::NotFound("proxy")
    );
    control.add_fault("a", &slow("x", "p")).unwrap();
    assert_eq!(
        control.add_fault("a", &slow("x", "p")).unwrap_err(),
        conflict("fault already exists")
    );
    let rival = control.add_fault("b", &slow("y", "p")).unwrap_err();
    assert_eq!(rival, conflict("proxy `p` has a fault of lease `a`"));
    assert_eq!(
        control.remove_fault("a", "never").unwrap_err(),
        Refusal::NotFound("fault")
    );
    control.remove_fault("a", "x").unwrap();
    control.add_fault("b", &slow("y", "p")).unwrap();
    for ttl in [0, 3_600_001] {
        assert!(
            matches!(control.renew_lease("a", ttl), Err(Refusal::Bad(_))),
            "{ttl}"
        );
    }
    let both = NewFault {
        enabled: Some(false),
        ..slow("z", "p")
    };
    assert!(matches!(control.add_fault("b", &both), Err(Refusal::Bad(_))));
}

#[tokio::test]
async fn a_proxy_is_moved_whole_or_not_at_all() {
    let (rig, address) = rig().await;
    let control = &rig.control;
    let busy = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .into_std()
        .unwrap();
    let edit = ProxyEdit {
        listen: Some(busy.local_addr().unwrap().to_string()),
        upstream: Some("127.0.0.1:9".to_owned()),
        enabled: None,
        ..ProxyEdit::default()
    };
    let before = control.proxy("p").unwrap();
    let error = control.edit_proxy("p", edit).await.unwrap_err();
    assert!(
        matches!(&error, Refusal::Listen(text) if text.ends_with("bind: address already in use")),
        "{error}"
    );
    assert_eq!(control.proxy("p").unwrap(), before);
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"x").await.unwrap();
    soon(client.read_exact(&mut [0; 1])).await.unwrap();

    // Our own listener is in the way of the same port on all interfaces, and makes room.
    let wider = ProxyEdit {
        listen: Some(format!("0.0.0.0:{}", address.port())),
        ..ProxyEdit::default()
    };
    assert_eq!(
        control.edit_proxy("p", wider).await.unwrap().listen,
        format!("0.0.0.0:{}", address.port())
    );
}

#[tokio::test]
async fn a_thousand_leases_are_too_many() {
    let control = Rig::start().control;
    let made = (0..1000)
        .take_while(|n| control.renew_lease(&format!("owner-{n}"), MINUTE_MS).is_ok())
        .count();
    assert_eq!(made, 256);
    control.drop_lease("owner-0").unwrap();
    control.renew_lease("one-more", MINUTE_MS).unwrap();
    assert_eq!(control.lease("owner-0").unwrap_err(), Refusal::NotFound("lease"));
}

#[tokio::test]
async fn two_proxies_cannot_have_one_name_or_one_port() {
    let (rig, address) = rig().await;
    let new = |name: &str, listen: String| NewProxy {
        name: name.to_owned(),
        listen,
        upstream: "127.0.0.1:9".to_owned(),
        enabled: true,
        ..NewProxy::default()
    };
    let twice = rig.control.create_proxy(new("p", "127.0.0.1:0".to_owned())).await;
    assert_eq!(
        twice.unwrap_err(),
        Refusal::Conflict("proxy already exists".to_owned())
    );
    let taken = rig
        .control
        .create_proxy(new("q", address.to_string()))
        .await
        .unwrap_err();
    assert_eq!(
        taken,
        Refusal::Listen(format!("listen tcp {address}: bind: address already in use"))
    );
    assert_eq!(rig.control.proxies().len(), 1);
}
