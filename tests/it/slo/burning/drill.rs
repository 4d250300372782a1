//! The receiver that drills listen with is one like any other.

use gameday_alert::Webhook;
use gameday_core::Notification;

use super::*;

#[test]
fn our_own_receiver_of_a_drill_takes_it() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let (at, arrived) = drill_receiver();
    sandbox.write(
        "prober.toml",
        &format!("[notify.drill]\nwebhook = {{ url = \"{at}\" }}\n"),
    );
    let _prober = prober(sandbox);
    broken.store(true, Ordering::Relaxed);
    let firing = wait_for("the notification", PATIENCE, || {
        arrived.lock().unwrap().first().cloned()
    });
    assert_eq!(
        (firing.receiver.as_str(), firing.status.as_str()),
        ("drill", "firing")
    );
    let alert = &firing.alerts[0];
    assert_eq!(
        (alert.alert.as_str(), &*alert.labels["severity"]),
        ("SLOBurnRate", "page")
    );
    assert!(alert.starts_at.is_some() && alert.ends_at.is_none());
    broken.store(false, Ordering::Relaxed);
    let over = wait_for("its end", PATIENCE, || {
        arrived
            .lock()
            .unwrap()
            .iter()
            .find(|one| one.status == "resolved")
            .cloned()
    });
    assert!(over.alerts[0].ends_at > alert.starts_at);
}

/// The receiver that drills listen with.
fn drill_receiver() -> (String, Arc<Mutex<Vec<Notification>>>) {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let (taken, (tell, told)) = (Arc::clone(&arrived), std::sync::mpsc::channel());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let webhook = Webhook::bind("http://127.0.0.1:0/webhook").await.unwrap();
            tell.send(webhook.url()).unwrap();
            let (out, mut notifications) = tokio::sync::mpsc::channel(8);
            let keep = async {
                while let Some(notification) = notifications.recv().await {
                    taken.lock().unwrap().push(notification);
                }
            };
            let (served, ()) = tokio::join!(webhook.serve(out), keep);
            served.unwrap();
        });
    });
    (told.recv().unwrap(), arrived)
}
