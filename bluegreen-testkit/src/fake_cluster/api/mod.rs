//! The API server: requests in, answers out.

mod access;
mod answer;
mod body;
mod call;
mod fault;
mod list;
mod log;
mod query;
mod scale;
mod selector;
mod service;
mod watch;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::Value;
use tokio::sync::watch::Sender;
use tokio::task::JoinSet;

use super::controllers::Controllers;
use super::error::ApiError;
use super::kinds::{self, Kind};
use super::objects::Store;
use super::store::State;

pub use self::access::AccessRule;
pub(crate) use self::access::User;
use self::answer::Answer;
use self::call::{Call, Verb};
pub use self::fault::ApiFault;
use self::fault::Faults;
pub use self::service::ApiRequest;
pub(crate) use self::service::Connection;

/// The API server of one cluster, with all that is to go wrong with it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) store: Arc<Store>,
    pub(crate) controllers: Controllers,
    faults: Mutex<Faults>,
    requests: Mutex<Vec<ApiRequest>>,
    /// Told when all watches break off.
    cut: Sender<()>,
    /// The requests that are done after their clients have given up.
    late: Mutex<JoinSet<()>>,
}

impl Server {
    /// A server with those controllers behind it that `controllers` makes.
    pub(crate) fn new(controllers: impl FnOnce(&Arc<Store>) -> Controllers) -> Arc<Self> {
        let store = Store::new();
        let controllers = controllers(&store);
        Arc::new(Self {
            store,
            controllers,
            faults: Mutex::default(),
            requests: Mutex::default(),
            cut: Sender::new(()),
            late: Mutex::default(),
        })
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<ApiRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cut_watches(&self) {
        self.cut.send_replace(());
    }

    /// Does what a request asks for after a while, unless the cluster is gone by then.
    fn handle_later(self: &Arc<Self>, after: Duration, user: User, parts: Parts, body: Bytes) {
        let server = Arc::downgrade(self);
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        while late.try_join_next().is_some() {}
        late.spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(server) = server.upgrade() {
                server.handle(&user, &parts, &body);
            }
        });
    }

    /// Does what a request asks for, at once.
    fn handle(self: &Arc<Self>, user: &User, parts: &Parts, body: &Bytes) -> Answer {
        let Some(call) = Call::parse(&parts.method, parts.uri.path(), parts.uri.query().unwrap_or_default()) else {
            return answer::no_page();
        };
        if call.group != access::REVIEW_GROUP && !kinds::serves(&call.group) {
            return answer::no_page();
        }
        let request = Request { call, user, parts, body };
        let result = self.store.with(|state| self.answer(state, &request));
        result.unwrap_or_else(|error| answer::error(&error))
    }

    fn answer(self: &Arc<Self>, state: &mut State, request: &Request<'_>) -> Result<Answer, ApiError> {
        let call = &request.call;
        request.user.check(state, call)?;
        if call.group == access::REVIEW_GROUP {
            return review(state, request);
        }
        let kind = call.kind()?;
        request.check_path(kind)?;
        match call.verb {
            Verb::Get if call.subresource == "log" => {
                let output = log::read(state, kind, call)?;
                if call.query.is_true("follow") {
                    let chunks = log::follow(Arc::clone(&self.store), output);
                    return Ok(answer::stream("text/plain", chunks));
                }
                Ok(answer::text(output.text))
            }
            Verb::Get => {
                let object = state.find(kind, &call.namespace, &call.name)?;
                let scale = (call.subresource == "scale").then(|| scale::of(object));
                Ok(answer::object(StatusCode::OK, scale.as_ref().unwrap_or(object)))
            }
            Verb::List => list::list(state, kind, call).map(|list| answer::object(StatusCode::OK, &list)),
            Verb::Watch => {
                let path = request.parts.uri.to_string();
                watch::start(self, state, kind, call, &path).map(|lines| answer::stream("application/json", lines))
            }
            _ => write::write(state, kind, request),
        }
    }
}

/// A request as the handlers see it.
struct Request<'a> {
    call: Call,
    user: &'a User,
    parts: &'a Parts,
    body: &'a Bytes,
}

impl Request<'_> {
    /// Whether there is such a subresource, and whether the verb fits to the path.
    fn check_path(&self, kind: &Kind) -> Result<(), ApiError> {
        let Call { verb, name, subresource, namespace, .. } = &self.call;
        let known = match subresource.as_str() {
            "" => true,
            "status" => kind.status,
            "scale" => kind.scale,
            "log" => kind.kind == "Pod",
            _ => false,
        };
        if !known {
            return Err(ApiError::no_such_resource());
        }
        let reads = matches!(verb, Verb::Get | Verb::List | Verb::Watch);
        let allowed = match verb {
            Verb::Create => name.is_empty() && (!kind.namespaced || !namespace.is_empty()),
            Verb::Update | Verb::Patch => !name.is_empty() && subresource != "log",
            Verb::Delete => subresource.is_empty(),
            Verb::DeleteCollection => !kind.namespaced || !namespace.is_empty(),
            Verb::Get | Verb::List | Verb::Watch => reads,
        };
        if allowed { Ok(()) } else { Err(ApiError::method_not_allowed()) }
    }

    /// In whose name fields are written.
    fn manager(&self) -> String {
        let given = self.call.query.get("fieldManager").map(str::to_owned);
        given.unwrap_or_else(|| {
            let agent = self.header(header::USER_AGENT).split('/').next().unwrap_or_default();
            if agent.is_empty() { "unknown".to_owned() } else { agent.to_owned() }
        })
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Answers what a user asks about itself.
fn review(state: &State, request: &Request<'_>) -> Result<Answer, ApiError> {
    if request.call.plural != "selfsubjectaccessreviews" || request.call.verb != Verb::Create {
        return Err(ApiError::no_such_resource());
    }
    let review: Value = body::json(request.body, "SelfSubjectAccessReview")?;
    Ok(answer::object(StatusCode::CREATED, &request.user.review(state, review)))
}
