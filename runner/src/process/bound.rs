//! The sockets of the tree: bound by the master, before anything else can go wrong.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, SocketAddrAny, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

use crate::refusal::CannotServe;

/// A socket bound to this address, and the address it got. It listens once somebody is ready to serve it, so that
/// nobody connects before.
pub(super) fn bound(
    wanted: SocketAddr,
    flag: &'static str,
) -> Result<(OwnedFd, String), CannotServe> {
    let family = match wanted {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let bind = || {
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &wanted)?;
        Ok(socket)
    };
    let socket = bind().map_err(|source: rustix::io::Errno| CannotServe::Address {
        address: wanted.to_string(),
        flag,
        source: source.into(),
    })?;
    let address = getsockname(&socket)
        .ok()
        .and_then(|address: SocketAddrAny| SocketAddr::try_from(address).ok());
    Ok((socket, address.unwrap_or(wanted).to_string()))
}
