use mp4::movie::Movie;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// The application that recordings are played from.
const APPLICATION: &str = "vod";
/// Longest name of a recording.
const LONGEST: usize = 1024;

/// The folder with the recordings, if there is one. Clones are the same library.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Movies in use: all players of a file share its tables.
    movies: Mutex<HashMap<PathBuf, (State, Weak<Movie>)>>,
}

/// By which a changed file is known.
type State = (u64, Option<SystemTime>);

impl Library {
    pub(crate) fn new(root: Option<PathBuf>) -> Self {
        Self(root.map(|root| {
            Arc::new(Inner {
                root,
                movies: Mutex::default(),
            })
        }))
    }

    pub(crate) const fn exists(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a path of application and name is in the application of recordings, and not of live streams.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.exists() && path.split('/').next() == Some(APPLICATION)
    }

    /// The file that a path means: `vod/FILE`, where `FILE` may be in a folder, may have a prefix as in `mp4:FILE`, and may lack
    /// the ending that its prefix says, or `.flv` where it has none, because players take those off.
    pub(crate) fn find(&self, path: &str) -> Option<PathBuf> {
        let inner = self.0.as_ref()?;
        let name = path.strip_prefix(APPLICATION)?.strip_prefix('/')?;
        let mut prefix = None;
        let mut file = inner.root.clone();
        let mut named = false;
        for part in name.split('/') {
            // The application may hold folders, with the prefix behind them.
            let part = match part.split_once(':') {
                Some((known @ ("mp4" | "flv" | "f4v"), part)) if prefix.is_none() => {
                    prefix = Some(known);
                    if part.is_empty() {
                        continue;
                    }
                    part
                }
                _ => part,
            };
            if !is_part(part) {
                return None;
            }
            file.push(part);
            named = true;
        }
        if !named || name.len() > LONGEST {
            return None;
        }
        let endings: &[&str] = match prefix {
            Some("mp4" | "f4v") => &["", ".mp4", ".m4v", ".m4a", ".f4v", ".mov"],
            _ => &["", ".flv", ".mp4"],
        };
        let mut candidates = endings.iter().map(|ending| {
            let mut name = file.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        });
        let file = candidates.find(|file| file.is_file())?;
        // A link may lead to a file in the folder, and nowhere else.
        let (real, root) = (file.canonicalize().ok()?, inner.root.canonicalize().ok()?);
        real.starts_with(root).then_some(file)
    }

    /// The movie of a file, if a player has it open.
    pub(super) fn movie(&self, file: &Path, state: State) -> Option<Arc<Movie>> {
        let movies = self.0.as_ref()?.movies.lock();
        let movies = movies.unwrap_or_else(PoisonError::into_inner);
        let (known, movie) = movies.get(file)?;
        movie.upgrade().filter(|_| *known == state)
    }

    /// Lets others have it.
    pub(super) fn share(&self, file: &Path, state: State, movie: &Arc<Movie>) {
        let Some(inner) = &self.0 else { return };
        let movies = inner.movies.lock();
        let mut movies = movies.unwrap_or_else(PoisonError::into_inner);
        movies.retain(|_, (_, movie)| movie.strong_count() > 0);
        movies.insert(file.to_owned(), (state, Arc::downgrade(movie)));
    }
}

/// Whether this names a file or a folder in another, and one that is meant to be seen.
fn is_part(part: &str) -> bool {
    let odd = |c: char| c.is_control() || c == '\\';
    !part.is_empty() && !part.starts_with('.') && !part.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("a")).unwrap();
        for file in [
            "x.mp4",
            "x.flv",
            "a/y.mp4",
            ".hidden.mp4",
            "plain",
            "a/c:d.flv",
        ] {
            std::fs::write(root.join(file), "").unwrap();
        }
        #[cfg(unix)]
        {
            let other = tempfile::tempdir().unwrap();
            std::fs::write(other.path().join("secret.mp4"), "").unwrap();
            let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
            link(other.path().join("secret.mp4"), root.join("link.mp4")).unwrap();
            link(root.join("x.mp4"), root.join("inner.mp4")).unwrap();
            let library = Library::new(Some(root.to_owned()));
            assert_eq!(library.find("vod/link.mp4"), None);
            assert!(library.find("vod/inner.mp4").is_some());
        }
        let library = Library::new(Some(root.to_owned()));
        for (path, file) in [
            ("vod/x.mp4", "x.mp4"),
            ("vod/mp4:x.mp4", "x.mp4"),
            ("vod/mp4:x", "x.mp4"),
            ("vod/x", "x.flv"),
            ("vod/flv:x", "x.flv"),
            ("vod/flv:x.flv", "x.flv"),
            ("vod/mp4:a/y.mp4", "a/y.mp4"),
            ("vod/a/mp4:y.mp4", "a/y.mp4"),
            ("vod/mp4:/a/y", "a/y.mp4"),
            ("vod/a/mp4:/y", "a/y.mp4"),
            ("vod/a/y", "a/y.mp4"),
            ("vod/plain", "plain"),
            ("vod/a/c:d", "a/c:d.flv"),
        ] {
            assert_eq!(library.find(path), Some(root.join(file)), "{path}");
            assert!(library.holds(path));
        }
        for path in [
            "vod/",
            "vod",
            "vod/a",
            "vod/none",
            "live/x",
            "vodx",
            "vod/../x",
            "vod/a/../x.mp4",
            "vod/mp4:../x",
            "vod/.hidden.mp4",
            "vod//x",
            "vod/mp4:",
            "vod/x\0",
        ] {
            assert_eq!(library.find(path), None, "{path}");
        }
        assert!(!library.holds("live/x") && !library.holds("vodx/y"));
        assert!(!Library::default().holds("vod/x"));
    }
}
