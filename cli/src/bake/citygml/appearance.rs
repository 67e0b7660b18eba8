//! Appearances: which pictures and colours surfaces have, by the ids of rings and surfaces.
//!
//! `ParameterizedTexture` with lists of texture coordinates and `X3DMaterial` are read. Of several themes, the first that
//! says something about a surface counts.

use super::super::cityjson::{Face, material_color};
use super::super::model::{Drape, Warnings};
use super::super::picture::{Pictures, Wrap};
use super::super::reuse::digest_of;
use super::object::numbers;
use super::tree::Element;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// An id, or a link to one, as it is kept for many millions of rings.
pub(super) fn name_of(id: &str) -> u64 {
    digest_of(id.trim().trim_start_matches('#').as_bytes()).short()
}

/// By which names appearances know a face.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::bake) struct Marks {
    /// For each ring.
    pub(super) rings: Vec<Mark>,
    /// Surfaces that it is a piece of, itself last.
    pub(super) surfaces: Vec<u64>,
}

impl Marks {
    /// Follows its face, which is turned.
    pub(in crate::bake) fn turn(&mut self) {
        self.rings.iter_mut().for_each(|ring| ring.kept.reverse());
    }
}

/// A ring as it stood in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) name: Option<u64>,
    /// Its points there,
    pub(super) count: u32,
    /// and those that were kept, in the order in which they are now.
    pub(super) kept: Vec<u32>,
}

/// What appearances say. Only looked up, never walked.
#[derive(Default)]
pub(super) struct Appearances {
    rings: HashMap<u64, (u32, Vec<[f32; 2]>)>,
    surfaces: HashMap<u64, [u8; 4]>,
}

impl Appearances {
    /// Takes everything that appearances say in an element, wherever in it.
    pub(super) fn read(
        &mut self,
        element: &Element,
        id: &str,
        mut pictures: Option<&mut Pictures>,
        warnings: &mut Warnings,
    ) {
        let mut open = vec![element];
        while let Some(element) = open.pop() {
            match element.name.as_str() {
                "ParameterizedTexture" => {
                    if let Some(pictures) = pictures.as_deref_mut() {
                        self.texture(element, id, pictures, warnings);
                    }
                }
                "X3DMaterial" => self.material(element),
                "GeoreferencedTexture" => warnings.add("texture_left_out", format!("{id}: a GeoreferencedTexture")),
                _ => open.extend(element.children.iter().rev()),
            }
        }
    }

    fn texture(&mut self, texture: &Element, id: &str, pictures: &mut Pictures, warnings: &mut Warnings) {
        let child = |name: &str| texture.children.iter().find(|child| child.name == name).and_then(Element::trimmed);
        let Some(image) = child("imageURI") else {
            warnings.add("texture_unreadable", format!("{id}: a ParameterizedTexture without an imageURI"));
            return;
        };
        let border = child("borderColor").map(numbers).unwrap_or_default();
        let border = material_color([0, 1, 2].map(|i| border.get(i).copied().unwrap_or(0.0)), 0.0);
        let picture = pictures.number(image, Wrap::of(child("wrapMode")), border);
        let mut open = vec![texture];
        while let Some(element) = open.pop() {
            match element.name.as_str() {
                "TexCoordList" => self.coordinates(element, picture),
                "worldToTexture" => warnings.add("texture_left_out", format!("{id}: {image}: placed by a matrix")),
                _ => open.extend(&element.children),
            }
        }
    }

    /// CityGML 2 names the ring in an attribute, CityGML 3 in an element.
    fn coordinates(&mut self, list: &Element, picture: u32) {
        let of = |name: &'static str| list.children.iter().filter(move |child| child.name == name);
        let mut rings = of("ring").filter_map(Element::trimmed);
        for coordinates in of("textureCoordinates") {
            let Some(ring) = coordinates.attribute("ring").or_else(|| rings.next()) else { continue };
            let uvs = numbers(&coordinates.text).as_chunks::<2>().0.iter().map(|uv| uv.map(|v| v as f32)).collect();
            self.rings.entry(name_of(ring)).or_insert((picture, uvs));
        }
    }

    fn material(&mut self, material: &Element) {
        let child = |name: &str| material.children.iter().find(|child| child.name == name);
        let diffuse = child("diffuseColor").map(|color| numbers(&color.text)).unwrap_or_default();
        // As X3D has it where nothing is said.
        let diffuse = diffuse.get(..3).map_or([0.8; 3], |c| [c[0], c[1], c[2]]);
        let transparency = child("transparency").and_then(|t| t.trimmed()?.parse().ok()).unwrap_or(0.0);
        let color = material_color(diffuse, transparency);
        for target in material.children.iter().filter(|child| child.name == "target") {
            if let Some(name) = target.trimmed().or_else(|| target.attribute("uri")) {
                self.surfaces.entry(name_of(name)).or_insert(color);
            }
        }
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.rings.is_empty() && self.surfaces.is_empty()
    }

    /// Gives a face what is said about it; false when there are texture coordinates that do not fit its rings.
    pub(super) fn show(&self, marks: &Marks, face: &mut Face) -> bool {
        if face.color.is_none() {
            face.color = marks.surfaces.iter().rev().find_map(|name| self.surfaces.get(name).copied());
        }
        let of_ring = |mark: &Mark| mark.name.and_then(|name| self.rings.get(&name));
        let Some((picture, _)) = marks.rings.first().and_then(of_ring).filter(|_| face.drape.is_none()) else {
            return true;
        };
        let uvs: Option<Vec<Vec<[f32; 2]>>> = marks
            .rings
            .iter()
            .map(|mark| {
                let (same, uvs) = of_ring(mark)?;
                // Some leave the first point out at the end.
                let fits =
                    same == picture && (uvs.len() == mark.count as usize || uvs.len() + 1 == mark.count as usize);
                let at = |index: &u32| uvs.get(*index as usize).copied().filter(|uv| uv.iter().all(|v| v.is_finite()));
                mark.kept.iter().map(at).collect::<Option<Vec<_>>>().filter(|_| fits)
            })
            .collect();
        match uvs {
            Some(uvs) => face.drape = Some(Box::new(Drape { picture: *picture, uvs })),
            None => return false,
        }
        true
    }
}
