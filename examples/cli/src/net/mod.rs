//! Where things are: files, and what other machines serve.

pub mod http;
pub mod rtmp;
pub mod rtsp;
mod tls;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file or a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    File(PathBuf),
    Url(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// What stands before `://`, in small letters.
pub fn scheme(name: &str) -> Option<String> {
    let (scheme, _) = name.split_once("://")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (!scheme.is_empty() && scheme.chars().all(is_name)).then(|| scheme.to_ascii_lowercase())
}

/// More than a playlist, a manifest or a key ever has; what claims more is none.
pub const TEXT: u64 = 64 << 20;

impl Place {
    /// What a name on the command line means.
    pub fn of(name: &str) -> Self {
        match scheme(name).as_deref() {
            Some("http" | "https") => Self::Url(name.to_owned()),
            Some("file") => {
                let path = name.split_once("://").map_or(name, |(_, path)| path);
                let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
                Self::File(decoded.into_owned().into())
            }
            _ => Self::File(name.into()),
        }
    }

    /// What a reference in this playlist or manifest means.
    pub fn join(&self, reference: &str) -> Result<Self> {
        match self {
            Self::Url(base) => {
                let url = dash::address::resolve(base, reference);
                match scheme(&url).as_deref() {
                    Some("http" | "https") => Ok(Self::Url(url)),
                    // What comes from elsewhere has no business among the files here.
                    _ => bail!("{url}: only http and https can be read"),
                }
            }
            Self::File(path) => match scheme(reference).as_deref() {
                Some("http" | "https" | "file") => Ok(Self::of(reference)),
                Some(_) => bail!("{reference}: only files, http and https can be read"),
                None => Ok(Self::File(beside(path, reference))),
            },
        }
    }

    /// All of a text or a key, and where it was after redirects.
    pub fn read_text(&self) -> Result<(Bytes, Self)> {
        match self {
            Self::File(path) => {
                let mut data = Vec::new();
                File::open(path)
                    .and_then(|file| file.take(TEXT).read_to_end(&mut data))
                    .with_context(|| self.to_string())?;
                Ok((data.into(), self.clone()))
            }
            Self::Url(url) => {
                let found = http::read(url, None, TEXT).with_context(|| self.to_string())?;
                Ok((found.data, Self::Url(found.url)))
            }
        }
    }

    /// All of it, or a part that is told by offset and length, as far as it is there.
    pub fn read(&self, range: Option<(u64, u64)>) -> Result<Bytes> {
        match self {
            Self::File(path) => {
                let mut data = Vec::new();
                let mut read = || -> std::io::Result<()> {
                    let mut file = File::open(path)?;
                    match range {
                        Some((offset, len)) => {
                            file.seek(SeekFrom::Start(offset))?;
                            file.take(len).read_to_end(&mut data)?;
                        }
                        None => {
                            file.read_to_end(&mut data)?;
                        }
                    }
                    Ok(())
                };
                read().with_context(|| self.to_string())?;
                Ok(data.into())
            }
            Self::Url(url) => {
                let range = range.map(|(offset, len)| offset..offset.saturating_add(len));
                let found =
                    http::read(url, range.as_ref(), u64::MAX).with_context(|| self.to_string())?;
                Ok(found.data)
            }
        }
    }

    /// Its bytes, where they are known without asking a server.
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::File(path) => Some(path.metadata().map_or(0, |metadata| metadata.len())),
            Self::Url(_) => None,
        }
    }

    /// What its name ends in.
    pub fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Url(url) => {
                let end = url.find(['?', '#']).unwrap_or(url.len());
                let path = &url[..end];
                Path::new(path.rsplit('/').next().unwrap_or(path))
            }
        }
    }
}

/// The file that a reference in another file means.
fn beside(path: &Path, uri: &str) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    let plain = uri.split(['?', '#']).next().unwrap_or(uri);
    let as_is = folder.join(plain);
    if as_is.exists() {
        return as_is;
    }
    let decoded = percent_encoding::percent_decode_str(plain).decode_utf8_lossy();
    folder.join(decoded.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_followed_where_they_may_lead() {
        let remote = Place::of("http://host/a/index.m3u8?key=1");
        let url = |url: &str| Place::Url(url.into());
        assert_eq!(remote.join("1.ts").unwrap(), url("http://host/a/1.ts"));
        assert_eq!(remote.join("//b/1.ts").unwrap(), url("http://b/1.ts"));
        assert!(remote.join("file:///etc/passwd").is_err());
        assert_eq!(remote.name(), Path::new("index.m3u8"));
        let local = Place::of("a/index.m3u8");
        assert_eq!(local.join("b%20c.ts").unwrap(), Place::of("a/b c.ts"));
        assert_eq!(local.join("https://b/c").unwrap(), url("https://b/c"));
        assert!(local.join("skd://key").is_err());
        assert_eq!(Place::of("file:///a%20b.ts"), Place::File("/a b.ts".into()));
        // A name with a colon is a name.
        assert_eq!(Place::of("a:b.ts"), Place::File("a:b.ts".into()));
    }
}
