//! Several contents as one.

use super::bytes::{Fault, tidy};
use super::metadata::push;
use crate::{Attribute, FeatureIds, Primitive, TextureRef, TileContent};

/// Adds a content's arrays to another's.
pub(crate) fn append(out: &mut TileContent, part: TileContent) -> Result<(), Fault> {
    let vertices = push(&mut out.vertices, &part.vertices)?.0;
    let indices = push(&mut out.indices, &part.indices)?.0;
    let properties = push(&mut out.property_bytes, &part.property_bytes)?.0;
    let image_bytes = push(&mut out.image_bytes, &part.image_bytes)?.0;
    let (images, textures) = (out.images.len() as u32, out.textures.len() as u32);
    let (tables, property_textures) = (out.tables.len() as u32, out.property_textures.len() as u32);
    let property_attributes = out.property_attributes.len() as u32;
    for mut primitive in part.primitives {
        attributes(&mut primitive).for_each(|a| a.offset += vertices);
        texture_refs(&mut primitive).for_each(|t| t.texture += textures);
        let ranges = [primitive.indices.as_mut(), primitive.outline.as_mut()];
        ranges.into_iter().flatten().for_each(|range| range.offset += indices);
        primitive.feature_sets.iter_mut().filter_map(|set| set.table.as_mut()).for_each(|t| *t += tables);
        primitive.property_textures.iter_mut().for_each(|t| *t += property_textures);
        primitive.property_attributes.iter_mut().for_each(|t| *t += property_attributes);
        primitive.table = primitive.table.map(|t| t + tables);
        out.primitives.push(primitive);
    }
    for mut table in part.tables {
        for column in &mut table.columns {
            for range in [&mut column.values, &mut column.string_offsets] {
                *range = (range.0 + properties, range.1 + properties);
            }
        }
        out.tables.push(table);
    }
    for mut image in part.images {
        image.levels.iter_mut().for_each(|level| *level = (level.0 + image_bytes, level.1 + image_bytes));
        out.images.push(image);
    }
    out.textures.extend(part.textures.into_iter().map(|t| crate::Texture { image: t.image + images, ..t }));
    for mut texture in part.property_textures {
        texture.properties.iter_mut().for_each(|(_, place, _)| place.texture += textures);
        out.property_textures.push(texture);
    }
    out.property_attributes.extend(part.property_attributes);
    out.extensions_used.extend(part.extensions_used);
    tidy(&mut out.extensions_used);
    out.problems.extend(part.problems);
    Ok(())
}

/// Everything of a primitive that lies in the vertex array.
fn attributes(primitive: &mut Primitive) -> impl Iterator<Item = &mut Attribute> {
    let sets = primitive.feature_sets.iter_mut().filter_map(|set| match &mut set.ids {
        FeatureIds::Attribute(attribute) => Some(attribute),
        FeatureIds::Implicit | FeatureIds::Texture { .. } => None,
    });
    let instances = primitive.instances.as_mut().into_iter();
    let instances = instances.flat_map(|i| std::iter::once(&mut i.transforms).chain(i.feature_ids.as_mut()));
    std::iter::once(&mut primitive.positions)
        .chain(primitive.normals.as_mut())
        .chain(primitive.colors.as_mut())
        .chain(primitive.feature_ids.as_mut())
        .chain(primitive.texcoords.iter_mut().map(|(_, a)| a))
        .chain(primitive.metadata_attributes.iter_mut().map(|(_, a)| a))
        .chain(sets)
        .chain(instances)
}

/// Every texture that a primitive uses.
fn texture_refs(primitive: &mut Primitive) -> impl Iterator<Item = &mut TextureRef> {
    let sets = primitive.feature_sets.iter_mut().filter_map(|set| match &mut set.ids {
        FeatureIds::Texture { texture, .. } => Some(texture),
        FeatureIds::Implicit | FeatureIds::Attribute(_) => None,
    });
    primitive.base_color_texture.as_mut().into_iter().chain(sets)
}
