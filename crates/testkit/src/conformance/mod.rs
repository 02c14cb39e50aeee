//! What every provider has to keep, asked of yours over real sockets.
//!
//! You say how a provider is built and how its server spells things ([`Subject`]); the kit plays the server, asks, and
//! looks at what comes out and at what was sent. [`run`] goes through all cases and returns a [`Report`].
//!
//! A case is skipped only where the provider's own capabilities deny what it asks about, or where the subject gives a
//! reason in words. What is declared and cannot be spelled is a failure, so a skip never passes as a success.
//!
//! ```
//! use std::sync::Arc;
//! use backstop_core::{Ask, Capabilities, Error, Provider, async_trait, chat::{ChatReply, ChatRequest}};
//! use backstop_testkit::conformance::{self, Place, Reply, Say, Subject};
//!
//! /// Can do nothing, which is easily kept.
//! #[derive(Debug)]
//! struct Mute;
//!
//! #[async_trait]
//! impl Provider for Mute {
//!     fn name(&self) -> &str {
//!         "mute"
//!     }
//!     fn capabilities(&self, _model: &str) -> Capabilities {
//!         Capabilities::default()
//!     }
//! }
//!
//! impl Subject for Mute {
//!     fn name(&self) -> &str {
//!         "mute"
//!     }
//!     fn provider(&self, _place: &Place<'_>) -> Arc<dyn Provider> {
//!         Arc::new(Mute)
//!     }
//!     fn spell(&self, _say: &Say) -> Option<Reply> {
//!         None
//!     }
//!     fn excuse(&self, _say: &Say) -> Option<&str> {
//!         Some("it never asks a server")
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
//! # runtime.block_on(async {
//! let report = conformance::run(&Mute).await;
//! assert!(report.failures().next().is_none(), "{report}");
//! # });
//! ```

mod answers;
mod bounds;
mod cuts;
mod errors;
mod history;
mod report;
mod say;
mod secrets;
mod stage;
mod vectors;

use std::sync::Arc;

use backstop_core::Provider;

pub use report::{Line, Outcome, Report};
pub use say::{HintForm, Reply, Said, Say};

use stage::{Case, Stage};

/// A provider under test.
pub trait Subject: Send + Sync {
    /// Its name in the report.
    fn name(&self) -> &str;

    /// The model to ask.
    fn model(&self) -> &str {
        "model-x"
    }

    /// A provider whose server and key are these.
    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider>;

    /// How its server says this; `None` if its wire has no way to.
    fn spell(&self, say: &Say) -> Option<Reply>;

    /// Why its server never says this, though what the provider declares would let one expect it.
    fn excuse(&self, _say: &Say) -> Option<&str> {
        None
    }
}

/// Where a provider under test finds its server.
#[non_exhaustive]
#[derive(Copy, Clone, Debug)]
pub struct Place<'a> {
    /// Scheme, host and port, without a path: `http://127.0.0.1:4711`.
    pub origin: &'a str,
    /// The key; `None` asks for a provider that has none, though its service wants one.
    pub key: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The place with this origin and key, for tests that go beyond the cases.
    #[must_use]
    pub const fn new(origin: &'a str, key: Option<&'a str>) -> Self {
        Self { origin, key }
    }
}

/// The cases, in the order of the report.
const CASES: &[&[Case]] = &[
    answers::CASES,
    history::CASES,
    vectors::CASES,
    errors::CASES,
    cuts::CASES,
    secrets::CASES,
    bounds::CASES,
];

/// Runs every case.
pub async fn run(subject: &dyn Subject) -> Report {
    let mut report = Report::new(subject.name());
    for case in CASES.iter().copied().flatten() {
        let stage = Stage::new(subject);
        let outcome = (case.run)(&stage).await;
        report.add(case.name, stage::outcome(outcome));
    }
    report
}

/// Declares a test that runs every case for a subject and fails with the report.
///
/// ```
/// # use std::sync::Arc;
/// # use backstop_testkit::{conformance, conformance::{Place, Reply, Say, Subject}};
/// # struct Mine;
/// # impl Subject for Mine {
/// #     fn name(&self) -> &str { "mine" }
/// #     fn provider(&self, _: &Place<'_>) -> Arc<dyn backstop_core::Provider> { unimplemented!() }
/// #     fn spell(&self, _: &Say) -> Option<Reply> { None }
/// # }
/// conformance!(mine_conforms, Mine);
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident, $subject:expr) => {
        #[test]
        fn $name() {
            let report = $crate::conformance::run_blocking(&$subject);
            assert!(report.failures().next().is_none(), "{report}");
        }
    };
}

/// Runs every case on a runtime of its own.
///
/// # Panics
///
/// If no runtime can be built.
#[expect(clippy::expect_used, reason = "a machine without a runtime cannot run these tests")]
pub fn run_blocking(subject: &dyn Subject) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("cannot build a tokio runtime").block_on(run(subject))
}
