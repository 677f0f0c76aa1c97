//! `api-coverage write|check FOLDER FILE`: makes the table of what the stories exercise from the
//! folder that they recorded it in, or says that the file is not that table.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use hearth_specification::{
    Coverage, FOLDER_VARIABLE, Specification, find, render, without_statuses,
};

/// The exit code when there is no specification to compare with.
const NO_SPECIFICATION: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [mode, folder, file] = arguments.as_slice() else {
        eprintln!("usage: api-coverage write|check FOLDER FILE");
        return ExitCode::from(2);
    };
    let Some(specification) = find() else {
        eprintln!("no data of the specification; {FOLDER_VARIABLE} names its folder");
        return ExitCode::from(NO_SPECIFICATION);
    };
    match run(mode, &specification, Path::new(folder), Path::new(file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: &str, data: &Path, folder: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let specification = Specification::load(data)?;
    let table = render(specification.operations(), &Coverage::read(folder)?);
    match mode {
        "write" => Ok(fs::write(file, table)?),
        "check" => {
            let committed = fs::read_to_string(file)?;
            let same = without_statuses(&committed) == without_statuses(&table);
            let stale = "this is not what the stories exercise; make it with ./dev coverage";
            if same { Ok(()) } else { Err(stale.into()) }
        }
        _ => Err(format!("there is no mode {mode:?}").into()),
    }
}
