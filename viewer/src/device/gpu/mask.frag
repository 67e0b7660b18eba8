// Where selected features are.
#ifdef RICH
uniform sampler2D u_base;
uniform sampler2D u_ids;
in vec2 v_texcoord;
in vec2 v_id_texcoord;
in vec4 v_color;
#endif
layout(location = 0) out vec4 o_mask;

void main() {
#ifdef RICH
    float alpha = v_color.a * (u_rich[0].w > 0.5 ? texture(u_base, v_texcoord).a : 1.0);
    if (alpha < u_rich[1].w) discard;
    if (u_rich[2].w > 0.5) {
        float id = id_of(texture(u_ids, v_id_texcoord));
        Feature feature = feature_of(u_draw[5], id);
        if (!is_seen(feature, u_draw[4].z, is_selected(feature, id))) discard;
    }
#endif
#ifdef POINTS
    vec2 from_center = gl_PointCoord * 2.0 - 1.0;
    if (dot(from_center, from_center) > 1.0) discard;
#endif
#ifdef CUT
    if (is_away()) discard;
#endif
    o_mask = vec4(1.0);
}
