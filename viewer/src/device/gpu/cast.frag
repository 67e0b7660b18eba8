// What casts shadows: only depth.
#ifdef RICH
uniform sampler2D u_base;
uniform sampler2D u_ids;
in vec2 v_texcoord;
in vec2 v_id_texcoord;
in vec4 v_color;
#endif

void main() {
#ifdef CUT
    if (is_away()) discard;
#endif
#ifdef RICH
    float alpha = v_color.a * (u_rich[0].w > 0.5 ? texture(u_base, v_texcoord).a : 1.0);
    if (alpha < u_rich[1].w) discard;
    if (u_rich[2].w > 0.5) {
        float id = id_of(texture(u_ids, v_id_texcoord));
        if (!is_seen(feature_of(u_draw[5], id), u_draw[4].z, false)) discard;
    }
#endif
}
