//! Where positions lie: a k-d tree (Bentley 1975) of regions with about equally many records. A position is told by its
//! region and its place within, so that it takes as few bits as the records around it are dense. Regions are trimmed to
//! about what lies in them: around a city there may be nothing, and far away a few records more.

use crate::bytes::{Reader, bits_for};

/// Records of a region on average, about: a region takes six bytes of the root.
const REGION_RECORDS: usize = 2048;
/// Splits from the whole to a region at most.
const MAX_DEPTH: u32 = 9;
/// A split is told in so many parts of the extent that it splits.
const SPLIT_PARTS: u64 = 1 << 16;

/// A box of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Region {
    low: [u64; 2],
    /// At least one step on each axis.
    size: [u64; 2],
}

impl Region {
    /// The axis on which it is longer.
    fn axis(&self) -> usize {
        usize::from(self.size[1] > self.size[0])
    }

    /// The first step of its upper half.
    fn middle(&self, split: u16) -> u64 {
        let size = self.size[self.axis()];
        self.low[self.axis()] + (size * u64::from(split) / SPLIT_PARTS).clamp(1, (size - 1).max(1))
    }

    /// Its lower and its upper half. One of a single step stays whole, twice.
    fn halves(self, split: u16) -> [Self; 2] {
        let axis = self.axis();
        if self.size[axis] < 2 {
            return [self; 2];
        }
        let lower = self.middle(split) - self.low[axis];
        let mut halves = [self; 2];
        halves[0].size[axis] = lower;
        halves[1].low[axis] += lower;
        halves[1].size[axis] -= lower;
        halves
    }

    /// The part of it that is left when its lower and its upper end are trimmed, axis by axis.
    fn trimmed(self, trims: Trims) -> Self {
        let mut left = self;
        for (axis, [lower, upper]) in trims.into_iter().enumerate() {
            let above = kept(self.size[axis], lower);
            left.low[axis] += self.size[axis] - above;
            left.size[axis] = kept(above, upper);
        }
        left
    }

    /// How much it can be trimmed so that positions stay in it; without any, not at all.
    #[cfg(feature = "build")]
    fn trims(&self, inside: &[[u64; 2]]) -> Trims {
        let most = |size: u64, needed: u64| (0..=u8::MAX).rev().find(|trim| kept(size, *trim) >= needed).unwrap_or(0);
        let mut trims = Trims::default();
        for (axis, [lower, upper]) in trims.iter_mut().enumerate() {
            let steps = inside.iter().map(|position| position[axis]);
            let (Some(least), Some(greatest)) = (steps.clone().min(), steps.max()) else { break };
            let end = self.low[axis] + self.size[axis];
            *lower = most(self.size[axis], end - least);
            let above = kept(self.size[axis], *lower);
            *upper = most(above, greatest + 1 - (end - above));
        }
        trims
    }

    /// Bits of a place within it.
    fn bits(&self) -> u32 {
        bits_for(self.size[0] * self.size[1] - 1)
    }
}

/// How much is trimmed off the lower and the upper end of a region, by axis.
type Trims = [[u8; 2]; 2];

/// The steps of so many that are left by a trim: its upper bits say how often they are halved, its lower three bits how
/// many sixteenths go then.
fn kept(size: u64, trim: u8) -> u64 {
    ((size >> (trim >> 3)) * (16 - u64::from(trim & 7))).div_ceil(16).max(1)
}

/// The regions of an index.
#[derive(Default)]
pub(crate) struct Regions {
    whole: Region,
    depth: u32,
    /// Where each region that is split is split, level by level.
    splits: Vec<u16>,
    /// The regions that are not, trimmed.
    leaves: Vec<Region>,
    trims: Vec<Trims>,
}

impl Regions {
    /// `most` are the greatest steps of all positions.
    #[cfg(feature = "build")]
    pub(crate) fn new(most: [u64; 2], mut positions: Vec<[u64; 2]>) -> Self {
        let depth = bits_for((positions.len() / REGION_RECORDS) as u64).min(MAX_DEPTH);
        let whole = whole(most);
        let mut splits = Vec::new();
        // Level by level: each region with the positions in it.
        let mut level: Vec<(Region, &mut [[u64; 2]])> = vec![(whole, &mut positions)];
        for _ in 0..depth {
            let mut next = Vec::new();
            for (region, inside) in level {
                let axis = region.axis();
                let middle = inside.len() / 2;
                let split = match inside.len() {
                    0 => SPLIT_PARTS / 2,
                    _ => {
                        let (_, median, _) = inside.select_nth_unstable_by_key(middle, |position| position[axis]);
                        (median[axis] - region.low[axis]) * SPLIT_PARTS / region.size[axis]
                    }
                };
                let split = split.min(SPLIT_PARTS - 1) as u16;
                splits.push(split);
                let mut first_upper = 0;
                for at in 0..inside.len() {
                    if is_lower(&region, split, inside[at]) {
                        inside.swap(at, first_upper);
                        first_upper += 1;
                    }
                }
                let [lower, upper] = region.halves(split);
                let (below, above) = inside.split_at_mut(first_upper);
                next.extend([(lower, below), (upper, above)]);
            }
            level = next;
        }
        let trims: Vec<Trims> = level.iter().map(|(region, inside)| region.trims(inside)).collect();
        let leaves = level.iter().zip(&trims).map(|((region, _), trims)| region.trimmed(*trims)).collect();
        Self { whole, depth, splits, leaves, trims }
    }

