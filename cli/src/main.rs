//! The `citytwin` command: the words of the command line around the library.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command talks to its person.

use citytwin::bake::recipe::{self, SourceTheme};
use citytwin::bake::{self, Cancel, Progress, Report, Share};
use citytwin::inspect::{self, InspectArgs};
use citytwin::locate::{self, LocateCommand};
use citytwin::precompress::precompress;
use citytwin::search::{self, BuildArgs, SearchCommand};
use citytwin::serve::Server;
use citytwin_manifest::{Attribution, Text};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Publishes a city's digital twin.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bakes a city's data (OpenStreetMap, GeoJSON, FlatGeobuf, GeoParquet, CityJSON, CityGML, heights as GeoTIFF or SRTM;
    /// also packed) to twin.json and 3D Tiles.
    Bake(BakeArguments),
    /// Joins the shares that `bake --partition` made, in any order, to the twin that one bake would have made.
    Merge {
        /// Directories of all the shares.
        #[arg(required = true)]
        shares: Vec<PathBuf>,
        /// The directory that becomes the twin.
        #[arg(long)]
        out: PathBuf,
        /// Write into an existing directory that is not a twin; what else is in it stays.
        #[arg(long)]
        force: bool,
    },
    /// Tells what a tileset holds and, for a view, which tiles are drawn and why.
    Inspect(InspectArgs),
    /// Serves a directory over HTTP on this machine, with compression, caching and a strict security policy.
    Serve {
        /// The directory.
        directory: PathBuf,
        /// Port to listen on; 0 picks a free one.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Address to listen on; 0.0.0.0 lets other machines in.
        #[arg(long, default_value = "127.0.0.1")]
        host: String,
    },
    /// Builds and queries a published search index.
    #[command(subcommand)]
    Search(SearchCommand),
    /// Writes .br and .gz beside each file that shrinks, for `serve` and other web servers.
    Precompress {
        /// The directory.
        directory: PathBuf,
    },
    /// Radio maps from surveys, and how far off their answers are.
    #[command(subcommand)]
    Locate(LocateCommand),
}

#[derive(clap::Args)]
struct BakeArguments {
    /// Input files, recognised by their content; or one city.toml that describes them.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Coordinate reference system of inputs that name none: EPSG:28992, GCJ-02, BD-09 or a PROJ string.
    #[arg(long, value_name = "CRS")]
    crs: Option<String>,
    /// Order of the first two coordinates, where it is not that of the format and the CRS.
    #[arg(long, value_enum, value_name = "ORDER")]
    axis_order: Option<bake::AxisOrder>,
    /// What features are whose attributes do not tell.
    #[arg(long, value_enum)]
    theme: Option<SourceTheme>,
    /// Their class within the theme, in OpenStreetMap's words: tree, park, residential.
    #[arg(long)]
    class: Option<String>,
    /// Attribute of the height above ground in metres, where it has no usual name.
    #[arg(long, value_name = "ATTRIBUTE")]
    height: Option<String>,
    /// Attribute of the number of floors, where it has no usual name.
    #[arg(long, value_name = "ATTRIBUTE")]
    levels: Option<String>,
    /// Level of detail of city models that is drawn from near; the highest if not given.
    #[arg(long, value_name = "LOD")]
    lod: Option<f64>,
    /// Leave textures of city models out.
    #[arg(long)]
    no_textures: bool,
    /// Whom the map names, instead of whom city models name as their contact; may be given several times.
    #[arg(long, value_name = "TEXT")]
    attribution: Vec<String>,
    /// The directory that becomes the twin.
    #[arg(long)]
    out: PathBuf,
    /// The twin's name, for all languages (`Helsinki`) or for one (`zh-CN=赫尔辛基`); may be given several times.
    #[arg(long, value_name = "[LANG=]NAME")]
    title: Vec<String>,
    /// Bake only a share of the tiles: 2/8 is the second of eight. `citytwin merge` joins them.
    #[arg(long, value_name = "I/N")]
    partition: Option<Share>,
    /// About how much memory to take (512M, 1G, 4GiB); what is made does not depend on it.
    #[arg(long, value_name = "BYTES", default_value = "1G", value_parser = bytes)]
    memory: u64,
    /// Bake everything anew, whatever a twin that is there already has of it; also into an existing directory that is not a
    /// twin, in which what else is there stays.
    #[arg(long)]
    force: bool,
    /// No progress bar and no report, only warnings and errors.
    #[arg(long, short)]
    quiet: bool,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bake(arguments) => run_bake(&arguments),
        Command::Merge { shares, out, force } => run_merge(&shares, &out, force),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Search(SearchCommand::Build(arguments)) => run_search_build(&arguments),
        Command::Search(SearchCommand::Query(arguments)) => search::run_query(&arguments),
        Command::Serve { directory, port, host } => run_serve(&directory, &host, port),
        Command::Precompress { directory } => run_precompress(&directory),
        Command::Locate(command) => locate::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<inspect::Unsound>() { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}

fn run_bake(arguments: &BakeArguments) -> anyhow::Result<()> {
    let options = options(arguments)?;
    let cancel = Cancel::default();
    cancel_on_ctrl_c(cancel.clone());
    let bar = Bar::new(arguments.quiet);
    let result = bake::bake(&options, &cancel, &bar);
    bar.0.finish_and_clear();
    let report = result?;
    if report.unchanged {
        if !arguments.quiet {
            println!("nothing has changed: {} is up to date", arguments.out.display());
        }
        return Ok(());
    }
    if !arguments.quiet {
        print_report(&report);
        println!("{}", arguments.out.join("twin.json").display());
    }
    print_warnings(&report);
    Ok(())
}

fn run_merge(shares: &[PathBuf], out: &Path, force: bool) -> anyhow::Result<()> {
    let cancel = Cancel::default();
    cancel_on_ctrl_c(cancel.clone());
    let report = bake::merge(shares, out, force, &cancel, &bake::Silent)?;
    println!("{} files, {} bytes in {}", report.files, report.bytes, out.display());
    Ok(())
}

/// What a description says, and what the command line says above it.
fn options(arguments: &BakeArguments) -> anyhow::Result<bake::Options> {
    let mut options = match &arguments.inputs[..] {
        [only] if recipe::is_recipe(only) => recipe::read(only)?,
        inputs => {
            let inputs = inputs.iter().map(|path| input(arguments, path)).collect();
            bake::Options { inputs, ..bake::Options::default() }
        }
    };
    options.out.clone_from(&arguments.out);
    options.force = arguments.force;
    options.share = arguments.partition;
    options.memory_bytes = arguments.memory;
    options.title.0.extend(titles(&arguments.title).0);
    options.attribution.extend(arguments.attribution.iter().map(|text| named(text)));
    Ok(options)
}

/// A number of bytes: `1000000`, `512M`, `1G`, `4GiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is no amount of memory: write 512M or 4G");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

fn input(arguments: &BakeArguments, path: &Path) -> bake::Input {
    bake::Input {
        crs: arguments.crs.clone(),
        axis_order: arguments.axis_order,
        theme: arguments.theme.and_then(SourceTheme::theme),
        venue: arguments.theme == Some(SourceTheme::Venue),
        class: arguments.class.clone(),
        height: arguments.height.clone(),
        levels: arguments.levels.clone(),
        lod: arguments.lod,
        plain: arguments.no_textures,
        ..bake::Input::new(path)
    }
}

fn named(text: &str) -> Attribution {
    Attribution { text: text.into(), url: None, license: None }
}

fn run_search_build(arguments: &BuildArgs) -> anyhow::Result<()> {
    let bar = Bar::new(arguments.quiet);
    let result = search::run_build(arguments, &bar);
    bar.0.finish_and_clear();
    let report = result?;
    for line in report.left_out.lines() {
        eprintln!("left out: {line}");
    }
    if !arguments.quiet {
        let out = arguments.out.display();
        let shards = if report.shards > 1 { format!(" in {} shards", report.shards) } else { String::new() };
        println!("{} assets{shards}, {} keys, {} bytes in {out}", report.assets, report.keys, report.bytes);
    }
    Ok(())
}

fn run_serve(directory: &Path, host: &str, port: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let server = Server::bind(directory, host, port).await?;
        println!("serving {} on http://{}/", directory.display(), server.address());
        Ok(server.run().await?)
    })
}

