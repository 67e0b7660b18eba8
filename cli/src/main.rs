//! The `citytwin` command.

use clap::{Parser, Subcommand};

/// Publishes a city's digital twin.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds a search index and asks it.
    #[command(subcommand)]
    Search(citytwin::search::SearchCommand),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Search(command) => citytwin::search::run(&command),
    }
}
