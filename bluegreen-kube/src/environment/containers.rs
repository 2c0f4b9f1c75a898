//! Reading the states of a pod's containers.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// The states of a pod's containers, in the order in which they start.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let main = status.and_then(|status| status.container_statuses.as_ref());
    init.into_iter().flatten().chain(main.into_iter().flatten())
}

/// Whether the container ended since `unready`: restarts from long ago have nothing to do with not being ready now.
pub(super) fn ended_since(unready: Timestamp, status: &ContainerStatus) -> bool {
    let ended_now = status.state.as_ref().is_some_and(|state| state.terminated.is_some());
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    ended_now || last.and_then(|ended| ended.finished_at.as_ref()).is_some_and(|time| time.0 >= unready)
}

/// Whether it was ended for using too much memory, now or the last time.
pub(super) fn ended_out_of_memory(status: &ContainerStatus) -> bool {
    [&status.state, &status.last_state]
        .into_iter()
        .flatten()
        .filter_map(|state| state.terminated.as_ref())
        .any(|ended| ended.reason.as_deref() == Some("OOMKilled"))
}

/// How a container ended last: `exited with code 1 (Error)`.
pub(super) fn last_end(status: &ContainerStatus) -> String {
    let ended = [&status.state, &status.last_state].into_iter().flatten().find_map(|state| state.terminated.as_ref());
    ended.map_or_else(
        || "ended".to_owned(),
        |ended| {
            let mut text = format!("exited with code {}", ended.exit_code);
            if let Some(reason) = ended.reason.as_deref().filter(|reason| *reason != "Error") {
                text.push_str(&format!(" ({reason})"));
            }
            if let Some(message) = ended.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
                text.push_str(&format!(": {message}"));
            }
            text
        },
    )
}

/// `restarts` in words: the first end is not a restart.
pub(super) fn times(restarts: u32) -> String {
    match restarts {
        0 => "once".to_owned(),
        1 => "and was restarted once".to_owned(),
        more => format!("and was restarted {more} times"),
    }
}
