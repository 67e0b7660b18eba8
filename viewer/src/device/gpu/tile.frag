// Solid and flat surfaces.
uniform float u_opacity; // of all that is drawn with it

#ifdef RICH
uniform sampler2D u_base;
uniform sampler2D u_ids;
in vec2 v_texcoord;
in vec2 v_id_texcoord;
#endif
in vec3 v_rel;
in vec3 v_normal;
in vec4 v_color;
flat in vec2 v_mark;
flat in float v_alpha;
flat in uint v_feature;
layout(location = 0) out vec4 o_color;

#ifdef CUT
const vec3 ACCENT = vec3(0.0033, 0.1500, 1.0); // #0b6cff
#endif

void main() {
    vec4 material = v_color;
    vec2 marks = v_mark;
    float alpha = v_alpha;
    bool unlit = false;
#ifdef RICH
    // Sampled before anything is discarded, while the derivatives that choose the mipmap level are whole.
    vec4 texel = texture(u_base, v_texcoord);
    float id = id_of(texture(u_ids, v_id_texcoord));
    if (u_rich[0].w > 0.5) material *= texel;
    if (material.a < u_rich[1].w) discard;
    if (u_rich[1].w >= 0.0) material.a = 1.0;
    if (u_rich[2].w > 0.5) {
        Feature feature = feature_of(u_draw[5], id);
        bool selected = is_selected(feature, id);
        if (!is_seen(feature, u_draw[4].z, selected)) discard;
        material = styled(material, feature.color.rgb, u_rich[0].w > 0.5);
        alpha = feature.color.a;
        marks = vec2(selected, abs(id - u_draw[4].y) < 0.5);
    }
    unlit = u_rich[3].w > 0.5;
#endif
#ifdef CUT
    if (is_away()) discard;
#endif
    vec3 normal = v_normal;
#ifdef POINTS
    vec2 from_center = gl_PointCoord * 2.0 - 1.0;
    if (dot(from_center, from_center) > 1.0) discard;
    unlit = dot(normal, normal) < 0.25; // a point without a normal has no side
    if (unlit) normal = vec3(0.0, 0.0, 1.0);
#else
    if (dot(normal, normal) < 0.25) {
        normal = cross(dFdx(v_rel), dFdy(v_rel)); // no normals: flat facets
    }
#endif
    normal = normalize(normal);
    // Facets and back faces are lit from the side that is seen.
    normal = faceforward(normal, v_rel, normal);
    vec3 albedo = material.rgb;
    // Both marks keep the light and shade of the surface.
    albedo = mix(albedo, mix(albedo, vec3(0.42, 0.66, 1.0), 0.55), marks.y * (1.0 - marks.x));
    // The outline has the full accent; what it runs around stays lighter, so that its form is seen.
    albedo = mix(albedo, mix(albedo * vec3(0.12, 0.42, 1.35), vec3(0.05, 0.27, 0.90), 0.65), marks.x);
#ifdef CUT
    if (is_inside()) {
        albedo = mix(SECTION, ACCENT, 0.4 * marks.x);
        unlit = true;
    }
#endif
    vec3 color = unlit ? albedo * u_ground.w : lit(albedo, normal, v_rel);
#ifdef EDL
    color *= dome();
#endif
    color = hazed(color, v_rel);
    o_color = vec4(display(color), material.a * alpha * u_opacity);
}
