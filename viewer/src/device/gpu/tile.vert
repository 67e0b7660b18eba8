// Vertices of tiles, instanced or not, for all passes.
layout(location = 0) in vec3 a_position;
layout(location = 1) in vec3 a_normal;  // zero where the tile has none
layout(location = 2) in vec4 a_color;   // white where the tile has none
layout(location = 3) in float a_feature; // negative where the tile has none
layout(location = 4) in vec4 a_row0; // rows of the instance's transform; of the identity without instances
layout(location = 5) in vec4 a_row1;
layout(location = 6) in vec4 a_row2;

#ifdef RICH
layout(location = 7) in vec2 a_texcoord;
layout(location = 8) in vec2 a_id_texcoord;
out vec2 v_texcoord;
out vec2 v_id_texcoord;
#endif

#ifdef POINTS
uniform vec3 u_point; // width in metres, least pixels, most pixels
#endif
#ifdef CAST
uniform int u_ring;
#endif
#ifdef SHADOW
const float EARTH_DIAMETER = 12742000.0;
#endif

#ifdef PICK_SIDE
flat out vec3 v_point; // centre and radius, pixels
#endif
#ifdef CUT
out vec3 v_place; // as v_rel, before it is cast on the ground
#endif
out vec3 v_rel;
out vec3 v_normal;
out vec4 v_color;
flat out vec2 v_mark;    // selected, hovered
flat out float v_alpha;  // of the style
flat out uint v_feature; // one more than the feature id, 0 for none

void main() {
    vec4 local = vec4(a_position, 1.0);
    vec4 placed = vec4(dot(a_row0, local), dot(a_row1, local), dot(a_row2, local), 1.0);
    v_rel = vec3(dot(u_draw[0], placed), dot(u_draw[1], placed), dot(u_draw[2], placed));

    // The matrix of cofactors turns normals as the inverse transpose does, without dividing; its sign is that of
    // the determinant, so mirrored things must be turned back.
    mat3 m = transpose(mat3(u_draw[0].xyz, u_draw[1].xyz, u_draw[2].xyz))
        * transpose(mat3(a_row0.xyz, a_row1.xyz, a_row2.xyz));
    mat3 cofactors = mat3(cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1]));
    vec3 normal = cofactors * a_normal;
    v_normal = normal * (inversesqrt(max(dot(normal, normal), 1e-30)) * sign(dot(m[0], cofactors[0])));

    Feature feature = feature_of(u_draw[5], a_feature);
    bool is_textured = false;
    bool in_texture = false; // feature ids: the fragments decide
#ifdef RICH
    is_textured = u_rich[0].w > 0.5;
    in_texture = u_rich[2].w > 0.5;
    if (in_texture) feature = Feature(vec4(1.0), 0u, 0.0);
#endif
#ifdef POINTS
    if (u_draw[5].w >= 0.0) {
        Feature own = row_of(int(u_draw[5].w + 0.5) + gl_VertexID);
        feature = Feature(own.color, own.flags | feature.flags, own.size);
    }
#endif
    v_color = styled(a_color * u_draw[3], feature.color.rgb, is_textured);
    v_alpha = feature.color.a;
    bool selected = is_selected(feature, a_feature);
    v_mark = vec2(selected, a_feature >= 0.0 && abs(a_feature - u_draw[4].y) < 0.5);
    v_feature = a_feature < 0.0 ? 0u : uint(a_feature + 0.5) + 1u;
#ifdef CUT
    v_place = v_rel;
#endif
#ifdef SHADOW
    // Down along the sunlight to the ground, which falls away with distance as the Earth does.
    float ground = -u_eye.x - dot(v_rel.xy, v_rel.xy) / EARTH_DIAMETER;
    v_rel -= u_sun.xyz * (max(v_rel.z - ground, 0.0) / u_sun.z);
#endif
#ifdef CAST
    gl_Position = u_map_from_rel[u_ring] * vec4(v_rel, 1.0);
#else
    gl_Position = u_clip_from_rel * vec4(v_rel, 1.0);
#endif
#ifdef RICH
    v_texcoord = vec2(dot(u_rich[0].xyz, vec3(a_texcoord, 1.0)), dot(u_rich[1].xyz, vec3(a_texcoord, 1.0)));
    v_id_texcoord = vec2(dot(u_rich[2].xyz, vec3(a_id_texcoord, 1.0)), dot(u_rich[3].xyz, vec3(a_id_texcoord, 1.0)));
#endif
#ifdef POINTS
    gl_PointSize = clamp(u_point.x * u_eye.y / max(length(v_rel), 1e-3), u_point.y, u_point.z);
    if (feature.size > 0.0) gl_PointSize = feature.size * u_up.w;
#ifdef PICK_SIDE
    // A point whose centre is outside of the viewport would be clipped away: one that reaches into the window covers
    // all of it, and the fragments know where it really is.
    vec2 center_px = (gl_Position.xy / max(gl_Position.w, 1e-6) * 0.5 + 0.5) * PICK_SIDE;
    v_point = vec3(center_px, gl_PointSize * 0.5);
    vec2 outside_px = max(abs(center_px - PICK_SIDE * 0.5) - PICK_SIDE * 0.5, 0.0);
    if (gl_Position.w > 0.0 && length(outside_px) < v_point.z) {
        gl_Position.xy = vec2(0.0);
        gl_PointSize = PICK_SIDE * 2.0;
    }
#endif
#endif
    if (!in_texture && !is_seen(feature, u_draw[4].z, selected)) {
        gl_Position = vec4(0.0, 0.0, 2.0, 1.0); // beyond the far plane: never drawn
    }
}
