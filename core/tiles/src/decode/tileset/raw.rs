//! The parts of a `tileset.json`: the core of 1.0 and 1.1, and the extensions of 1.0 that became the core of 1.1.
//!
//! They read fields of one JSON value where they are needed. Types with derived readers say the same in fewer words,
//! but cost the decode worker 40 kB of code.

use crate::Volume;
use crate::decode::bytes::{items, numbers, strings};
use serde_json::Value as Json;

/// What stands for a missing value.
const NULL: &Json = &Json::Null;

/// The first that is there.
fn first<'a>(core: &'a Json, drafted: &'a Json) -> &'a Json {
    if core.is_null() { drafted } else { core }
}

fn text(json: &Json) -> Option<&str> {
    json.as_str()
}

fn object(json: &Json) -> Option<&Json> {
    json.is_object().then_some(json)
}

#[derive(Clone, Copy)]
pub(super) struct RawTileset<'a>(&'a Json);

impl<'a> RawTileset<'a> {
    /// `None` when it lacks what makes a tileset.
    pub(super) fn new(json: &'a Json) -> Option<Self> {
        (json["asset"].is_object() && json["root"].is_object()).then_some(Self(json))
    }

    pub(super) fn version(self) -> &'a str {
        text(&self.0["asset"]["version"]).unwrap_or_default()
    }

    pub(super) fn tileset_version(self) -> Option<&'a str> {
        text(&self.0["asset"]["tilesetVersion"])
    }

    pub(super) fn gltf_up_axis(self) -> Option<&'a str> {
        text(&self.0["asset"]["gltfUpAxis"])
    }

    pub(super) fn geometric_error(self) -> Option<f64> {
        self.0["geometricError"].as_f64()
    }

    pub(super) fn root(self) -> RawTile<'a> {
        RawTile(&self.0["root"])
    }

    /// Of 1.0: ranges of the features' properties.
    pub(super) fn properties(self) -> &'a Json {
        &self.0["properties"]
    }

    pub(super) fn extensions_used(self) -> Vec<String> {
        strings(&self.0["extensionsUsed"]).map(str::to_owned).collect()
    }

    pub(super) fn extensions_required(self) -> Vec<String> {
        strings(&self.0["extensionsRequired"]).map(str::to_owned).collect()
    }

    fn drafted(self) -> &'a Json {
        &self.0["extensions"]["3DTILES_metadata"]
    }

    pub(super) fn schema(self) -> &'a Json {
        first(&self.0["schema"], &self.drafted()["schema"])
    }

    pub(super) fn schema_uri(self) -> Option<&'a str> {
        text(first(&self.0["schemaUri"], &self.drafted()["schemaUri"]))
    }

    pub(super) fn statistics(self) -> &'a Json {
        first(&self.0["statistics"], &self.drafted()["statistics"])
    }

    pub(super) fn groups(self) -> &'a Json {
        first(&self.0["groups"], &self.drafted()["groups"])
    }

    /// The entity of the tileset. The extension of 1.0 is it, itself, or in drafts has it in it.
    pub(super) fn metadata(self) -> &'a Json {
        let drafted = self.drafted();
        let inner = first(&drafted["metadata"], &drafted["tileset"]);
        let drafted = if inner.is_null() && drafted["class"].is_string() { drafted } else { inner };
        first(first(&self.0["metadata"], &self.0["tileset"]), drafted)
    }
}

/// A tile; drafts of 1.1 had parts of it as extensions of 1.0.
#[derive(Clone, Copy)]
pub(super) struct RawTile<'a>(&'a Json);

