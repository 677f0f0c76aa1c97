//! The `hearth` binary.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match hearth_server::commands::run(hearth_server::cli::CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hearth: {error}");
            ExitCode::FAILURE
        }
    }
}
