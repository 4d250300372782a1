//! What a configuration changes when it is loaded again, and what it leaves alone.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{ProxyConfig, load_config};
use crate::control::Control;
use crate::events::ProxyEventKind;
use crate::model::{NewFault, ToxicOrder};
use crate::testing::{Rig, soon};

fn file(text: &str) -> ProxyConfig {
    let source = gameday_core::Source {
        path: "proxies.toml".into(),
        text: text.to_owned(),
    };
    load_config(&source).unwrap_or_else(|problems| panic!("{}", gameday_core::Problem::draw_all(&problems)))
}

fn proxy(name: &str, listen: impl std::fmt::Display, upstream: impl std::fmt::Display) -> String {
    format!("[proxy.{name}]\nlisten = \"{listen}\"\nupstream = \"{upstream}\"\n")
}

async fn load(control: &Control, text: &str) {
    control.load(file(text)).await.unwrap();
}

fn listens(control: &Control, name: &str) -> String {
    control.proxy(name).unwrap().listen
}

fn names(control: &Control) -> Vec<String> {
    control.proxies().into_keys().collect()
}

fn toxics(control: &Control, proxy: &str) -> Vec<String> {
    let toxics = control.toxics(proxy).unwrap().into_iter();
    toxics
        .map(|toxic| format!("{} {} {}", toxic.name, toxic.toxicity, json!(toxic.attributes)))
        .collect()
}

async fn echoes(client: &mut TcpStream) {
    client.write_all(b"x").await.unwrap();
    assert_eq!(soon(client.read_u8()).await.unwrap(), b'x');
}

async fn is_cut(client: &mut TcpStream) {
    assert_eq!(soon(client.read(&mut [0; 1])).await.unwrap_or(0), 0);
}

async fn free() -> std::net::SocketAddr {
    let any = TcpListener::bind("127.0.0.1:0").await.unwrap();
    any.local_addr().unwrap()
}

#[tokio::test]
async fn what_is_unchanged_keeps_its_connections_and_what_is_gone_goes() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let control = &rig.control;
    let (a, b) = (proxy("a", "127.0.0.1:0", echo), proxy("b", "127.0.0.1:0", echo));
    load(control, &format!("{a}{b}")).await;
    let mut to_a = TcpStream::connect(listens(control, "a")).await.unwrap();
    let mut to_b = TcpStream::connect(listens(control, "b")).await.unwrap();
    echoes(&mut to_a).await;
    echoes(&mut to_b).await;
    let before = listens(control, "a");

    let c = proxy("c", "127.0.0.1:0", echo);
    load(control, &format!("{a}{c}")).await;
    assert_eq!(
        (names(control).join(","), listens(control, "a")),
        ("a,c".to_owned(), before)
    );
    echoes(&mut to_a).await;
    is_cut(&mut to_b).await;
    echoes(&mut TcpStream::connect(listens(control, "c")).await.unwrap()).await;

    // A proxy that came through the API is not the file's to take away.
    rig.proxy_to(echo).await;
    load(control, &a).await;
    assert_eq!(names(control).join(","), "a,p");
    load(control, &format!("{a}enabled = false\n")).await;
    is_cut(&mut to_a).await;
    load(control, "").await;
    assert_eq!(names(control).join(","), "p");
}

