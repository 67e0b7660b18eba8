//! `city.toml`: a twin of several sources, with the words that people read.
//!
//! ```toml
//! title = { en = "Delft", zh-CN = "代尔夫特" }
//!
//! [[attribution]]
//! text = "© 3DBAG by tudelft3d and 3DGI"
//! url = "https://3dbag.nl"
//! license = "CC-BY-4.0"
//!
//! [[source]]
//! path = "delft.city.jsonl"     # relative to this file
//! crs = "EPSG:7415"             # where the file names none
//! axis_order = "east-north"     # or north-east, or authority: as the registry of the CRS has it
//!
//! [[source]]
//! path = "trees.geojson"
//! theme = "furniture"           # what its features are: ground, transport, buildings, furniture, places, venue
//! class = "tree"                # which of them
//! textures = false              # those of a city model are left out
//! name = "species"              # attributes with unusual names: name, height, levels, id
//!
//! [properties.oorspronkelijkbouwjaar]
//! title = { en = "Year built", zh-CN = "建成年份" }
//! ```

use super::properties::identifier;
use super::source::Input;
use super::{AxisOrder, BakeError, Options};
use citytwin_manifest::{Attribution, PropertyWords, Text, Theme};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest description that is read, bytes.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    #[serde(default)]
    title: Text,
    #[serde(default)]
    attribution: Vec<Attribution>,
    #[serde(rename = "source")]
    sources: Vec<Source>,
    #[serde(default)]
    properties: BTreeMap<String, PropertyWords>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    path: PathBuf,
    #[serde(default)]
    crs: Option<String>,
    #[serde(default)]
    axis_order: Option<AxisOrder>,
    #[serde(default)]
    theme: Option<SourceTheme>,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    height: Option<String>,
    #[serde(default)]
    levels: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    lod: Option<f64>,
    #[serde(default)]
    textures: Option<bool>,
}

/// Themes as a person names them.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SourceTheme {
    /// Areas: land use, green, water.
    Ground,
    /// Lines: streets, railways, streams.
    Transport,
    /// Polygons: buildings.
    Buildings,
    /// Points: trees, lamps, cameras.
    Furniture,
    /// Points that are found, not drawn.
    Places,
    /// The inside of a building: IMDF, IndoorGML, indoor GeoJSON, as an archive or a directory.
    Venue,
}

impl SourceTheme {
    /// What of a city it is; nothing for the inside of a building.
    pub fn theme(self) -> Option<Theme> {
        match self {
            Self::Ground => Some(Theme::Ground),
            Self::Transport => Some(Theme::Transport),
            Self::Buildings => Some(Theme::Buildings),
            Self::Furniture => Some(Theme::Furniture),
            Self::Places => Some(Theme::Other),
            Self::Venue => None,
        }
    }
}

/// Whether a file is a description rather than data.
pub fn is_recipe(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}

/// Reads a description; `out` and `force` stay to be filled in.
///
/// # Errors
/// [`BakeError::Io`] when it cannot be read, [`BakeError::Input`] with its line when it is not as described above.
pub fn read(path: &Path) -> Result<Options, BakeError> {
    let bytes = std::fs::metadata(path).map_err(BakeError::io("open", path))?.len();
    let wrong = |place: String, message: String| BakeError::Input { path: path.to_owned(), place, message };
    if bytes > MAX_BYTES {
        return Err(wrong("size".into(), format!("{bytes} bytes; a description has at most {MAX_BYTES}")));
    }
    let text = std::fs::read_to_string(path).map_err(BakeError::io("read", path))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder).map_err(|(line, message)| wrong(format!("line {line}"), message))
}

/// Line and message are what is wrong.
fn parse(text: &str, folder: &Path) -> Result<Options, (usize, String)> {
    let recipe: Recipe = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        (text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1, error.message().to_owned())
    })?;
    if recipe.sources.is_empty() {
        return Err((1, "it names no [[source]]".into()));
    }
    let input = |source: Source| Input {
        path: folder.join(source.path),
        crs: source.crs,
        axis_order: source.axis_order,
        venue: source.theme == Some(SourceTheme::Venue),
        theme: source.theme.and_then(SourceTheme::theme),
        class: source.class,
        height: source.height,
        levels: source.levels,
        name: source.name,
        id: source.id,
        lod: source.lod,
        plain: source.textures == Some(false),
    };
    Ok(Options {
        inputs: recipe.sources.into_iter().map(input).collect(),
        title: recipe.title,
        attribution: recipe.attribution,
        words: recipe.properties.into_iter().map(|(id, words)| (identifier(&id), words)).collect(),
        ..Options::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_sources_words_and_whom_to_thank() {
        let text = r#"
            title = { en = "Delft", zh-CN = "代尔夫特" }
            [[attribution]]
            text = "© 3DBAG"
            [[source]]
            path = "delft.city.jsonl"
            crs = "EPSG:7415"
            axis_order = "north-east"
            lod = 1.3
            [[source]]
            path = "trees/trees.geojson"
            theme = "furniture"
            class = "tree"
            [properties."bouw:jaar"]
            title = { en = "Year built" }
            unit = "a"
        "#;
        let options = parse(text, Path::new("city")).expect("a description");
        let paths: Vec<&Path> = options.inputs.iter().map(|input| input.path.as_path()).collect();
        assert_eq!(paths, [Path::new("city/delft.city.jsonl"), Path::new("city/trees/trees.geojson")]);
        assert_eq!(options.inputs.iter().map(|i| i.axis_order).collect::<Vec<_>>(), [Some(AxisOrder::NorthEast), None]);
        assert_eq!((options.inputs[0].lod, options.inputs[0].crs.as_deref()), (Some(1.3), Some("EPSG:7415")));
        assert_eq!(
            (options.inputs[1].theme, options.inputs[1].class.as_deref()),
            (Some(Theme::Furniture), Some("tree"))
        );
        assert_eq!(options.words["bouw_jaar"].unit.as_deref(), Some("a"));
        assert_eq!((options.title.get("zh-CN"), options.attribution[0].text.as_str()), ("代尔夫特", "© 3DBAG"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, part) in [
            ("", 1, "missing field `source`"),
            ("source = []", 1, "names no [[source]]"),
            ("[[source]]\nfile = 'x'", 2, "unknown field `file`"),
            ("[[source]]\npath = 'x'\ntheme = 'roads'", 3, "unknown variant `roads`"),
            ("[[source]]\npath = 'x'\naxis_order = 'xy'", 3, "unknown variant `xy`"),
            ("[[source]]\npath = 'x'\n\ncrs =", 4, ""),
        ] {
            let (found, message) = parse(text, Path::new("")).map(|_| ()).expect_err(text);
            assert!(found == line && message.contains(part), "{text:?}: {found}: {message}");
        }
    }
}
