use crate::Method;
use crate::headers::Algorithm;
use alloc::string::String;
use md5::{Digest, Md5};
use sha2::Sha256;

fn hash(algorithm: Algorithm, parts: &[&str]) -> String {
    fn all<D: Digest>(parts: &[&str]) -> String {
        let mut digest = D::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                digest.update(b":");
            }
            digest.update(part.as_bytes());
        }
        wire::hex::encode(digest.finalize().as_slice())
    }
    match algorithm {
        Algorithm::Md5 | Algorithm::Md5Sess => all::<Md5>(parts),
        Algorithm::Sha256 | Algorithm::Sha256Sess => all::<Sha256>(parts),
    }
}

/// What a digest is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) username: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) password: &'a str,
    pub(crate) nonce: &'a str,
    /// The client's number and the count, with `qop=auth`.
    pub(crate) qop: Option<(&'a str, &'a str)>,
    pub(crate) uri: &'a str,
}

/// RFC 7616 §3.4.1.
pub(crate) fn response(method: &Method, inputs: &Inputs<'_>) -> String {
    let Inputs {
        algorithm,
        username,
        realm,
        password,
        nonce,
        qop,
        uri,
    } = *inputs;
    let mut ha1 = hash(algorithm, &[username, realm, password]);
    if matches!(algorithm, Algorithm::Md5Sess | Algorithm::Sha256Sess) {
        let cnonce = qop.map_or("", |(cnonce, _)| cnonce);
        ha1 = hash(algorithm, &[&ha1, nonce, cnonce]);
    }
    let ha2 = hash(algorithm, &[method.as_str(), uri]);
    match qop {
        Some((cnonce, count)) => hash(algorithm, &[&ha1, nonce, count, cnonce, "auth", &ha2]),
        None => hash(algorithm, &[&ha1, nonce, &ha2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1, and RFC 2617 §3.5 without `qop`.
    #[test]
    fn test_vectors() {
        let get = Method::Other("GET".into());
        let mut inputs = Inputs {
            algorithm: Algorithm::Md5,
            username: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            qop: Some(("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "00000001")),
            uri: "/dir/index.html",
        };
        assert_eq!(response(&get, &inputs), "8ca523f5e9506fed4657c9700eebdbec");
        inputs.algorithm = Algorithm::Sha256;
        assert_eq!(
            response(&get, &inputs),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        let old = Inputs {
            algorithm: Algorithm::Md5,
            username: "Mufasa",
            realm: "testrealm@host.com",
            password: "Circle Of Life",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: Some(("0a4f113b", "00000001")),
            uri: "/dir/index.html",
        };
        assert_eq!(response(&get, &old), "6629fae49393a05397450978507c4ef1");
        let old = Inputs { qop: None, ..old };
        assert_eq!(response(&get, &old), "670fd8c2df070c60b045671b8b24ff02");
    }
}
