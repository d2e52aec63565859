//! The requests of the protocol: what a client asks to read, with its columns first and its rows
//! after; and statements that are prepared and get values.

use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{
    Any, Command, DoPutPreparedStatementResult, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, Criteria,
    Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::answers::{FlightSql, on_the_wire};
use super::columns::Sent;
use super::listing::Listing;
use super::login::Who;
use super::prepared::Prepared;
use super::running::ticket_name;
use super::status::{not_sendable, not_understood};
use super::values;

/// The action that names a statement by what `get_flight_info` returned for it.
const CANCEL: &str = "CancelFlightInfo";

/// The actions that clients can ask for.
const ACTIONS: [(&str, &str); 3] = [
    (CANCEL, "Cancels a statement whose rows are on their way"),
    ("CreatePreparedStatement", "Prepares a statement, and describes its columns and parameters"),
    ("ClosePreparedStatement", "Ends the use of a prepared statement, of which nothing is kept"),
];

/// What a client asks to read.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Statement(Prepared),
    Listing(Listing),
}

impl Wanted {
    /// Reads a command, or a ticket that was made of one.
    fn read(bytes: &[u8]) -> Result<Self, Status> {
        match command(bytes)? {
            Command::CommandStatementQuery(query) => {
                Ok(Self::Statement(Prepared::new(&query.query)))
            }
            Command::TicketStatementQuery(ticket) => {
                Prepared::read(&ticket.statement_handle).map(Self::Statement)
            }
            Command::CommandPreparedStatementQuery(query) => {
                Prepared::read(&query.prepared_statement_handle).map(Self::Statement)
            }
            command => {
                let name = command.type_url().rsplit('.').next().unwrap_or_default().to_owned();
                let listing = Listing::of(command).map(Self::Listing);
                listing.ok_or_else(|| Status::unimplemented(format!("{name} is not served")))
            }
        }
    }

    /// Returns what the client hands back to get the rows; `bytes` are what this was read from.
    fn ticket(self, bytes: Bytes) -> Result<Ticket, Status> {
        let Self::Statement(statement) = self else { return Ok(Ticket::new(bytes)) };
        let statement_handle = statement.with_ticket(ticket_name()?).handle();
        let ticket = TicketStatementQuery { statement_handle };
        Ok(Ticket::new(ticket.as_any().encode_to_vec()))
    }
}

fn command(bytes: &[u8]) -> Result<Command, Status> {
    Command::try_from(Any::decode(bytes).map_err(not_understood)?).map_err(not_understood)
}

/// Reads the values that a client sends for a prepared statement.
async fn row_of_values(
    data: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
) -> Result<RecordBatch, Status> {
    let data = data.map_err(FlightError::from);
    let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
    let mut row: Option<RecordBatch> = None;
    while let Some(batch) = batches.try_next().await.map_err(not_understood)? {
        let rows = batch.num_rows() + row.as_ref().map_or(0, RecordBatch::num_rows);
        if rows > 1 {
            let message = "a statement takes the values of one row: send rows one by one";
            return Err(Status::invalid_argument(message));
        }
        row = row.filter(|row| row.num_rows() > 0).or(Some(batch));
    }
    let row = row.filter(|row| row.num_rows() > 0);
    row.ok_or_else(|| Status::invalid_argument("no values were given"))
}

#[tonic::async_trait]
impl FlightService for FlightSql {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = Sent;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;

    /// Gives a client a token; its name and password are checked like those of any request.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let token = self.tokens().of(&who(&request));
        let answer = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let answer: Self::HandshakeStream = stream::iter([Ok(answer)]).boxed();
        let mut response = Response::new(answer);
        let value = format!("Bearer {token}").parse().map_err(not_sendable)?;
        response.metadata_mut().insert("authorization", value);
        Ok(response)
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let descriptor = request.into_inner();
        let wanted = Wanted::read(&descriptor.cmd)?;
        let columns = self.columns(&wanted).await?;
        let ticket = wanted.ticket(descriptor.cmd.clone())?;
        let info = FlightInfo::new().try_with_schema(&columns).map_err(not_sendable)?;
        let endpoint = FlightEndpoint::new().with_ticket(ticket);
        let info = info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true);
        Ok(Response::new(info))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let wanted = Wanted::read(&request.into_inner().cmd)?;
        let columns = self.columns(&wanted).await?;
        Ok(Response::new(SchemaResult { schema: on_the_wire(&columns)? }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Sent>, Status> {
        let who = who(&request);
        let wanted = Wanted::read(&request.into_inner().ticket)?;
        Ok(Response::new(Box::pin(self.rows(wanted, who)).await?))
    }

    /// Takes the values of a prepared statement; whatever would write is refused.
    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let mut data = request.into_inner().peekable();
        let first = std::pin::Pin::new(&mut data).peek().await.cloned().transpose()?;
        let descriptor = first.and_then(|first| first.flight_descriptor).unwrap_or_default();
        let Command::CommandPreparedStatementQuery(query) = command(&descriptor.cmd)? else {
            return Err(Status::permission_denied("nothing can be written: the lake is read-only"));
        };
        let statement = Prepared::read(&query.prepared_statement_handle)?;
        let row = row_of_values(data).await?;
        let values = values::literals(&row);
        let values = values.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let handle = statement.bind(values)?.handle();
        let bound = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
        let result = PutResult { app_metadata: bound.encode_to_vec().into() };
        Ok(Response::new(stream::iter([Ok(result)]).boxed()))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let who = who(&request);
        let Action { r#type: name, body } = request.into_inner();
        if !ACTIONS.iter().any(|(known, _)| *known == name) {
            return Err(Status::unimplemented(format!("the action {name} is not served")));
        }
        if name == CANCEL {
            let body = self.cancel(&who, &body)?.encode_to_vec().into();
            return Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body })]).boxed()));
        }
        match command(&body)? {
            Command::ActionCreatePreparedStatementRequest(request) => {
                let prepared = self.prepare(&request.query).await?;
                let body = prepared.as_any().encode_to_vec().into();
                Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body })]).boxed()))
            }
            _ => Ok(Response::new(stream::empty().boxed())),
        }
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let action = |(name, words): (&str, &str)| {
            Ok(ActionType { r#type: name.to_owned(), description: words.to_owned() })
        };
        Ok(Response::new(stream::iter(ACTIONS.map(action)).boxed()))
    }

    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(Status::unimplemented("flights are not listed: ask for tables"))
    }

    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        Err(Status::unimplemented("a statement is not polled: get its rows"))
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented("nothing is exchanged"))
    }
}

impl FlightSql {
    /// Cancels a running statement of this user.
    fn cancel(&self, who: &str, body: &[u8]) -> Result<CancelFlightInfoResult, Status> {
        let request = CancelFlightInfoRequest::decode(body).map_err(not_understood)?;
        for endpoint in request.info.unwrap_or_default().endpoint {
            let ticket = endpoint.ticket.unwrap_or_default().ticket;
            if let Wanted::Statement(statement) = Wanted::read(&ticket)?
                && let Some(ticket) = statement.ticket()
                && self.running().cancel(who, ticket)
            {
                return Ok(CancelFlightInfoResult::new(CancelStatus::Cancelled));
            }
        }
        Err(Status::not_found("no statement of this ticket is running"))
    }
}

fn who<T>(request: &Request<T>) -> String {
    request.extensions().get::<Who>().map(|Who(name)| name.clone()).unwrap_or_default()
}
