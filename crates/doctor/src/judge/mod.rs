//! What facts mean: each file is told what is the case, and says what is wrong and what to do. All pure.
//!
//! - here: `ports`, `udp`, `address`, `tls`, `turn` (with `relays`: addresses of relays), `disk`, `machine`, `models`, `store`
//! - our own server: `serving`, `engines`
//! - from outside: `outside`, `clock`

pub(crate) mod address;
pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod engines;
pub(crate) mod machine;
pub(crate) mod models;
pub(crate) mod outside;
pub(crate) mod ports;
pub(crate) mod relays;
pub(crate) mod serving;
pub(crate) mod store;
pub(crate) mod tls;
pub(crate) mod turn;
pub(crate) mod udp;
