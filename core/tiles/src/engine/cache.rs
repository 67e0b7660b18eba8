//! Loaded contents in the order of their use, and how many bytes they have.
//!
//! The order is a doubly linked list through the nodes, so that touching one costs nothing.

use super::tree::{NONE, Node};

/// The ends of the list and its total.
#[derive(Debug)]
pub(super) struct Cache {
    oldest: u32,
    newest: u32,
    /// Bytes of all loaded contents.
    pub(super) bytes: u64,
    /// Loaded contents.
    pub(super) count: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { oldest: NONE, newest: NONE, bytes: 0, count: 0 }
    }
}

impl Cache {
    /// Takes in a node that was loaded just now.
    pub(super) fn insert(&mut self, nodes: &mut [Node], index: u32) {
        self.bytes += nodes[index as usize].bytes;
        self.count += 1;
        self.append(nodes, index);
    }

    /// Lets go of a loaded node.
    pub(super) fn remove(&mut self, nodes: &mut [Node], index: u32) {
        self.bytes -= nodes[index as usize].bytes;
        self.count -= 1;
        self.unlink(nodes, index);
    }

    /// Makes a loaded node the newest.
    pub(super) fn touch(&mut self, nodes: &mut [Node], index: u32) {
        if self.newest != index {
            self.unlink(nodes, index);
            self.append(nodes, index);
        }
    }

    /// The longest unused content that is neither wanted nor drawn in this frame, while there are more than `budget`
    /// bytes.
    pub(super) fn oldest_useless(&self, nodes: &[Node], budget: u64, frame: u64) -> Option<u32> {
        let mut index = self.oldest;
        while index != NONE && self.bytes > budget {
            let node = &nodes[index as usize];
            if node.wanted_frame != frame && node.drawn_frame != frame {
                return Some(index);
            }
            index = node.newer;
        }
        None
    }

    fn append(&mut self, nodes: &mut [Node], index: u32) {
        let older = std::mem::replace(&mut self.newest, index);
        match nodes.get_mut(older as usize) {
            Some(node) => node.newer = index,
            None => self.oldest = index,
        }
        nodes[index as usize].older = older;
        nodes[index as usize].newer = NONE;
    }

    fn unlink(&mut self, nodes: &mut [Node], index: u32) {
        let Node { older, newer, .. } = nodes[index as usize];
        match nodes.get_mut(older as usize) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
        match nodes.get_mut(newer as usize) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
    }
}
