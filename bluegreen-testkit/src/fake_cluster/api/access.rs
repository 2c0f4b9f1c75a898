//! Who may do what.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::kinds;
use super::super::meta;
use super::super::store::State;
use super::call::Call;

/// What a user may do, as the rules of a Role say it; `*` stands for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
}

impl AccessRule {
    /// Allows `verbs` on `resources` of an API group, which is empty for the core: `get` on `pods` and `pods/log`.
    #[must_use]
    pub fn new<'a>(
        verbs: impl IntoIterator<Item = &'a str>,
        group: &str,
        resources: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let owned = |text: &str| text.to_owned();
        Self {
            verbs: verbs.into_iter().map(owned).collect(),
            groups: vec![owned(group)],
            resources: resources.into_iter().map(owned).collect(),
            names: Vec::new(),
        }
    }

    /// Only on the objects with these names. Can't limit `create`, whose objects have no name yet.
    #[must_use]
    pub fn named<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { names: names.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// A rule of a Role.
    fn parse(rule: &Value) -> Self {
        let texts = |name: &str| {
            let list = rule.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            verbs: texts("verbs"),
            groups: texts("apiGroups"),
            resources: texts("resources"),
            names: texts("resourceNames"),
        }
    }

    fn allows(&self, attempt: &Attempt) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|known| known == "*" || known == wanted);
        has(&self.verbs, &attempt.verb)
            && has(&self.groups, &attempt.group)
            && has(&self.resources, &attempt.resource)
            && (self.names.is_empty() || self.names.contains(&attempt.name))
    }
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub(crate) enum User {
    /// May do everything.
    Administrator,
    /// May do what these rules say, and the Roles that are bound to the name.
    Limited { name: Arc<str>, rules: Arc<[AccessRule]> },
}

/// What is tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Attempt {
    verb: String,
    group: String,
    resource: String,
    namespace: String,
    name: String,
}

impl User {
    /// Whether a request may go on.
    pub(crate) fn check(&self, state: &State, call: &Call) -> Result<(), ApiError> {
        let attempt = Attempt {
            verb: call.verb.as_str().to_owned(),
            group: call.group.clone(),
            resource: call.resource(),
            // The namespace of a Namespace is itself.
            namespace: if call.plural == "namespaces" { call.name.clone() } else { call.namespace.clone() },
            name: name_of(call),
        };
        let Self::Limited { name, .. } = self else { return Ok(()) };
        if call.group == REVIEW_GROUP || self.reason(state, &attempt).is_some() {
            return Ok(());
        }
        let place = if attempt.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", attempt.namespace)
        };
        let Attempt { verb, group, resource, .. } = attempt;
        let why = format!("User \"{name}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}");
        Err(ApiError::forbidden(&call.group, &call.plural, &call.name, &why))
    }

    /// Answers a SelfSubjectAccessReview.
    pub(crate) fn review(&self, state: &State, mut review: Value) -> Value {
        let attempt = {
            let attributes = review.pointer("/spec/resourceAttributes").cloned().unwrap_or_default();
            let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let subresource = text("subresource");
            let resource = text("resource");
            Attempt {
                verb: text("verb"),
                group: text("group"),
                resource: if subresource.is_empty() { resource } else { format!("{resource}/{subresource}") },
                namespace: text("namespace"),
                name: text("name"),
            }
        };
        let reason = self.reason(state, &attempt);
        let mut status = json!({"allowed": reason.is_some()});
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            status["reason"] = json!(reason);
        }
        let fields = meta::fields(&mut review);
        fields.insert("kind".to_owned(), json!("SelfSubjectAccessReview"));
        fields.insert("apiVersion".to_owned(), json!("authorization.k8s.io/v1"));
        fields.insert("status".to_owned(), status);
        review
    }

    /// Why something is allowed; none if it isn't.
    fn reason(&self, state: &State, attempt: &Attempt) -> Option<String> {
        let Self::Limited { name, rules } = self else { return Some(String::new()) };
        if rules.iter().any(|rule| rule.allows(attempt)) {
            return Some(String::new());
        }
        let (bindings, roles) = (kinds::by_name("RoleBinding")?, kinds::by_name("Role")?);
        if attempt.namespace.is_empty() {
            return None;
        }
        let is_bound = |binding: &Value| {
            let subjects = meta::list(binding, "/subjects").iter();
            subjects.into_iter().any(|subject| subject["kind"] == "User" && subject["name"] == **name)
        };
        state.list(bindings, &attempt.namespace).filter(|(_, binding)| is_bound(binding)).find_map(|(key, binding)| {
            let role = meta::text(binding, "/roleRef/name");
            let rules = state.get(roles, &attempt.namespace, role)?;
            let mut rules = meta::list(rules, "/rules").iter().map(AccessRule::parse);
            rules.any(|rule| rule.allows(attempt)).then(|| {
                let binding = format!("{}/{}", key.name, key.namespace);
                format!("RBAC: allowed by RoleBinding \"{binding}\" of Role \"{role}\" to User \"{name}\"")
            })
        })
    }
}

/// The name that a request is about: a list or a watch has one if it selects by it.
fn name_of(call: &Call) -> String {
    let selected = call.query.get("fieldSelector").and_then(|fields| fields.strip_prefix("metadata.name="));
    let one = selected.filter(|name| call.name.is_empty() && !name.contains(','));
    one.unwrap_or(&call.name).to_owned()
}

/// Every user may ask what it may do.
pub(crate) const REVIEW_GROUP: &str = "authorization.k8s.io";

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn refused(rules: Vec<AccessRule>, method: &Method, path: &str) -> Option<String> {
        let user = User::Limited { name: "bob".into(), rules: rules.into() };
        let call = Call::parse(method, path, "").unwrap();
        user.check(&State::new(), &call).err().map(|error| error.status()["message"].as_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_user_may_do_what_a_rule_names() {
        let rules = || {
            vec![
                AccessRule::new(["get", "list"], "", ["pods", "pods/log"]),
                AccessRule::new(["patch"], "apps", ["deployments"]).named(["a"]),
            ]
        };
        let path = "/apis/apps/v1/namespaces/shop/deployments";
        assert_eq!(refused(rules(), &Method::GET, "/api/v1/namespaces/shop/pods/x/log"), None);
        assert_eq!(refused(rules(), &Method::PATCH, &format!("{path}/a")), None);
        // As the real server says it.
        assert_eq!(
            refused(rules(), &Method::PATCH, &format!("{path}/b/scale")).unwrap(),
            "deployments.apps \"b\" is forbidden: User \"bob\" cannot patch resource \"deployments/scale\" in API group \
             \"apps\" in the namespace \"shop\""
        );
        assert_eq!(
            refused(rules(), &Method::GET, "/api/v1/services").unwrap(),
            "services is forbidden: User \"bob\" cannot list resource \"services\" in API group \"\" at the cluster scope"
        );
        assert_eq!(refused(vec![AccessRule::new(["*"], "*", ["*"])], &Method::GET, "/api/v1/services"), None);
    }
}
