//! Where a server of ours is told to listen.

use std::net::{Ipv4Addr, SocketAddr};

/// `127.0.0.1:9115` or `localhost:9115`. Which interfaces are meant is never guessed.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    match (host, port.parse()) {
        ("localhost", Ok(port)) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        ("", Ok(port)) => Err(format!(
            "write 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface"
        )),
        _ => Err("write it as ADDRESS:PORT, such as 127.0.0.1:9115, [::1]:9115 or localhost:9115".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[test]
    fn an_address_is_read_and_never_guessed() {
        let read = |text| listen(text).map(|address| address.to_string());
        assert_eq!(read("localhost:80").unwrap(), "127.0.0.1:80");
        assert_eq!(read("[::1]:80").unwrap(), "[::1]:80");
        assert_eq!(
            read(":80").unwrap_err(),
            "write 127.0.0.1:80, or 0.0.0.0:80 for every interface"
        );
        for wrong in ["example.test:80", "80", "127.0.0.1", "localhost:http"] {
            assert!(read(wrong).unwrap_err().contains("ADDRESS:PORT"), "{wrong}");
        }
    }
}
