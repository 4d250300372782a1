//! `prober: dns`, `icmp` and `grpc`.

use super::Import;
use super::{host, is_telling};
use crate::blackbox::{Block, Value};
use crate::import::write::{Step, quoted};

impl Import<'_> {
    /// `[dns]`: one server, one question.
    ///
    /// # Errors
    /// In words: why it cannot be said.
    pub(super) fn dns(&mut self, block: &Block, target: &str) -> Result<Step, String> {
        if !matches!(block.text("query_class"), "" | "IN") {
            return Err(format!(
                "only the class IN is asked for, not {}",
                block.text("query_class")
            ));
        }
        let tls = block.block("tls_config");
        let server = match (block.flag("dns_over_tls"), block.text("transport_protocol")) {
            (true, "tcp") => {
                let own = tls.map_or("", |tls| tls.text("server_name"));
                let name = if own.is_empty() { host(target) } else { own };
                format!("tls://{target}#{name}")
            }
            (false, "tcp") => format!("tcp://{target}"),
            (false, "" | "udp") => format!("udp://{target}"),
            (_, other) => {
                return Err(format!(
                    "the module cannot look itself: `{other}` is no way to ask"
                ));
            }
        };
        crate::dns::Server::parse(&server)?;
        let mut table = Step::default();
        table.text("name", block.text("query_name"));
        let kind = match block.text("query_type") {
            "" => "ANY",
            kind => kind,
        };
        if kind.parse::<hickory_proto::rr::RecordType>().is_err() {
            return Err(format!("there is no `types = [\"{kind}\"]` here"));
        }
        table.list("types", &[kind.to_owned()]);
        table.list("ask", &[server]);
        if let Some(tls) = tls.filter(|_| block.flag("dns_over_tls")) {
            // The name stands in `ask`.
            self.dns_trust(tls, &mut table);
        }
        let codes = block.texts("valid_rcodes");
        table.list(
            "expect",
            &[match codes.as_slice() {
                [] => "rcode == NOERROR".to_owned(),
                codes => format!("rcode in [{}]", codes.join(", ")),
            }],
        );
        self.dns_left_out(block);
        Ok(table)
    }

    fn dns_trust(&mut self, tls: &Block, table: &mut Step) {
        let mut own = tls.clone();
        own.values.remove("server_name");
        self.tls(Some(&own), None, table);
    }

    fn dns_left_out(&mut self, block: &Block) {
        let records = "records are not compared as lines here; `answers contain …`, `answers all-in …` and `ttl in …` look at them";
        for key in [
            "validate_answer_rrs",
            "validate_authority_rrs",
            "validate_additional_rrs",
        ] {
            if block.block(key).is_some_and(|block| !block.values.is_empty()) {
                self.leave(block, key, records);
            }
        }
        if !block.flag("recursion_desired") {
            self.leave(
                block,
                "recursion_desired",
                "`ask = [\"auth://…\"]` asks so, and wants an authoritative answer",
            );
        }
        if !block.flag("ip_protocol_fallback") {
            self.leave(
                block,
                "ip_protocol_fallback",
                "an address in the place of the server's name says which one is asked",
            );
        }
        self.leave_typed(
            block,
            &[(
                "source_ip_address",
                "questions are asked from the system's own address",
            )],
        );
    }

    /// `[icmp]`.
    ///
    /// # Errors
    /// In words: why it cannot be said.
    pub(super) fn icmp(&mut self, block: &Block, target: &str) -> Result<Step, String> {
        if target.contains('/') {
            return Err("a target of ICMP is a host".to_owned());
        }
        let mut table = Step::default();
        table.text("host", host(target));
        self.family(block, &mut table);
        for (theirs, ours) in [("payload_size", "size"), ("ttl", "ttl")] {
            if block.has(theirs) && block.whole(theirs) > 0 {
                table.raw(ours, &block.whole(theirs).to_string());
            }
        }
        if block.flag("dont_fragment") {
            table.raw("dont_fragment", "true");
        }
        self.leave_typed(
            block,
            &[(
                "source_ip_address",
                "echo requests leave from the system's own address",
            )],
        );
        Ok(table)
    }

    /// `[grpc]`.
    ///
    /// # Errors
    /// In words: why it cannot be said.
    pub(super) fn grpc(&mut self, block: &Block, target: &str) -> Result<Step, String> {
        let address = match target.split_once("://") {
            None => target,
            Some(("http" | "https", address)) => address.trim_end_matches('/'),
            Some((other, _)) => return Err(format!("`{other}://` is no address of gRPC")),
        };
        let mut table = Step::default();
        table.text("address", address);
        if !block.text("service").is_empty() {
            table.text("service", block.text("service"));
        }
        self.family(block, &mut table);
        if block.flag("tls") {
            table.raw("tls", "true");
        }
        self.tls(block.block("tls_config"), None, &mut table);
        let mut metadata = Vec::new();
        for (name, values) in block.pairs("metadata") {
            let Value::List(values) = values else { continue };
            let mut texts = Vec::new();
            for text in crate::blackbox::texts(values) {
                texts.push(quoted(&match is_telling(name) || text.contains("{{") {
                    true => self.secret(block, "metadata", name, &format!("the metadata `{name}`")),
                    false => text,
                }));
            }
            metadata.push((name.clone(), format!("[{}]", texts.join(", "))));
        }
        table.table("metadata", &metadata);
        Ok(table)
    }
}
