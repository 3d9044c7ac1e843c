//! Server-sent events: one request, all answers of a tag, all observations.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response as HttpResponse};
use futures::stream::{self, Stream, StreamExt};
use serde_json::json;
use tally_roles::gateway::Response;
use tokio_util::sync::CancellationToken;

use crate::audience::Item;
use crate::problem::Problem;
use crate::read;
use crate::routes::App;
use crate::submit::MOST_TAG;

/// How often a silent stream says that it is alive.
const ALIVE: Duration = Duration::from_secs(10);

/// A stream of events that begins with a comment, so that the client sees at once that it listens.
fn sse(events: impl Stream<Item = Event> + Send + 'static) -> HttpResponse {
    let hello = stream::once(async { Event::default().comment("listening") });
    let events = hello.chain(events).map(Ok::<Event, Infallible>);
    let alive = KeepAlive::new().interval(ALIVE).text("keep-alive");
    Sse::new(events).keep_alive(alive).into_response()
}

/// `GET /v1/expressions/{id}/events`: `accepted`, then `done`, then the end of the stream.
pub(crate) async fn events(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<HttpResponse, Problem> {
    let id = read::id(path)?;
    let known = app.door.lookup(id).await.map_err(|_| read::deaf())?;
    if !matches!(known, Response::Pending { .. } | Response::Answered { .. }) {
        return read::render(known, false);
    }
    let accepted = Event::default()
        .event("accepted")
        .data(json!({"id": id}).to_string());
    let done = stream::once(async move {
        let mut response = known;
        loop {
            match response {
                Response::Answered { answer } => {
                    let data = read::done(&answer, false).to_string();
                    return Some(Event::default().event("done").data(data));
                }
                Response::Pending { .. } => {}
                // The client reconnects and asks again.
                _ => return None,
            }
            let until = (app.door.inner.now)() + app.door.inner.limits.wait;
            response = tokio::select! {
                () = app.stop.cancelled() => return None,
                response = app.door.wait(id, until) => response.ok()?,
            };
        }
    });
    let done = done.filter_map(|event| async { event });
    Ok(sse(stream::once(async { accepted }).chain(done)))
}

fn lost(count: u64) -> Event {
    Event::default()
        .event("lost")
        .data(json!({"lost": count}).to_string())
}

/// `GET /v1/answers?tag=T`: every answer of the tag that is stored from now on.
pub(crate) async fn answers(State(app): State<App>, uri: Uri) -> Result<HttpResponse, Problem> {
    let mut tag = None;
    for (name, value) in read::query(&uri)? {
        let plain = (1..=MOST_TAG).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        match name.as_str() {
            "tag" if plain => tag = Some(value),
            _ => return Err(read::unknown(&name, "`tag=NAME`, visible ASCII, required")),
        }
    }
    let tag = tag.ok_or_else(|| Problem::bad("say whose answers you want: `?tag=NAME`"))?;
    let subscription = app.door.inner.audience.subscribe(tag);
    let subscription = subscription.ok_or_else(|| Problem::unavailable("too many subscribers"))?;
    let items = stream::unfold((subscription, app.stop), |(mut subscription, stop)| async move {
        let item = tokio::select! {
            () = stop.cancelled() => None,
            item = subscription.next() => item,
        };
        item.map(|item| (item, (subscription, stop)))
    });
    Ok(sse(items.map(|item| match item {
        Item::Answer(json) => Event::default().event("answer").data(&*json),
        Item::Lost(count) => lost(count),
    })))
}

/// `GET /v1/observations?since=N`: from entry N of the journal on (0: all that is kept), or from now on. The number of an
/// entry is its event id, and `Last-Event-ID` continues where a broken stream ended.
pub(crate) async fn observations(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<HttpResponse, Problem> {
    let mut from = app.door.inner.journal.end();
    for (name, value) in read::query(&uri)? {
        match (name.as_str(), value.parse()) {
            ("since", Ok(since)) => from = since,
            _ => return Err(read::unknown(&name, "`since=NUMBER`")),
        }
    }
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    if let Some(last) = last.and_then(|text| text.parse::<u64>().ok()) {
        from = last.saturating_add(1);
    }
    let pages = stream::unfold((app, from), |(app, from)| async move {
        let page = page(&app, from, &app.stop).await?;
        let next = page.1;
        Some((stream::iter(page.0), (app, next)))
    });
    Ok(sse(pages.flatten()))
}

async fn page(app: &App, from: u64, stop: &CancellationToken) -> Option<(Vec<Event>, u64)> {
    let page = tokio::select! {
        () = stop.cancelled() => return None,
        page = app.door.inner.journal.page(from) => page,
    };
    let mut events = Vec::with_capacity(page.entries.len() + 1);
    if page.lost > 0 {
        events.push(lost(page.lost));
    }
    let mut number = page.first;
    for entry in &page.entries {
        events.push(
            Event::default()
                .event("observation")
                .id(number.to_string())
                .data(&**entry),
        );
        number += 1;
    }
    Some((events, number))
}
