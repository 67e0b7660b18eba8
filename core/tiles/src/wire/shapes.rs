//! The types of this crate that cross.

use crate::{
    Alpha, Attribute, Availability, ClassProperty, ClassStatistics, Column, ColumnKind, Component, ContentDetails,
    ContentInfo, DocTile, FeatureIds, FeatureSet, Filter, Hierarchy, Image, ImageFormat, Implicit, IndexRange,
    Instances, MetadataClass, MetadataEntity, MetadataEnum, Number, Primitive, Problem, PropertyAttribute,
    PropertyRange, PropertyShape, PropertyTable, PropertyTexture, Refine, Sampler, Schema, SubtreeDoc, SubtreeShape,
    TerrainDoc, TerrainFormat, TerrainGrid, TerrainPlace, TerrainTile, Texture, TextureRef, TileContent, TileDetails,
    TileMetadata, TilesetDoc, Topology, UpAxis, Value, Volume, What, Wrap,
};

wire_struct!(Problem { code, message, place });

// ---- Contents; their bulk arrays travel beside them ---------------------------------------------------------------

wire_struct!(TileContent {
    primitives, images, textures, tables, property_textures, property_attributes, ground, extensions_used,
    problems;
    vertices, indices, property_bytes, image_bytes
});
wire_struct!(ContentInfo {
    cpu_bytes,
    gpu_bytes,
    triangles,
    lines,
    points,
    instances,
    features,
    bounds,
    ground_m,
    extensions_used,
    problems
});
wire_struct!(Primitive {
    topology,
    tile_from_local,
    vertex_count,
    positions,
    normals,
    colors,
    texcoords,
    feature_ids,
    feature_sets,
    property_textures,
    property_attributes,
    metadata_attributes,
    indices,
    outline,
    base_color,
    base_color_texture,
    alpha,
    unlit,
    point_diameter_px,
    double_sided,
    flat_order,
    instances,
    table,
    null_feature_id,
    bounds
});
wire_enum!(Topology { 0 Triangles, 1 Lines, 2 Points } else Self::Triangles);
wire_enum!(Alpha { 0 Opaque, 1 Mask(cutoff), 2 Blend } else Self::Opaque);
wire_struct!(FeatureSet { ids, of_instances, label, feature_count, null_id, table });
wire_enum!(FeatureIds { 0 Attribute(ids), 1 Implicit, 2 Texture { texture, channels } } else Self::Implicit);
wire_struct!(TextureRef { texture, texcoords, transform });
wire_struct!(Texture { image, sampler });
wire_struct!(Sampler { wrap, magnify, minify, mipmap });
wire_enum!(Wrap { 0 Repeat, 1 Mirror, 2 Clamp } else Self::Repeat);
wire_enum!(Filter { 0 Nearest, 1 Linear } else Self::Nearest);
wire_struct!(Image { format, width, height, levels });
wire_enum!(ImageFormat {
    0 Png, 1 Jpeg, 2 Webp, 3 Rgba8, 4 Astc4x4, 5 Bc7, 6 Bc1, 7 Bc3, 8 Etc2Rgb, 9 Etc2Rgba
} else Self::Rgba8);
wire_struct!(PropertyTexture { name, class, properties });
wire_struct!(PropertyAttribute { name, class, properties });
wire_struct!(PropertyShape { id, semantic, number, components, array, scale, offset, names, no_data, default });
wire_struct!(Attribute { offset, stride, component, components, normalized });
wire_enum!(Component { 0 I8, 1 U8, 2 I16, 3 U16, 4 U32, 5 F32 } else Self::F32);
wire_struct!(IndexRange { offset, count, wide });
wire_struct!(Instances { count, transforms, feature_ids });
wire_struct!(PropertyTable { class, count, columns, hierarchy });
wire_struct!(Hierarchy { classes, lines, line_of });
wire_struct!(Column { id, kind, values, string_offsets, no_data, default });
wire_enum!(ColumnKind {
    0 String, 1 Boolean, 2 Scalar { number, scale, offset }, 3 Enum { number, names }, 4 Json
} else Self::Json);
wire_enum!(Number {
    0 I8, 1 U8, 2 I16, 3 U16, 4 I32, 5 U32, 6 I64, 7 U64, 8 F32, 9 F64
} else Self::U8);
wire_enum!(Value { 0 Text(text), 1 Number(number), 2 Boolean(yes) } else Self::Boolean(false));

// ---- Tilesets and subtrees ----------------------------------------------------------------------------------------

wire_struct!(TilesetDoc {
    version,
    tileset_version,
    gltf_up,
    geometric_error,
    tiles,
    extensions_used,
    extensions_required,
    schema,
    metadata,
    groups,
    statistics,
    properties,
    problems
});
wire_struct!(DocTile {
    parent,
    volume,
    content_volume,
    viewer_request_volume,
    geometric_error,
    refine,
    tileset_from_tile,
    contents,
    implicit,
    details
});
wire_enum!(Volume {
    0 Box(numbers), 1 Region(numbers), 2 Sphere(numbers), 3 S2 { cell, heights_m }
} else Self::Sphere([0.0; 4]));
wire_enum!(Refine { 0 Add, 1 Replace } else Self::Add);
wire_enum!(UpAxis { 0 X, 1 Z } else Self::X);
wire_struct!(TileDetails { metadata, contents });
wire_struct!(ContentDetails { volume, group, metadata });
wire_struct!(Implicit { subtrees, levels, shape });
wire_struct!(SubtreeShape { octree, subtree_levels, contents, schema });
wire_struct!(SubtreeDoc {
    tiles,
    contents,
    children,
    metadata,
    subtree_metadata,
    tile_table,
    content_tables,
    property_bytes,
    problems
});
wire_enum!(Availability { 0 Constant(value), 1 Bits(bytes) } else Self::Constant(false));
wire_struct!(TileMetadata { volume, content_volume, minimum_height_m, maximum_height_m, geometric_error, refine });
wire_struct!(MetadataEntity { class, properties });
wire_struct!(Schema { id, name, description, version, classes, enums });
wire_struct!(MetadataClass { id, name, description, properties });
wire_struct!(ClassProperty {
    id,
    name,
    description,
    kind,
    number,
    enum_type,
    array,
    count,
    normalized,
    required,
    semantic
});
wire_struct!(MetadataEnum { id, name, values });
wire_struct!(ClassStatistics { class, count, properties });
wire_struct!(PropertyRange { id, minimum, maximum });
wire_enum!(What { 0 Json, 1 Subtree(shape), 2 Content, 3 TerrainLayer, 4 Terrain(tile) } else Self::Json);

// ---- Terrain ------------------------------------------------------------------------------------------------------

wire_struct!(TerrainDoc { grid, templates, y_from_north, available, max_level, attribution });
wire_struct!(TerrainTile { format, place, above, offset_m });
wire_struct!(TerrainPlace { grid, level, at });
wire_enum!(TerrainGrid { 0 Geographic, 1 Mercator } else Self::Geographic);
wire_enum!(TerrainFormat { 0 QuantizedMesh, 1 Terrarium } else Self::QuantizedMesh);
