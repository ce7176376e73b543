//! Looks names up and leaves out blocked addresses.

use std::io;
use std::net::SocketAddr;

use host_app::Networks;
use redis::RedisFuture;
use redis::io::AsyncDNSResolver;

/// Gives the addresses outside some networks: the check is made on the address
/// that is connected to, so a name cannot change in between.
pub(crate) struct Resolver {
    pub(crate) blocked: Networks,
}

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host, port)).await?;
            let allowed = self
                .blocked
                .leave_out(host, addresses)
                .map_err(io::Error::other)?;
            Ok(Box::new(allowed.into_iter()) as _)
        })
    }
}
