//! Writes the made-up mall, its radio map and a made-up walk into a folder, for the example of the npm package.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // A command writes files.

use citytwin_positioning::simulate::{Devices, radio_map, venue_files, walk};
use citytwin_positioning::{Measurement, wire};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let Some(out) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: made-up-walk FOLDER");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&out)?;
    for (name, text) in venue_files() {
        std::fs::write(out.join(name), text + "\n")?;
    }
    std::fs::write(out.join("map.ctrm"), radio_map().to_bytes())?;
    let mut observations = walk(5, Devices::ALL).observations;
    // 25 samples a second are enough for steps, and half of the file.
    let mut n = 0;
    observations.retain(|o| {
        n += usize::from(matches!(o.what, Measurement::Inertial { .. }));
        !matches!(o.what, Measurement::Inertial { .. }) || n.is_multiple_of(2)
    });
    let (bytes, _) = wire::encode(&observations);
    println!("{} observations, {} bytes", observations.len(), bytes.len());
    std::fs::write(out.join("walk.ctob"), bytes)
}
