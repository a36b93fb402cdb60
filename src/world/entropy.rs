//! Chance.

/// Gives random bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator; the only source of secrets (security.md OPS-8).
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system's generator")]
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            tracing::error!(%error, "the operating system's random generator failed; stopping");
            // Going on with predictable secrets would open every door: OPS-8 says abort.
            std::process::abort();
        }
    }
}
