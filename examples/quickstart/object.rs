//! What an API server is to Kubernetes: objects that are changed atomically, and watched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bluegreen_core::BackendError;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;

/// One object. Clones are the same object.
#[derive(Debug)]
pub(crate) struct Object<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    value: Mutex<T>,
    changed: watch::Sender<()>,
}

impl<T> Object<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Inner { value: Mutex::new(value), changed: watch::Sender::new(()) }))
    }

    pub(crate) fn read<R>(&self, view: impl FnOnce(&T) -> R) -> R {
        view(&self.lock())
    }

    /// Tests and changes the object in one step, which is what makes a write fenced: nobody else's write comes between
    /// the two. A `change` that fails must leave the object as it was.
    pub(crate) fn write<R, E>(&self, change: impl FnOnce(&mut T) -> Result<R, E>) -> Result<R, E> {
        let result = change(&mut self.lock());
        if result.is_ok() {
            self.0.changed.send_replace(());
        }
        result
    }

    /// Changes the object whatever it is like: for what only reports how things are.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.lock());
        self.0.changed.send_replace(());
    }

    /// What `view` sees of the object: now, and whenever it sees something else. This is a real watch, without polling;
    /// a backend that can only ask would use [`bluegreen_core::polling`].
    pub(crate) fn follow<R>(
        &self,
        view: impl Fn(&T) -> R + Send + 'static,
    ) -> BoxStream<'static, Result<R, BackendError>>
    where
        T: Send + 'static,
        R: Clone + PartialEq + Send + 'static,
    {
        let changes = self.0.changed.subscribe();
        let start = (self.clone(), view, changes, None::<R>);
        stream::unfold(start, |(object, view, mut changes, last)| async move {
            let seen = loop {
                // Marked as seen before it is read: a change right after the read wakes the next wait.
                changes.mark_unchanged();
                let seen = object.read(&view);
                if last.as_ref() != Some(&seen) {
                    break seen;
                }
                changes.changed().await.ok()?;
            };
            Some((Ok(seen.clone()), (object, view, changes, Some(seen))))
        })
        .boxed()
    }

    /// Every change leaves the value whole, so one that a panicking thread left behind can be used.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Object<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
