//! Bringing the proxies to what a configuration says: at the start, and when it is read again.
//!
//! Whole, or not at all: what can fail (a listener on each new address) is done first and taken back when
//! something fails. What is unchanged keeps its connections, and faults of leases stay in place.

#[cfg(test)]
mod tests;

use futures_util::future::join_all;
use std::io;

use super::proxies::MOST_PROXIES;
use super::proxy::Proxy;
use super::toxics::{MOST_TOXICS, refuse_packets, refuse_unsuitable};
use super::{Control, NewProxy, State, is_taken};
use crate::address::{Address, listen_error, resolve};
use crate::attached::Attached;
use crate::config::{ProxyConfig, ProxyEntry, ToxicEntry};
use crate::events::ProxyEventKind;

/// A proxy that is to listen where it does not yet.
struct Fresh {
    proxy: Proxy,
    address: Address,
}

impl Control {
    /// Loads a configuration in the place of the former one, and tells what became of it.
    pub(crate) async fn reload(&self, config: Result<ProxyConfig, String>) -> Result<(), Vec<String>> {
        let loaded = match config {
            Ok(config) => self.load(config).await,
            Err(why) => Err(vec![why]),
        };
        self.events().tell(match &loaded {
            Ok(()) => ProxyEventKind::Reloaded {},
            Err(problems) => ProxyEventKind::ReloadRefused {
                why: problems.join("; "),
            },
        });
        loaded
    }

