//! Asking ClamAV's `clamd` whether content is malware (its command INSTREAM, see clamd(8)).
//!
//! Invariant: only the answer that says that the content is clean lets it pass. No answer, one that
//! is late or one that is not understood is a failure, and a failure refuses.
//!
//! Deliberately absent: trying again. Whoever uploads does that.

use std::{path::PathBuf, pin::pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Semaphore,
    time::timeout,
};

use crate::{
    MediaError,
    limits::{SCAN_CHUNK_BYTES, SCAN_REPLY_BYTES_MAX, SCANS_MAX},
};

/// How to reach `clamd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScannerAddress {
    /// `host:port`.
    Tcp(String),
    /// Its socket in the file system.
    Unix(PathBuf),
}

/// What an administrator decides about scanning.
#[derive(Clone, Debug)]
pub struct ScannerSettings {
    /// Where the scanner listens.
    pub address: ScannerAddress,
    /// Longest that one scan takes, waiting for its turn included.
    pub timeout: Duration,
}

/// The scanner, which is asked about a few files at the same time.
pub(crate) struct Scanner {
    settings: ScannerSettings,
    turns: Semaphore,
}

impl Scanner {
    pub fn new(settings: ScannerSettings) -> Self {
        Self { settings, turns: Semaphore::new(SCANS_MAX) }
    }

    /// Passes clean content.
    pub async fn scan(
        &self,
        content: impl Stream<Item = Result<Bytes, MediaError>> + Send,
    ) -> Result<(), MediaError> {
        let reply = timeout(self.settings.timeout, self.reply_to(content)).await;
        verdict(&reply.unwrap_or_else(|_| Err(failed("it took too long")))?)
    }

    async fn reply_to(
        &self,
        content: impl Stream<Item = Result<Bytes, MediaError>> + Send,
    ) -> Result<Vec<u8>, MediaError> {
        let _turn = self.turns.acquire().await.map_err(failed)?;
        match &self.settings.address {
            ScannerAddress::Tcp(address) => {
                ask(TcpStream::connect(address).await.map_err(failed)?, content).await
            }
            ScannerAddress::Unix(path) => {
                ask(UnixStream::connect(path).await.map_err(failed)?, content).await
            }
        }
    }
}

/// Sends the content and reads the reply, which comes early if the scanner has had enough.
async fn ask(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    content: impl Stream<Item = Result<Bytes, MediaError>>,
) -> Result<Vec<u8>, MediaError> {
    let mut content = pin!(content);
    let mut sent = connection.write_all(b"zINSTREAM\0").await;
    while sent.is_ok()
        && let Some(bytes) = content.try_next().await?
    {
        for chunk in bytes.chunks(SCAN_CHUNK_BYTES) {
            sent = send_chunk(&mut connection, chunk).await;
            if sent.is_err() {
                break;
            }
        }
    }
    if sent.is_ok() {
        sent = send_chunk(&mut connection, b"").await;
    }
    let mut reply = Vec::new();
    let read = (&mut connection).take(SCAN_REPLY_BYTES_MAX).read_to_end(&mut reply).await;
    if reply.is_empty() {
        sent.and(read.map(drop)).map_err(failed)?;
    }
    Ok(reply)
}

/// A chunk is its length in four bytes and itself; an empty one is the end.
async fn send_chunk(
    connection: &mut (impl AsyncWrite + Unpin),
    chunk: &[u8],
) -> std::io::Result<()> {
    let length = u32::try_from(chunk.len()).map_err(std::io::Error::other)?;
    connection.write_all(&length.to_be_bytes()).await?;
    connection.write_all(chunk).await
}

/// `stream: OK`, `stream: NAME FOUND`, or an error.
fn verdict(reply: &[u8]) -> Result<(), MediaError> {
    let reply = String::from_utf8_lossy(reply);
    let reply = reply.trim_end_matches(['\0', '\n']);
    if reply == "stream: OK" {
        return Ok(());
    }
    let found = reply.strip_prefix("stream: ").and_then(|found| found.strip_suffix(" FOUND"));
    Err(match found {
        Some(name) => MediaError::Malware(name.to_owned()),
        None => failed(format!("the scanner says \"{reply}\"")),
    })
}

fn failed(reason: impl ToString) -> MediaError {
    MediaError::ScanFailed(reason.to_string())
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use tokio::{net::TcpListener, task::JoinHandle};

    use super::*;

    /// A scanner that takes one file and gives this reply, and returns what it was sent.
    async fn fake(reply: &'static [u8]) -> (Scanner, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = ScannerAddress::Tcp(listener.local_addr().unwrap().to_string());
        let timeout = Duration::from_secs(20);
        let taken = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut command = [0; 10];
            connection.read_exact(&mut command).await.unwrap();
            assert_eq!(&command, b"zINSTREAM\0");
            let mut content = Vec::new();
            loop {
                let length = connection.read_u32().await.unwrap();
                if length == 0 {
                    break;
                }
                let mut chunk = vec![0; usize::try_from(length).unwrap()];
                connection.read_exact(&mut chunk).await.unwrap();
                content.extend(chunk);
            }
            connection.write_all(reply).await.unwrap();
            content
        });
        (Scanner::new(ScannerSettings { address, timeout }), taken)
    }

    fn pieces(content: &[u8]) -> impl Stream<Item = Result<Bytes, MediaError>> + Send + use<> {
        stream::iter([Ok(Bytes::copy_from_slice(content))])
    }

    #[tokio::test]
    async fn the_scanner_gets_everything_and_passes_what_is_clean() {
        let (scanner, taken) = fake(b"stream: OK\0").await;
        let content = vec![7; 3 * SCAN_CHUNK_BYTES + 1];
        scanner.scan(pieces(&content)).await.unwrap();
        assert_eq!(taken.await.unwrap(), content);
    }

    #[tokio::test]
    async fn nothing_else_passes() {
        let (scanner, _taken) = fake(b"stream: Eicar-Test-Signature FOUND\0").await;
        let refused = scanner.scan(pieces(b"x")).await.unwrap_err();
        assert!(matches!(refused, MediaError::Malware(name) if name == "Eicar-Test-Signature"));
        let replies: [&[u8]; 4] = [b"", b"INSTREAM size limit exceeded. ERROR\0", b"OK\0", b"\xff"];
        for reply in replies {
            let (scanner, _taken) = fake(reply).await;
            let refused = scanner.scan(pieces(b"x")).await.unwrap_err();
            assert!(matches!(refused, MediaError::ScanFailed(_)), "{refused}");
        }
    }

    #[tokio::test]
    async fn who_is_not_there_or_says_nothing_lets_nothing_pass() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = silent.local_addr().map(|address| (silent, address.to_string())).unwrap();
        for address in
            [ScannerAddress::Tcp(silent.1), ScannerAddress::Unix("/nowhere/clamd.socket".into())]
        {
            let timeout = Duration::from_millis(50);
            let scanner = Scanner::new(ScannerSettings { address, timeout });
            let refused = scanner.scan(pieces(b"x")).await.unwrap_err();
            assert!(matches!(refused, MediaError::ScanFailed(_)), "{refused}");
        }
    }
}
