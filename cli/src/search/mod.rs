//! `citytwin search`: builds a search index of static files from a city's list of assets, and asks it.

mod input;
mod parquet;
mod properties;
mod publish;
mod query;

pub use input::LeftOut;
pub use publish::ROOT_NAME;
pub use query::{Folder, QueryArgs, run_query};

use crate::bake::Progress;
use anyhow::{Context, bail};
use citytwin_search::{BuildOptions, Overlay, build};
use clap::{Args, Subcommand};
use publish::Publishing;
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
    #[arg(required_unless_present = "removed")]
    pub input: Option<PathBuf>,
    /// Folder to put the index into; made when absent
    #[arg(long)]
    pub out: PathBuf,
    /// Digits of a degree that positions keep: 6 is 0.1 m, 5 is 1 m and a smaller index
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(3..=7))]
    pub digits: u32,
    /// Assets of one shard at most, in the order of the input; more become several indexes that are asked as one. Bounds
    /// the memory that a build takes
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub shard_assets: u32,
    /// Change the index that is in the folder: the assets are added to its own, or take the place of those with the same
    /// id. Visitors fetch no other files anew
    #[arg(long)]
    pub overlay: bool,
    /// With --overlay: a file of ids, one a line, of assets that are no more
    #[arg(long, value_name = "FILE", requires = "overlay")]
    pub removed: Option<PathBuf>,
    /// Write nothing when a part of the input is no asset, instead of leaving that part out
    #[arg(long)]
    pub strict: bool,
    /// No progress and no report, only warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// What a build did.
#[derive(Debug, Default)]
pub struct BuildReport {
    /// Assets in the index.
    pub assets: u64,
    /// Different keys in its dictionary, shard by shard.
    pub keys: usize,
    /// Indexes that were written.
    pub shards: usize,
    /// Bytes of all their files.
    pub bytes: u64,
    /// What was no asset.
    pub left_out: LeftOut,
}

/// Reads a list of assets and publishes its index, or the indexes of its shards. On failure the output is as it was.
///
/// # Errors
/// When the input cannot be read or is of no known kind, holds no asset, or (with `strict`) holds anything that is no
/// asset; when the output cannot be written, or holds no index to lay an overlay over.
pub fn run_build(args: &BuildArgs, progress: &dyn Progress) -> anyhow::Result<BuildReport> {
    let mut removed = Some(ids_of(args)?);
    let mut report = BuildReport::default();
    let mut publishing = args.overlay.then(|| Publishing::new(&args.out, true)).transpose()?;
    let mut add = |records| {
        progress.stage("index", None);
        let overlay = args.overlay.then(|| Overlay { removed: removed.take().unwrap_or_default() });
        let index = build(records, &BuildOptions { position_digits: args.digits, overlay });
        progress.stage("write", None);
        report.assets += u64::from(index.record_count);
        report.keys += index.term_count;
        report.shards += 1;
        // Not before there is something to be put into the folder.
        if publishing.is_none() {
            publishing = Some(Publishing::new(&args.out, false)?);
        }
        publishing.as_mut().map_or(Ok(()), |publishing| publishing.add(index))
    };
    let mut left_out = LeftOut::default();
    if let Some(input) = &args.input {
        left_out = input::read(input, args.shard_assets as usize, progress, &mut add)?;
        let name = input.display();
        if args.strict && !left_out.is_empty() {
            bail!("{name} holds what is no asset; nothing was written:\n  {}", left_out.lines().join("\n  "));
        }
        if report.shards == 0 && left_out.is_empty() {
            bail!("{name} holds no asset");
        }
        if report.shards == 0 {
            bail!("{name} holds no asset that can be found:\n  {}", left_out.lines().join("\n  "));
        }
    } else {
        add(Vec::new())?;
    }
    report.bytes = publishing.map_or(Ok(0), Publishing::finish)?;
    Ok(BuildReport { left_out, ..report })
}

/// The ids of what is no more.
fn ids_of(args: &BuildArgs) -> anyhow::Result<Vec<String>> {
    let Some(path) = &args.removed else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect())
}
