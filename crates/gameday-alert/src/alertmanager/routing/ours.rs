//! Whether anything that Alertmanager is configured to do can reach our own receiver.

use reqwest::Url;

use super::Routing;

impl Routing {
    /// Its webhooks, each with its receiver, when all are shown and none leads to the port of `ours`, at its
    /// path, at one of `hooks` or as a pager; none when one may be ours, or when that cannot be said.
    ///
    /// Hosts are not compared: a machine has many names.
    #[must_use]
    pub fn webhooks_elsewhere(&self, ours: &str, hooks: &[&str]) -> Option<Vec<(String, String)>> {
        let ours = Url::parse(ours).ok()?;
        let port = ours.port_or_known_default()?;
        let there = |url: &str, at_path: &dyn Fn(&str) -> bool| {
            let url = Url::parse(url).ok();
            url.is_some_and(|url| url.port_or_known_default() == Some(port) && at_path(url.path()))
        };
        let mut elsewhere = Vec::new();
        for (name, receiver) in &self.receivers {
            let webhooks = receiver
                .integrations
                .iter()
                .filter(|kind| *kind == "webhook")
                .count();
            let pager = receiver.pagers.iter().any(|url| there(url, &|_| true));
            let hook = receiver
                .webhooks
                .iter()
                .any(|url| there(url, &|path| path == ours.path() || hooks.contains(&path)));
            if webhooks > receiver.webhooks.len() || pager || hook {
                return None;
            }
            elsewhere.extend(receiver.webhooks.iter().map(|url| (name.clone(), url.clone())));
        }
        Some(elsewhere)
    }
}
