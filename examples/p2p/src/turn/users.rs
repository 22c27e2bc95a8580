//! What each user has and has had: allocations against a quota, and bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Users of the past that are remembered one by one; what others had is summed up.
const REMEMBERED: usize = 1000;

/// Bytes that were relayed, without what carries them.
#[derive(Debug, Default)]
pub struct Bytes {
    /// From the client to its peers.
    pub sent: AtomicU64,
    /// From peers to the client.
    pub received: AtomicU64,
}

#[derive(Debug, Default)]
struct User {
    allocations: usize,
    bytes: Arc<Bytes>,
}

#[derive(Debug, Default)]
struct Book {
    users: BTreeMap<String, User>,
    allocations: usize,
    forgotten: (u64, u64),
}

/// The book of all users.
#[derive(Debug, Clone)]
pub struct Users {
    book: Arc<Mutex<Book>>,
    user_quota: usize,
    total_quota: usize,
}

/// Why there is no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The user has as many as one may have.
    User,
    /// All have, together.
    Server,
}

/// One allocation; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    users: Users,
    name: String,
    /// What goes on account of it.
    pub bytes: Arc<Bytes>,
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name; empty for all that are not remembered one by one.
    pub name: String,
    /// Just now.
    pub allocations: usize,
    /// From the user, in bytes.
    pub sent: u64,
    /// To the user, in bytes.
    pub received: u64,
}

impl Users {
    /// Nobody yet.
    #[must_use]
    pub fn new(user_quota: usize, total_quota: usize) -> Self {
        Self {
            book: Arc::default(),
            user_quota,
            total_quota,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Whoever panicked had nothing half done.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for an allocation of `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn enter(&self, name: &str) -> Result<Place, Full> {
        let mut book = self.book();
        if book.allocations >= self.total_quota {
            return Err(Full::Server);
        }
        let has = book.users.get(name).map_or(0, |user| user.allocations);
        if has >= self.user_quota {
            return Err(Full::User);
        }
        book.allocations += 1;
        let user = book.users.entry(name.to_owned()).or_default();
        user.allocations += 1;
        Ok(Place {
            bytes: Arc::clone(&user.bytes),
            name: name.to_owned(),
            users: self.clone(),
        })
    }

    /// All users, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        let book = self.book();
        let (sent, received) = book.forgotten;
        let forgotten = (sent + received > 0).then(|| Account {
            name: String::new(),
            allocations: 0,
            sent,
            received,
        });
        let known = book.users.iter().map(|(name, user)| Account {
            name: name.clone(),
            allocations: user.allocations,
            sent: user.bytes.sent.load(Ordering::Relaxed),
            received: user.bytes.received.load(Ordering::Relaxed),
        });
        forgotten.into_iter().chain(known).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.users.book();
        book.allocations -= 1;
        let count = book.users.len();
        let Some(user) = book.users.get_mut(&self.name) else {
            return;
        };
        user.allocations -= 1;
        if user.allocations == 0 && count > REMEMBERED {
            book.users.remove(&self.name);
            book.forgotten.0 += self.bytes.sent.load(Ordering::Relaxed);
            book.forgotten.1 += self.bytes.received.load(Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_hold_and_places_come_back() {
        let users = Users::new(2, 3);
        let first = users.enter("ann").unwrap();
        let _second = users.enter("ann").unwrap();
        assert_eq!(users.enter("ann").unwrap_err(), Full::User);
        let third = users.enter("bob").unwrap();
        assert_eq!(users.enter("cid").unwrap_err(), Full::Server);
        drop(first);
        let _again = users.enter("ann").unwrap();
        third.bytes.sent.fetch_add(7, Ordering::Relaxed);
        drop(third);
        let accounts = users.accounts();
        assert_eq!((accounts[0].allocations, accounts[1].allocations), (2, 0));
        assert_eq!((accounts[1].name.as_str(), accounts[1].sent), ("bob", 7));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let users = Users::new(1, usize::MAX);
        for n in 0..REMEMBERED + 500 {
            let place = users.enter(&n.to_string()).unwrap();
            place.bytes.received.fetch_add(1, Ordering::Relaxed);
        }
        let accounts = users.accounts();
        assert_eq!(accounts.len(), REMEMBERED + 1);
        let total: u64 = accounts.iter().map(|account| account.received).sum();
        assert_eq!(total, (REMEMBERED + 500) as u64);
        assert_eq!(accounts[0].name, "");
    }
}
