//! Who reaches the server, and whether what they say can be overheard: users and TLS, for all
//! doors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::NetworkDoor;
use super::users::{Users, UsersError};

/// Why the users or the certificate cannot be used.
#[derive(Debug, Error)]
pub(crate) enum AccessError {
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error("cannot read the certificate in {path}: expected PEM, as `openssl` writes it")]
    Certificate { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot read the private key in {path}: expected PEM, as `openssl` writes it")]
    Key { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the certificate and the private key cannot be used together")]
    Pair(#[source] tokio_rustls::rustls::Error),
}

/// Who may connect, and how.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// Nothing where anybody may.
    users: Option<Arc<Users>>,
    /// Nothing where connections are in the clear.
    tls: Option<Tls>,
}

/// What encrypts connections.
#[derive(Clone)]
struct Tls {
    config: Arc<ServerConfig>,
    /// The server's own, in DER.
    certificate: CertificateDer<'static>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_users = self.users.is_some();
        f.debug_struct("Access").field("has_users", &has_users).finish_non_exhaustive()
    }
}

impl Access {
    /// Reads the users and the certificate with its key, where there are any.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub(crate) fn read(
        users: Option<&Path>,
        tls: Option<(&Path, &Path)>,
    ) -> Result<Self, AccessError> {
        let users = users.map(Users::read).transpose()?.map(Arc::new);
        let tls = tls.map(|(certificate, key)| read(certificate, key)).transpose()?;
        Ok(Self { users, tls })
    }

    pub(super) const fn users(&self) -> Option<&Arc<Users>> {
        self.users.as_ref()
    }

    /// Returns what encrypts the connections of a door, where there is any.
    pub(super) fn tls(&self, door: NetworkDoor) -> Option<TlsAcceptor> {
        let mut config = ServerConfig::clone(&self.tls.as_ref()?.config);
        // Clients that name a protocol must find that of the door.
        config.alpn_protocols = vec![door.protocol().to_vec()];
        Some(TlsAcceptor::from(Arc::new(config)))
    }

    /// Returns the certificate that clients see, where there is any.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.as_ref().map(|tls| &tls.certificate)
    }

    /// Returns whether only users of a file may connect.
    pub(crate) const fn has_users(&self) -> bool {
        self.users.is_some()
    }

    /// Returns whether others can overhear passwords and answers.
    pub(crate) const fn is_in_the_clear(&self) -> bool {
        self.tls.is_none()
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Tls, AccessError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| AccessError::Certificate {
        path: certificate.to_owned(),
        source,
    };
    let chain = CertificateDer::pem_file_iter(certificate);
    let chain = chain.and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|source| unreadable(source.into()))?;
    let Some(certificate) = chain.first().cloned() else {
        return Err(unreadable("the file has no certificate".into()));
    };
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|source| AccessError::Key { path: key.to_owned(), source: source.into() })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let config = config.map(Arc::new).map_err(AccessError::Pair)?;
    Ok(Tls { config, certificate })
}
