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
        // Linux hands it on to every connection: a system call less for each.
        sockopt::set_tcp_nodelay(&socket, true)?;
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

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_send_at_once() {
        let (socket, address) = bound(([127, 0, 0, 1], 0).into(), "--listen").expect("bound");
        let listener = TcpListener::from(socket);
        rustix::net::listen(&listener, 1).expect("listening");
        let _caller = TcpStream::connect(address).expect("connected");
        let (accepted, _) = listener.accept().expect("accepted");
        assert!(accepted.nodelay().expect("asked"));
    }
}
