//! A listener that says what a test tells it to, and names that lead to it.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::Resolver;

/// What a listener does with a connection whose request it has read.
pub(crate) type Answer = Arc<dyn Fn(String, TcpStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// A listener that counts its connections.
pub(crate) struct TestServer {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl TestServer {
    /// Listens on a free port of `ip` and gives each connection to `answer`, with the request.
    pub(crate) async fn start(ip: &str, answer: Answer) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    answer(request, stream).await;
                });
            }
        });
        Self { address, connections }
    }

    /// A listener that always says `text` and closes.
    pub(crate) async fn saying(ip: &str, text: String) -> Self {
        let answer = move |_, mut stream: TcpStream| -> BoxFuture<'static, ()> {
            let text = text.clone();
            Box::pin(async move {
                let _ = stream.write_all(text.as_bytes()).await;
            })
        };
        Self::start(ip, Arc::new(answer)).await
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    String::from_utf8(request).unwrap()
}

/// A name server: each question for a name gets its next answer, the last one for ever.
#[derive(Default)]
pub(crate) struct TestResolver(Mutex<HashMap<&'static str, Vec<Vec<IpAddr>>>>);

impl TestResolver {
    /// Adds what is answered to the next question for `host`.
    pub(crate) fn then(self, host: &'static str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.0.lock().unwrap().entry(host).or_default().push(addresses);
        self
    }
}

impl Resolver for TestResolver {
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut hosts = self.0.lock().unwrap();
        let answer = match hosts.get_mut(host.as_str()) {
            None => Err(io::Error::other("no such host")),
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
        };
        Box::pin(std::future::ready(answer))
    }
}
