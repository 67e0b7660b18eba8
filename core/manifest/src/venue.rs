//! Insides of buildings, as their files tell them.

use crate::Text;
use crate::read::At;
use serde::Serialize;

/// The inside of a building, or of several.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Venue {
    /// Unique within the twin.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub title: Text,
    /// URLs of its files, all of them needed: IMDF, IndoorGML or indoor GeoJSON, in longitude and latitude.
    pub files: Vec<String>,
    /// Its floors, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<VenueFloor>,
}

/// A floor of a venue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VenueFloor {
    /// Its number, −10,000 to 10,000; that of the ground floor is 0.
    pub floor: i16,
    /// Its name, as the venue writes it (`B1`); empty when it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Metres above the ground floor.
    pub elevation_m: f64,
}

impl Venue {
    pub(crate) fn read(at: &At<'_>) -> Self {
        at.knows(&["id", "title", "files", "floors"]);
        Self {
            id: at.get("id").text(),
            title: at.get("title").optional(Text::read).unwrap_or_default(),
            files: at.get("files").items().map(|at| at.text()).collect(),
            floors: at.get("floors").list(VenueFloor::read),
        }
    }
}

impl VenueFloor {
    fn read(at: &At<'_>) -> Self {
        at.knows(&["floor", "name", "elevationM"]);
        Self {
            floor: at.get("floor").number().clamp(-1e4, 1e4) as i16,
            name: at.get("name").optional(At::text).unwrap_or_default(),
            elevation_m: at.get("elevationM").number(),
        }
    }
}
