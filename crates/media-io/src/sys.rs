//! The system calls of the media loop. This is the only module of the project with `unsafe` code.
//!
//! What holds for every block: the pointers given to the kernel point into arrays that outlive the call, the
//! counts given with them are the lengths of those arrays, and nothing keeps a pointer after the call.
#![expect(unsafe_code, reason = "epoll, eventfd, recvmmsg and sendmmsg have no safe wrapper in std")]

use std::{
    io,
    mem::{size_of, zeroed},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd},
    ptr,
    time::Duration,
};

use rotunda_sfu::{BATCH, Inbox, Outbox, Remote};

/// A counter that makes epoll return when it is written to.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is checked before it is owned.
    let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    owned(fd)
}

fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given this descriptor to us and to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits for descriptors to become readable (level-triggered).
#[derive(Debug)]
pub(crate) struct Poll(OwnedFd);

impl Poll {
    pub(crate) fn new(readable: &[BorrowedFd<'_>]) -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked before it is owned.
        let poll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        for fd in readable {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: `event` lives through the call; both descriptors are open.
            let done = unsafe {
                libc::epoll_ctl(poll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
            };
            if done < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self(poll))
    }

    /// Returns when something is readable or the time is over; None waits for ever. An interrupted wait returns.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        // Rounded up: waking too early would spin until the time has come.
        let millis = timeout.map_or(-1, |timeout| {
            libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        });
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 4];
        let room = events.len() as libc::c_int;
        // SAFETY: `events` has room for the number of events asked for.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room, millis) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        Ok(())
    }
}

/// Asks for socket buffers of `bytes` each way; the kernel gives what its limits allow.
pub(crate) fn set_buffers(socket: &impl AsRawFd, bytes: usize) -> io::Result<()> {
    let size = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    for option in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        // SAFETY: the option is an int, and the length given is that of an int.
        let done = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const size).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Room for an IPv4 or IPv6 address: `sockaddr_in` is shorter than `sockaddr_in6` and both begin with the family.
type Name = libc::sockaddr_in6;

/// Reads up to a batch of datagrams without waiting; how many.
pub(crate) fn receive(socket: &UdpSocket, inbox: &mut Inbox) -> io::Result<usize> {
    // SAFETY: all three are plain C structs for which zero bytes are a value.
    let (mut names, mut vectors, mut messages): (
        [Name; BATCH],
        [libc::iovec; BATCH],
        [libc::mmsghdr; BATCH],
    ) = unsafe { (zeroed(), zeroed(), zeroed()) };
    let slots = inbox.slots_mut();
    let room = slots.len().min(BATCH);
    for (((slot, name), vector), message) in
        slots.iter_mut().zip(&mut names).zip(&mut vectors).zip(&mut messages)
    {
        *vector = libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() };
        message.msg_hdr.msg_name = ptr::from_mut(name).cast();
        message.msg_hdr.msg_namelen = size_of::<Name>() as libc::socklen_t;
        message.msg_hdr.msg_iov = ptr::from_mut(vector);
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: `room` messages are filled in, each with one vector over a slot of its own and a name of its own;
    // slots, names, vectors and messages live until the end of this function.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            room as libc::c_uint,
            libc::MSG_DONTWAIT,
            ptr::null_mut(),
        )
    };
    if count < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
            // An ICMP error of an earlier datagram, reported here: nothing was read.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable => Ok(0),
            _ => Err(error),
        };
    }
    let count = usize::try_from(count).unwrap_or(0).min(room);
    for (name, message) in names.iter().zip(&messages).take(count) {
        inbox.received(Remote::Udp(address(name)), message.msg_len as usize);
    }
    Ok(count)
}

/// Sends what a batch holds for the socket, without waiting. A datagram the kernel does not take is dropped; how many were.
pub(crate) fn send(socket: &UdpSocket, over_ipv6: bool, batch: &Outbox) -> usize {
    // SAFETY: all three are plain C structs for which zero bytes are a value.
    let (mut names, mut vectors, mut messages): (
        [Name; BATCH],
        [libc::iovec; BATCH],
        [libc::mmsghdr; BATCH],
    ) = unsafe { (zeroed(), zeroed(), zeroed()) };
    let mut total = 0;
    for ((((to, bytes), name), vector), message) in
        batch.udp().zip(&mut names).zip(&mut vectors).zip(&mut messages)
    {
        message.msg_hdr.msg_namelen = put_address(to, over_ipv6, name);
        message.msg_hdr.msg_name = ptr::from_mut(name).cast();
        // The kernel only reads through this pointer when sending.
        *vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        message.msg_hdr.msg_iov = ptr::from_mut(vector);
        message.msg_hdr.msg_iovlen = 1;
        total += 1;
    }
    let (mut done, mut dropped) = (0, 0);
    while let Some(rest) = messages.get_mut(done..total).filter(|rest| !rest.is_empty()) {
        // SAFETY: `rest` messages are filled in; what they point to lives until the end of this function.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                rest.as_mut_ptr(),
                rest.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        match usize::try_from(count) {
            Ok(count) if count > 0 => done += count,
            _ => match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                // The socket is full: so would it be for the rest.
                io::ErrorKind::WouldBlock => return dropped + total - done,
                // This receiver cannot be sent to; the next may be.
                _ => (done, dropped) = (done + 1, dropped + 1),
            },
        }
    }
    dropped
}

/// The address the kernel wrote; IPv4 behind an IPv6 socket comes out as IPv4.
fn address(name: &Name) -> SocketAddr {
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
fn put_address(to: SocketAddr, over_ipv6: bool, name: &mut Name) -> libc::socklen_t {
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
    use std::os::fd::AsFd as _;

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

    #[test]
    fn a_batch_is_read_and_polled_for() {
        let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let poll = Poll::new(&[a.as_fd()]).unwrap();
        poll.wait(Some(Duration::ZERO)).unwrap();
        for length in 0..100_usize {
            b.send_to(&vec![length as u8; length], a.local_addr().unwrap()).unwrap();
        }
        poll.wait(None).unwrap();
        let (mut inbox, mut total) = (Inbox::default(), 0);
        while total < 100 {
            inbox.clear();
            let count = receive(&a, &mut inbox).unwrap();
            assert_eq!(count, inbox.len());
            assert!(count > 0 && count <= BATCH);
            total += count;
        }
        inbox.clear();
        assert_eq!(receive(&a, &mut inbox).unwrap(), 0);
    }
}
