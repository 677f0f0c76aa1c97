//! One running `hearth serve`: its process, its directory, its log.
//!
//! Invariant: the process never outlives the value. Data and configuration live in a temporary
//! directory of their own, so that stories may run side by side.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Client, Settings, wait};

/// Below the range from which the kernel takes ports for outgoing connections.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;
/// The end of the log that a failing story prints.
const LOG_TAIL_LINES: usize = 60;

/// A server that is killed on drop.
pub struct Server {
    child: Option<Child>,
    directory: TempDir,
    address: String,
    http: reqwest::Client,
}

impl Server {
    /// Starts a server with the default [`Settings`] and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// Starts a server with `settings` and waits until it answers.
    pub async fn start_with(settings: Settings) -> Self {
        let directory = tempfile::Builder::new().prefix("hearth-story-").tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let data_dir = directory.path().join("data");
        let file = settings.render(&data_dir, &address);
        fs::write(directory.path().join("hearth.toml"), file).unwrap();
        let mut server = Self { child: None, directory, address, http: http_client() };
        server.restart().await;
        server
    }

    /// Starts the process again on the same data, configuration and address.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "the server is running");
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = self
            .command()
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        self.child = Some(child);
        self.ready().await;
    }

    async fn ready(&mut self) {
        let versions = format!("{}/_matrix/client/versions", self.base_url());
        let (http, child) = (&self.http, &mut self.child);
        wait::until("hearth to answer", || {
            let exit = child.as_mut().unwrap().try_wait().unwrap();
            assert!(exit.is_none(), "hearth ended with {exit:?} at its start");
            let question = http.get(&versions).send();
            async move { question.await.is_ok_and(|reply| reply.status() == 200).then_some(()) }
        })
        .await;
    }

    /// `hearth serve --config FILE` for this server's file, not yet started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.arg("serve").arg("--config").arg(self.config_path()).stdin(Stdio::null());
        command
    }

    /// The file this server was configured with.
    pub fn config_path(&self) -> PathBuf {
        self.directory.path().join("hearth.toml")
    }

    /// The directory this server keeps its data in.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// `http://ADDRESS:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The id of the running process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server is running").id()
    }

    /// Everything that the server has written to its outputs so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Ends the process at once with SIGKILL, as a crash would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the server is running");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks the process to end with SIGTERM.
    pub fn terminate(&self) {
        let pid = Pid::from_child(self.child.as_ref().expect("the server is running"));
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits until the process has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the server was running");
        let status = wait::until("the server's end", || {
            let status = child.try_wait().unwrap();
            async move { status }
        });
        status.await
    }

    /// What clients speak HTTP with.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// A client without an account.
    pub fn anonymous(&self) -> Client {
        Client::new(self.http.clone(), self.base_url())
    }

    /// A client of another listener of this server.
    pub fn anonymous_at(&self, address: &str) -> Client {
        Client::new(self.http.clone(), format!("http://{address}"))
    }

    /// A client with a new account, registered with the password [`crate::session::PASSWORD`].
    pub async fn register(&self, localpart: &str) -> Client {
        self.anonymous().register(localpart).await
    }

    /// Clients with new accounts, as [`Self::register`] makes them, one after another.
    pub async fn people<const COUNT: usize>(&self, localparts: [&str; COUNT]) -> [Client; COUNT] {
        let mut people = Vec::with_capacity(COUNT);
        for localpart in localparts {
            people.push(self.register(localpart).await);
        }
        people.try_into().expect("a client for each localpart")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("hearth.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.len().saturating_sub(LOG_TAIL_LINES);
            eprintln!("--- the end of the server's log ---\n{}", lines[tail..].join("\n"));
        }
    }
}

/// The release binary: `HEARTH_BIN`, else the one in the build directory that `./dev` uses.
pub fn binary() -> PathBuf {
    if let Some(path) = env::var_os("HEARTH_BIN") {
        return path.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(default_target, PathBuf::from);
    target.join("release/hearth")
}

fn default_target() -> PathBuf {
    let cache = env::var_os("HEARTH_CACHE_DIR").map_or_else(
        || Path::new(&env::var_os("HOME").expect("HOME is set")).join(".cache/hearth"),
        PathBuf::from,
    );
    cache.join("target")
}

/// A loopback port that nobody listens on, given out once in this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % u32::from(PORTS)) as u16;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + start.wrapping_add(step) % PORTS;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn http_client() -> reqwest::Client {
    // The stories speak plain HTTP; reqwest wants a provider nevertheless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    // Where a redirect leads to is for the story to judge.
    client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
