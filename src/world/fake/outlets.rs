//! Outlets for tests: what was sent is kept, what comes back is scripted.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::world::{
    mail::{Letter, MailSender},
    outgoing::{Answer, HttpClient, HttpError, Outgoing},
    outlet::{Doing, SendError},
    sms::{SmsSender, Text},
};

/// What was sent, and what the next attempts are answered.
#[derive(Debug)]
pub struct Kept<T, E> {
    sent: Mutex<Vec<T>>,
    refusals: Mutex<VecDeque<E>>,
}

impl<T, E> Default for Kept<T, E> {
    fn default() -> Self {
        Self { sent: Mutex::default(), refusals: Mutex::default() }
    }
}

impl<T: Clone, E> Kept<T, E> {
    /// What was sent so far, oldest first; it is forgotten here.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut held(&self.sent))
    }

    /// What was sent so far, oldest first.
    pub fn all(&self) -> Vec<T> {
        held(&self.sent).clone()
    }

    /// The next attempt fails like this. Several calls script several attempts.
    pub fn refuse(&self, error: E) {
        held(&self.refusals).push_back(error);
    }

    fn attempt(&self, what: T) -> Result<(), E> {
        if let Some(error) = held(&self.refusals).pop_front() {
            return Err(error);
        }
        held(&self.sent).push(what);
        Ok(())
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mail that stays here.
pub type FakeMail = Kept<Letter, SendError>;
/// SMS that stay here.
pub type FakeSms = Kept<Text, SendError>;

impl MailSender for FakeMail {
    fn send<'a>(&'a self, letter: &'a Letter) -> Doing<'a, Result<(), SendError>> {
        Box::pin(async move { self.attempt(letter.clone()) })
    }

    fn describe(&self) -> String {
        "a test".to_owned()
    }
}

impl SmsSender for FakeSms {
    fn send<'a>(&'a self, text: &'a Text) -> Doing<'a, Result<(), SendError>> {
        Box::pin(async move { self.attempt(text.clone()) })
    }

    fn describe(&self) -> String {
        "a test".to_owned()
    }
}

/// Other houses as a test plays them.
#[derive(Debug, Default)]
pub struct FakeHttp {
    asked: Mutex<Vec<Outgoing>>,
    answers: Mutex<VecDeque<Result<Answer, HttpError>>>,
}

impl FakeHttp {
    /// What was asked so far, oldest first; it is forgotten here.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut held(&self.asked))
    }

    /// The next request is answered so. Without a script the answer is an empty 200.
    pub fn answer(&self, status: u16, body: impl Into<Bytes>) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        held(&self.answers).push_back(Ok(Answer { status, headers: HeaderMap::new(), body: body.into() }));
    }

    /// The next request fails so.
    pub fn refuse(&self, error: HttpError) {
        held(&self.answers).push_back(Err(error));
    }
}

impl HttpClient for FakeHttp {
    fn send(&self, request: Outgoing) -> Doing<'_, Result<Answer, HttpError>> {
        Box::pin(async move {
            held(&self.asked).push(request);
            let empty = Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::new() };
            held(&self.answers).pop_front().unwrap_or(Ok(empty))
        })
    }
}
