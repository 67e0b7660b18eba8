//! `citytwin search`: builds a search index of static files from a city's list of assets, and asks it.

mod input;
mod parquet;
mod properties;
mod publish;
mod query;

pub use input::{Input, LeftOut, read_input};
pub use publish::{ROOT_NAME, publish};
pub use query::{Folder, QueryArgs, run_query};

use crate::bake::Progress;
use anyhow::bail;
use citytwin_search::{BuildOptions, build};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to do with a search index.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Build an index of static files from a list of assets
    Build(BuildArgs),
    /// Ask an index
    Query(Box<QueryArgs>),
}

/// What `citytwin search build` is told.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Asset lines (newline-delimited JSON), GeoJSON (a FeatureCollection, or a feature on each line) or Parquet; known
    /// by its content, and read through gzip
    pub input: PathBuf,
    /// Folder to put the index into; made when absent
    #[arg(long)]
    pub out: PathBuf,
    /// Digits of a degree that positions keep: 6 is 0.1 m, 5 is 1 m and a smaller index
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(3..=7))]
    pub digits: u32,
    /// Write nothing when a part of the input is no asset, instead of leaving that part out
    #[arg(long)]
    pub strict: bool,
    /// No progress and no report, only warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// What a build did.
#[derive(Debug)]
pub struct BuildReport {
    /// Assets in the index.
    pub assets: u32,
    /// Different keys in its dictionary.
    pub keys: usize,
    /// Bytes of all its files.
    pub bytes: u64,
    /// What was no asset.
    pub left_out: LeftOut,
}

/// Reads a list of assets and publishes its index. On failure the output is as it was.
///
/// # Errors
/// When the input cannot be read or is of no known kind, holds no asset, or (with `strict`) holds anything that is no
/// asset; when the output cannot be written.
pub fn run_build(args: &BuildArgs, progress: &dyn Progress) -> anyhow::Result<BuildReport> {
    let Input { records, left_out } = read_input(&args.input, progress)?;
    let name = args.input.display();
    if args.strict && !left_out.is_empty() {
        bail!("{name} holds what is no asset; nothing was written:\n  {}", left_out.lines().join("\n  "));
    }
    if records.is_empty() && left_out.is_empty() {
        bail!("{name} holds no asset");
    }
    if records.is_empty() {
        bail!("{name} holds no asset that can be found:\n  {}", left_out.lines().join("\n  "));
    }
    progress.stage("index", None);
    let index = build(records, &BuildOptions { position_digits: args.digits, ..BuildOptions::default() });
    progress.stage("write", None);
    publish(&index, &args.out)?;
    let bytes = index.root.len() + index.files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    Ok(BuildReport { assets: index.record_count, keys: index.term_count, bytes: bytes as u64, left_out })
}
