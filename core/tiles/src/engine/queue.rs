//! What is to be loaded, in which order.

use super::select::{Group, Want};
use crate::url::origin;

/// Sorts wants: the most missed first, and what is wanted twice in the order in which it was found.
pub(super) fn sort(wants: &mut [Want]) {
    wants.sort_unstable_by(|a, b| {
        (a.group, a.rank).cmp(&(b.group, b.rank)).then(a.priority.total_cmp(&b.priority)).then(a.node.cmp(&b.node))
    });
}

/// How many more requests may be sent, in all and to one host.
pub(super) struct Room {
    pub(super) in_all: usize,
    pub(super) per_host: usize,
}

impl Room {
    /// Whether there is room for a request to `url` beside those in flight. Preloads never take more than half.
    pub(super) fn has<'a>(&self, group: Group, url: &str, active: impl ExactSizeIterator<Item = &'a str>) -> bool {
        let part = |cap: usize| if group == Group::Preload { cap.div_ceil(2) } else { cap };
        if active.len() >= part(self.in_all) {
            return false;
        }
        if active.len() < part(self.per_host) {
            return true;
        }
        let host = origin(url);
        active.filter(|other| origin(other) == host).count() < part(self.per_host)
    }
}
