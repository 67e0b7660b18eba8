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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_share_and_preloads_half_of_it() {
        let active = ["https://a/1", "https://a/2", "https://b:80/1", "data:,x", "c/1"];
        let has = |room: Room, group, url| room.has(group, url, active.iter().copied());
        for (in_all, per_host, url, group, expected) in [
            (6, 6, "https://a/3", Group::Urgent, true),
            (5, 6, "https://a/3", Group::Urgent, false),
            (6, 2, "https://a/3", Group::Normal, false),
            (6, 2, "https://b:80/3", Group::Normal, true),
            (6, 1, "https://b/3", Group::Normal, true),
            (6, 1, "c/2", Group::Normal, false),
            (9, 2, "https://b:80/3", Group::Preload, false),
            (9, 9, "https://b:80/3", Group::Preload, false),
            (11, 9, "https://b:80/3", Group::Preload, true),
            (6, 0, "https://d/1", Group::Urgent, false),
        ] {
            assert_eq!(has(Room { in_all, per_host }, group, url), expected, "{in_all} {per_host} {url} {group:?}");
        }
    }
}
