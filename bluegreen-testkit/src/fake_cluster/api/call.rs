//! What a request asks for, read from its method and path.

use http::Method;

use super::super::error::ApiError;
use super::super::kinds::{self, Kind};
use super::query::{Query, decode};

/// What is to be done, as access rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    /// Empty for all namespaces, and for kinds without them.
    pub(crate) namespace: String,
    /// Empty for all objects.
    pub(crate) name: String,
    pub(crate) subresource: String,
    pub(crate) query: Query,
}

impl Call {
    /// Reads a request; none if its path is no object's.
    pub(crate) fn parse(method: &Method, path: &str, query: &str) -> Option<Self> {
        let query = Query::parse(query);
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, plural, rest) = match rest {
            ["namespaces", name, rest @ ..] if group.is_empty() && matches!(rest, [] | ["status" | "finalize"]) => {
                ("", "namespaces", [&[*name], rest].concat())
            }
            ["namespaces", namespace, plural, rest @ ..] => (*namespace, *plural, rest.to_vec()),
            [plural, rest @ ..] => ("", *plural, rest.to_vec()),
            [] => return None,
        };
        let (name, subresource) = match rest.as_slice() {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            _ => return None,
        };
        let verb = verb(method, name, &query)?;
        let owned = |text: &str| text.to_owned();
        Some(Self {
            verb,
            group: owned(group),
            version: owned(version),
            plural: owned(plural),
            namespace: owned(namespace),
            name: owned(name),
            subresource: owned(subresource),
            query,
        })
    }

    /// The kind that is served there.
    pub(crate) fn kind(&self) -> Result<&'static Kind, ApiError> {
        kinds::by_resource(&self.group, &self.version, &self.plural).ok_or_else(ApiError::no_such_resource)
    }

    /// The resource as access rules name it: `pods/log`.
    pub(crate) fn resource(&self) -> String {
        if self.subresource.is_empty() { self.plural.clone() } else { format!("{}/{}", self.plural, self.subresource) }
    }
}

fn verb(method: &Method, name: &str, query: &Query) -> Option<Verb> {
    Some(match *method {
        Method::GET if query.is_true("watch") => Verb::Watch,
        Method::GET if name.is_empty() => Verb::List,
        Method::GET => Verb::Get,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE if name.is_empty() => Verb::DeleteCollection,
        Method::DELETE => Verb::Delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &Method, path: &str) -> (Verb, String, String, String, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call::parse(method, path, query).unwrap();
        let resource = call.resource();
        (call.verb, call.group, call.namespace, resource, call.name)
    }

    #[test]
    fn paths_name_a_resource_and_maybe_an_object() {
        let case = |verb, group: &str, namespace: &str, resource: &str, name: &str| {
            (verb, group.to_owned(), namespace.to_owned(), resource.to_owned(), name.to_owned())
        };
        for (method, path, expected) in [
            (Method::GET, "/api/v1/namespaces/a/pods", case(Verb::List, "", "a", "pods", "")),
            (Method::GET, "/api/v1/pods?watch=1", case(Verb::Watch, "", "", "pods", "")),
            (Method::GET, "/api/v1/namespaces/a/pods/b/log", case(Verb::Get, "", "a", "pods/log", "b")),
            (Method::DELETE, "/api/v1/namespaces/a", case(Verb::Delete, "", "", "namespaces", "a")),
            (Method::PUT, "/api/v1/namespaces/a/status", case(Verb::Update, "", "", "namespaces/status", "a")),
            (Method::POST, "/api/v1/namespaces", case(Verb::Create, "", "", "namespaces", "")),
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/a/deployments/b/scale",
                case(Verb::Patch, "apps", "a", "deployments/scale", "b"),
            ),
        ] {
            assert_eq!(read(&method, path), expected, "{path}");
        }
        assert!(Call::parse(&Method::GET, "/healthz", "").is_none());
    }
}
