//! Random bytes as a value: whoever needs chance is handed it, so the domain stays deterministic.

use std::fmt;

/// `N` bytes from the operating system's generator (or, in tests, from a seeded one).
///
/// Drawn by `World`'s entropy, consumed by the domain. It does not print itself, because most of
/// what is made of it is secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Random<const N: usize>([u8; N]);

impl<const N: usize> Random<N> {
    /// Wraps bytes that the caller drew from a cryptographic generator.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Random<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Random<{N}>")
    }
}
