//! The one writer of each room.
//!
//! Requests for a room queue up. While some are there, one task decides them one after another
//! against the tentative head in memory and commits them as one batch, so that a busy room is not
//! limited to one event a durable write; the committer joins the batches of different rooms.

use std::{collections::VecDeque, sync::Arc};

use dashmap::DashMap;
use hearth_base::{
    EventNid, RoomNid, StreamPosition,
    limits::{ROOM_CONFLICT_RETRIES_MAX, ROOM_GROUP_EVENTS_MAX, ROOM_QUEUE_EVENTS_MAX},
};
use hearth_store::CommitError;
use parking_lot::Mutex;
use ruma::{MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId, events::TimelineEventType};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::{Event, Room, Rooms, RoomsError, Transaction, change_state::MadeFrom, decide::Group};

/// An event that a user of this server wants in a room.
#[derive(Clone, Debug)]
pub struct EventRequest {
    /// Who sends it.
    pub sender: OwnedUserId,
    /// Its type.
    pub event_type: TimelineEventType,
    /// Its state key, if it is a state event.
    pub state_key: Option<String>,
    /// Its content, a JSON object.
    pub content: Box<RawValue>,
    /// The event that a redaction names.
    pub redacts: Option<OwnedEventId>,
    /// The request of a device, so that a repetition makes no second event.
    pub transaction: Option<Transaction>,
    /// Another time than now: for application services (specification, "Timestamp massaging").
    pub origin_server_ts: Option<MilliSecondsSinceUnixEpoch>,
}

/// How an event is sent, beyond what every event has.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// For how long it is sticky, in milliseconds (MSC4354).
    pub(crate) sticky_ms: Option<u32>,
    /// The delayed event that it comes from, which ends with it (MSC4140).
    pub(crate) delay_id: Option<String>,
    /// The state event that it was made from, if it may replace no other.
    pub(crate) made_from: Option<MadeFrom>,
}

impl Manner {
    /// Sticky for this many milliseconds, if at all.
    #[must_use]
    pub fn sticky(sticky_ms: Option<u32>) -> Self {
        Self { sticky_ms, ..Self::default() }
    }
}

/// An event that was accepted, or that was there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub event_id: OwnedEventId,
    /// Its number.
    pub nid: EventNid,
    /// Where it came in the stream; `None` if it was there before the request.
    pub position: Option<StreamPosition>,
}

type Reply = Result<Vec<Sent>, RoomsError>;

/// Events that are accepted together or not at all.
struct Job {
    requests: Vec<EventRequest>,
    manner: Manner,
    reply: oneshot::Sender<Reply>,
}

/// The queues of rooms that have something to write.
#[derive(Default)]
pub struct Writers(DashMap<RoomNid, Arc<Queue>>);

#[derive(Default)]
struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Whether a task is at work; it removes the queue when it finds nothing to do.
    running: bool,
}

impl Rooms {
    /// Sends one event to a room.
    ///
    /// # Errors
    /// The room's rules refuse it, it is malformed or too large, or the store failed.
    pub async fn send(&self, room: &Room, request: EventRequest) -> Result<Sent, RoomsError> {
        self.send_in(room, request, Manner::default()).await
    }

    /// Sends one event to a room in a manner of its own.
    ///
    /// # Errors
    /// As [`Rooms::send`].
    pub async fn send_in(
        &self,
        room: &Room,
        request: EventRequest,
        manner: Manner,
    ) -> Result<Sent, RoomsError> {
        let sent = self.send_job(room, vec![request], manner).await?;
        sent.into_iter().next().ok_or(RoomsError::Busy)
    }

    /// Sends several events to a room, all or none, one right after another.
    ///
    /// # Errors
    /// As [`Rooms::send`], for the first event that is refused.
    pub async fn send_all(
        &self,
        room: &Room,
        requests: Vec<EventRequest>,
    ) -> Result<Vec<Sent>, RoomsError> {
        self.send_job(room, requests, Manner::default()).await
    }

