//! Pictures that surfaces show: where they lie, and how they are read, with bounds.
//!
//! What a city model says about its pictures is not trusted: a name leads to a file in the folder of the model (or to a
//! member of the same archive) or nowhere, and a picture's header is compared with the limits before there is room for its
//! texels. What cannot be read is a counted warning, and the surface is drawn plain.

use super::model::{Building, Drape, Surface, SurfaceClass, Warnings};
use super::reuse::{Digest, Digester, digest_of};
use super::stock::Stock;
use super::store::Store;
use crate::inspect::unescape;
use citytwin_tiles::{Limits, Pixels};
use glam::DVec3;
use rayon::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest picture file that is read, bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Longest name that is looked up, bytes.
const MAX_NAME_BYTES: usize = 1024;
/// Texels that are kept, bytes: tiles that are made one after the other often show the same pictures.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// A surface's colour is the mean of so many places of its picture, along each side.
const SAMPLES: u32 = 8;

/// A picture that surfaces show.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// As the source names it.
    pub name: String,
    /// Where it lies.
    pub place: Place,
    /// What is seen beyond its border.
    pub wrap: Wrap,
    /// The colour there, sRGB and alpha, for [`Wrap::Border`].
    pub border: [u8; 4],
    /// Width and height, pixels; 0 until it has been read.
    pub size: [u32; 2],
    /// Whether any of its texels is not opaque.
    pub see_through: bool,
    /// Stands for its bytes; nothing until it has been read.
    pub(super) digest: Option<Digest>,
}

impl Picture {
    /// Adds what its texels are made of.
    pub(super) fn add_to(&self, digester: &mut Digester) {
        digester.digest(self.digest.unwrap_or_default());
        digester.number(self.wrap as u64);
        digester.bytes(&self.border);
    }

    /// Whether it lies beside an input, not in one.
    pub(super) fn is_beside(&self) -> bool {
        matches!(self.place, Place::Folder(..))
    }
}

/// Where a picture lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Below a folder: the folder, and the way from there.
    Folder(PathBuf, PathBuf),
    /// In a zip file: its path, and the member's name.
    Archive(PathBuf, String),
    /// Nowhere that is looked at, and why.
    Nowhere(&'static str),
}

/// What is seen beyond a picture's border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrap {
    /// It begins again.
    #[default]
    Repeat,
    /// It is seen in a mirror.
    Mirror,
    /// Its outermost texels go on.
    Clamp,
    /// [`Picture::border`].
    Border,
}

impl Wrap {
    /// By the word that CityJSON and CityGML have for it, which do not say what holds without one.
    pub(super) fn of(word: Option<&str>) -> Self {
        match word {
            Some("mirror") => Self::Mirror,
            Some("clamp") => Self::Clamp,
            // Of `none`, nothing is said to be seen there: the picture's own edge disturbs least.
            Some("none") => Self::Clamp,
            Some("border") => Self::Border,
            _ => Self::Repeat,
        }
    }
}

/// Where a document lies, whose pictures are named from there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Origin {
    /// In memory: no file is read for it.
    #[default]
    Memory,
    /// A file.
    File(PathBuf),
    /// A member of an archive.
    Member(PathBuf, String),
}

impl Origin {
    /// The place of a picture by its name.
    fn place(&self, name: &str) -> Place {
        if name.len() > MAX_NAME_BYTES {
            return Place::Nowhere("a name that is too long");
        }
        let name = name.trim().replace('\\', "/");
        let has_scheme = name.split('/').next().is_some_and(|first| first.contains(':'));
        if name.is_empty() || name.starts_with('/') || has_scheme || name.contains('\0') {
            return Place::Nowhere("no path from the folder of the model");
        }
        let from: &str = match self {
            Self::Member(_, member) => member.rsplit_once('/').map_or("", |(folder, _)| folder),
            _ => "",
        };
        let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
        let inside = parts.len();
        for part in name.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.len() > inside => drop(parts.pop()),
                ".." => return Place::Nowhere("outside of the folder of the model"),
                part => parts.push(part),
            }
        }
        match self {
            Self::Memory => Place::Nowhere("the model is not read from a file"),
            Self::File(path) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                Place::Folder(folder.to_owned(), parts.iter().collect())
            }
            Self::Member(archive, _) => Place::Archive(archive.clone(), parts.join("/")),
        }
    }
}

