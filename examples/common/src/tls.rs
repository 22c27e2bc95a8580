use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How often files are looked at for a new certificate.
const LOOK: Duration = Duration::from_secs(2);

/// The certificate that a server shows, and shows anew when its files change.
#[derive(Debug, Clone)]
pub struct Tls {
    acceptor: Arc<ServerConfig>,
    shown: Arc<Shown>,
    files: Option<(PathBuf, PathBuf)>,
    /// Set off when the files are to be looked at now.
    now: Arc<Notify>,
}

#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A reader that panicked has changed nothing.
        let shown = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl Tls {
    /// From two PEM files, the certificate with its chain and its private key; without them from a pair made now, which nobody
    /// has reason to trust.
    ///
    /// # Errors
    /// If only one is given, or a file cannot be read; the message says which.
    pub fn new(certificate: Option<&Path>, key: Option<&Path>) -> anyhow::Result<Self> {
        let files = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate.to_owned(), key.to_owned())),
            (None, None) => None,
            _ => bail!("a certificate needs its key, and a key its certificate"),
        };
        let pair = match &files {
            Some((certificate, key)) => read(certificate, key)?,
            None => self_signed()?,
        };
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS 1.2 and 1.3 are there")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        // librtmp takes a ticket, where it awaits bytes, for the end.
        config.send_tls13_tickets = 0;
        Ok(Self {
            acceptor: Arc::new(config),
            shown,
            files,
            now: Arc::default(),
        })
    }

    /// What makes TLS connections of accepted ones.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.acceptor).into()
    }

    /// Reads the files again at once, whether they look changed or not.
    pub fn reload(&self) {
        self.now.notify_one();
    }

    /// Shows a new certificate when the files change, as long as this is polled; a pair that cannot be read is told in the log, and
    /// the old one shown on.
    pub async fn keep_fresh(self) {
        let Some((certificate, key)) = &self.files else {
            return;
        };
        let mut seen = changed(certificate, key);
        loop {
            let asked = tokio::time::timeout(LOOK, self.now.notified()).await;
            let now = changed(certificate, key);
            if now == seen && asked.is_err() {
                continue;
            }
            match read(certificate, key) {
                Ok(pair) => {
                    *self
                        .shown
                        .0
                        .write()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(pair);
                    tracing::info!(certificate = %certificate.display(), "a new certificate is shown");
                    seen = now;
                }
                // Perhaps one file is new already and the other is not yet.
                Err(error) => tracing::warn!("the old certificate is shown on: {error:#}"),
            }
        }
    }
}

fn changed(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| path.metadata().and_then(|file| file.modified()).ok())
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<CertifiedKey> {
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .context("certificate and key do not belong together")
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<CertifiedKey> {
    let cannot = |path: &Path| format!("cannot read {}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| cannot(certificate))?;
    if chain.is_empty() {
        bail!("{} holds no certificate", certificate.display());
    }
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| cannot(key))?;
    certified(chain, key)
}

fn self_signed() -> anyhow::Result<CertifiedKey> {
    let names = [
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let pair = rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
    let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der())
        .map_err(|error| anyhow::anyhow!("cannot make a key: {error}"))?;
    certified(vec![pair.cert.der().clone()], key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path) -> (PathBuf, PathBuf) {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        tls.shown.0.read().unwrap().cert[0].to_vec()
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_pair_is_shown_without_a_restart() {
        let folder = std::env::temp_dir().join(format!("fluvial-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = write(&folder);
        let tls = Tls::new(Some(&certificate), Some(&key)).unwrap();
        let first = shown(&tls);
        let keeping = tokio::spawn(tls.clone().keep_fresh());
        tokio::time::sleep(LOOK * 2).await;
        assert_eq!(shown(&tls), first);
        // Rubbish changes nothing.
        std::fs::write(&certificate, "rubbish").unwrap();
        tokio::time::sleep(LOOK * 2).await;
        assert_eq!(shown(&tls), first);
        write(&folder);
        tokio::time::sleep(LOOK * 2).await;
        assert_ne!(shown(&tls), first);
        keeping.abort();
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(Tls::new(None, None).is_ok());
        let missing = Path::new("no-such-file.pem");
        assert!(Tls::new(Some(missing), None).is_err());
        let error = Tls::new(Some(missing), Some(missing)).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("cannot read no-such-file.pem"),
            "{error:#}"
        );
    }
}
