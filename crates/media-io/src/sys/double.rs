//! A kernel for tests: follows the pointers it is given, as the real one does, and keeps what it finds.

use std::{
    collections::VecDeque,
    io,
    mem::size_of,
    net::{IpAddr, SocketAddr},
    os::fd::BorrowedFd,
    slice,
};

use super::{
    datagrams::Kernel,
    name::{Name, address, put_address},
};

#[derive(Debug, Default)]
pub(super) struct Double {
    /// Datagrams to be received.
    pub(super) waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Datagrams sent, and how many each message held.
    pub(super) sent: Vec<(SocketAddr, Vec<u8>)>,
    pub(super) messages: Vec<usize>,
    /// Messages of several datagrams to this address end with this error.
    pub(super) refuses: Option<(IpAddr, i32)>,
    /// Calls that will be interrupted.
    pub(super) interrupts: usize,
    /// Messages taken before the socket is full.
    pub(super) room: Option<usize>,
}

impl Double {
    pub(super) fn refusing_runs_to(address: [u8; 4], error: i32) -> Self {
        Self { refuses: Some((address.into(), error)), ..Self::default() }
    }

    fn take(&mut self, to: SocketAddr, bytes: &[u8], segment: Option<usize>) -> io::Result<()> {
        if self.room == Some(0) {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        let refused = self.refuses.filter(|(ip, _)| segment.is_some() && to.ip() == *ip);
        if let Some((_, error)) = refused {
            return Err(io::Error::from_raw_os_error(error));
        }
        self.room = self.room.map(|room| room - 1);
        let datagrams: Vec<_> = bytes.chunks(segment.unwrap_or(bytes.len())).collect();
        self.messages.push(datagrams.len());
        self.sent.extend(datagrams.into_iter().map(|bytes| (to, bytes.to_vec())));
        Ok(())
    }
}

impl Kernel for Double {
    unsafe fn receive(&mut self, _: BorrowedFd<'_>, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
        let mut count = 0;
        for message in messages {
            let Some((from, bytes)) = self.waiting.pop_front() else { break };
            assert_eq!(message.msg_hdr.msg_iovlen, 1);
            // SAFETY: the caller promises a vector, the slot it describes and a name, each writable.
            let (vector, name) =
                unsafe { (&*message.msg_hdr.msg_iov, &mut *message.msg_hdr.msg_name.cast::<Name>()) };
            // SAFETY: as above.
            let slot = unsafe { slice::from_raw_parts_mut(vector.iov_base.cast::<u8>(), vector.iov_len) };
            slot[..bytes.len()].copy_from_slice(&bytes);
            message.msg_hdr.msg_namelen = put_address(from, false, name);
            message.msg_len = bytes.len() as u32;
            count += 1;
        }
        if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    unsafe fn send(&mut self, _: BorrowedFd<'_>, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        for (count, message) in messages.iter().enumerate() {
            let head = &message.msg_hdr;
            // SAFETY: the caller promises a name and a vector, each readable.
            let (name, vector) = unsafe { (&*head.msg_name.cast::<Name>(), &*head.msg_iov) };
            // SAFETY: as above, of the bytes the vector describes.
            let bytes = unsafe { slice::from_raw_parts(vector.iov_base.cast::<u8>(), vector.iov_len) };
            let segment = (!head.msg_control.is_null()).then(|| {
                assert!(head.msg_controllen >= size_of::<libc::cmsghdr>() + 2);
                // SAFETY: as above, of the control message, whose number follows its head.
                let (control, segment) = unsafe {
                    let control = head.msg_control.cast::<libc::cmsghdr>();
                    (&*control, control.add(1).cast::<u16>().read())
                };
                assert_eq!((control.cmsg_level, control.cmsg_type), (libc::SOL_UDP, 103));
                usize::from(segment)
            });
            if let Err(error) = self.take(address(name), bytes, segment) {
                // As the real one: what went before counts, and the error comes with the next call.
                return if count > 0 { Ok(count) } else { Err(error) };
            }
        }
        Ok(messages.len())
    }
}