/// Pictures that were named so far.
#[derive(Default)]
pub(super) struct Pictures {
    /// In the order in which they were named.
    pub(super) list: Vec<Picture>,
    known: BTreeMap<(Place, String, Wrap, [u8; 4]), u32>,
    /// Where the document lies that is read now.
    pub(super) origin: Origin,
}

impl Pictures {
    /// The number of a picture, whether it can be read or not.
    pub(super) fn number(&mut self, name: &str, wrap: Wrap, border: [u8; 4]) -> u32 {
        let place = self.origin.place(name);
        let name: String = name.chars().take(120).collect();
        let list = &mut self.list;
        *self.known.entry((place, name, wrap, border)).or_insert_with_key(|(place, name, ..)| {
            list.push(Picture {
                name: name.clone(),
                place: place.clone(),
                wrap,
                border,
                size: [0; 2],
                see_through: false,
                digest: None,
            });
            list.len() as u32 - 1
        })
    }
}

/// Why a picture is not shown: a code for the warning, and words.
type Unseen = (&'static str, String);

/// An archive with pictures.
type Archive = Arc<Mutex<zip::ZipArchive<BufReader<File>>>>;

/// Pictures as they lie in files. Archives stay open, and what was looked at last stays decoded.
#[derive(Default)]
pub(super) struct Shelf<'a> {
    pub(super) pictures: &'a [Picture],
    archives: Mutex<BTreeMap<PathBuf, Option<Archive>>>,
    kept: Mutex<Kept>,
}

/// Pictures by their numbers; the one that was looked at last is the last.
#[derive(Default)]
struct Kept {
    list: VecDeque<(u32, Arc<Pixels>)>,
    bytes: usize,
}

impl Kept {
    fn get(&mut self, picture: u32) -> Option<Arc<Pixels>> {
        let at = self.list.iter().position(|(number, _)| *number == picture)?;
        let found = self.list.remove(at)?;
        self.list.push_back(found.clone());
        Some(found.1)
    }

    fn put(&mut self, picture: u32, pixels: Arc<Pixels>, limit_bytes: usize) {
        // Two threads may have read it at once, and one that takes all the room helps nobody.
        if pixels.rgba.len() > limit_bytes || self.get(picture).is_some() {
            return;
        }
        self.bytes += pixels.rgba.len();
        self.list.push_back((picture, pixels));
        while self.bytes > limit_bytes
            && let Some((_, oldest)) = self.list.pop_front()
        {
            self.bytes -= oldest.rgba.len();
        }
    }
}

impl<'a> Shelf<'a> {
    /// Of a city.
    pub(super) fn new(pictures: &'a [Picture]) -> Self {
        Self { pictures, archives: Mutex::default(), kept: Mutex::default() }
    }

    /// The texels of a picture.
    pub(super) fn pixels(&self, picture: u32) -> Result<Arc<Pixels>, Unseen> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pixels) = kept().get(picture) {
            return Ok(pixels);
        }
        let pixels = Arc::new(self.read(picture)?.0);
        kept().put(picture, pixels.clone(), MAX_KEPT_BYTES);
        Ok(pixels)
    }

    fn read(&self, picture: u32) -> Result<(Pixels, Digest), Unseen> {
        let Some(picture) = self.pictures.get(picture as usize) else {
            return Err(("texture_missing", "there is no such picture".into()));
        };
        let bytes = self.bytes(&picture.place)?;
        let pixels = Pixels::decode(&bytes, &Limits::default());
        Ok((pixels.map_err(|problem| ("texture_unreadable", problem.message))?, digest_of(&bytes)))
    }

    fn bytes(&self, place: &Place) -> Result<Vec<u8>, Unseen> {
        let missing = |error: &dyn std::fmt::Display| ("texture_missing", error.to_string());
        match place {
            Place::Nowhere(why) => Err(("texture_missing", (*why).into())),
            Place::Folder(folder, way) => {
                let file = existing(folder, way).map_err(|error| missing(&error))?;
                // Links may lead anywhere.
                let within = folder.canonicalize().is_ok_and(|folder| file.starts_with(folder));
                if !within {
                    return Err(("texture_missing", "outside of the folder of the model".into()));
                }
                let file = File::open(file).map_err(|error| missing(&error))?;
                bounded(file)
            }
            Place::Archive(path, member) => {
                let archive = self.archive(path).ok_or_else(|| missing(&"its archive is not a plain zip file"))?;
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let plain = unescaped(member).filter(|_| archive.index_for_name(member).is_none());
                let file = archive.by_name(plain.as_deref().unwrap_or(member)).map_err(|error| missing(&error))?;
                bounded(file)
            }
        }
    }

    fn archive(&self, path: &Path) -> Option<Archive> {
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let file = BufReader::new(File::open(path).ok()?);
            Some(Arc::new(Mutex::new(zip::ZipArchive::new(file).ok()?)))
        };
        archives.entry(path.to_owned()).or_insert_with(open).clone()
    }
}

