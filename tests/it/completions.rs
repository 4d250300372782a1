//! `gameday completions`: what each shell is told.

use crate::support::Sandbox;

#[test]
fn completions_name_every_command_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = sandbox.run(["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(
            ran.stdout.contains("systemd-unit") && ran.stdout.contains("token-file"),
            "{shell}"
        );
    }
}
