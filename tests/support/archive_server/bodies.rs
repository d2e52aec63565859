//! Answers with a fault in them.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, header};
use futures::StreamExt;

use super::Fault;

/// Returns a request's headers as a server understands them that has this fault.
pub(super) fn misread(mut headers: HeaderMap, fault: Option<&Fault>) -> HeaderMap {
    match fault {
        Some(Fault::IgnoreRange) => {
            headers.remove(header::RANGE);
        }
        Some(Fault::IgnoreIfRange) => {
            headers.remove(header::IF_RANGE);
        }
        Some(Fault::WrongRange) => {
            let range = headers.get(header::RANGE).unwrap().to_str().unwrap();
            let start: u64 =
                range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
            headers.insert(header::RANGE, format!("bytes={}-", start + 1).parse().unwrap());
        }
        _ => {}
    }
    headers
}

/// Sends an answer with a fault in its body, or as it is.
pub(super) fn send(answer: Response<Bytes>, fault: Option<&Fault>) -> Response<Body> {
    let (mut head, bytes) = answer.into_parts();
    match fault {
        Some(Fault::CutAfter(sent)) => {
            let broken = futures::stream::iter([Err(std::io::Error::other("cut"))]);
            let sent = futures::stream::iter([Ok(bytes.slice(..*sent))]);
            Response::from_parts(head, Body::from_stream(sent.chain(yielding()).chain(broken)))
        }
        Some(Fault::StallAfter(sent)) => {
            let sent = futures::stream::iter([Ok::<_, std::io::Error>(bytes.slice(..*sent))]);
            Response::from_parts(head, Body::from_stream(sent.chain(futures::stream::pending())))
        }
        Some(Fault::Corrupt) => {
            let mut corrupt = bytes.to_vec();
            *corrupt.last_mut().unwrap() ^= 1;
            Response::from_parts(head, Body::from(corrupt))
        }
        Some(Fault::Shorten(lacking)) => {
            let sent =
                futures::stream::iter([Ok::<_, Infallible>(bytes.slice(..bytes.len() - lacking))]);
            Response::new(Body::from_stream(sent))
        }
        Some(Fault::Endless) => Response::new(Body::from_stream(endless())),
        Some(Fault::Announce(size)) => {
            let sent = futures::stream::iter([Ok::<_, std::io::Error>(bytes)]);
            let body = Body::from_stream(sent.chain(futures::stream::pending()));
            Response::builder().header(header::CONTENT_LENGTH, *size).body(body).unwrap()
        }
        Some(Fault::Drip) => Response::new(Body::from_stream(dripping())),
        Some(Fault::NoLength) => {
            let sent = futures::stream::iter([Ok::<_, Infallible>(bytes)]);
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from_stream(sent))
        }
        Some(Fault::Redirect(location)) => {
            let answer = Response::builder().status(302).header(header::LOCATION, location);
            answer.body(Body::empty()).unwrap()
        }
        _ => Response::from_parts(head, Body::from(bytes)),
    }
}

/// Lets the server write out what was sent before the connection breaks.
fn yielding() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::once(async {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        Ok(Bytes::new())
    })
}

pub(super) fn error(status: u16, retry_after: Option<&str>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    if let Some(value) = retry_after {
        response = response.header(header::RETRY_AFTER, value);
    }
    let document = "<?xml version=\"1.0\"?><Error><Code>Scripted</Code>\
                    <Message>as the test wants it</Message></Error>";
    response.body(Body::from(document)).unwrap()
}

/// A body that goes on for as long as somebody reads it.
fn endless() -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::repeat_with(|| Ok(Bytes::from_static(&[7; 64 * 1024])))
}

/// A byte now and then, sooner than an idle connection is given up.
fn dripping() -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Some((Ok(Bytes::from_static(b"x")), ()))
    })
}
