//! Cross-fading between levels of detail: tiles that take each other's place are drawn together for a moment, in
//! patterns of pixels that complete each other, so that nothing pops and no hole shows.

use citytwin_tiles::{Engine, TileId};
use litemap::LiteMap;

/// How long a fade takes, milliseconds.
pub(crate) const FADE_MS: f64 = 200.0;

/// Which pixels of a tile are drawn: those whose noise (0 to 1) is on one side of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dither {
    /// From 0 to 1.
    pub(crate) level: f32,
    /// Pixels with noise below the level are drawn; else the others.
    pub(crate) below: bool,
}

/// A tile that fades.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fade {
    start_ms: f64,
    below: bool,
    /// The level goes from 0 to 1; else from 1 to 0.
    rising: bool,
}

impl Fade {
    fn entering(start_ms: f64) -> Self {
        Self { start_ms, below: true, rising: true }
    }

    fn leaving(start_ms: f64) -> Self {
        Self { start_ms, below: false, rising: true }
    }

    /// Whether nothing of it is drawn in the end.
    fn leaves(&self) -> bool {
        self.below != self.rising
    }

    /// The part of the fade that is over, from 0 to 1.
    fn done(&self, now_ms: f64) -> f64 {
        ((now_ms - self.start_ms) / FADE_MS).clamp(0.0, 1.0)
    }

    /// The same pattern, backwards from where it is.
    fn reversed(&self, now_ms: f64) -> Self {
        Self { start_ms: now_ms - (1.0 - self.done(now_ms)) * FADE_MS, rising: !self.rising, ..*self }
    }

    fn dither(&self, now_ms: f64) -> Dither {
        let done = self.done(now_ms) as f32;
        Dither { level: if self.rising { done } else { 1.0 - done }, below: self.below }
    }
}

/// The tree that tiles stand in.
pub(crate) trait Tree {
    /// The tile above.
    fn parent(&self, id: TileId) -> Option<TileId>;
    /// The tiles right below that show something, themselves or by those below them.
    fn children(&self, id: TileId) -> impl Iterator<Item = TileId>;
}

impl Tree for Engine {
    fn parent(&self, id: TileId) -> Option<TileId> {
        Self::parent(self, id)
    }

    fn children(&self, id: TileId) -> impl Iterator<Item = TileId> {
        let shows = |id: &TileId| self.tile(*id).is_some_and(|tile| tile.is_content || tile.has_children);
        Self::children(self, id).filter(shows)
    }
}

/// Tiles, each once.
type Tiles = LiteMap<TileId, ()>;

/// Whether tiles that leave fill the place of one above them, so that nothing of it was bare.
fn is_filled(id: TileId, leaving: &Tiles, above_leaving: &Tiles, tree: &impl Tree) -> bool {
    let mut stack = vec![id];
    while let Some(id) = stack.pop() {
        if leaving.contains_key(&id) {
            continue;
        }
        if !above_leaving.contains_key(&id) {
            return false;
        }
        stack.extend(tree.children(id));
    }
    true
}

/// All fades under way.
#[derive(Debug, Default)]
pub(crate) struct Fades {
    fades: LiteMap<TileId, Fade>,
}

