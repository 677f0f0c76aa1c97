//! Every answer that a story gets, held against the specification.
//!
//! The stories are its tests of conformance this way: one that gets an undocumented status, or a
//! body that violates its schema, fails. `HEARTH_TEST_COVERAGE` names the folder where to note
//! which operations were tried. Without the specification's data nothing is judged, and the run
//! says so.

use std::{env, io::Write, path::Path, sync::OnceLock, thread};

use hearth_specification::{Exchange, FOLDER_VARIABLE, Recorder, Specification, find};
use reqwest::Request;

use crate::Reply;

/// The folder where to note which operations were tried.
const COVERAGE_VARIABLE: &str = "HEARTH_TEST_COVERAGE";

struct Judge {
    specification: Specification,
    recorder: Option<Recorder>,
}

/// Panics when an answer is not what the specification documents.
#[track_caller]
pub(crate) fn judge(request: &Request, reply: &Reply) {
    static JUDGE: OnceLock<Option<Judge>> = OnceLock::new();
    let Some(judge) = JUDGE.get_or_init(Judge::new) else {
        return;
    };
    let sent = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    let exchange = Exchange {
        method: request.method().as_str(),
        path: request.url().path(),
        query: request.url().query().unwrap_or_default(),
        sent,
        status: reply.status,
        headers: headers.collect(),
        body: &reply.bytes,
    };
    let Some(operation) = judge.specification.operation_of(&exchange) else {
        return;
    };
    if let Some(recorder) = &judge.recorder {
        let thread = thread::current();
        recorder.note(&operation.id, reply.status, thread.name().unwrap_or("?")).unwrap();
    }
    if let Err(complaint) = judge.specification.check(operation, &exchange) {
        panic!("{} answered {} {}\n{complaint}", reply.request, reply.status, reply.text());
    }
}

impl Judge {
    fn new() -> Option<Self> {
        let Some(folder) = find() else {
            // Not through the macro: the test harness keeps that for the tests that fail.
            let warning = format!(
                "\n!!! The specification's data is not there \
                 ({FOLDER_VARIABLE} names its folder):\n\
                 !!! ANSWERS ARE NOT HELD AGAINST THE SPECIFICATION\n\n"
            );
            std::io::stderr().write_all(warning.as_bytes()).unwrap();
            return None;
        };
        let specification = Specification::load(&folder).unwrap_or_else(|error| panic!("{error}"));
        let folder = env::var_os(COVERAGE_VARIABLE);
        let recorder = folder.map(|folder| Recorder::new(Path::new(&folder)).unwrap());
        Some(Self { specification, recorder })
    }
}
