//! Room in a texture, in shelves: rows as high as what stands on them.

/// A rectangle in the texture, pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Hands out rooms until the texture is full; then it is emptied as a whole, and what is still needed comes again.
#[derive(Clone, Debug)]
pub(crate) struct Shelves {
    size: [u32; 2],
    /// Top, height and what is used of the width.
    shelves: Vec<[u32; 3]>,
}

impl Shelves {
    pub(crate) fn new(size: [u32; 2]) -> Self {
        Self { size, shelves: Vec::new() }
    }

    pub(crate) fn empty(&mut self) {
        self.shelves.clear();
    }

    /// A room of this size; none when there is no more.
    pub(crate) fn take(&mut self, width: u32, height: u32) -> Option<Room> {
        if width > self.size[0] {
            return None;
        }
        // The lowest shelf that is high enough, unless it would waste more than half of itself.
        let fits = |shelf: &&mut [u32; 3]| {
            shelf[1] >= height && shelf[1] <= height + height / 2 && self.size[0] - shelf[2] >= width
        };
        if let Some(shelf) = self.shelves.iter_mut().filter(fits).min_by_key(|shelf| shelf[1]) {
            let x = shelf[2];
            shelf[2] += width;
            return Some(Room { x, y: shelf[0], width, height });
        }
        let top = self.shelves.last().map_or(0, |[top, high, _]| top + high);
        if self.size[1] - top < height {
            return None;
        }
        self.shelves.push([top, height, width]);
        Some(Room { x: 0, y: top, width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_never_overlap_and_lie_within_until_there_is_no_more() {
        let mut shelves = Shelves::new([512, 256]);
        let mut rooms: Vec<Room> = Vec::new();
        let mut size = 7_u32;
        while let Some(room) = shelves.take(20 + size % 130, 14 + size % 40) {
            size = size.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) >> 3;
            assert!(room.x + room.width <= 512 && room.y + room.height <= 256, "{room:?}");
            for other in &rooms {
                let apart = room.x + room.width <= other.x
                    || other.x + other.width <= room.x
                    || room.y + room.height <= other.y
                    || other.y + other.height <= room.y;
                assert!(apart, "{room:?} {other:?}");
            }
            rooms.push(room);
        }
        let used: u32 = rooms.iter().map(|room| room.width * room.height).sum();
        assert!(used > 512 * 256 / 3, "{used} of {}", 512 * 256);
        shelves.empty();
        assert_eq!(shelves.take(10, 10), Some(Room { x: 0, y: 0, width: 10, height: 10 }));
        assert_eq!((shelves.take(513, 10), shelves.take(10, 257)), (None, None));
    }
}