impl Fades {
    /// Takes note that other tiles are drawn than before. A tile that enters fades when one above it in its tree
    /// leaves, or all that are below it; what only comes into sight or goes out of it does not. Where tiles below
    /// leave that did not fill it, as after a jump, it stands whole at once while they fade out over it.
    pub(crate) fn changed(&mut self, before: &[TileId], after: &[TileId], tree: &impl Tree, now_ms: f64) {
        let set = |ids: &mut dyn Iterator<Item = TileId>| ids.map(|id| (id, ())).collect::<Tiles>();
        let (old, new) = (set(&mut before.iter().copied()), set(&mut after.iter().copied()));
        let entering = set(&mut after.iter().copied().filter(|id| !old.contains_key(id)));
        let leaving = set(&mut before.iter().copied().filter(|id| !new.contains_key(id)));
        let above = |id: TileId| std::iter::successors(tree.parent(id), |id| tree.parent(*id));
        let above_leaving = set(&mut leaving.keys().flat_map(|id| above(*id)));
        let is_filled = |id: TileId| is_filled(id, &leaving, &above_leaving, tree);
        // Who takes whose place: (entering, leaving).
        let mut pairs: Vec<(TileId, TileId)> = Vec::new();
        for id in entering.keys() {
            pairs.extend(above(*id).find(|a| leaving.contains_key(a)).map(|a| (*id, a)));
        }
        for id in leaving.keys() {
            pairs.extend(above(*id).find(|a| entering.contains_key(a)).map(|a| (a, *id)));
        }
        let earlier = std::mem::take(&mut self.fades);
        let returns = |id: &TileId| earlier.get(id).is_some_and(Fade::leaves);
        for (enters, leaves) in &pairs {
            if !above_leaving.contains_key(enters) || is_filled(*enters) {
                let back = earlier.get(enters).filter(|fade| fade.leaves());
                self.fades.insert(*enters, back.map_or(Fade::entering(now_ms), |fade| fade.reversed(now_ms)));
            }
            // It goes back the way it came when what it came for is back too.
            let came = earlier.get(leaves).filter(|fade| !fade.leaves() && returns(enters));
            self.fades.insert(*leaves, came.map_or(Fade::leaving(now_ms), |fade| fade.reversed(now_ms)));
        }
        // What this change does not concern goes on: still drawn and entering, or still gone and leaving.
        let goes_on = |id: &TileId, fade: &Fade| {
            !entering.contains_key(id) && !leaving.contains_key(id) && new.contains_key(id) != fade.leaves()
        };
        for (id, fade) in earlier {
            if goes_on(&id, &fade) {
                self.fades.try_insert(id, fade);
            }
        }
    }

    /// Ends what is over at this time.
    pub(crate) fn step(&mut self, now_ms: f64) {
        self.fades.retain(|_, fade| fade.done(now_ms) < 1.0);
    }

    /// Whether any is under way.
    pub(crate) fn active(&self) -> bool {
        !self.fades.is_empty()
    }

    /// Which pixels of a tile are drawn; `None`: all.
    pub(crate) fn dither(&self, id: TileId, now_ms: f64) -> Option<Dither> {
        self.fades.get(&id).map(|fade| fade.dither(now_ms))
    }

