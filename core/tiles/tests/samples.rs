//! Contents made by others, decoded and counted.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, missing_docs)] // reads fixtures and says when they are absent

use citytwin_tiles::{Decoded, What, decode};
use std::path::{Path, PathBuf};

fn samples() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tiles");
    if !dir.is_dir() {
        eprintln!("SKIPPED: {} is not there; nothing of it was tested", dir.display());
        return None;
    }
    Some(dir)
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn explore() {
    let Some(dir) = samples() else { return };
    let mut files = Vec::new();
    walk(&dir, &mut files);
    for file in files {
        let name = file.strip_prefix(&dir).unwrap().display().to_string();
        let ext = name.rsplit('.').next().unwrap();
        if !["glb", "gltf", "b3dm", "cmpt"].contains(&ext) {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        let start = std::time::Instant::now();
        match decode(&bytes, &name, &What::Content) {
            Ok(Decoded::Content(c)) => {
                let i = c.info();
                println!(
                    "{name}: t{} l{} p{} i{} f{} bytes {} {:?} {:?} {:?}",
                    i.triangles,
                    i.lines,
                    i.points,
                    i.instances,
                    i.features,
                    i.gpu_bytes,
                    i.bounds.map(|b| b.map(|p| p.map(|v| v.round()))),
                    c.problems.iter().map(|p| &p.message).collect::<Vec<_>>(),
                    start.elapsed()
                );
                for t in &c.tables {
                    println!("    table {} {} rows: {:?}", t.class, t.count, t.row(&c.property_bytes, 0));
                }
            }
            Ok(_) => println!("{name}: not a content"),
            Err(p) => println!("{name}: {} {}", p.code, p.message),
        }
    }
}