/// The file as it is named, or as a URI means it.
fn existing(folder: &Path, way: &Path) -> std::io::Result<PathBuf> {
    let found = folder.join(way).canonicalize();
    match (&found, way.to_str().and_then(unescaped)) {
        (Err(_), Some(plain)) => folder.join(plain).canonicalize(),
        _ => found,
    }
}

/// The text without percent signs that stand for bytes; nothing where there are none, or what they hide is a way.
fn unescaped(text: &str) -> Option<String> {
    let plain = String::from_utf8(unescape(text.as_bytes())).ok()?;
    let hides = plain.split(['/', '\\']).any(|part| part == "..") || plain.contains(['\0', ':', '\\']);
    (plain != text && !hides && !plain.starts_with('/')).then_some(plain)
}

fn bounded(file: impl Read) -> Result<Vec<u8>, Unseen> {
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| ("texture_unreadable", error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(("texture_unreadable", format!("longer than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

/// A surface that shows a picture.
#[derive(Clone, Copy)]
struct Use {
    picture: u32,
    structure: bool,
    thing: usize,
    surface: usize,
}

/// A surface, and about the colour of what it shows; nothing where that cannot be shown.
type Change = (usize, Option<[u8; 4]>);

impl Use {
    fn things<'s>(&self, stock: &'s Stock<'static>) -> &'s Store<'static, Building> {
        if self.structure { &stock.structures } else { &stock.buildings }
    }
}

/// What was found in a picture: its size, whether it is see-through, and about the colour of each surface.
struct Seen {
    size: [u32; 2],
    see_through: bool,
    digest: Digest,
    colors: Vec<[u8; 4]>,
}

/// Reads each picture once, so that surfaces of those that cannot be read are drawn plain, and blocks from afar have the
/// colours that are seen from near.
pub(super) fn settle(stock: &mut Stock<'static>) {
    if stock.pictures.is_empty() {
        return;
    }
    let mut uses: Vec<Use> = Vec::new();
    for (structure, things) in [(false, &stock.buildings), (true, &stock.structures)] {
        for (thing, building) in things.iter().enumerate() {
            for (surface, drape) in
                building.surfaces.iter().enumerate().filter_map(|(i, s)| Some((i, s.drape.as_ref()?)))
            {
                uses.push(Use { picture: drape.picture, structure, thing, surface });
            }
        }
    }
    uses.sort_by_key(|found| found.picture);
    let groups: Vec<&[Use]> = uses.chunk_by(|a, b| a.picture == b.picture).collect();
    let shelf = Shelf::new(&stock.pictures);
    let looked: Vec<Result<Seen, Unseen>> = groups
        .par_iter()
        .map(|group| {
            let (pixels, digest) = shelf.read(group[0].picture)?;
            let wrap = shelf.pictures[group[0].picture as usize].wrap;
            let mut colors = Vec::with_capacity(group.len());
            for of_thing in group.chunk_by(|a, b| (a.structure, a.thing) == (b.structure, b.thing)) {
                let building = of_thing[0].things(stock).get(of_thing[0].thing);
                let surfaces = building.as_ref().map_or(&[][..], |building| &building.surfaces);
                let drape = |found: &Use| surfaces.get(found.surface)?.drape.as_deref();
                colors.extend(of_thing.iter().map(|found| mean(&pixels, wrap, drape(found))));
            }
            Ok(Seen {
                size: [pixels.width, pixels.height],
                digest,
                see_through: pixels.rgba.as_chunks::<4>().0.iter().any(|texel| texel[3] < 255),
                colors,
            })
        })
        .collect();
    let groups: Vec<Vec<Use>> = groups.into_iter().map(<[Use]>::to_vec).collect();
    drop(shelf);
    // By thing.
    let mut changes: BTreeMap<(bool, usize), Vec<Change>> = BTreeMap::new();
    for (group, seen) in groups.into_iter().zip(looked) {
        match seen {
            Ok(Seen { size, see_through, digest, colors }) => {
                let picture = &mut stock.city_mut().pictures[group[0].picture as usize];
                (picture.size, picture.see_through, picture.digest) = (size, see_through, Some(digest));
                for (found, color) in group.into_iter().zip(colors) {
                    changes.entry((found.structure, found.thing)).or_default().push((found.surface, Some(color)));
                }
            }
            Err((code, why)) => {
                let mut warned = None;
                for found in group {
                    changes.entry((found.structure, found.thing)).or_default().push((found.surface, None));
                    // Once for each thing.
                    if warned.replace((found.structure, found.thing)) != Some((found.structure, found.thing)) {
                        let id = found.things(stock).get(found.thing).map(|thing| thing.tags.id.clone());
                        let name = &stock.pictures[found.picture as usize].name;
                        let told = format!("{}: {name}: {why}", id.unwrap_or_default());
                        stock.city_mut().warnings.add(code, told);
                    }
                }
            }
        }
    }
    for (structure, things) in [(false, &mut stock.buildings), (true, &mut stock.structures)] {
        things.change(0, |thing, building| {
            let Some(changes) = changes.get(&(structure, thing)) else { return };
            for (surface, color) in changes {
                match color {
                    Some(color) => building.surfaces[*surface].color = Some(*color),
                    None => building.surfaces[*surface].drape = None,
                }
            }
            if changes.iter().any(|(_, color)| color.is_some()) {
                recolor(building);
            }
        });
    }
}

/// About the colour of a part of a picture; the surface may be see-through, but then it is no picture any more.
fn mean(pixels: &Pixels, wrap: Wrap, drape: Option<&Drape>) -> [u8; 4] {
    let ring = drape.and_then(|drape| drape.uvs.first()).map_or(&[][..], Vec::as_slice);
    let bounds = |axis: usize| {
        let values = ring.iter().map(move |uv| f64::from(uv[axis]));
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((west, east), (south, north)) = (bounds(0), bounds(1));
    let size = [pixels.width, pixels.height];
    let (mut sum, mut weight) = ([0u64; 3], 0u64);
    for (i, j) in (0..SAMPLES).flat_map(|i| (0..SAMPLES).map(move |j| (i, j))) {
        let at = |low: f64, high: f64, n: u32| low + (high - low) * (f64::from(n) + 0.5) / f64::from(SAMPLES);
        let (u, v) = (at(west, east, i), at(south, north, j));
        let x = (u * f64::from(size[0])).floor() as i64;
        let y = ((1.0 - v) * f64::from(size[1])).floor() as i64;
        let Some(texel) = texel(pixels, wrap, x, y) else { continue };
        let alpha = u64::from(texel[3]);
        (0..3).for_each(|k| sum[k] += u64::from(texel[k]) * alpha);
        weight += alpha;
    }
    if weight == 0 {
        return [200, 200, 200, 255];
    }
    let [r, g, b] = sum.map(|channel| (channel / weight) as u8);
    [r, g, b, 255]
}

/// A texel by column and row from the upper left, also beyond the border; nothing where that is another colour's.
pub(super) fn texel(pixels: &Pixels, wrap: Wrap, x: i64, y: i64) -> Option<[u8; 4]> {
    let at = |i: i64, side: u32| {
        let side = i64::from(side.max(1));
        match wrap {
            Wrap::Repeat => Some(i.rem_euclid(side)),
            Wrap::Mirror => {
                let twice = i.rem_euclid(2 * side);
                Some(twice.min(2 * side - 1 - twice))
            }
            Wrap::Clamp => Some(i.clamp(0, side - 1)),
            Wrap::Border => (0..side).contains(&i).then_some(i),
        }
    };
    let (x, y) = (at(x, pixels.width)?, at(y, pixels.height)?);
    let start = (y as usize * pixels.width as usize + x as usize) * 4;
    pixels.rgba.get(start..start + 4).map(|texel| [texel[0], texel[1], texel[2], texel[3]])
}

/// Blocks in the mean colours of the walls and roofs that they stand for.
fn recolor(building: &mut Building) {
    let wall = mean_of(&building.surfaces, |class| class == SurfaceClass::Wall);
    let roof = mean_of(&building.surfaces, |class| class == SurfaceClass::Roof);
    for solid in &mut building.solids {
        solid.wall_color = wall.or(roof).unwrap_or(solid.wall_color);
        solid.roof_color = roof.or(wall).unwrap_or(solid.roof_color);
    }
}

fn mean_of(surfaces: &[Surface], wanted: impl Fn(SurfaceClass) -> bool) -> Option<[u8; 3]> {
    let (mut sum, mut total) = ([0.0; 3], 0.0);
    for surface in surfaces.iter().filter(|surface| surface.drape.is_some() && wanted(surface.class)) {
        let (Some(color), Some(ring)) = (surface.color, surface.rings.first()) else { continue };
        let area = doubled_area(ring);
        (0..3).for_each(|k| sum[k] += f64::from(color[k]) * area);
        total += area;
    }
    (total > 0.0).then(|| sum.map(|channel| (channel / total).round() as u8))
}

fn doubled_area(ring: &[DVec3]) -> f64 {
    let Some(&first) = ring.first() else { return 0.0 };
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    pairs.map(|(a, b)| (*a - first).cross(*b - first)).sum::<DVec3>().length()
}

/// Counts what of an appearance cannot be understood, once for each object.
pub(super) fn unreadable(id: &str, warnings: &mut Warnings) {
    warnings.add("texture_unreadable", format!("{id}: texture coordinates that fit no ring"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_lies_below_the_folder_of_its_model_or_nowhere() {
        let file = Origin::File("city/model.json".into());
        let member = Origin::Member("city.zip".into(), "bldg/model.gml".into());
        for (name, way) in [
            ("a/b.png", Some("a/b.png")),
            ("./a//b.png", Some("a/b.png")),
            ("a\\b.png", Some("a/b.png")),
            ("a/../b.png", Some("b.png")),
            ("../b.png", None),
            ("a/../../b.png", None),
            ("/etc/passwd", None),
            ("C:\\b.png", None),
            ("file:///b.png", None),
            ("https://host/b.png", None),
            ("", None),
            ("a\0.png", None),
        ] {
            let found = file.place(name);
            match way {
                Some(way) => assert_eq!(found, Place::Folder("city".into(), way.into()), "{name}"),
                None => assert!(matches!(found, Place::Nowhere(_)), "{name}: {found:?}"),
            }
            let found = member.place(name);
            match way {
                Some(way) => assert_eq!(found, Place::Archive("city.zip".into(), format!("bldg/{way}")), "{name}"),
                None => assert!(matches!(found, Place::Nowhere(_)), "{name}: {found:?}"),
            }
            assert!(matches!(Origin::Memory.place(name), Place::Nowhere(_)));
        }
        assert_eq!(unescaped("a%20b.png").as_deref(), Some("a b.png"));
        for text in ["a b.png", "%2e%2e/b.png", "a/%2E%2E/b.png", "%2fb.png", "a%00", "a%5cb", "100%"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_looked_at_last_is_kept_as_far_as_there_is_room() {
        let mut kept = Kept::default();
        let pixels = |side: u32| Arc::new(Pixels { width: side, height: 1, rgba: vec![0; 4 * side as usize] });
        (0..4).for_each(|picture| kept.put(picture, pixels(10), 100));
        assert_eq!(
            (kept.bytes, kept.get(0).is_none(), kept.get(1).is_none(), kept.get(2).is_some()),
            (80, true, true, true)
        );
        // The third was looked at after the fourth, which goes first.
        kept.put(5, pixels(10), 100);
        assert!(kept.get(3).is_none() && kept.get(2).is_some() && kept.bytes == 80);
        kept.put(5, pixels(10), 100);
        assert_eq!((kept.list.len(), kept.bytes), (2, 80));
        kept.put(6, pixels(26), 100);
        assert_eq!((kept.list.len(), kept.bytes, kept.get(6).is_none()), (2, 80, true));
    }

    #[test]
    fn beyond_the_border_is_what_the_wrap_mode_says() {
        let rgba = (0..6).flat_map(|i| [i, i, i, 255]).collect();
        let pixels = Pixels { width: 3, height: 2, rgba };
        let row = |wrap| (-4..7).map(|x| texel(&pixels, wrap, x, 0).map_or(9, |t| t[0])).collect::<Vec<u8>>();
        assert_eq!(row(Wrap::Repeat), [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(row(Wrap::Mirror), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(row(Wrap::Clamp), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
        assert_eq!(row(Wrap::Border), [9, 9, 9, 9, 0, 1, 2, 9, 9, 9, 9]);
        assert_eq!(texel(&pixels, Wrap::Repeat, 0, -1), Some([3, 3, 3, 255]));
    }
}
