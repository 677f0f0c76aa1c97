//! What somebody means who writes a line: a text, or a command that begins with a slash.
//!
//! `//text` is the text `/text`. A line that begins with a slash and is no command is refused, so
//! that a mistyped `/mute` is not read by everybody.

use std::time::Duration;

use ruma::{OwnedUserId, ServerName, UserId};

use crate::{ChatError, limits::MUTE_MS_MAX};

/// What `/help` tells.
pub(crate) const HELP: &str = "\
/me TEXT – say what you are doing
/kick USER [REASON] – remove somebody from the room
/ban USER [REASON] – remove somebody and keep them out
/unban USER – lift a ban
/mute USER [DURATION] [REASON] – let somebody only read, for 10m, 2h or 1d for example
/unmute USER – end a mute
/invite USER – invite somebody
/topic TEXT – change the topic
/nick NAME – change your name
/leave – leave the room
/help – show this list
// – begin a message with a slash";

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// A text to be sent.
    Text(String),
    /// A command to be run.
    Command(Command),
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say what the sender is doing.
    Me(String),
    /// Remove somebody from the room.
    Kick(OwnedUserId, Option<String>),
    /// Remove somebody and keep them out.
    Ban(OwnedUserId, Option<String>),
    /// Lift a ban.
    Unban(OwnedUserId),
    /// Let somebody only read, for a while if it says.
    Mute(OwnedUserId, Option<Duration>, Option<String>),
    /// End a mute.
    Unmute(OwnedUserId),
    /// Invite somebody.
    Invite(OwnedUserId),
    /// Change the topic.
    Topic(String),
    /// Change the sender's name.
    Nick(String),
    /// Leave the room.
    Leave,
    /// List the commands.
    Help,
}

impl Spoken {
    /// Reads a line; a user without a server is one of `server_name`.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] if it looks like a command and is none.
    pub fn parse(line: &str, server_name: &ServerName) -> Result<Self, ChatError> {
        let Some(rest) = line.strip_prefix('/') else {
            return Ok(Self::Text(line.to_owned()));
        };
        if rest.starts_with('/') {
            return Ok(Self::Text(rest.to_owned()));
        }
        let (name, rest) = word(rest);
        let command = Words { name, rest, server_name }.command()?;
        Ok(Self::Command(command))
    }
}

/// A command while it is read.
struct Words<'a> {
    name: &'a str,
    rest: &'a str,
    server_name: &'a ServerName,
}

impl Words<'_> {
    fn command(mut self) -> Result<Command, ChatError> {
        Ok(match self.name {
            "me" => Command::Me(self.text("what you are doing")?),
            "kick" => Command::Kick(self.user()?, self.reason()),
            "ban" => Command::Ban(self.user()?, self.reason()),
            "unban" => Command::Unban(self.user()?),
            "mute" => Command::Mute(self.user()?, self.duration()?, self.reason()),
            "unmute" => Command::Unmute(self.user()?),
            "invite" => Command::Invite(self.user()?),
            "topic" => Command::Topic(self.text("a topic")?),
            "nick" => Command::Nick(self.text("a name")?),
            "leave" => Command::Leave,
            "help" => Command::Help,
            name => {
                let name: String = name.chars().take(20).collect();
                let detail = format!("there is no command /{name}: see /help, or begin with //");
                return Err(ChatError::invalid("content", detail));
            }
        })
    }

    fn user(&mut self) -> Result<OwnedUserId, ChatError> {
        let (name, rest) = word(self.rest);
        self.rest = rest;
        if name.is_empty() {
            return Err(self.lacks("a user"));
        }
        let whole = match (name.starts_with('@'), name.contains(':')) {
            (true, true) => name.to_owned(),
            (true, false) => format!("{name}:{}", self.server_name),
            (false, _) => format!("@{name}:{}", self.server_name),
        };
        UserId::parse(whole).map_err(|_| ChatError::invalid("content", "that is no user"))
    }

    /// The duration that the next word is. One that looks like a number and is no duration is
    /// refused: taken as a reason, it would make a mute without an end.
    fn duration(&mut self) -> Result<Option<Duration>, ChatError> {
        let (text, rest) = word(self.rest);
        if !text.trim_start_matches(['-', '+', '.']).starts_with(char::is_numeric) {
            return Ok(None);
        }
        let most = Duration::from_millis(MUTE_MS_MAX);
        let Some(duration) = duration(text).filter(|it| !it.is_zero() && *it <= most) else {
            let detail = "a duration is a number and s, m, h or d, such as 10m, and a year at most";
            return Err(ChatError::invalid("content", detail));
        };
        self.rest = rest;
        Ok(Some(duration))
    }

    fn reason(&self) -> Option<String> {
        (!self.rest.is_empty()).then(|| self.rest.to_owned())
    }

    fn text(&self, what: &str) -> Result<String, ChatError> {
        self.reason().ok_or_else(|| self.lacks(what))
    }

    fn lacks(&self, what: &str) -> ChatError {
        ChatError::invalid("content", format!("/{} needs {what}", self.name))
    }
}

