//! The cost of a password hash.

/// Cost parameters of argon2id. A value of this type is within the bounds of security.md section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// Why some cost parameters are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// Cheaper than every accepted floor.
    #[error(
        "too weak: use at least 19 MiB of memory with 2 iterations (or 46 MiB with 1, or 12 MiB with 3 or more)"
    )]
    BelowFloor,
    /// So dear that a sign-in would take minutes or the machine's memory.
    #[error("too costly: at most 1 GiB of memory, 4 GiB times iterations in all, and parallelism 1 to 16")]
    AboveCeiling,
}

const MIB: u32 = 1024;

impl Params {
    /// 64 MiB, three passes, one lane.
    pub const DEFAULT: Self = Self { memory_kib: 64 * MIB, iterations: 3, parallelism: 1 };

    /// The cheapest accepted: 19 MiB, two passes, one lane. Tests use it.
    pub const FLOOR: Self = Self { memory_kib: 19 * MIB, iterations: 2, parallelism: 1 };

    /// The cheapest that argon2 knows: for tests that sign in a million times and are not about hashing.
    #[cfg(test)]
    pub(crate) const NEXT_TO_NOTHING: Self = Self { memory_kib: 8, iterations: 1, parallelism: 1 };

    /// The most memory of one hash, ours or imported, in KiB.
    pub const MAX_MEMORY_KIB: u32 = 1024 * MIB;

    /// The most lanes of one hash.
    pub const MAX_PARALLELISM: u32 = 16;

    /// The most memory times passes of one hash, in KiB: a few seconds of one core.
    const MAX_WORK_KIB: u64 = 4 * 1024 * MIB as u64;

    /// Checks parameters for new hashes. Memory in KiB.
    pub const fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, ParamsError> {
        let floor = match iterations {
            0 => return Err(ParamsError::BelowFloor),
            1 => 46 * MIB,
            2 => 19 * MIB,
            _ => 12 * MIB,
        };
        if memory_kib < floor || parallelism == 0 {
            return Err(ParamsError::BelowFloor);
        }
        if !Self::is_bearable(memory_kib, iterations, parallelism) {
            return Err(ParamsError::AboveCeiling);
        }
        Ok(Self { memory_kib, iterations, parallelism })
    }

    /// Whether this much work may be asked of us at all. Also the bound for imported hashes, so that a stored
    /// `m=100000000` cannot eat the machine.
    pub(super) const fn is_bearable(memory_kib: u32, iterations: u32, parallelism: u32) -> bool {
        memory_kib <= Self::MAX_MEMORY_KIB
            && memory_kib as u64 * iterations as u64 <= Self::MAX_WORK_KIB
            && parallelism <= Self::MAX_PARALLELISM
    }

    /// Memory of one hash in KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Memory of one hash in bytes.
    pub const fn memory_bytes(&self) -> u64 {
        self.memory_kib as u64 * 1024
    }

    /// Passes over the memory.
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Lanes. They are computed one after the other on one core; more than one is for taking over hashes
    /// of other programs.
    pub const fn parallelism(&self) -> u32 {
        self.parallelism
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::{Params, ParamsError};

    /// Proves: PWD-4
    #[test]
    fn floors_and_ceilings() {
        const KIB_OF_MIB: u32 = 1024;
        for (mib, iterations, parallelism, expected) in [
            (19, 2, 1, Ok(())),
            (19, 1, 1, Err(ParamsError::BelowFloor)),
            (18, 2, 1, Err(ParamsError::BelowFloor)),
            (46, 1, 1, Ok(())),
            (45, 1, 1, Err(ParamsError::BelowFloor)),
            (12, 3, 1, Ok(())),
            (11, 3, 1, Err(ParamsError::BelowFloor)),
            (11, 99, 1, Err(ParamsError::BelowFloor)),
            (64, 0, 1, Err(ParamsError::BelowFloor)),
            (64, 3, 0, Err(ParamsError::BelowFloor)),
            (64, 3, 16, Ok(())),
            (64, 3, 17, Err(ParamsError::AboveCeiling)),
            (1024, 4, 1, Ok(())),
            (1024, 5, 1, Err(ParamsError::AboveCeiling)),
            (1025, 1, 1, Err(ParamsError::AboveCeiling)),
            (64, u32::MAX, 1, Err(ParamsError::AboveCeiling)),
        ] {
            let params = Params::new(mib * KIB_OF_MIB, iterations, parallelism);
            assert_eq!(params.map(|_| ()), expected, "m={mib} MiB t={iterations} p={parallelism}");
        }
        for known in [Params::DEFAULT, Params::FLOOR] {
            assert_eq!(Params::new(known.memory_kib(), known.iterations(), known.parallelism()), Ok(known));
        }
    }
}
