//! Replies as messages: rows, copied rows, or a word.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::api::results::{FieldInfo, Tag};
use pgwire::error::PgWireResult;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use pgwire::messages::data::{FieldDescription, RowDescription};

use super::conversation::Conversation;
use super::copy::CopyFormat;
use super::cursor::{Cursor, Sent};
use super::error::refused;
use super::rows::{Formats, RowWriter};
use super::wire::Outlet;

/// Returns the message that describes columns.
pub(super) fn description(fields: &[FieldInfo]) -> PgWireBackendMessage {
    let fields = fields.iter().map(FieldDescription::from).collect();
    PgWireBackendMessage::RowDescription(RowDescription::new(fields))
}

/// Returns the message that ends a command.
pub(super) fn complete(tag: &str, rows: Option<usize>) -> PgWireBackendMessage {
    let tag = match rows {
        Some(rows) => Tag::new(tag).with_rows(rows),
        None => Tag::new(tag),
    };
    PgWireBackendMessage::CommandComplete(tag.into())
}

/// Sends all rows of a statement as a copy.
pub(super) async fn copy(
    outlet: &mut dyn Outlet,
    cursor: &mut Cursor,
    format: &CopyFormat,
) -> PgWireResult<()> {
    let columns = Arc::clone(cursor.columns());
    let formats = if format.is_binary() { Formats::binary() } else { Formats::default() };
    let mut writer = RowWriter::new(Arc::clone(&columns), &formats);
    let code = i16::from(format.is_binary());
    let width = columns.fields().len();
    let count = i16::try_from(width).unwrap_or(i16::MAX);
    let begin = CopyOutResponse::new(i8::from(format.is_binary()), count, vec![code; width]);
    let data = |bytes: Bytes| PgWireBackendMessage::CopyData(CopyData::new(bytes));
    outlet.put(vec![PgWireBackendMessage::CopyOutResponse(begin)]).await?;
    let names = columns.fields().iter().map(|field| field.name().as_str());
    // Some clients expect the header and the first row in one message, as PostgreSQL sends them.
    let mut header = format.begin(names);
    let mut with_header = |bytes: Bytes| match header.take() {
        Some(header) => Bytes::from([header, bytes].concat()),
        None => bytes,
    };
    let mut rows = 0;
    while let Some(batch) = cursor.next(usize::MAX).await? {
        rows += batch.num_rows();
        let lines = writer.rows(&batch)?;
        let lines = lines.iter().map(|row| data(with_header(format.row(row))));
        outlet.put(lines.collect()).await?;
        outlet.flush().await?;
    }
    let end = with_header(format.end().unwrap_or_default());
    let mut messages = if end.is_empty() { Vec::new() } else { vec![data(end)] };
    messages.push(PgWireBackendMessage::CopyDone(CopyDone::new()));
    messages.push(complete("COPY", Some(rows)));
    outlet.put(messages).await
}

/// Sends rows of a cursor that was declared.
pub(super) async fn fetch(
    outlet: &mut dyn Outlet,
    conversation: &Conversation,
    name: &str,
    rows: Option<usize>,
    formats: &Formats,
    is_described: bool,
) -> PgWireResult<()> {
    let cursor = conversation.state.lock().await.cursors.remove(name);
    let Some(mut cursor) = cursor else {
        return Err(refused("34000", format!("there is no cursor `{name}`")));
    };
    let mut writer = RowWriter::new(Arc::clone(cursor.columns()), formats);
    if !is_described {
        outlet.put(vec![description(writer.fields())]).await?;
    }
    let Sent { rows, .. } = cursor.send(outlet, &mut writer, rows).await?;
    conversation.state.lock().await.cursors.insert(name.to_owned(), cursor);
    outlet.put(vec![complete("FETCH", Some(rows))]).await
}