impl<'a> RawTile<'a> {
    pub(super) fn bounding_volume(self) -> Option<RawVolume<'a>> {
        object(&self.0["boundingVolume"]).map(RawVolume)
    }

    pub(super) fn viewer_request_volume(self) -> Option<RawVolume<'a>> {
        object(&self.0["viewerRequestVolume"]).map(RawVolume)
    }

    pub(super) fn geometric_error(self) -> Option<f64> {
        self.0["geometricError"].as_f64()
    }

    pub(super) fn refine(self) -> Option<&'a str> {
        text(&self.0["refine"])
    }

    pub(super) fn transform(self) -> Option<&'a Json> {
        Some(&self.0["transform"]).filter(|json| !json.is_null())
    }

    /// Its contents, however they are written.
    pub(super) fn contents(self) -> impl Iterator<Item = RawContent<'a>> {
        let drafted = &self.0["extensions"]["3DTILES_multiple_contents"];
        let drafted = first(&drafted["contents"], &drafted["content"]);
        let one = object(&self.0["content"]).into_iter();
        one.chain(items(&self.0["contents"])).chain(items(drafted)).map(RawContent)
    }

    pub(super) fn children(self) -> impl ExactSizeIterator<Item = RawTile<'a>> {
        items(&self.0["children"]).iter().map(RawTile)
    }

    pub(super) fn implicit(self) -> Option<RawImplicit<'a>> {
        let drafted = &self.0["extensions"]["3DTILES_implicit_tiling"];
        object(first(&self.0["implicitTiling"], drafted)).map(RawImplicit)
    }

    pub(super) fn metadata(self) -> &'a Json {
        first(&self.0["metadata"], &self.0["extensions"]["3DTILES_metadata"])
    }
}

#[derive(Clone, Copy)]
pub(super) struct RawContent<'a>(&'a Json);

impl<'a> RawContent<'a> {
    /// `uri`, or `url` as before 1.0.
    pub(super) fn uri(self) -> Option<&'a str> {
        text(first(&self.0["uri"], &self.0["url"])).filter(|uri| !uri.is_empty())
    }

    pub(super) fn bounding_volume(self) -> Option<RawVolume<'a>> {
        object(&self.0["boundingVolume"]).map(RawVolume)
    }

    fn drafted(self) -> &'a Json {
        &self.0["extensions"]["3DTILES_metadata"]
    }

    /// Its metadata entity, if any.
    pub(super) fn metadata(self) -> &'a Json {
        first(&self.0["metadata"], self.drafted())
    }

    /// Its group: an index; in drafts a name.
    pub(super) fn group(self) -> &'a Json {
        first(&self.0["group"], &self.drafted()["group"])
    }
}

#[derive(Clone, Copy)]
pub(super) struct RawImplicit<'a>(&'a Json);

impl<'a> RawImplicit<'a> {
    pub(super) fn subdivision_scheme(self) -> &'a str {
        text(&self.0["subdivisionScheme"]).unwrap_or_default()
    }

    pub(super) fn subtree_levels(self) -> f64 {
        self.0["subtreeLevels"].as_f64().unwrap_or(0.0)
    }

    /// How many; drafts gave the last one.
    pub(super) fn levels(self) -> f64 {
        let last = || Some(self.0["maximumLevel"].as_f64()? + 1.0);
        self.0["availableLevels"].as_f64().or_else(last).unwrap_or(0.0)
    }

    pub(super) fn subtrees(self) -> RawContent<'a> {
        RawContent(self.0.get("subtrees").unwrap_or(NULL))
    }
}

#[derive(Clone, Copy)]
pub(super) struct RawVolume<'a>(&'a Json);

impl RawVolume<'_> {
    pub(super) fn read(self) -> Option<Volume> {
        let s2 = &self.0["extensions"]["3DTILES_bounding_volume_S2"];
        let height = |key: &str| s2[key].as_f64().unwrap_or(0.0);
        let cell = || Volume::s2(text(&s2["token"])?, [height("minimumHeight"), height("maximumHeight")]);
        let oriented_box = || numbers(&self.0["box"]).map(Volume::Box);
        let region = || numbers(&self.0["region"]).map(Volume::Region);
        let sphere = || numbers(&self.0["sphere"]).map(Volume::Sphere);
        // The order that other engines use when a volume has several shapes; an extension goes before its fallback.
        cell().or_else(oriented_box).or_else(region).or_else(sphere).filter(Volume::is_sane)
    }
}
