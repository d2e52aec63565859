//! The server's side of SCRAM-SHA-256, without channel binding (RFC 5802, RFC 7677).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgwire::api::auth::sasl::scram::random_nonce;

use crate::serve::users::{Users, Verifier};

/// The name of the mechanism.
pub(super) const MECHANISM: &str = "SCRAM-SHA-256";

/// An exchange of which the client sent the first message.
#[derive(Debug)]
pub(super) struct Exchange {
    verifier: Verifier,
    is_known: bool,
    /// What the client says of channel binding, as it has to repeat it.
    header: String,
    client_first: String,
    server_first: String,
    nonce: String,
}

impl Exchange {
    /// Takes the client's first message; nothing where it is none.
    pub(super) fn begin(users: &Users, user: &str, message: &[u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let end_of_header = message.match_indices(',').nth(1)?.0 + 1;
        let (header, client_first) = message.split_at(end_of_header);
        // A client that demands channel binding cannot have it.
        if !(header.starts_with("n,") || header.starts_with("y,")) {
            return None;
        }
        let (verifier, is_known) = users.verifier(user);
        let nonce = format!("{}{}", attribute(client_first, "r=")?, random_nonce());
        let salt = STANDARD.encode(&verifier.salt);
        Some(Self {
            server_first: format!("r={nonce},s={salt},i={}", verifier.iterations),
            verifier,
            is_known,
            header: STANDARD.encode(header),
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
            && attribute(without_proof, "c=")? == self.header;
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
