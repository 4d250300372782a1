//! Many proxies at once, as Toxiproxy's `/populate` and `/reset` do it.

use super::proxies::{NewProxy, ProxyEdit};
use super::{Control, State};
use crate::address::{Address, listen_error, resolve};
use crate::model::ProxyInfo;
use crate::refusal::Refusal;

impl Control {
    /// Makes the proxies in order; one that is there already with the same addresses is left as it is, one with
    /// others is replaced. The first failure ends it; what was done before stays.
    pub(crate) async fn populate(&self, entries: Vec<NewProxy>) -> (Vec<ProxyInfo>, Option<Refusal>) {
        let mut done = Vec::with_capacity(entries.len());
        for entry in entries {
            match self.add_or_replace(entry).await {
                Ok(info) => done.push(info),
                Err(refusal) => return (done, Some(refusal)),
            }
        }
        (done, None)
    }

    async fn add_or_replace(&self, entry: NewProxy) -> Result<ProxyInfo, Refusal> {
        let is_there = self.lock().proxies.contains_key(&entry.name);
        if !is_there {
            return self.create_proxy(entry).await;
        }
        let address = resolve(&entry.listen).await.map_err(Refusal::Listen)?;
        let info = self.lock().replace(entry, address)?;
        self.leases_changed.notify_one();
        Ok(info)
    }

    /// Switches every proxy on and takes every toxic away, faults of leases too. All that can be done is done;
    /// the first proxy that cannot listen is told.
    pub(crate) async fn reset(&self) -> Result<(), Refusal> {
        let off: Vec<String> = {
            let mut state = self.lock();
            let State { proxies, book, .. } = &mut *state;
            for (name, proxy) in proxies.iter_mut() {
                proxy.detach_all();
                book.toxics_gone(name);
            }
            let off = proxies.values().filter(|proxy| !proxy.is_enabled());
            off.map(|proxy| proxy.name.clone()).collect()
        };
        let mut result = Ok(());
        for name in off {
            let on = ProxyEdit {
                enabled: Some(true),
                ..ProxyEdit::default()
            };
            match self.edit_proxy(&name, on).await {
                // Somebody deleted it in the meantime.
                Ok(_) | Err(Refusal::NotFound(_)) => {}
                Err(refusal) => result = result.and(Err(refusal)),
            }
        }
        result
    }
}

impl State {
    /// Puts a new proxy in the place of one of the same name that has other addresses: whole, or not at all.
    fn replace(&mut self, entry: NewProxy, address: Address) -> Result<ProxyInfo, Refusal> {
        let proxy = self
            .proxies
            .get_mut(&entry.name)
            .ok_or(Refusal::NotFound("proxy"))?;
        if proxy.leads(&address, &entry.upstream) {
            return Ok(proxy.info());
        }
        if entry.enabled && (address.is_any() || proxy.address().as_ref() != Some(&address)) {
            let moved = proxy.move_to(&address, &mut self.plumbing);
            moved.map_err(|error| Refusal::Listen(listen_error(&address, &error)))?;
        }
        if !entry.enabled {
            proxy.stop();
            proxy.listen = entry.listen;
        }
        proxy.begin_anew();
        proxy.lead_to(Some(entry.upstream), Some(entry.options), &mut self.plumbing);
        self.book.proxy_gone(&entry.name);
        Ok(self.proxy(&entry.name)?.info())
    }
}