#[tokio::test]
async fn toxics_come_change_and_go_without_cutting_anything() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let control = &rig.control;
    let p = proxy("a", "127.0.0.1:0", echo);
    load(control, &p).await;
    let mut client = TcpStream::connect(listens(control, "a")).await.unwrap();
    let with = |toxics: &str| format!("{p}{toxics}");
    let slow = "[proxy.a.toxic.slow]\nlatency = { delay = \"20ms\" }\n";
    load(control, &with(slow)).await;
    echoes(&mut client).await;
    let touched = || control.toxic_detail("a", "slow").unwrap().touched;
    assert!(touched() > 0);

    load(
        control,
        &with(&format!(
            "{slow}[proxy.a.toxic.other]\ntoxicity = \"0%\"\ntimeout = {{ after = \"0s\" }}\n"
        )),
    )
    .await;
    assert_eq!(
        toxics(control, "a"),
        [r#"slow 1 {"jitter":0,"latency":20}"#, r#"other 0 {"timeout":0}"#]
    );
    assert!(touched() > 0, "what is unchanged is the same toxic");
    let slower = slow.replace("20ms", "30ms");
    load(control, &with(&slower)).await;
    assert_eq!(toxics(control, "a"), [r#"slow 1 {"jitter":0,"latency":30}"#]);
    echoes(&mut client).await;
    load(control, &p).await;
    assert!(toxics(control, "a").is_empty());
    echoes(&mut client).await;
}

#[tokio::test]
async fn proxies_swap_their_ports_in_one_go() {
    let mut rig = Rig::start();
    let (one, two) = (rig.echo().await, free().await);
    let control = &rig.control;
    let (x, y) = (free().await, free().await);
    load(control, &format!("{}{}", proxy("a", x, one), proxy("b", y, two))).await;
    load(control, &format!("{}{}", proxy("a", y, one), proxy("b", x, two))).await;
    assert_eq!(
        (listens(control, "a"), listens(control, "b")),
        (y.to_string(), x.to_string())
    );
    echoes(&mut TcpStream::connect(y).await.unwrap()).await;
    // To all interfaces on the same port, which the proxy itself has.
    let wide = format!("0.0.0.0:{}", y.port());
    load(control, &proxy("a", &wide, one)).await;
    echoes(&mut TcpStream::connect(y).await.unwrap()).await;
}

#[tokio::test]
async fn one_port_that_is_taken_changes_nothing_at_all() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let control = &rig.control;
    let (x, y) = (free().await, free().await);
    load(
        control,
        &format!("{}{}", proxy("a", x, echo), proxy("b", y, echo)),
    )
    .await;
    let mut client = TcpStream::connect(x).await.unwrap();
    echoes(&mut client).await;
    let before = control.proxies();
    // `echo` is taken by somebody else, who stays.
    let new = format!(
        "{}[proxy.a.toxic.t]\ntimeout = {{ after = \"0s\" }}\n{}",
        proxy("a", "127.0.0.1:0", "127.0.0.1:9"),
        proxy("c", echo, "127.0.0.1:9")
    );
    let problems = control.load(file(&new)).await.unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("proxy `c` cannot listen") && problems[0].contains("in use"),
        "{problems:?}"
    );
    assert_eq!(control.proxies(), before);
    echoes(&mut client).await;
    // The next good file finds everything as if the bad one had never been.
    load(control, &proxy("a", x, echo)).await;
    assert_eq!(names(control).join(","), "a");
    echoes(&mut client).await;
}

#[tokio::test]
async fn whoever_reads_the_events_learns_what_was_loaded_and_what_was_not() {
    let control = Rig::start().control;
    control
        .reload(Ok(file(&proxy("a", "127.0.0.1:0", "db:1"))))
        .await
        .unwrap();
    control
        .reload(Err("line 7 is wrong".to_owned()))
        .await
        .unwrap_err();
    let (events, _) = control.events().after(0);
    let kinds: Vec<ProxyEventKind> = events.into_iter().map(|event| event.kind).collect();
    let why = "line 7 is wrong".to_owned();
    for kind in [ProxyEventKind::Reloaded {}, ProxyEventKind::ReloadRefused { why }] {
        assert!(kinds.contains(&kind), "{kind:?} is not in {kinds:?}");
    }
}

#[tokio::test]
async fn faults_of_leases_survive() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let control = &rig.control;
    let p = proxy("a", "127.0.0.1:0", echo);
    load(control, &p).await;
    control.renew_lease("drill", 60_000).unwrap();
    let order: ToxicOrder =
        serde_json::from_value(json!({ "type": "latency", "attributes": { "latency": 7 } })).unwrap();
    control
        .add_fault("drill", &NewFault::toxic("slow", "a", order))
        .unwrap();
    let gone = control.load(ProxyConfig::default()).await.unwrap_err();
    assert_eq!(
        gone,
        ["proxy `a` has a fault of the lease `drill`: it cannot go before that ends"]
    );
    let over = format!("{p}[proxy.a.toxic.slow]\ntimeout = {{ after = \"0s\" }}\n");
    let over = control.load(file(&over)).await.unwrap_err();
    assert_eq!(over, ["toxic `slow` of proxy `a` belongs to the lease `drill`"]);
    load(
        control,
        &format!("{p}[proxy.a.toxic.mine]\nbandwidth = {{ rate = \"1MB/s\" }}\n"),
    )
    .await;
    load(control, &p).await;
    assert_eq!(toxics(control, "a"), [r#"slow 1 {"jitter":0,"latency":7}"#]);
    control.drop_lease("drill").unwrap();

    control.renew_lease("drill", 60_000).unwrap();
    control.add_fault("drill", &NewFault::down("down", "a")).unwrap();
    load(control, &p).await;
    assert!(
        !control.proxy("a").unwrap().enabled,
        "a fault has switched it off"
    );
    let (elsewhere, moved) = (free().await, free().await);
    load(control, &proxy("a", moved, elsewhere)).await;
    assert!(!control.proxy("a").unwrap().enabled);
    control.drop_lease("drill").unwrap();
    assert!(control.proxy("a").unwrap().enabled);
    assert_eq!(listens(control, "a"), moved.to_string());
    load(control, "").await;
    assert!(names(control).is_empty());
}