    /// Tiles that are no longer wanted and not gone yet.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = TileId> {
        self.fades.iter().filter(|(_, fade)| fade.leaves()).map(|(id, _)| *id)
    }

    pub(crate) fn is_leaving(&self, id: TileId) -> bool {
        self.fades.get(&id).is_some_and(Fade::leaves)
    }

    /// A tile is gone, or another one took its number. Those that fade in where it would have faded out stand whole.
    pub(crate) fn forget(&mut self, id: TileId) {
        if let Some(gone) = self.fades.remove(&id).filter(Fade::leaves) {
            self.fades.retain(|_, fade| fade.leaves() || fade.start_ms != gone.start_ms);
        }
    }

    /// Everything is drawn as it is.
    pub(crate) fn clear(&mut self) {
        self.fades.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree: 1 above 2 and 3, 2 above 4; 9 stands alone.
    struct Few;

    impl Tree for Few {
        fn parent(&self, id: TileId) -> Option<TileId> {
            match id.0 {
                2 | 3 => Some(TileId(1)),
                4 => Some(TileId(2)),
                _ => None,
            }
        }

        fn children(&self, id: TileId) -> impl Iterator<Item = TileId> {
            [2, 3, 4].map(TileId).into_iter().filter(move |child| self.parent(*child) == Some(id))
        }
    }

    fn ids(numbers: &[u32]) -> Vec<TileId> {
        numbers.iter().map(|n| TileId(*n)).collect()
    }

    fn changed(fades: &mut Fades, before: &[u32], after: &[u32], now_ms: f64) {
        fades.step(now_ms);
        fades.changed(&ids(before), &ids(after), &Few, now_ms);
    }

    /// Whether each pixel is drawn by exactly one side.
    fn complete(fades: &Fades, one: u32, other: u32, now_ms: f64) {
        let drawn = |id: u32, noise: f32| fades.dither(TileId(id), now_ms).is_none_or(|d| (noise < d.level) == d.below);
        for i in 0..50 {
            let noise = i as f32 / 50.0;
            assert!(drawn(one, noise) != drawn(other, noise), "{one} and {other} at noise {noise}, {now_ms} ms");
        }
    }

    #[test]
    fn children_fade_in_exactly_where_their_parent_fades_out() {
        let mut fades = Fades::default();
        changed(&mut fades, &[1, 9], &[2, 3, 9], 1000.0);
        for now_ms in [1000.0, 1040.0, 1199.0] {
            complete(&fades, 2, 1, now_ms);
            complete(&fades, 3, 1, now_ms);
            assert_eq!(fades.dither(TileId(9), now_ms), None);
        }
        assert_eq!(Vec::from_iter(fades.leaving()), ids(&[1]));
        assert_eq!(fades.dither(TileId(2), 1050.0), Some(Dither { level: 0.25, below: true }));
        fades.step(1000.0 + FADE_MS);
        assert!(!fades.active() && !fades.is_leaving(TileId(1)));
    }

    #[test]
    fn a_tile_far_above_takes_the_place_of_one_far_below() {
        let mut fades = Fades::default();
        changed(&mut fades, &[4, 3], &[1], 0.0);
        complete(&fades, 1, 4, 77.0);
        complete(&fades, 1, 3, 77.0);
        assert_eq!(Vec::from_iter(fades.leaving()), ids(&[3, 4]));
    }

    #[test]
    fn a_tile_stands_whole_at_once_where_those_below_it_left_parts_bare() {
        // After a jump: 4 was looked at, and 3 beside it was not drawn.
        let mut fades = Fades::default();
        changed(&mut fades, &[4], &[1], 0.0);
        assert_eq!(fades.dither(TileId(1), 10.0), None);
        assert_eq!(Vec::from_iter(fades.leaving()), ids(&[4]), "fades out over it");
        // What makes way for it where all of it was drawn takes its time.
        changed(&mut fades, &[1], &[2, 3], 300.0);
        assert!(fades.is_leaving(TileId(1)));
        // A change of mind after a jump leaves nothing bare either.
        changed(&mut fades, &[2], &[1], 350.0);
        assert_eq!(fades.dither(TileId(1), 360.0), None);
    }

    #[test]
    fn when_what_fades_out_is_freed_early_what_comes_for_it_stands_whole() {
        let mut fades = Fades::default();
        changed(&mut fades, &[1], &[2, 3], 0.0);
        changed(&mut fades, &[2, 3, 9], &[2, 3], 20.0);
        fades.forget(TileId(1));
        assert_eq!([2, 3].map(|id| fades.dither(TileId(id), 50.0)), [None; 2]);
        // The other way round nothing changes.
        changed(&mut fades, &[2, 3], &[1], 60.0);
        let before = fades.dither(TileId(3), 70.0);
        fades.forget(TileId(1));
        assert_eq!(fades.dither(TileId(3), 70.0), before);
    }

    #[test]
    fn what_comes_into_sight_or_leaves_it_does_not_fade() {
        let mut fades = Fades::default();
        changed(&mut fades, &[2], &[9, 3], 0.0);
        assert!(!fades.active());
        // Added detail does not fade either: nothing makes way for it.
        changed(&mut fades, &[1], &[1, 2], 10.0);
        assert!(!fades.active());
    }

    #[test]
    fn a_change_of_mind_runs_the_same_pattern_backwards() {
        let mut fades = Fades::default();
        changed(&mut fades, &[1], &[2, 3], 0.0);
        let before = [1, 2].map(|id| fades.dither(TileId(id), 50.0));
        changed(&mut fades, &[2, 3], &[1], 50.0);
        assert_eq!([1, 2].map(|id| fades.dither(TileId(id), 50.0)), before, "nothing jumps");
        complete(&fades, 1, 2, 80.0);
        assert_eq!(Vec::from_iter(fades.leaving()), ids(&[2, 3]));
        fades.step(101.0);
        assert!(!fades.active(), "as long back as it took to come");
    }

    #[test]
    fn a_third_level_starts_a_fade_of_its_own() {
        let mut fades = Fades::default();
        changed(&mut fades, &[1], &[2, 3], 0.0);
        changed(&mut fades, &[2, 3], &[4, 3], 50.0);
        complete(&fades, 4, 2, 60.0);
        assert_eq!(fades.dither(TileId(4), 50.0), Some(Dither { level: 0.0, below: true }));
        complete(&fades, 3, 1, 60.0);
        fades.step(250.0);
        assert!(!fades.active());
    }

    #[test]
    fn a_fading_tile_that_goes_out_of_sight_is_gone_at_once() {
        let mut fades = Fades::default();
        changed(&mut fades, &[1], &[2, 3], 0.0);
        changed(&mut fades, &[2, 3], &[3], 20.0);
        assert_eq!(fades.dither(TileId(2), 20.0), None);
        assert!(!fades.is_leaving(TileId(2)));
        fades.forget(TileId(1));
        assert_eq!(fades.leaving().count(), 0);
        fades.clear();
        assert!(!fades.active());
    }
}
