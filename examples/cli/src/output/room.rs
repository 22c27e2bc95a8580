//! Space on disk that is taken before it is written.

use std::fs::File;
use std::io;

/// Takes space ahead of what is written, and gives back what is left of it.
///
/// A file system that is asked for one large piece is spared to look for a place block by block: on ext4 that is a quarter of what
/// writing costs, and the file lies in one piece. Nothing depends on it: where it cannot be had, the file just grows.
#[derive(Debug, Default)]
pub struct Room {
    /// Space was taken up to here.
    until: u64,
    /// Whether asking again is of no use.
    is_over: bool,
}

/// A file that stays shorter than this takes no space beforehand.
const SMALL: u64 = 1 << 20;
/// No more than this is taken at once.
const MOST: u64 = 64 << 20;

impl Room {
    /// Takes space before a file grows to `len` bytes, which is more than was taken: as much as it then has.
    pub fn take(&mut self, file: &File, len: u64) {
        if self.is_over || len <= self.until || len < SMALL {
            return;
        }
        let start = if self.until == 0 { len } else { self.until };
        let end = len + len.min(MOST);
        match allocate(file, start, end - start) {
            Ok(()) => self.until = end,
            // Not on this file system, not so much, not in a pipe.
            Err(_) => self.is_over = true,
        }
    }

    /// Gives back what a file did not need.
    pub fn give_back(&mut self, file: &File) {
        if std::mem::take(&mut self.until) > 0 {
            // What stays taken does no harm, but that others cannot have it.
            let _ = file
                .metadata()
                .and_then(|metadata| file.set_len(metadata.len()));
        }
    }
}

/// Takes space without a change of the file's length, which so tells what was written, also where the process is killed.
#[cfg(target_os = "linux")]
fn allocate(file: &File, start: u64, len: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, start, len)?)
}

/// Other systems take space as they are used to.
#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_not_needed_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = File::create(&path).unwrap();
        let mut room = Room::default();
        let block = [7; 100_000];
        let mut len = 0;
        for _ in 0..30 {
            len += block.len() as u64;
            room.take(&file, len);
            file.write_all(&block).unwrap();
        }
        let found = || std::fs::metadata(&path).unwrap();
        assert_eq!(found().len(), len);
        if room.is_over {
            eprintln!("SKIPPED: this system takes no space beforehand");
            return;
        }
        assert!(space(&found()) > len + SMALL / 4, "{}", space(&found()));
        room.give_back(&file);
        assert!(space(&found()) < len + SMALL / 4, "{}", space(&found()));
        assert_eq!(std::fs::read(&path).unwrap(), [7; 3_000_000]);
    }

    /// What a file takes on disk.
    fn space(found: &std::fs::Metadata) -> u64 {
        #[cfg(unix)]
        return std::os::unix::fs::MetadataExt::blocks(found) * 512;
        #[cfg(not(unix))]
        return found.len();
    }
}
