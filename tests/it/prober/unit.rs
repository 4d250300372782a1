//! The unit that systemd runs a prober by.

use crate::support::Sandbox;

#[test]
fn a_unit_holds_what_systemd_asks_of_it() {
    let sandbox = Sandbox::new();
    sandbox.write("token", "0123456789abcdef");
    sandbox.write(
        "probes/a.toml",
        "[secrets]\nkey = { env = \"SHOP_KEY\" }\n[[step]]\nname = \"a\"\nget = \"http://127.0.0.1/{{secret.key}}\"\n",
    );
    let words =
        "probe systemd-unit -- probes --region=eu-west --listen 0.0.0.0:9115 --token-file token --host";
    let ran = sandbox.run(words.split(' ').chain(["pro ber"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let dir = sandbox.path().canonicalize().unwrap();
    let dir = dir.display();
    for line in [
        &format!("LoadCredential=token:{dir}/token"),
        &format!(
            "probe --quiet {dir}/probes --region eu-west --listen 0.0.0.0:9115 --token-file %d/token --host \"pro ber\""
        ),
        "# NAME=VALUE lines, for root only: SHOP_KEY",
        "EnvironmentFile=/etc/gameday/prober.env",
        "DynamicUser=yes",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(ran.stdout.contains(line), "{line} is not in:\n{}", ran.stdout);
    }
    let unit = sandbox.write("gameday-prober.service", &ran.stdout);
    match std::process::Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output()
    {
        Ok(verified) => assert!(
            verified.status.success() && verified.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        ),
        Err(_) => println!("systemd-analyze is not here: the unit was not verified"),
    }
    // What prober.toml takes from files is handed over as well, by names that its reader knows.
    sandbox.write("peers token", "0123456789abcdef");
    sandbox.write(
        "prober.toml",
        "[peers]\nus = { url = \"http://127.0.0.1:1\", token = { file = \"peers token\" } }\n[notify.team]\nslack = { url = { file = \"slack.url\" } }\n",
    );
    let words = "probe systemd-unit -- probes --region eu --listen 127.0.0.1:9115 --config prober.toml";
    let ran = sandbox.run(words.split(' '));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let below = dir.to_string().trim_start_matches('/').replace('/', "-");
    for line in [
        format!("LoadCredential={below}-peers-token:{dir}/peers token\n"),
        format!("LoadCredential={below}-slack.url:{dir}/slack.url\n"),
        format!("--config {dir}/prober.toml\n"),
    ] {
        assert!(ran.stdout.contains(&line), "{line} is not in:\n{}", ran.stdout);
    }
    for (args, said) in [
        ("probe systemd-unit -- probes --once", "without `--once`"),
        (
            "probe systemd-unit -- probes --regon eu",
            "a similar argument exists: '--region'",
        ),
        ("probe systemd-unit -- nowhere", "nowhere"),
    ] {
        let ran = sandbox.run(args.split(' '));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}
