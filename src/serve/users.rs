//! Who may connect: names with what proves a password, and never a password itself.
//!
//! A line of the file is a name, a colon, and a verifier of SCRAM-SHA-256 in the form in which
//! PostgreSQL keeps it. All doors use the same file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, gen_salted_password};
use thiserror::Error;

/// Bytes of salt of a new verifier.
const SALT: usize = 16;

/// Why the file of users cannot be used.
#[derive(Debug, Error)]
pub(crate) enum UsersError {
    #[error("cannot read the users in {path}: create the file with `lakehouse serve add-user`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("line {line} of {path} is no user: expected NAME:SCRAM-SHA-256$…")]
    Line { path: PathBuf, line: usize },
    #[error("{path} has no user: add one with `lakehouse serve add-user NAME`")]
    Empty { path: PathBuf },
    #[error("`{name}` cannot be the name of a user: use letters, digits, `_`, `-`, `.` and `@`")]
    Name { name: String },
    #[error("an empty password is refused: write one on standard input")]
    NoPassword,
    #[error("cannot write the users to {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the system has no random numbers")]
    Random,
}

/// The users of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    by_name: BTreeMap<String, Verifier>,
}

impl Users {
    /// Reads a file of users.
    ///
    /// # Errors
    /// When it cannot be read, or a line is no user, or there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, UsersError> {
        let users = Self::read_any(path)?;
        if users.by_name.is_empty() {
            return Err(UsersError::Empty { path: path.to_owned() });
        }
        Ok(users)
    }

    /// Does the same for a file without users too.
    fn read_any(path: &Path) -> Result<Self, UsersError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|source| UsersError::Read { path: path.to_owned(), source })?;
        let mut by_name = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let user = line.split_once(':');
            let user = user.and_then(|(name, verifier)| Some((name, verifier.parse().ok()?)));
            let Some((name, verifier)) = user else {
                return Err(UsersError::Line { path: path.to_owned(), line: index + 1 });
            };
            by_name.insert(name.to_owned(), verifier);
        }
        Ok(Self { by_name })
    }

    /// Adds a user to a file, or gives one another password.
    ///
    /// # Errors
    /// When the name or the password is no such, or the file cannot be read or written.
    pub(crate) fn add(path: &Path, name: &str, password: &str) -> Result<(), UsersError> {
        let is_plain = |sign: char| sign.is_alphanumeric() || "_-.@".contains(sign);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(UsersError::Name { name: name.to_owned() });
        }
        if password.is_empty() {
            return Err(UsersError::NoPassword);
        }
        let mut users = if path.exists() { Self::read_any(path)? } else { Self::default() };
        users.by_name.insert(name.to_owned(), Verifier::new(password)?);
        let lines = users.by_name.iter().map(|(name, verifier)| format!("{name}:{verifier}\n"));
        let text: String = lines.collect();
        replace(path, &text).map_err(|source| UsersError::Write { path: path.to_owned(), source })
    }

    /// Returns whether a password is the one of a user.
    pub(super) fn is_password(&self, name: &str, password: &str) -> bool {
        let (verifier, is_known) = self.verifier(name);
        verifier.is_of(password) && is_known
    }

    /// Returns what proves the password of a user, and whether there is such a user: a client sees
    /// no difference between a name that is unknown and a password that is wrong.
    pub(super) fn verifier(&self, name: &str) -> (Verifier, bool) {
        match self.by_name.get(name) {
            Some(verifier) => (verifier.clone(), true),
            None => (Verifier::of_nobody(name), false),
        }
    }
}

