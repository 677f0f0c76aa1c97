//! A mail server for the stories: it speaks SMTP (RFC 5321) on a loopback port and keeps what it
//! is given.
//!
//! Mail for `refused.example` is refused, as by a server that knows no such mailbox.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    task::JoinHandle,
};

use crate::{Settings, wait};

/// Where no mail is taken for.
const REFUSED_DOMAIN: &str = "@refused.example>";

/// A mail server; it ends with the value.
pub struct Mailbox {
    port: u16,
    letters: Arc<Mutex<Vec<Letter>>>,
    server: JoinHandle<()>,
}

/// One letter, as it came in.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    /// The sender of the envelope, in angle brackets.
    pub sender: String,
    /// The recipients of the envelope, in angle brackets.
    pub recipients: Vec<String>,
    /// Headers and body, with `\n` at the end of each line.
    pub text: String,
}

impl Mailbox {
    /// Starts a mail server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let letters = Arc::<Mutex<Vec<Letter>>>::default();
        let kept = Arc::clone(&letters);
        let server = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                // Who hangs up in the middle of a letter has not sent it.
                tokio::spawn(Conversation::hold(connection, Arc::clone(&kept)));
            }
        });
        Self { port, letters, server }
    }

    /// Settings of a server that sends its mail here.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings::default()
            .text("mail.server", "127.0.0.1")
            .literal("mail.port", &self.port.to_string())
            .text("mail.tls", "none")
            .text("mail.from", "Hearth <noreply@hearth.test>")
    }

    /// Every letter so far, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }

    /// The `count`-th letter, from 1, once it is there; it must be the last.
    pub async fn letter(&self, count: usize) -> Letter {
        let letters = wait::until("a letter", || async {
            let letters = self.letters();
            (letters.len() >= count).then_some(letters)
        });
        let letters = letters.await;
        assert_eq!(letters.len(), count, "{letters:?}");
        letters.last().unwrap().clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Letter {
    /// A header, unfolded, by its name in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\n\n").unwrap();
        let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
        unfolded.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// Path and query of the first web address in the letter.
    pub fn link(&self) -> Option<String> {
        let text = self.decoded();
        let (_, rest) = text.split_once("https://hearth.test")?;
        let end = rest.find(|letter: char| letter.is_whitespace() || "\"<".contains(letter));
        Some(rest[..end.unwrap_or(rest.len())].to_owned())
    }

    /// The letter without the escapes of quoted-printable.
    pub fn decoded(&self) -> String {
        if !self.text.contains("quoted-printable") {
            return self.text.clone();
        }
        self.text.replace("=\n", "").replace("=3D", "=")
    }
}

/// One connection: what was said so far of the letter to come.
struct Conversation {
    writer: OwnedWriteHalf,
    letter: Letter,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Conversation {
    async fn hold(
        connection: TcpStream,
        letters: Arc<Mutex<Vec<Letter>>>,
    ) -> Result<(), std::io::Error> {
        let (reader, writer) = connection.into_split();
        let mut reader = BufReader::new(reader);
        let mut conversation = Self { writer, letter: Letter::default(), letters };
        conversation.say("220 mailbox.test ESMTP").await?;
        while let Some(line) = next_line(&mut reader).await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            if verb == "QUIT" {
                return conversation.say("221 2.0.0 bye").await;
            }
            if verb == "DATA" && !conversation.letter.recipients.is_empty() {
                conversation.say("354 go on").await?;
                conversation.take(&mut reader).await?;
                continue;
            }
            let answer = conversation.command(&verb, &line);
            conversation.say(answer).await?;
        }
        Ok(())
    }

    /// The answer to everything but what ends a line of commands.
    fn command(&mut self, verb: &str, line: &str) -> &'static str {
        let path = line.split_once(':').map(|(_, path)| path.trim());
        let path = path.and_then(|path| path.split(' ').next()).unwrap_or_default().to_owned();
        match verb {
            "EHLO" => "250-mailbox.test\r\n250-8BITMIME\r\n250 SIZE 1000000",
            "HELO" | "NOOP" => "250 2.0.0 well",
            "RSET" => {
                self.letter = Letter::default();
                "250 2.0.0 forgotten"
            }
            "MAIL" if path.ends_with('>') => {
                self.letter = Letter { sender: path, ..Letter::default() };
                "250 2.1.0 sender"
            }
            "RCPT" if self.letter.sender.is_empty() => "503 5.5.1 who are you",
            "RCPT" if path.to_ascii_lowercase().ends_with(REFUSED_DOMAIN) => {
                "550 5.1.1 no such mailbox"
            }
            "RCPT" if path.ends_with('>') => {
                self.letter.recipients.push(path);
                "250 2.1.5 recipient"
            }
            "DATA" => "503 5.5.1 for whom",
            _ => "500 5.5.2 what",
        }
    }

    /// Reads a letter up to its dot.
    async fn take(&mut self, reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<()> {
        let mut letter = std::mem::take(&mut self.letter);
        while let Some(line) = next_line(reader).await? {
            if line == "." {
                self.letters.lock().unwrap().push(letter);
                return self.say("250 2.0.0 taken").await;
            }
            letter.text.push_str(line.strip_prefix('.').unwrap_or(&line));
            letter.text.push('\n');
        }
        Ok(())
    }

    async fn say(&mut self, answer: &str) -> std::io::Result<()> {
        self.writer.write_all(format!("{answer}\r\n").as_bytes()).await
    }
}

/// A line without its end, which must be CR LF.
async fn next_line(reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    Ok(line.strip_suffix("\r\n").map(str::to_owned))
}