    /// Appends the splits and the trims.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.depth as u8);
        self.splits.iter().for_each(|split| out.extend(split.to_le_bytes()));
        self.trims.iter().flatten().for_each(|trims| out.extend(trims));
    }

    /// Reads what [`Regions::put`] made; `None` when that is no tree, or its places take more bits than can be read.
    pub(crate) fn read(reader: &mut Reader<'_>, most: [u64; 2]) -> Option<Self> {
        let depth = u32::from(reader.u8()?);
        if depth > MAX_DEPTH || most.iter().map(|most| bits_for(*most)).sum::<u32>() > 56 {
            return None;
        }
        let whole = whole(most);
        let mut splits = Vec::new();
        let mut leaves = vec![whole];
        for _ in 0..depth {
            let mut next = Vec::with_capacity(leaves.len() * 2);
            for region in leaves {
                let split = u16::from_le_bytes(reader.take(2)?.try_into().ok()?);
                splits.push(split);
                next.extend(region.halves(split));
            }
            leaves = next;
        }
        let mut trims = Vec::with_capacity(leaves.len());
        for region in &mut leaves {
            let mut of_region = Trims::default();
            for trim in of_region.iter_mut().flatten() {
                *trim = reader.u8()?;
            }
            *region = region.trimmed(of_region);
            trims.push(of_region);
        }
        Some(Self { whole, depth, splits, leaves, trims })
    }

    /// Bits of a region's number.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Bits of a place within a region; `None` when there is no such region.
    pub(crate) fn bits(&self, region: u64) -> Option<u32> {
        Some(self.leaves.get(usize::try_from(region).ok()?)?.bits())
    }

    /// The region of a position, and its place within.
    pub(crate) fn place_of(&self, position: [u64; 2]) -> (u64, u64) {
        let mut leaf = 0;
        let mut region = self.whole;
        let mut splits = self.splits.as_slice();
        for level in 0..self.depth {
            let (of_level, deeper) = splits.split_at(1 << level);
            let split = of_level[leaf];
            let upper = usize::from(!is_lower(&region, split, position));
            region = region.halves(split)[upper];
            leaf = leaf << 1 | upper;
            splits = deeper;
        }
        let Region { low, size } = self.leaves[leaf];
        (leaf as u64, (position[0] - low[0]) * size[1] + (position[1] - low[1]))
    }

    /// The position of a place within a region; `None` when it lies outside.
    pub(crate) fn position_of(&self, region: u64, place: u64) -> Option<[u64; 2]> {
        let Region { low, size } = self.leaves.get(usize::try_from(region).ok()?)?;
        let column = place / size[1];
        (column < size[0]).then(|| [low[0] + column, low[1] + place % size[1]])
    }
}

fn whole(most: [u64; 2]) -> Region {
    Region { low: [0; 2], size: most.map(|most| most + 1) }
}

/// Whether a position lies in the lower half of its region. One of a single step has all in its lower half.
fn is_lower(region: &Region, split: u16, position: [u64; 2]) -> bool {
    let axis = region.axis();
    region.size[axis] < 2 || position[axis] < region.middle(split)
}

#[cfg(all(test, feature = "build"))]
mod tests {
    use super::*;

    /// Numbers that look random (splitmix64).
    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = *seed;
        value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ value >> 31
    }

    #[test]
    fn positions_come_back_and_crowds_take_few_bits() {
        let mut seed = 1;
        let wide = [36_000_000, 18_000_000];
        let spread = |seed: &mut u64| wide.map(|most| random(seed) % (most + 1));
        let crowd = |seed: &mut u64| [0, 1].map(|axis| wide[axis] / 2 + random(seed) % 10_000);
        for (count, crowded, most_bits) in [
            (0, 0, 50.0),
            (1, 0, 50.0),
            (5000, 0, 50.0),
            (50_000, 0, 50.4),
            (50_000, 40_000, 37.0),
            (50_000, 50_000, 28.0),
        ] {
            let mut positions: Vec<[u64; 2]> = (0..count - crowded).map(|_| spread(&mut seed)).collect();
            positions.extend((0..crowded).map(|_| crowd(&mut seed)));
            let regions = Regions::new(wide, positions.clone());
            let mut bytes = Vec::new();
            regions.put(&mut bytes);
            let mut reader = Reader::new(&bytes);
            let read = Regions::read(&mut reader, wide).expect("a tree");
            assert!(reader.is_empty() && read.leaves == regions.leaves);
            let mut bits = 0;
            for position in &positions {
                let (region, place) = regions.place_of(*position);
                assert_eq!(read.position_of(region, place), Some(*position));
                let of_place = read.bits(region).expect("a region");
                assert!(bits_for(place) <= of_place);
                bits += of_place + read.depth();
            }
            let mean = f64::from(bits) / f64::from(count.max(1));
            assert!(mean <= most_bits, "{mean} bits for {crowded} of {count}");
        }
    }

    #[test]
    fn all_in_one_place_and_no_tree_are_no_trouble() {
        let regions = Regions::new([0, 0], vec![[0, 0]; 10_000]);
        let (region, place) = regions.place_of([0, 0]);
        assert_eq!((regions.bits(region), regions.position_of(region, place)), (Some(0), Some([0, 0])));
        assert_eq!(regions.position_of(region, 1), None);
        assert_eq!(regions.position_of(1 << 20, 0), None);
        assert!(regions.bits(u64::MAX).is_none());
        for (bytes, most) in [
            (&[][..], [9, 9]),
            (&[1], [9, 9]),
            (&[1, 2], [9, 9]),
            (&[0, 1, 2, 3], [9, 9]),
            (&[10; 3000], [9, 9]),
            (&[0; 5], [1 << 30; 2]),
        ] {
            assert!(Regions::read(&mut Reader::new(bytes), most).is_none());
        }
    }
}
