//! `cargo xtask serve`: everything from a fresh checkout to the city in a browser.

use crate::native::{self, Build};
use crate::repo::Repo;
use crate::shell::{program, run};
use crate::web;
use anyhow::{Context, Result};
use std::net::TcpListener;

/// Builds what is missing, then serves the demo on 127.0.0.1 until it is stopped.
pub(crate) fn serve(repo: &Repo, port: u16) -> Result<()> {
    // Known now rather than after minutes of building.
    drop(
        TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken; `cargo xtask serve --port N` takes another"))?,
    );
    web::require_wasm_target(repo)?;
    let citytwin = native::citytwin(repo, Build::Release)?;
    native::bake_demo(repo, Build::Release)?;
    web::build(repo, web::Profile::Release)?;
    native::precompress(repo)?;
    println!("\nThe city is at http://127.0.0.1:{port}/ until you press Ctrl-C.\n");
    run(program(repo, &citytwin).arg("serve").arg(repo.dist()).args(["--port", &port.to_string()]))
}
