//! What an app's backend and an operator reach over HTTP: the vendor's REST actions.
//!
//! Nothing is decided here. An action reads its parameters, finds the account it is done as, and calls the use case of
//! `core` that the link's command calls too, so both are checked and told alike.

mod http;
pub mod vendor;

pub use vendor::{Vendor, VendorConfig};
