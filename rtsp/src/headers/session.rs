use super::{Header, name};
use crate::Error;
use crate::text::Text;
use alloc::string::String;
use core::fmt;

/// `Session` (RFC 2326 §12.37; RFC 7826 §18.49).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    /// What names the session.
    pub id: String,
    /// After how many seconds without a sign of life the server ends it; 60 where nothing is told.
    pub timeout: Option<u32>,
}

impl Header for Session {
    const NAME: &'static str = name::SESSION;

    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let Some(id) = text.next(';') else {
            return Err(Error::invalid("session-id", value, 0));
        };
        let mut timeout = None;
        while let Some(parameter) = text.next(';') {
            let (name, value) = parameter.split('=');
            if let Some(value) = value
                && name.rest.eq_ignore_ascii_case("timeout")
            {
                timeout = Some(value.number("timeout")?);
            }
        }
        Ok(Self {
            id: id.rest.into(),
            timeout,
        })
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match self.timeout {
            Some(timeout) => write!(f, ";timeout={timeout}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn with_and_without_timeout() {
        let session = Session::parse("12 ; timeout = 30;x").unwrap();
        assert_eq!(session.to_string(), "12;timeout=30");
        assert_eq!(Session::parse("12").unwrap().timeout, None);
        assert!(Session::parse(" ; ").is_err());
        assert_eq!(
            Session::parse("1;timeout=a").unwrap_err().to_string(),
            "timeout must not be \"a\" at offset 10"
        );
    }
}
