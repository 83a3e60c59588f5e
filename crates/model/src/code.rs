//! The vendor's status codes, as the SDK's status table and the REST pages use them.

use std::fmt;

/// A code a client may see. The SDK shows its own text for a known number; the server sends only the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }
    };
}

codes! {
    OK = 200;
    /// Wrong app key, account or token.
    UNAUTHORIZED = 302;
    FORBIDDEN = 403;
    NOT_FOUND = 404;
    TOO_LONG = 405;
    /// Bad parameter: enum or range, wrong kind of object.
    PARAMETER = 414;
    TOO_OFTEN = 416;
    /// Already exists, already done.
    REPEATED = 417;
    OVER_LIMIT = 419;
    DISABLED = 422;
    INTERNAL = 500;
    BUSY = 503;
    EXPIRED = 508;
    INVALID = 509;
    /// A packet that can be answered but not read.
    UNREADABLE = 998;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
