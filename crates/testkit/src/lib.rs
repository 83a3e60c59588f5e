//! What tests stand on: a core over a real Postgres, with a clock that stands still, a seeded generator, and ports
//! that remember what they were told.

mod app;
mod clock;
mod ports;

pub use app::TestApp;
pub use clock::MockClock;
pub use ports::{FakeHub, FakeRooms, RoomCall};
