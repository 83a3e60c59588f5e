//! The system calls of the media loop. This is the only module of the project with `unsafe` code.
//!
//! This file waits and sets options; [`datagrams`] moves datagrams; [`name`] is the kernel's form of an address. The
//! tests put a double in the kernel's place, so that the pointers can be followed by tools that know no kernel.
//!
//! What holds for every block: the pointers given to the kernel point into arrays that outlive the call, the
//! counts given with them are the lengths of those arrays, and nothing keeps a pointer after the call.
#![expect(unsafe_code, reason = "epoll, eventfd, recvmmsg and sendmmsg have no safe wrapper in std")]

mod datagrams;
#[cfg(test)]
mod double;
mod name;

use std::{
    io,
    mem::size_of,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd},
    time::Duration,
};

pub(crate) use self::datagrams::Datagrams;

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

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::fd::AsFd as _};

    use super::*;

    #[test]
    fn what_is_readable_ends_the_wait() {
        let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let poll = Poll::new(&[a.as_fd()]).unwrap();
        poll.wait(Some(Duration::ZERO)).unwrap();
        b.send_to(b"x", a.local_addr().unwrap()).unwrap();
        poll.wait(None).unwrap();
        assert_eq!(a.recv(&mut [0; 8]).unwrap(), 1);
    }
}
