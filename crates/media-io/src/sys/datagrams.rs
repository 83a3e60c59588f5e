//! Batches of datagrams in and out of one UDP socket.

use std::{
    io,
    mem::{size_of, zeroed},
    net::UdpSocket,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd},
    ptr,
};

use arrayvec::ArrayVec;
use rotunda_sfu::{BATCH, Inbox, Outbox, Remote, Run};

use super::name::{Name, address, put_address};

/// `UDP_SEGMENT` of linux/udp.h: bytes of a segment, as a socket option or a control message.
const UDP_SEGMENT: libc::c_int = 103;
/// Datagrams in one message: `UDP_MAX_SEGMENTS` of kernels before 6.9. Later ones take 128.
const LONGEST_RUN: usize = 64;

/// The system calls that move datagrams.
pub(super) trait Kernel {
    /// recvmmsg(2) without waiting.
    ///
    /// # Safety
    /// Names, vectors and controls of all messages must point to memory that is theirs alone and may be written.
    unsafe fn receive(&mut self, socket: BorrowedFd<'_>, messages: &mut [libc::mmsghdr])
    -> io::Result<usize>;

    /// sendmmsg(2) without waiting.
    ///
    /// # Safety
    /// Names, vectors and controls of all messages must point to memory that may be read.
    unsafe fn send(&mut self, socket: BorrowedFd<'_>, messages: &mut [libc::mmsghdr]) -> io::Result<usize>;
}

/// The kernel this runs on.
#[derive(Debug)]
pub(crate) struct Linux;

impl Kernel for Linux {
    unsafe fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        messages: &mut [libc::mmsghdr],
    ) -> io::Result<usize> {
        let room = messages.len() as libc::c_uint;
        let (socket, first) = (socket.as_raw_fd(), messages.as_mut_ptr());
        // SAFETY: `room` is the number of messages; what they point to is the caller's promise.
        let count = unsafe { libc::recvmmsg(socket, first, room, libc::MSG_DONTWAIT, ptr::null_mut()) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    unsafe fn send(&mut self, socket: BorrowedFd<'_>, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
        let (socket, first) = (socket.as_raw_fd(), messages.as_mut_ptr());
        // SAFETY: the length is the number of messages; what they point to is the caller's promise.
        let count =
            unsafe { libc::sendmmsg(socket, first, messages.len() as libc::c_uint, libc::MSG_DONTWAIT) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

/// The control message that tells the kernel where a run is to be cut.
#[repr(C)]
#[derive(Clone, Copy)]
struct Cut {
    head: libc::cmsghdr,
    segment: u16,
    /// `CMSG_SPACE`: up to the alignment of the next one.
    rest: [u8; 6],
}

impl Cut {
    fn at(segment: usize) -> Self {
        // SAFETY: a plain C struct for which zero bytes are a value.
        let mut head: libc::cmsghdr = unsafe { zeroed() };
        head.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<u16>()) as _;
        head.cmsg_level = libc::SOL_UDP;
        head.cmsg_type = UDP_SEGMENT;
        Self { head, segment: segment as u16, rest: [0; 6] }
    }
}

/// A socket and the way it is used.
#[derive(Debug)]
pub(crate) struct Datagrams<K = Linux> {
    socket: UdpSocket,
    over_ipv6: bool,
    /// Datagrams per message. One: the kernel does not cut.
    longest: usize,
    kernel: K,
}

impl Datagrams {
    /// The socket must not block. Whether the kernel cuts runs into datagrams (4.18 and later) is asked here.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let over_ipv6 = socket.local_addr()?.is_ipv6();
        let longest = if cuts_runs(&socket) { LONGEST_RUN } else { 1 };
        Ok(Self { socket, over_ipv6, longest, kernel: Linux })
    }
}

impl<K> AsFd for Datagrams<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[expect(private_bounds, reason = "the kernel is chosen here and in the tests")]
impl<K: Kernel> Datagrams<K> {
    /// Whether runs of datagrams leave as one message.
    pub(crate) fn segments(&self) -> bool {
        self.longest > 1
    }

    /// Reads up to a batch of datagrams without waiting; how many.
    pub(crate) fn receive(&mut self, inbox: &mut Inbox) -> io::Result<usize> {
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
        let messages = messages.get_mut(..room).unwrap_or_default();
        // SAFETY: each message has one vector over a slot of its own and a name of its own, all mutable borrows; slots,
        // names and vectors live until the end of this function.
        let count = match unsafe { self.kernel.receive(self.socket.as_fd(), messages) } {
            Ok(count) => count.min(room),
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                    // An ICMP error of an earlier datagram, reported here: nothing was read.
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable => Ok(0),
                    _ => Err(error),
                };
            }
        };
        for (name, message) in names.iter().zip(&*messages).take(count) {
            inbox.received(Remote::Udp(address(name)), message.msg_len as usize);
        }
        Ok(count)
    }

    /// Sends what a batch holds for the socket, without waiting. A datagram the kernel does not take is dropped; how
    /// many were.
    pub(crate) fn send(&mut self, batch: &Outbox) -> usize {
        // A batch holds no more datagrams than that.
        let runs: ArrayVec<Run<'_>, BATCH> = batch.runs(self.longest).take(BATCH).collect();
        self.send_runs(&runs)
    }

    fn send_runs(&mut self, mut runs: &[Run<'_>]) -> usize {
        let mut dropped = 0;
        while let Some((first, after)) = runs.split_first() {
            match self.send_some(runs) {
                Ok(sent) => runs = runs.get(sent.max(1)..).unwrap_or_default(),
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    // The socket is full: so would it be for the rest.
                    Some(libc::EAGAIN) => return dropped + runs.iter().map(|run| run.count).sum::<usize>(),
                    // A segment longer than the way's MTU, or a device that cannot cut, refuses the whole run.
                    Some(why @ (libc::EINVAL | libc::EIO | libc::EMSGSIZE)) if first.count > 1 => {
                        if why == libc::EIO && self.segments() {
                            self.longest = 1;
                            tracing::info!(
                                "the network device does not cut runs of datagrams: sent one by one"
                            );
                        }
                        let single: ArrayVec<Run<'_>, BATCH> = first.singly().take(BATCH).collect();
                        dropped += self.send_runs(&single);
                        runs = after;
                    }
                    // This receiver cannot be sent to; the next may be.
                    _ => (dropped, runs) = (dropped + first.count, after),
                },
            }
        }
        dropped
    }

    /// One system call; how many of the runs it took.
    fn send_some(&mut self, runs: &[Run<'_>]) -> io::Result<usize> {
        let (mut names, mut cuts, mut vectors) = (
            ArrayVec::<(Name, libc::socklen_t), BATCH>::new(),
            ArrayVec::<Cut, BATCH>::new(),
            ArrayVec::<libc::iovec, BATCH>::new(),
        );
        for run in runs.iter().take(BATCH) {
            // SAFETY: zero bytes are a value of a `sockaddr_in6`.
            let mut name: Name = unsafe { zeroed() };
            let length = put_address(run.to, self.over_ipv6, &mut name);
            names.push((name, length));
            cuts.push(Cut::at(run.segment));
            // The kernel only reads through this pointer when sending.
            vectors.push(libc::iovec {
                iov_base: run.bytes.as_ptr().cast_mut().cast(),
                iov_len: run.bytes.len(),
            });
        }
        // Only now: filling the lists moves what was in them.
        let parts = names.iter_mut().zip(&mut cuts).zip(&mut vectors);
        let mut messages: ArrayVec<libc::mmsghdr, BATCH> = runs
            .iter()
            .zip(parts)
            .map(|(run, (((name, length), cut), vector))| {
                // SAFETY: a plain C struct for which zero bytes are a value.
                let mut message: libc::mmsghdr = unsafe { zeroed() };
                message.msg_hdr.msg_name = ptr::from_mut(name).cast();
                message.msg_hdr.msg_namelen = *length;
                message.msg_hdr.msg_iov = ptr::from_mut(vector);
                message.msg_hdr.msg_iovlen = 1;
                if run.count > 1 {
                    message.msg_hdr.msg_control = ptr::from_mut(cut).cast();
                    message.msg_hdr.msg_controllen = size_of::<Cut>() as _;
                }
                message
            })
            .collect();
        // SAFETY: names, cuts, vectors and the bytes of the runs live until the end of this function.
        unsafe { self.kernel.send(self.socket.as_fd(), &mut messages) }
    }
}

fn cuts_runs(socket: &UdpSocket) -> bool {
    let mut segment: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option is an int, both pointers are to locals, and the length given is that of an int.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            UDP_SEGMENT,
            (&raw mut segment).cast(),
            &raw mut length,
        )
    };
    done == 0
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rotunda_sfu::Egress;

    use super::*;
    use crate::sys::double::Double;

    /// A batch with these datagrams, as number of the receiver and length.
    struct Batch(Vec<(SocketAddr, Vec<u8>)>);

    impl Batch {
        fn new(datagrams: &[(u8, usize)]) -> Self {
            let datagram = |(number, (to, length)): (usize, &(u8, usize))| {
                (SocketAddr::from(([127, 0, 0, *to], 9)), vec![number as u8; *length])
            };
            Self(datagrams.iter().enumerate().map(datagram).collect())
        }

        fn send<K: Kernel>(&self, out: &mut Datagrams<K>) -> usize {
            struct Into<'a, K>(&'a mut Datagrams<K>);
            impl<K: Kernel> Egress for Into<'_, K> {
                fn send(&mut self, batch: &Outbox) -> usize {
                    self.0.send(batch)
                }
            }
            let mut outbox = Outbox::default();
            let datagrams = self.0.iter().map(|(to, bytes)| (Remote::Udp(*to), bytes.as_slice()));
            outbox.send_all(&mut Into(out), datagrams)
        }
    }

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn doubled(double: Double, longest: usize) -> Datagrams<Double> {
        Datagrams { socket: socket(), over_ipv6: false, longest, kernel: double }
    }

    #[test]
    fn a_run_is_one_message_and_arrives_as_its_datagrams() {
        let batch = Batch::new(&[(1, 100), (1, 100), (1, 60), (2, 60), (1, 60)]);
        let mut out = doubled(Double::default(), 64);
        assert_eq!(batch.send(&mut out), 0);
        assert_eq!(out.kernel.sent, batch.0);
        assert_eq!(out.kernel.messages, [3, 1, 1]);
    }

    #[test]
    fn a_run_that_is_refused_leaves_as_single_datagrams() {
        let batch = Batch::new(&[(2, 50), (1, 100), (1, 100), (1, 60), (3, 60), (3, 60)]);
        for (why, still_cut) in [(libc::EINVAL, true), (libc::EMSGSIZE, true), (libc::EIO, false)] {
            let mut out = doubled(Double::refusing_runs_to([127, 0, 0, 1], why), 64);
            assert_eq!(batch.send(&mut out), 0);
            assert_eq!(out.kernel.sent, batch.0, "{why}");
            assert_eq!(out.segments(), still_cut, "{why}");
        }
    }

    #[test]
    fn a_receiver_that_cannot_be_sent_to_costs_only_its_own_datagrams() {
        let batch = Batch::new(&[(2, 50), (1, 100), (1, 100), (3, 60)]);
        let mut out = doubled(Double::refusing_runs_to([127, 0, 0, 1], libc::EPERM), 64);
        assert_eq!(batch.send(&mut out), 2);
        assert_eq!(out.kernel.sent, [batch.0[0].clone(), batch.0[3].clone()]);
    }

    #[test]
    fn a_full_socket_drops_the_rest_and_an_interrupted_call_is_repeated() {
        let batch = Batch::new(&[(2, 50), (1, 100), (1, 100), (3, 60)]);
        let mut out = doubled(Double { room: Some(1), interrupts: 3, ..Double::default() }, 64);
        assert_eq!(batch.send(&mut out), 3);
        assert_eq!(out.kernel.sent, batch.0[..1]);
    }

    #[test]
    fn what_the_kernel_hands_over_lies_in_the_slots() {
        let from: SocketAddr = "192.0.2.7:5000".parse().unwrap();
        let waiting: Vec<_> = (0..100_usize).map(|at| (from, vec![at as u8; at])).collect();
        let mut from_kernel = doubled(Double { waiting: waiting.clone().into(), ..Double::default() }, 1);
        let (mut inbox, mut total) = (Inbox::default(), 0);
        while total < waiting.len() {
            inbox.clear();
            let count = from_kernel.receive(&mut inbox).unwrap();
            assert!(count > 0 && count == inbox.len());
            let found: Vec<_> =
                inbox.datagrams().map(|(from, bytes)| (from.address(), bytes.to_vec())).collect();
            assert_eq!(found, waiting[total..total + count]);
            total += count;
        }
        assert_eq!(from_kernel.receive(&mut inbox).unwrap(), 0);
    }

    #[test]
    fn the_control_message_is_laid_out_as_the_kernel_wants_it() {
        // SAFETY: both only compute lengths.
        let (space, length) = unsafe { (libc::CMSG_SPACE(2), libc::CMSG_LEN(2)) };
        assert_eq!(size_of::<Cut>(), space as usize);
        assert_eq!(Cut::at(7).head.cmsg_len, length as usize);
        assert_eq!(std::mem::offset_of!(Cut, segment), length as usize - 2);
    }

    #[test]
    #[cfg_attr(miri, ignore = "a real socket")]
    fn runs_cross_the_real_kernel_as_datagrams() {
        let receiver = socket();
        let to = receiver.local_addr().unwrap();
        let batch = Batch(
            [(0_u8, 1_200), (1, 1_200), (2, 1_200), (3, 700), (4, 30), (5, 30), (6, 31)]
                .map(|(byte, length)| (to, vec![byte; length]))
                .to_vec(),
        );
        let mut out = Datagrams::new(socket()).unwrap();
        for longest in [out.longest, 1] {
            out.longest = longest;
            assert_eq!(batch.send(&mut out), 0);
            let mut arrived = Datagrams::new(receiver.try_clone().unwrap()).unwrap();
            let mut inbox = Inbox::default();
            arrived.receive(&mut inbox).unwrap();
            let found: Vec<_> = inbox.datagrams().map(|(_, bytes)| bytes.to_vec()).collect();
            assert_eq!(found, batch.0.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>());
        }
    }
}