fn run_precompress(directory: &Path) -> anyhow::Result<()> {
    let done = precompress(directory)?;
    println!(
        "{} files, {} bytes, {} when sent compressed; {} copies written, {} were fresh",
        done.files, done.bytes, done.smallest_bytes, done.written, done.fresh
    );
    Ok(())
}

/// `LANG=NAME` names one language, anything else all that have no name of their own.
fn titles(given: &[String]) -> Text {
    let mut title = Text::default();
    let is_tag = |tag: &str| {
        (2..=3).contains(&tag.split('-').next().map_or(0, str::len))
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    for text in given {
        match text.split_once('=') {
            Some((tag, name)) if is_tag(tag) => {
                title.0.insert(tag.into(), name.into());
            }
            _ => {
                for tag in ["en", "zh-CN"] {
                    title.0.entry(tag.into()).or_insert_with(|| text.clone());
                }
            }
        }
    }
    title
}

/// The first Ctrl-C stops the bake so that it cleans up; the second one ends the process.
fn cancel_on_ctrl_c(cancel: Cancel) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                cancel.cancel();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
    });
}

/// A progress bar; draws nothing when standard error is not a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(quiet: bool) -> Self {
        Self(if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() })
    }
}

impl Progress for Bar {
    fn stage(&self, name: &str, total: Option<u64>) {
        let template = match total {
            Some(_) => "{msg:10} [{bar:32}] {pos}/{len}",
            None => "{msg:10} {spinner} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_position(0);
        self.0.set_length(total.unwrap_or(0));
        self.0.set_message(name.to_owned());
        // A stage that counts nothing shows that it is alive, and for how long.
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

fn print_report(report: &Report) {
    println!("{:<10} {:>8}  result", "stage", "seconds");
    for stage in &report.stages {
        println!("{:<10} {:>8.2}  {}", stage.name, stage.seconds, stage.result);
    }
    let total: f64 = report.stages.iter().map(|stage| stage.seconds).sum();
    println!("{:<10} {total:>8.2}", "total");
    println!();
    println!(
        "{:<10} {:>6} {:>9} {:>10} {:>10} {:>9} {:>10}",
        "tileset", "tiles", "contents", "triangles", "instances", "features", "bytes"
    );
    for (id, s) in &report.tilesets {
        println!(
            "{id:<10} {:>6} {:>9} {:>10} {:>10} {:>9} {:>10}",
            s.tiles, s.contents, s.triangles, s.instances, s.features, s.bytes
        );
    }
}

fn print_warnings(report: &Report) {
    for (code, warning) in &report.warnings.0 {
        eprintln!("warning: {code}: {} times, for example {}", warning.count, warning.examples.join("; "));
    }
}
