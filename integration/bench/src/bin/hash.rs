//! What one bare argon2id costs: no program around it, the memory taken once.
//!
//!     hash MEMORY_KIB ITERATIONS COUNT        prints CPU milliseconds per hash

use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<u32> = env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [memory, iterations, count] = arguments.as_slice() else {
        return Err("hash MEMORY_KIB ITERATIONS COUNT".into());
    };
    let engine =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(*memory, *iterations, 1, Some(32))?);
    let mut blocks = vec![Block::default(); engine.params().block_count()];
    let mut tag = [0; 32];
    let mut run = |n: u32| {
        engine.hash_password_into_with_memory(
            b"seven green lanterns over water",
            &[n.to_le_bytes()[0]; 16],
            &mut tag,
            &mut blocks,
        )
    };
    // The first pass pays for the pages.
    run(0)?;
    let before = cpu();
    for n in 0..*count {
        run(n)?;
    }
    println!("{:.3}", (cpu() - before) * 1000.0 / f64::from(*count));
    Ok(())
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of one process")]
    (time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}