    /// Makes everything as the configuration says; what a former one had and this one lacks goes.
    pub(crate) async fn load(&self, mut config: ProxyConfig) -> Result<(), Vec<String>> {
        for entry in &mut config.proxies {
            entry.seed = entry.seed.or(self.seed);
        }
        let prepared = config.proxies.iter_mut().map(|entry| {
            let done = entry.options.prepare(&self.authority);
            done.map_err(|why| format!("proxy `{}`: {why}", entry.name))
        });
        let wrong: Vec<String> = prepared.filter_map(Result::err).collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let lookups = config.proxies.iter().map(|entry| resolve(&entry.listen));
        let found = join_all(lookups).await;
        let (mut addresses, mut problems) = (Vec::new(), Vec::new());
        for (entry, found) in config.proxies.iter().zip(found) {
            match found {
                Ok(address) => addresses.push(Some(address)),
                Err(_) if !entry.enabled => addresses.push(None),
                Err(why) => problems.push(cannot_listen(entry, &why)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let loaded = self.lock().load(config, &addresses);
        self.leases_changed.notify_one();
        loaded
    }
}

impl State {
    fn load(&mut self, config: ProxyConfig, addresses: &[Option<Address>]) -> Result<(), Vec<String>> {
        self.expire(std::time::Instant::now());
        let gone = self.gone(&config);
        self.refuse_load(&config, &gone)?;
        let fresh = self.listen_anew(&config, addresses, &gone)?;
        // Nothing fails from here on.
        for name in gone {
            if let Some(mut proxy) = self.proxies.remove(&name) {
                proxy.stop();
                let gone = ProxyEventKind::ProxyDeleted { proxy: name.clone() };
                self.plumbing.events.tell(gone);
            }
            self.book.proxy_gone(&name);
        }
        for Fresh { proxy, .. } in fresh {
            if let Some(mut old) = self.proxies.insert(proxy.name.clone(), proxy) {
                old.stop();
            }
        }
        let before = std::mem::replace(&mut self.file, config.clone());
        for entry in config.proxies {
            let had = before.proxies.iter().find(|other| other.name == entry.name);
            self.settle(entry, had);
        }
        Ok(())
    }

    /// Proxies of the former configuration that this one lacks, or that must be made anew.
    fn gone(&self, config: &ProxyConfig) -> Vec<String> {
        let named = |name: &str| config.proxies.iter().find(|entry| entry.name == *name);
        let dropped = |entry: &&ProxyEntry| named(&entry.name).is_none();
        let dropped = self.file.proxies.iter().filter(dropped).map(|entry| &entry.name);
        let turned = self.proxies.iter().filter(|(name, proxy)| {
            let old = proxy.options.protocol.is_datagrams();
            named(name).is_some_and(|entry| entry.options.protocol.is_datagrams() != old)
        });
        dropped
            .filter(|name| self.proxies.contains_key(*name))
            .chain(turned.map(|(name, _)| name))
            .cloned()
            .collect()
    }

    /// What a lease holds is not pulled from under it.
    fn refuse_load(&self, config: &ProxyConfig, gone: &[String]) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        for name in gone {
            if let Some(owner) = self.book.owner_on(name) {
                problems.push(format!(
                    "proxy `{name}` has a fault of the lease `{owner}`: it cannot go before that ends"
                ));
            }
        }
        for entry in &config.proxies {
            let had = self.file.proxies.iter().find(|old| old.name == entry.name);
            let is_of_file = |name: &str| {
                let toxics = had.into_iter().chain([entry]).flat_map(|entry| &entry.toxics);
                toxics.into_iter().any(|toxic| toxic.name == name)
            };
            let there = self
                .proxies
                .get(&entry.name)
                .filter(|_| !gone.contains(&entry.name));
            for toxic in there.into_iter().flat_map(Proxy::listed) {
                if !is_of_file(&toxic.name)
                    && let Err(why) = refuse_unsuitable(&toxic.spec, &toxic.scope, &entry.options)
                {
                    problems.push(format!("toxic `{}` of proxy `{}`: {why}", toxic.name, entry.name));
                }
            }
            if entry.toxics.len() > MOST_TOXICS {
                problems.push(format!(
                    "proxy `{}` has more than {MOST_TOXICS} toxics",
                    entry.name
                ));
            }
            for toxic in &entry.toxics {
                let packets = refuse_packets(&toxic.spec, toxic.stream, &entry.listen, &entry.upstream);
                if let Err(why) = refuse_unsuitable(&toxic.spec, &toxic.scope, &entry.options).and(packets) {
                    problems.push(format!("toxic `{}` of proxy `{}`: {why}", toxic.name, entry.name));
                }
                let there = self
                    .proxies
                    .get(&entry.name)
                    .and_then(|proxy| proxy.toxic(&toxic.name));
                if let Some(owner) = there.and_then(|there| self.book.holder(&entry.name, there.id)) {
                    problems.push(format!(
                        "toxic `{}` of proxy `{}` belongs to the lease `{owner}`",
                        toxic.name, entry.name
                    ));
                }
            }
        }
        let added = config
            .proxies
            .iter()
            .filter(|entry| !self.proxies.contains_key(&entry.name));
        if self.proxies.len() + added.count() > MOST_PROXIES + gone.len() {
            problems.push(format!("there would be more than {MOST_PROXIES} proxies"));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// A listener for each proxy that needs one, none of them in use yet; or all problems and no change.
    fn listen_anew(
        &mut self,
        config: &ProxyConfig,
        addresses: &[Option<Address>],
        gone: &[String],
    ) -> Result<Vec<Fresh>, Vec<String>> {
        let (mut started, mut waiting, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, address) in config.proxies.iter().zip(addresses) {
            let Some(mut fresh) = self.fresh(entry, address.clone(), gone) else {
                continue;
            };
            match fresh.proxy.start(&fresh.address, &mut self.plumbing) {
                Ok(()) => started.push(fresh),
                // Perhaps one of ours is in the way, which is going to make room.
                Err(error) if is_taken(&error) => waiting.push(fresh),
                Err(error) => problems.push(refused(&entry.name, &fresh.address, &error)),
            }
        }
        if problems.is_empty() && !waiting.is_empty() {
            problems = self.make_room(&mut started, waiting, config, gone);
        }
        if !problems.is_empty() {
            started.iter_mut().for_each(|fresh| fresh.proxy.stop());
            return Err(problems);
        }
        Ok(started)
    }

    /// The proxy that is to listen, if this one does not listen there already.
    fn fresh(&self, entry: &ProxyEntry, address: Option<Address>, gone: &[String]) -> Option<Fresh> {
        let address = address.filter(|_| entry.enabled)?;
        let there = self
            .proxies
            .get(&entry.name)
            .filter(|_| !gone.contains(&entry.name));
        let Some(there) = there else {
            let proxy = Proxy::new(new_proxy(entry), &self.plumbing.events);
            return Some(Fresh { proxy, address });
        };
        let listened = self.file.proxies.iter().find(|old| old.name == entry.name);
        let same_text = listened.is_some_and(|old| old.listen == entry.listen);
        let listens = match there.address() {
            Some(bound) => bound == address || (address.is_any() && same_text),
            // A fault has switched it off: it is not for the file to end that.
            None => self.book.is_down(&entry.name),
        };
        let proxy = (!listens).then(|| there.twin())?;
        Some(Fresh { proxy, address })
    }

    /// Starts what waits for addresses that proxies of ours give up; problems if that is not enough.
    fn make_room(
        &mut self,
        started: &mut Vec<Fresh>,
        waiting: Vec<Fresh>,
        config: &ProxyConfig,
        gone: &[String],
    ) -> Vec<String> {
        let moves = |name: &String| {
            let is_off = config
                .proxies
                .iter()
                .any(|entry| entry.name == *name && !entry.enabled);
            let is_anew = |fresh: &Fresh| fresh.proxy.name == *name;
            is_off || gone.contains(name) || started.iter().any(is_anew) || waiting.iter().any(is_anew)
        };
        let wanted: Vec<Address> = waiting.iter().map(|fresh| fresh.address.clone()).collect();
        let blocks = |bound: &Address| wanted.iter().any(|wanted| bound.is_in_the_way_of(wanted));
        let in_the_way = |proxy: &Proxy| proxy.address().filter(blocks);
        let leaving: Vec<(String, Address)> = self
            .proxies
            .iter()
            .filter(|(name, _)| moves(name))
            .filter_map(|(name, proxy)| Some((name.clone(), in_the_way(proxy)?)))
            .collect();
        for (name, _) in &leaving {
            if let Some(proxy) = self.proxies.get_mut(name) {
                proxy.stop();
            }
        }
        let mut problems = Vec::new();
        for mut fresh in waiting {
            match fresh.proxy.start(&fresh.address, &mut self.plumbing) {
                Ok(()) => started.push(fresh),
                Err(error) => problems.push(refused(&fresh.proxy.name, &fresh.address, &error)),
            }
        }
        if !problems.is_empty() {
            started.iter_mut().for_each(|fresh| fresh.proxy.stop());
            for (name, address) in leaving {
                if let Some(proxy) = self.proxies.get_mut(&name) {
                    // It was free a moment ago; if it is not any more, being off is the truth.
                    proxy.start(&address, &mut self.plumbing).ok();
                }
            }
        }
        problems
    }

    /// Everything about a proxy that cannot fail.
    fn settle(&mut self, entry: ProxyEntry, had: Option<&ProxyEntry>) {
        let State {
            proxies,
            book,
            plumbing,
            ..
        } = self;
        let proxy = proxies
            .entry(entry.name.clone())
            .or_insert_with(|| Proxy::new(new_proxy(&entry), &plumbing.events));
        proxy.seed = new_proxy(&entry).seed_or_default();
        let upstream = (proxy.upstream != entry.upstream).then_some(entry.upstream);
        // The files that it names may have changed although it has not.
        proxy.options.tls.renew(&entry.options.tls);
        let options = (*proxy.options != entry.options).then_some(entry.options);
        let is_kept = |name: &str| entry.toxics.iter().any(|toxic| toxic.name == name);
        let had_toxics = had.map_or(&[][..], |had| &had.toxics);
        for old in had_toxics.iter().filter(|old| !is_kept(&old.name)) {
            let id = proxy.toxic(&old.name).map(|toxic| toxic.id);
            if let Some(id) = id.filter(|id| book.holder(&entry.name, *id).is_none()) {
                proxy.detach(id);
            }
        }
        if upstream.is_some() || options.is_some() {
            proxy.lead_to(upstream, options, plumbing);
        }
        for toxic in entry.toxics {
            proxy.settle_toxic(toxic);
        }
        if !entry.enabled {
            proxy.stop();
        }
        // One that a fault has switched off is to come back where it is to be now.
        let moved = had.is_none_or(|had| had.listen != entry.listen);
        if !entry.enabled || (!proxy.is_enabled() && moved) {
            proxy.listen = entry.listen;
        }
    }
}

impl Proxy {
    /// Attaches a toxic of the configuration, or brings the one of its name to what is said there.
    fn settle_toxic(&mut self, entry: ToxicEntry) {
        let seed = entry.seed.unwrap_or(self.seed);
        let wanted = Attached {
            name: entry.name,
            stream: entry.stream,
            stream_text: entry.stream.as_str().to_owned(),
            toxicity: entry.toxicity,
            scope: entry.scope,
            seed,
            ..Attached::new(entry.spec)
        };
        let Some(old) = self.toxic(&wanted.name).cloned() else {
            self.attach(wanted);
            return;
        };
        if old.stream != wanted.stream || old.spec.kind() != wanted.spec.kind() {
            self.detach(old.id);
            self.attach(wanted);
        } else if !old.does_the_same_as(&wanted) {
            self.replace(Attached {
                id: old.id,
                revision: old.revision,
                since: old.since,
                anchor: old.anchor.clone(),
                places: old.places.clone(),
                touches: old.touches.clone(),
                ..wanted
            });
        }
    }
}

fn new_proxy(entry: &ProxyEntry) -> NewProxy {
    NewProxy {
        name: entry.name.clone(),
        listen: entry.listen.clone(),
        upstream: entry.upstream.clone(),
        enabled: entry.enabled,
        options: entry.options.clone(),
        seed: entry.seed,
    }
}

/// What is told of an address that a file asks for and that cannot be had.
fn refused(name: &str, address: &Address, error: &io::Error) -> String {
    match address {
        Address::Net(at) => {
            let why = gameday_core::cannot_listen(*at, error, "`listen`");
            format!("proxy `{name}` {why}")
        }
        Address::Unix(_) => format!("proxy `{name}` cannot listen: {}", listen_error(address, error)),
    }
}

fn cannot_listen(entry: &ProxyEntry, why: &str) -> String {
    format!("proxy `{}` cannot listen on {}: {why}", entry.name, entry.listen)
}
