// A draw's own uniforms, and what is said of each feature of its tile: included by both shaders of every program that
// draws tiles.

// [0..2] rows of rel_from_local, [3] base colour,
// [4] selected feature, hovered feature, which features are drawn (0 all, 1 opaque, 2 translucent, 3 selected ones),
// number of the draw,
// [5] first row of its features' table (negative: nothing is said of any), rows of the table, the id of no feature,
// first row of its points (negative: they are not styled one by one)
layout(std140) uniform Draw {
    vec4 u_draw[6];
};
// Two texels a row, 1024 rows a line, as feature_rows.rs writes them: the colour (white: its own), then flags and the
// width of points.
uniform sampler2D u_features;

const uint HIDDEN = 5u;      // flags: by its style, by the host
const uint HIGHLIGHTED = 2u; // flag

struct Feature {
    vec4 color; // of its style, linear; white changes nothing
    uint flags;
    float size; // of points, CSS pixels; 0: their own
};

Feature row_of(int row) {
    ivec2 at = ivec2((row & 1023) * 2, row >> 10);
    vec4 color = texelFetch(u_features, at, 0);
    vec2 more = texelFetch(u_features, at + ivec2(1, 0), 0).rg * 255.0 + 0.5;
    color.rgb = mix(color.rgb / 12.92, pow((color.rgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, color.rgb));
    return Feature(color, uint(more.x), floor(more.y) * 0.5);
}

// What is said of a feature id; negative for none.
Feature feature_of(vec4 table, float id) {
    if (table.x < 0.0) return Feature(vec4(1.0), 0u, 0.0);
    bool is_one = id >= 0.0 && id < table.y && id != table.z;
    return row_of(is_one ? int(table.x + id + 0.5) : 0);
}

bool is_selected(Feature feature, float id) {
    bool is_one = id >= 0.0 && abs(id - u_draw[4].x) < 0.5;
    return is_one || (feature.flags & HIGHLIGHTED) != 0u;
}

// Whether a feature is drawn in this pass.
bool is_seen(Feature feature, float pass, bool selected) {
    if ((feature.flags & HIDDEN) != 0u) return false;
    if (pass > 2.5) return selected;
    bool is_clear = feature.color.a < 0.998;
    return pass < 0.5 || is_clear == (pass > 1.5);
}

// A material under a style: its colour in place of a plain one, or in front of a texture.
vec4 styled(vec4 material, vec3 color, bool textured) {
    if (all(greaterThan(color, vec3(0.999)))) return material;
    return vec4(textured ? material.rgb * color : color, material.a);
}

#ifdef RICH
// The feature id that a texel says.
float id_of(vec4 texel) {
    uvec4 channels = uvec4(texel * 255.0 + 0.5) * uvec4(u_rich[4]);
    return float(channels.x + channels.y + channels.z + channels.w);
}
#endif