    async fn send_job(
        &self,
        room: &Room,
        requests: Vec<EventRequest>,
        manner: Manner,
    ) -> Result<Vec<Sent>, RoomsError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(room, Job { requests, manner, reply })?;
        answer.await.map_err(|_| RoomsError::Busy)?
    }

    fn enqueue(&self, room: &Room, job: Job) -> Result<(), RoomsError> {
        let queue = self.writers().0.entry(room.nid()).or_default();
        let mut waiting = queue.0.lock();
        if waiting.jobs.len() >= ROOM_QUEUE_EVENTS_MAX {
            return Err(RoomsError::Busy);
        }
        waiting.jobs.push_back(job);
        if !waiting.running {
            waiting.running = true;
            let (rooms, room, queue) = (self.clone(), room.clone(), Arc::clone(&queue));
            self.tasks().spawn(async move { rooms.drain(&room, &queue).await });
        }
        Ok(())
    }

    async fn drain(&self, room: &Room, queue: &Queue) {
        loop {
            let jobs = take(&mut queue.0.lock());
            if jobs.is_empty() {
                // The map's lock keeps out whoever would add to a queue that is removed.
                let removed = self.writers().0.remove_if(&room.nid(), |_, queue| {
                    let mut waiting = queue.0.lock();
                    waiting.running = !waiting.jobs.is_empty();
                    !waiting.running
                });
                if removed.is_some() {
                    return;
                }
                continue;
            }
            self.write(room, jobs).await;
        }
    }

    async fn write(&self, room: &Room, jobs: Vec<Job>) {
        let mut jobs = jobs;
        for _ in 0..ROOM_CONFLICT_RETRIES_MAX {
            match self.try_write(room, jobs).await {
                Ok(()) => return,
                Err(again) => jobs = again,
            }
        }
        for job in jobs {
            let _ = job.reply.send(Err(RoomsError::Busy));
        }
    }

    /// Decides and commits; gives back the accepted jobs if somebody else changed the room first.
    async fn try_write(&self, room: &Room, jobs: Vec<Job>) -> Result<(), Vec<Job>> {
        let mut group = match Group::open(self, room).await {
            Ok(group) => group,
            Err(error) => {
                refuse(jobs, &error);
                return Ok(());
            }
        };
        let mut accepted = Vec::new();
        for job in jobs {
            match group.decide_all(&job.requests, &job.manner).await {
                Ok(sent) => accepted.push((job, sent)),
                Err(error) => drop(job.reply.send(Err(error))),
            }
        }
        match group.commit().await {
            Ok(first) => {
                for (job, sent) in accepted {
                    let sent = sent.into_iter().map(|sent| sent.at(first)).collect();
                    let _ = job.reply.send(Ok(sent));
                }
                Ok(())
            }
            Err(CommitError::Conflict { .. }) => {
                Err(accepted.into_iter().map(|(job, _)| job).collect())
            }
            Err(CommitError::Store(error)) => {
                let jobs = accepted.into_iter().map(|(job, _)| job).collect();
                refuse(jobs, &RoomsError::Store(error));
                Ok(())
            }
        }
    }
}

/// The next jobs, as many as make one group of events.
fn take(waiting: &mut Waiting) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut events = 0;
    while let Some(job) = waiting.jobs.front() {
        events += job.requests.len();
        if events > ROOM_GROUP_EVENTS_MAX && !jobs.is_empty() {
            break;
        }
        jobs.extend(waiting.jobs.pop_front());
    }
    jobs
}

fn refuse(jobs: Vec<Job>, error: &RoomsError) {
    for job in jobs {
        let error = match error {
            RoomsError::Store(error) => {
                RoomsError::Store(hearth_store::StoreError::Unavailable(error.to_string()))
            }
            other => RoomsError::Corrupt(other.to_string()),
        };
        let _ = job.reply.send(Err(error));
    }
}

/// An event of a group that is not committed yet.
pub(crate) enum Decided {
    /// It was there before.
    Known(Sent),
    /// It will have the position of the fact with this index.
    New { event: Event, fact: i64 },
}

impl Decided {
    pub(crate) fn at(self, first: StreamPosition) -> Sent {
        match self {
            Self::Known(sent) => sent,
            Self::New { event, fact } => Sent {
                event_id: event.pdu().event_id().to_owned(),
                nid: event.nid(),
                position: Some(StreamPosition(first.0 + fact)),
            },
        }
    }
}
