//! Making, reading, changing and deleting proxies.

use std::collections::BTreeMap;

use gameday_core::Timestamp;

use super::proxy::Proxy;
use super::{Control, State};
use crate::address::{Address, listen_error, resolve};
use crate::dice::seed_of;
use crate::events::ProxyEventKind;
use crate::model::{ProxyDetail, ProxyInfo, ProxyList};
use crate::options::Options;
use crate::refusal::Refusal;

/// A server has no more proxies than this.
pub(super) const MOST_PROXIES: usize = 4096;

/// A proxy to be made.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewProxy {
    pub(crate) name: String,
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) enabled: bool,
    pub(crate) options: Options,
    /// What the dice of its toxics are seeded with, if not with its name.
    pub(crate) seed: Option<u64>,
}

impl NewProxy {
    /// Without a seed of its own a proxy makes the same decisions each time it is started, by its name.
    pub(super) fn seed_or_default(&self) -> u64 {
        self.seed.unwrap_or_else(|| seed_of(&self.name))
    }
}

/// A change of a proxy; what is missing stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyEdit {
    pub(crate) listen: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) options: Option<Options>,
    /// For toxics attached from now on.
    pub(crate) seed: Option<u64>,
}

impl Control {
    pub(crate) fn proxies(&self) -> BTreeMap<String, ProxyInfo> {
        self.lock()
            .proxies
            .iter()
            .map(|(name, proxy)| (name.clone(), proxy.info()))
            .collect()
    }

    pub(crate) fn proxy(&self, name: &str) -> Result<ProxyInfo, Refusal> {
        self.lock().proxy(name).map(|proxy| proxy.info())
    }

    /// All proxies with everything that is known of them.
    pub(crate) fn proxy_details(&self) -> ProxyList {
        let state = self.lock();
        let proxies = state.proxies.values().map(|proxy| state.detail(proxy)).collect();
        ProxyList {
            now: Timestamp::now(),
            proxies,
        }
    }

    pub(crate) fn proxy_detail(&self, name: &str) -> Result<ProxyDetail, Refusal> {
        let state = self.lock();
        let proxy = state.proxies.get(name).ok_or(Refusal::NotFound("proxy"))?;
        Ok(state.detail(proxy))
    }

    pub(crate) async fn create_proxy(&self, mut new: NewProxy) -> Result<ProxyInfo, Refusal> {
        self.lock().refuse_existing(&new.name)?;
        new.seed = new.seed.or(self.seed);
        new.options.prepare(&self.authority).map_err(Refusal::body)?;
        let address = if new.enabled {
            Some(resolve(&new.listen).await.map_err(Refusal::Listen)?)
        } else {
            None
        };
        let mut state = self.lock();
        // Another request may have made it while a name was looked up.
        state.refuse_existing(&new.name)?;
        let mut proxy = Proxy::new(new, &state.plumbing.events);
        if let Some(address) = address {
            let started = proxy.start(&address, &mut state.plumbing);
            started.map_err(|error| Refusal::Listen(listen_error(&address, &error)))?;
        }
        let info = proxy.info();
        state.proxies.insert(info.name.clone(), proxy);
        Ok(info)
    }

    /// Changes a proxy: whole, or not at all.
    pub(crate) async fn edit_proxy(&self, name: &str, mut edit: ProxyEdit) -> Result<ProxyInfo, Refusal> {
        if let Some(options) = &mut edit.options {
            options.prepare(&self.authority).map_err(Refusal::body)?;
        }
        let (listen, enable) = {
            let mut state = self.lock();
            let proxy = state.proxy(name)?;
            let listen = edit.listen.clone().unwrap_or_else(|| proxy.listen.clone());
            (listen, edit.enabled.unwrap_or(proxy.is_enabled()))
        };
        let address = if enable {
            Some(resolve(&listen).await.map_err(Refusal::Listen)?)
        } else {
            None
        };
        let info = self.lock().apply(name, edit, listen, address)?;
        self.leases_changed.notify_one();
        Ok(info)
    }

    pub(crate) fn delete_proxy(&self, name: &str) -> Result<(), Refusal> {
        let mut state = self.lock();
        let mut proxy = state.proxies.remove(name).ok_or(Refusal::NotFound("proxy"))?;
        proxy.stop();
        state.plumbing.events.tell(ProxyEventKind::ProxyDeleted {
            proxy: name.to_owned(),
        });
        state.book.proxy_gone(name);
        Ok(())
    }
}

impl State {
    pub(super) fn proxy(&mut self, name: &str) -> Result<&mut Proxy, Refusal> {
        self.proxies.get_mut(name).ok_or(Refusal::NotFound("proxy"))
    }

    fn detail(&self, proxy: &Proxy) -> ProxyDetail {
        proxy.detail(|toxic| self.book.holder(&proxy.name, toxic).map(str::to_owned))
    }

    fn refuse_existing(&self, name: &str) -> Result<(), Refusal> {
        if self.proxies.contains_key(name) {
            return Err(Refusal::Conflict("proxy already exists".to_owned()));
        }
        if self.proxies.len() >= MOST_PROXIES {
            return Err(Refusal::Conflict(format!(
                "there are {MOST_PROXIES} proxies already"
            )));
        }
        Ok(())
    }

    /// Changes a proxy; an address means that it is to be on.
    fn apply(
        &mut self,
        name: &str,
        edit: ProxyEdit,
        listen: String,
        address: Option<Address>,
    ) -> Result<ProxyInfo, Refusal> {
        let proxy = self.proxies.get_mut(name).ok_or(Refusal::NotFound("proxy"))?;
        if let Some(options) = &edit.options {
            proxy.refuse_options(options)?;
        }
        let was_on = proxy.is_enabled();
        match address {
            None => {
                proxy.stop();
                proxy.listen = listen;
            }
            Some(address) if address.is_any() || proxy.address().as_ref() != Some(&address) => {
                let moved = proxy.move_to(&address, &mut self.plumbing);
                moved.map_err(|error| Refusal::Listen(listen_error(&address, &error)))?;
            }
            Some(_) => {}
        }
        proxy.seed = edit.seed.unwrap_or(proxy.seed);
        let upstream = edit.upstream.filter(|upstream| *upstream != proxy.upstream);
        let options = edit.options.filter(|options| *options != *proxy.options);
        if upstream.is_some() || options.is_some() {
            proxy.lead_to(upstream, options, &mut self.plumbing);
        }
        let info = proxy.info();
        match edit.enabled {
            Some(true) if !was_on => self.book.proxy_switched_on(name),
            Some(false) => self.book.stop_retrying(name),
            _ => {}
        }
        Ok(info)
    }
}
