// What is in a window of pixels: number of the draw, feature, distance.
#ifdef RICH
uniform sampler2D u_base;
uniform sampler2D u_ids;
in vec2 v_texcoord;
in vec2 v_id_texcoord;
in vec4 v_color;
#endif
#ifdef PICK_SIDE
flat in vec3 v_point;
#endif
in vec3 v_rel;
flat in uint v_feature;
layout(location = 0) out uvec4 o_pick;

void main() {
#ifdef PICK_SIDE
    if (distance(gl_FragCoord.xy, v_point.xy) > max(v_point.z, 0.75)) discard;
#endif
    uint feature = v_feature;
#ifdef RICH
    float alpha = v_color.a * (u_rich[0].w > 0.5 ? texture(u_base, v_texcoord).a : 1.0);
    if (alpha < u_rich[1].w) discard;
    if (u_rich[2].w > 0.5) {
        float id = id_of(texture(u_ids, v_id_texcoord));
        if (!is_seen(feature_of(u_draw[5], id), 0.0, false)) discard;
        feature = uint(id + 0.5) + 1u;
    }
#endif
#ifdef CUT
    if (is_away()) discard;
#endif
    o_pick = uvec4(uint(u_draw[4].w + 0.5), feature, floatBitsToUint(length(v_rel)), 0u);
}