/// Writes a file that only its owner reads, as a whole or not at all.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // A temporary file is readable by its owner alone.
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// What proves a password by SCRAM-SHA-256, without being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verifier {
    pub(super) iterations: usize,
    pub(super) salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Verifier {
    fn new(password: &str) -> Result<Self, UsersError> {
        let mut salt = vec![0; SALT];
        rand::fill(&mut salt).map_err(|_| UsersError::Random)?;
        Ok(Self::with_salt(password, salt, SCRAM_ITERATIONS))
    }

    fn with_salt(password: &str, salt: Vec<u8>, iterations: usize) -> Self {
        let salted = gen_salted_password(password, &salt, iterations);
        let client_key = sign(&salted, b"Client Key");
        Self {
            iterations,
            salt,
            stored_key: digest::digest(&digest::SHA256, &client_key).as_ref().to_vec(),
            server_key: sign(&salted, b"Server Key"),
        }
    }

    /// Returns one that no password satisfies, with the same salt for the same name.
    fn of_nobody(name: &str) -> Self {
        let salt = digest::digest(&digest::SHA256, name.as_bytes()).as_ref()[..SALT].to_vec();
        let iterations = SCRAM_ITERATIONS;
        Self { iterations, salt, stored_key: vec![0; 32], server_key: vec![0; 32] }
    }

    fn is_of(&self, password: &str) -> bool {
        let given = Self::with_salt(password, self.salt.clone(), self.iterations);
        verify_slices_are_equal(&given.stored_key, &self.stored_key).is_ok()
    }

    /// Returns whether a client's proof over the messages so far is one of its password.
    pub(super) fn is_proven(&self, messages: &str, proof: &[u8]) -> bool {
        let signature = sign(&self.stored_key, messages.as_bytes());
        if proof.len() != signature.len() {
            return false;
        }
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let stored = digest::digest(&digest::SHA256, &client_key);
        verify_slices_are_equal(stored.as_ref(), &self.stored_key).is_ok()
    }

    /// Returns the server's own proof over the messages.
    pub(super) fn signature(&self, messages: &str) -> String {
        STANDARD.encode(sign(&self.server_key, messages.as_bytes()))
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let salt = STANDARD.encode(&self.salt);
        let stored = STANDARD.encode(&self.stored_key);
        let server = STANDARD.encode(&self.server_key);
        write!(f, "SCRAM-SHA-256${}:{salt}${stored}:{server}", self.iterations)
    }
}

/// The text is no verifier.
#[derive(Debug)]
pub(super) struct NoVerifier;

impl FromStr for Verifier {
    type Err = NoVerifier;

    fn from_str(text: &str) -> Result<Self, NoVerifier> {
        let read = || {
            let rest = text.trim().strip_prefix("SCRAM-SHA-256$")?;
            let (begin, keys) = rest.split_once('$')?;
            let (iterations, salt) = begin.split_once(':')?;
            let (stored, server) = keys.split_once(':')?;
            let verifier = Self {
                iterations: iterations.parse().ok().filter(|number| *number > 0)?,
                salt: STANDARD.decode(salt).ok()?,
                stored_key: STANDARD.decode(stored).ok()?,
                server_key: STANDARD.decode(server).ok()?,
            };
            Some(verifier).filter(|verifier| verifier.stored_key.len() == 32)
        };
        read().ok_or(NoVerifier)
    }
}

#[cfg(test)]
mod tests {
    use super::{Users, Verifier};

    #[test]
    fn a_user_is_known_by_the_password_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        Users::add(&path, "ann", "first").unwrap();
        Users::add(&path, "ben", "other").unwrap();
        Users::add(&path, "ann", "second").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains("second") && !text.contains("other"), "{text}");
        let users = Users::read(&path).unwrap();
        assert!(users.is_password("ann", "second"));
        assert!(!users.is_password("ann", "first"));
        assert!(!users.is_password("ben", "second"));
        assert!(!users.is_password("carl", "second"));
    }

    #[test]
    fn a_verifier_is_the_one_that_postgresql_makes() {
        // The example of RFC 7677: user `user`, password `pencil`.
        let salt = base64::Engine::decode(&super::STANDARD, "W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::with_salt("pencil", salt, 4096);
        let messages = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO\
                        %hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                        c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let proof = base64::Engine::decode(&super::STANDARD, proof).unwrap();
        assert!(verifier.is_proven(messages, &proof));
        let expected = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(verifier.signature(messages), expected);
        assert_eq!(verifier.to_string().parse::<Verifier>().unwrap(), verifier);
    }
}
