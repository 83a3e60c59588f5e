//! What a worker counts. Plain numbers, owned by the worker, copied out now and then.

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Totals since the worker started.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Adds what another worker counted.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Name and value of each counter, for an exporter.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }

            /// Name and meaning of each, in the same order; empty where the one before it speaks for both.
            pub fn meanings() -> impl Iterator<Item = (&'static str, &'static str)> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii())),*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams read from the socket.
    datagrams_in,
    /// Datagrams given to the socket.
    datagrams_out,
    /// RTP packets opened.
    rtp_in,
    /// RTP packets sealed for a receiver.
    rtp_out,
    /// Bytes of those, protected, UDP and IP not counted.
    rtp_bytes_in,
    rtp_bytes_out,
    /// RTCP packets opened.
    rtcp_in,
    /// RTCP packets sealed.
    rtcp_out,
    /// STUN checks that passed authentication.
    stun_checks,
    /// STUN messages without answer: unknown ufrag, wrong password, malformed.
    stun_refused,
    /// DTLS from an address that passed no check.
    dropped_dtls_unchecked,
    /// Anything else from an address that passed no check.
    dropped_unknown_address,
    /// First byte that is neither STUN, DTLS nor RTP (RFC 7983), or too short.
    dropped_garbage,
    /// Malformed RTP or RTCP, before or after opening.
    dropped_malformed,
    /// Authentication of SRTP or SRTCP failed.
    dropped_unauthentic,
    /// Repeated or too old for the replay window.
    dropped_replayed,
    /// RTP before the keys.
    dropped_no_keys,
    /// SSRC that no producer has.
    dropped_unknown_ssrc,
    /// RTX packets of publishers without payload: bandwidth probes.
    rtx_padding,
    /// RTX packets of publishers whose packet had come before, bandwidth probes too.
    rtx_duplicates,
    /// Packets that publishers sent again because they were asked for.
    recovered,
    /// Packets that were missing in the end: too old, asked for too often, or too many at once.
    given_up,
    /// NACKs sent to publishers.
    nacks_sent,
    /// Packets those asked for, repeated requests included.
    retransmissions_requested,
    /// Streams whose SSRC was told by their first packet.
    ssrcs_learned,
    /// From a producer that is off.
    dropped_inactive,
    /// From a microphone that is not among the loudest of its room.
    held_back,
    /// Microphones that became one of the loudest, and took the place of another.
    microphones_switched,
    /// Payload type that the producer did not announce.
    dropped_payload_type,
    /// Per receiver: video before the first keyframe.
    waiting_for_keyframe,
    /// Per receiver: from before the stream was taken up.
    dropped_late,
    /// Per receiver: consumer paused, or its transport not connected.
    consumer_paused,
    /// Packets handed on to other workers, and those of theirs that came.
    relayed_out,
    relayed_in,
    /// Not handed on: the other worker is behind, or the packet is longer than any of a browser.
    relay_full,
    relay_too_long,
    /// The socket did not take a datagram.
    dropped_by_socket,
    /// Keyframe requests sent to publishers.
    keyframes_requested,
    /// Entries of NACKs received, of up to seventeen packets each.
    nacks_received,
    /// Transport-wide feedback sent to publishers.
    feedback_sent,
    /// Packets sent again, in a stream of their own.
    sent_again_rtx,
    /// Packets sent again as they were, to receivers without RTX.
    sent_again_plain,
    /// Per packet a receiver asked for: it was sent again less than a round trip ago.
    not_again_too_soon,
    /// It would be more than a share of what the receiver is sent.
    not_again_over_budget,
    /// It is forgotten.
    not_again_too_old,
    /// The publisher is being asked for it.
    not_again_awaited,
    /// A keyframe, a pause or a switch came after it.
    not_again_needless,
    /// Nothing was sent under that SSRC or number.
    not_again_unknown,
    /// Transport-wide feedback received from subscribers.
    feedback_received,
    /// Subscribers' video given less because too much was sent, by what told so.
    overuse_growing_queue,
    overuse_standing_queue,
    overuse_loss,
    /// Messages to publishers, how many layers of a video are taken.
    layers_told,
    /// Tries whether a subscriber's way bears more, by filling sent for a moment, and how they ended. The difference
    /// goes on or lost its object.
    probes_sent,
    probes_good,
    probes_bad,
    /// Packets of filling.
    probe_packets,
    /// Subscribers' videos paused and taken up again for bandwidth; the difference is paused now or was removed since.
    paused_by_bandwidth,
    resumed_by_bandwidth,
    /// Subscribers' videos given a lower or a higher layer for bandwidth.
    layers_lowered,
    layers_raised,
    /// Commands that named something unknown or already there.
    commands_refused,
    /// DTLS datagrams dropped because too many waited, of their transport or in all.
    dropped_dtls_waiting,
    /// Pieces of handshakes done: hellos, datagrams, flights repeated.
    handshake_pieces,
    /// Turns that left some of them to the next one.
    handshakes_put_off,
    /// DTLS handshakes finished.
    handshakes,
    /// DTLS handshakes that failed.
    handshakes_failed,
    /// Transports by SRTP profile.
    profile_gcm_128,
    profile_gcm_256,
    profile_cm,
    /// Faults inside the worker that were caught.
    panics,
}
