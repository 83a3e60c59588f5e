//! Addresses as the kernel has them.

use std::{
    mem::size_of,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    ptr,
};

/// Room for an IPv4 or IPv6 address: `sockaddr_in` is shorter than `sockaddr_in6` and both begin with the family.
pub(super) type Name = libc::sockaddr_in6;

/// The address the kernel wrote; IPv4 behind an IPv6 socket comes out as IPv4.
pub(super) fn address(name: &Name) -> SocketAddr {
    if libc::c_int::from(name.sin6_family) == libc::AF_INET {
        // SAFETY: the family says that the kernel wrote a `sockaddr_in`, which is shorter than the name and needs
        // no stricter alignment.
        let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
        let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
        return SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into();
    }
    let (ip, port) = (Ipv6Addr::from(name.sin6_addr.s6_addr), u16::from_be(name.sin6_port));
    match ip.to_ipv4_mapped() {
        Some(ip) => SocketAddrV4::new(ip, port).into(),
        None => SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into(),
    }
}

/// Writes an address for a socket of the given family; the length of the name.
pub(super) fn put_address(to: SocketAddr, over_ipv6: bool, name: &mut Name) -> libc::socklen_t {
    match to {
        SocketAddr::V4(to) if !over_ipv6 => {
            // SAFETY: a `sockaddr_in` is shorter than the name it is written over and needs no stricter alignment.
            let name = unsafe { &mut *ptr::from_mut(name).cast::<libc::sockaddr_in>() };
            name.sin_family = libc::AF_INET as libc::sa_family_t;
            name.sin_port = to.port().to_be();
            name.sin_addr.s_addr = u32::from(*to.ip()).to_be();
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        to => {
            let (ip, scope) = match to {
                SocketAddr::V4(to) => (to.ip().to_ipv6_mapped(), 0),
                SocketAddr::V6(to) => (*to.ip(), to.scope_id()),
            };
            name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.sin6_port = to.port().to_be();
            name.sin6_addr.s6_addr = ip.octets();
            name.sin6_scope_id = scope;
            size_of::<Name>() as libc::socklen_t
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::zeroed;

    use super::*;

    #[test]
    fn addresses_survive_both_families() {
        for text in ["127.0.0.1:9", "[2001:db8::1]:65535", "[fe80::1%3]:1"] {
            let to: SocketAddr = text.parse().unwrap();
            for over_ipv6 in [false, true] {
                // SAFETY: zero bytes are a value of a `sockaddr_in6`.
                let mut name: Name = unsafe { zeroed() };
                put_address(to, over_ipv6, &mut name);
                assert_eq!(address(&name), to);
            }
        }
    }
}
