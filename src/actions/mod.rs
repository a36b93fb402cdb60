//! One function per thing a person or an administrator can ask for.

pub mod hashing;
