//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with the binding to the server's
//! certificate (RFC 5929) that shows a client that nobody sits between it and the server.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgwire::api::auth::sasl::scram::random_nonce;
use x509_certificate::{SignatureAlgorithm, X509Certificate};

use crate::serve::users::{Users, Verifier};

/// What a client says of a binding to the certificate.
const BINDING: &str = "p=tls-server-end-point,";

/// A mechanism of the exchange.
#[derive(Clone, Debug)]
pub(super) enum Mechanism {
    /// SCRAM-SHA-256. Says whether the one with a binding was offered too.
    Plain { is_other_offered: bool },
    /// SCRAM-SHA-256-PLUS, with the digest of the certificate.
    Bound(EndPoint),
}

/// The digest of the server's certificate.
pub(super) type EndPoint = Arc<[u8]>;

/// Returns the digest of a certificate; nothing for one that can have no binding.
pub(super) fn end_point(certificate: &[u8]) -> Option<EndPoint> {
    let parsed = X509Certificate::from_der(certificate).ok()?;
    let algorithm = match parsed.signature_algorithm()? {
        SignatureAlgorithm::RsaSha1
        | SignatureAlgorithm::RsaSha256
        | SignatureAlgorithm::EcdsaSha256 => &digest::SHA256,
        SignatureAlgorithm::RsaSha384 | SignatureAlgorithm::EcdsaSha384 => &digest::SHA384,
        SignatureAlgorithm::RsaSha512 => &digest::SHA512,
        SignatureAlgorithm::Ed25519 | SignatureAlgorithm::NoSignature(_) => return None,
    };
    Some(digest::digest(algorithm, certificate).as_ref().into())
}

impl Mechanism {
    const PLAIN: &str = "SCRAM-SHA-256";
    const BOUND: &str = "SCRAM-SHA-256-PLUS";

    /// Returns the names of those that a client may choose from.
    pub(super) fn offered(end_point: Option<&EndPoint>) -> Vec<String> {
        let bound = end_point.map(|_| Self::BOUND.to_owned());
        bound.into_iter().chain([Self::PLAIN.to_owned()]).collect()
    }

    /// Returns the one of a name; nothing for one that was not offered.
    pub(super) fn named(name: &str, end_point: Option<&EndPoint>) -> Option<Self> {
        match name {
            Self::PLAIN => Some(Self::Plain { is_other_offered: end_point.is_some() }),
            Self::BOUND => end_point.map(|end_point| Self::Bound(Arc::clone(end_point))),
            _ => None,
        }
    }

    /// Returns what the client has to repeat in the end; nothing where its header does not fit.
    fn repeated(&self, header: &str) -> Option<Vec<u8>> {
        let says = |word| header.starts_with(word);
        match self {
            Self::Bound(end_point) if says(BINDING) => {
                Some([header.as_bytes(), end_point].concat())
            }
            Self::Plain { .. } if says("n,") => Some(header.into()),
            // The client could have a binding, and was kept from seeing that the server can.
            Self::Plain { is_other_offered: false } if says("y,") => Some(header.into()),
            Self::Plain { .. } | Self::Bound(_) => None,
        }
    }
}

/// An exchange of which the client sent the first message.
#[derive(Debug)]
pub(super) struct Exchange {
    verifier: Verifier,
    is_known: bool,
    /// What the client says of a binding, as it has to repeat it.
    repeated: String,
    client_first: String,
    server_first: String,
    nonce: String,
}

impl Exchange {
    /// Takes the client's first message; nothing where it is none.
    pub(super) fn begin(
        users: &Users,
        user: &str,
        mechanism: &Mechanism,
        message: &[u8],
    ) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let end_of_header = message.match_indices(',').nth(1)?.0 + 1;
        let (header, client_first) = message.split_at(end_of_header);
        let repeated = mechanism.repeated(header)?;
        let (verifier, is_known) = users.verifier(user);
        let nonce = format!("{}{}", attribute(client_first, "r=")?, random_nonce());
        let salt = STANDARD.encode(&verifier.salt);
        Some(Self {
            server_first: format!("r={nonce},s={salt},i={}", verifier.iterations),
            verifier,
            is_known,
            repeated: STANDARD.encode(repeated),
            client_first: client_first.to_owned(),
            nonce,
        })
    }

    /// Returns the answer to it.
    pub(super) fn server_first(&self) -> &str {
        &self.server_first
    }

    /// Takes the client's last message, and returns the answer to it; nothing where it proves no
    /// password.
    pub(super) fn end(&self, message: &[u8]) -> Option<String> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let is_same = attribute(without_proof, "r=")? == self.nonce
            && attribute(without_proof, "c=")? == self.repeated;
        let messages = format!("{},{},{without_proof}", self.client_first, self.server_first);
        let proof = STANDARD.decode(proof).ok()?;
        let is_proven = self.verifier.is_proven(&messages, &proof);
        (is_same && is_proven && self.is_known)
            .then(|| format!("v={}", self.verifier.signature(&messages)))
    }
}

fn attribute<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name))
}
