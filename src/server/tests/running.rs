//! A running `hearth serve`: what it answers, what it logs and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, BufReader, Lines, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;

/// A server whose log is read line by line; killed on drop.
struct Running {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
    address: String,
}

impl Running {
    fn start(data_dir: &Path) -> Self {
        let mut process = serve(data_dir).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut running = Self { process, log, address: String::new() };
        let listening = running.log_until("listening on http://");
        let message = listening["message"].as_str().unwrap();
        running.address = message.split("http://").last().unwrap().to_owned();
        running
    }

    /// Reads the log up to a message that starts like this.
    fn log_until(&mut self, start: &str) -> Value {
        let mut lines = self.log.by_ref().map(|line| line.unwrap());
        let found = lines.find_map(|line| {
            let entry: Value = serde_json::from_str(&line).unwrap();
            entry["message"].as_str().unwrap().starts_with(start).then_some(entry)
        });
        found.expect("the log ended")
    }

    fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        response
    }

    fn terminate(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
    command.args(["serve", "--server-name", "hearth.test", "--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(data_dir).env("HEARTH_LOG__FORMAT", "json");
    command
}

#[test]
fn a_request_is_one_line_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Running::start(directory.path());
    let response = server.get("/health");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    let entry = server.log_until("answered");
    assert_eq!(entry["status"], 200);
    assert!(entry["latency_ms"].is_number());
    assert_eq!(entry["span"]["route"], "/health");
    assert_eq!(entry["span"]["method"], "GET");
    let id = format!("x-request-id: {}\r\n", entry["span"]["id"].as_str().unwrap());
    assert!(response.contains(&id), "{response}");

    assert!(server.get("/nowhere?secret").starts_with("HTTP/1.1 404"));
    let entry = server.log_until("answered");
    assert_eq!(entry["span"]["route"], "unmatched");
    assert!(!entry.to_string().contains("secret"));
}

#[test]
fn sigterm_ends_it_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Running::start(directory.path());
    let _idle = TcpStream::connect(&server.address).unwrap();
    server.terminate();
    server.log_until("stopped");
    assert!(server.process.wait().unwrap().success());
}

#[test]
fn a_data_directory_serves_one_process_and_one_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Running::start(directory.path());
    let second = serve(directory.path()).output().unwrap();
    assert!(!second.status.success());
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(message.contains("is in use by another process"), "{message}");
    server.terminate();
    assert!(server.process.wait().unwrap().success());

    let other = Command::new(env!("CARGO_BIN_EXE_hearth"))
        .args(["serve", "--server-name", "other.test", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(!other.status.success());
    let message = String::from_utf8(other.stderr).unwrap();
    assert!(message.contains("belongs to the server hearth.test, not to other.test"), "{message}");
}
