//! What an app's backend and an operator reach over HTTP: the vendor's REST actions, and `/v1`. And what an app's backend
//! is asked and told: login callbacks and webhooks.
//!
//! Nothing is decided here. An action reads its parameters, finds the account it is done as, and calls the use case of
//! `core` that the link's command calls too, so both are checked and told alike.

pub mod callback;
mod http;
pub mod v1;
pub mod vendor;
pub mod webhook;

pub use vendor::{Vendor, VendorConfig};