/// A duration such as `90s`, `10m`, `2h` or `1d`.
fn duration(text: &str) -> Option<Duration> {
    let unit_s = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let count: u32 = text.get(..text.len() - 1)?.parse().ok()?;
    Some(Duration::from_secs(u64::from(count) * unit_s))
}

/// The first word of a text, and the rest of it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    fn parse(line: &str) -> Result<Spoken, String> {
        let spoken = Spoken::parse(line, server_name!("example.org"));
        spoken.map_err(|error| error.to_string())
    }

    fn command(line: &str) -> Command {
        match parse(line) {
            Ok(Spoken::Command(command)) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn lines_are_texts_or_commands() {
        let user = |id: &str| UserId::parse(id).unwrap();
        let bob = || user("@bob:example.org");
        let text = |text: &str| Ok(Spoken::Text(text.to_owned()));
        assert_eq!(parse("hello /me"), text("hello /me"));
        assert_eq!(parse("//etc/passwd"), text("/etc/passwd"));
        assert_eq!(command("/me waves a flag"), Command::Me("waves a flag".to_owned()));
        assert_eq!(command("/kick bob"), Command::Kick(bob(), None));
        let reason = || Some("too loud".to_owned());
        assert_eq!(command("/ban @bob  too loud "), Command::Ban(bob(), reason()));
        let elsewhere = user("@eve:elsewhere.org");
        assert_eq!(command("/invite @eve:elsewhere.org"), Command::Invite(elsewhere));
        let ten = Some(Duration::from_secs(600));
        assert_eq!(command("/mute bob 10m too loud"), Command::Mute(bob(), ten, reason()));
        assert_eq!(command("/mute bob too loud"), Command::Mute(bob(), None, reason()));
        assert_eq!(command("/leave"), Command::Leave);
        for wrong in ["/", "/kcik bob", "/kick", "/kick b:b:b@", "/me", "/topic  "] {
            parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_mute_has_a_duration_that_is_understood_or_none() {
        for wrong in
            ["10", "1h30m", "-5m", "0m", "999999999999h", "366d", "5 minutes", "1.5h", "٣m"]
        {
            let refused = parse(&format!("/mute bob {wrong}")).unwrap_err();
            assert!(refused.starts_with("content: "), "{wrong}: {refused}");
        }
        for (text, seconds) in [("90s", 90), ("2h", 7_200), ("365d", 31_536_000)] {
            let Command::Mute(_, duration, None) = command(&format!("/mute bob {text}")) else {
                panic!("{text}");
            };
            assert_eq!(duration, Some(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn every_command_is_listed() {
        for name in
            ["me", "kick", "ban", "unban", "mute", "unmute", "invite", "topic", "nick", "leave"]
        {
            assert!(HELP.lines().any(|line| line.starts_with(&format!("/{name} "))), "{name}");
        }
    }
}
