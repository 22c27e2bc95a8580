//! What is kept for a user, for a short while, until it is asked for by a number that cannot be guessed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long anything is kept (RFC 8656, section 7.2; RFC 6062, section 5.4).
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Things by number, each with the user whose it is.
#[derive(Debug)]
pub(crate) struct Kept<T>(Arc<Mutex<HashMap<u32, (String, T)>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static> Kept<T> {
    fn book(&self) -> MutexGuard<'_, HashMap<u32, (String, T)>> {
        // Whoever panicked had nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thing of that number, if it is the user's.
    pub(crate) fn take(&self, number: u32, username: &str) -> Option<T> {
        let mut book = self.book();
        let (owner, thing) = book.remove(&number)?;
        if owner != username {
            book.insert(number, (owner, thing));
            return None;
        }
        Some(thing)
    }

    /// Keeps a thing, until `given_up` at the longest; gives its number.
    pub(crate) fn put(
        &self,
        thing: T,
        username: String,
        given_up: impl Future<Output = ()> + Send + 'static,
    ) -> u32 {
        let mut book = self.book();
        let number = loop {
            let number = rand::random();
            if !book.contains_key(&number) {
                break number;
            }
        };
        book.insert(number, (username, thing));
        drop(book);
        let kept = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(PATIENCE) => {}
                () = given_up => {}
            }
            kept.book().remove(&number);
        });
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test(start_paused = true)]
    async fn it_is_for_its_user_once_and_not_for_ever() {
        let kept = Kept::default();
        let number = kept.put('a', "ann".into(), pending());
        assert_eq!(kept.take(number, "bob"), None);
        assert_eq!(kept.take(number, "ann"), Some('a'));
        assert_eq!(kept.take(number, "ann"), None);
        let late = kept.put('b', "ann".into(), pending());
        let given_up = kept.put('c', "ann".into(), async {});
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(kept.take(given_up, "ann"), None);
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(kept.take(late, "ann"), None);
    }
}
