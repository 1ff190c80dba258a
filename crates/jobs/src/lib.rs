//! Jobs: items of work that nobody waits for, in a queue on disk.
//!
//! - [`spec`]: what a job is; [`fact`]: what is written of it later; [`job`]: how far it is, with `states` of its items; [`queue`]:
//!   what is worked on next (all pure)
//! - [`id`]: a job's id
//! - [`store`]: jobs on disk; an item is done exactly when its result stands in its place
//! - [`worker`]: who does an item
//! - [`actor`]: carries out what the queue says
//! - [`link`]: signed addresses of results; [`archive`]: results in one file, as it is sent

#![forbid(unsafe_code)]

pub mod actor;
pub mod archive;
pub mod fact;
pub mod id;
pub mod job;
pub mod link;
pub mod queue;
pub mod spec;
mod states;
pub mod store;
pub mod worker;

pub use actor::{Jobs, Refusal, Runner, Settings};
pub use id::JobId;
pub use job::{Progress, Status};
pub use link::{Form, LinkFault, Signer};
pub use spec::{Kind, Spec};
pub use store::{Draft, Store, StoreError};
pub use worker::{Fault, Product, Task, Worker};
