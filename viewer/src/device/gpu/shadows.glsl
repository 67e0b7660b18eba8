// Shadows that everything casts on everything.
uniform highp sampler2DArrayShadow u_shadow_map;

// How much of the light at a point is kept away, 0 to 1.
float shadow(vec3 rel, vec3 normal) {
    float facing = clamp(dot(normal, u_sun.xyz), 0.0, 1.0);
    // Where the light grazes a surface, a texel covers more of its depth: the point steps out of its own shadow.
    float slant = sqrt(1.0 - facing * facing);
    int rings = int(u_shadow.x);
    for (int ring = 0; ring < rings; ring++) {
        vec3 from = rel + normal * (u_shadow_texels_m[ring] * (0.4 + 1.6 * slant));
        vec3 at = (u_map_from_rel[ring] * vec4(from, 1.0)).xyz;
        if (max(abs(at.x), abs(at.y)) > 0.995 || abs(at.z) > 1.0) continue;
        at = at * 0.5 + 0.5;
        // Four taps, each of which compares with four texels, half a texel and more apart.
        vec2 far = vec2(1.1, 0.45) * u_shadow.y;
        float open = texture(u_shadow_map, vec4(at.xy + far.xy, float(ring), at.z))
            + texture(u_shadow_map, vec4(at.xy - far.xy, float(ring), at.z))
            + texture(u_shadow_map, vec4(at.xy + vec2(-far.y, far.x), float(ring), at.z))
            + texture(u_shadow_map, vec4(at.xy + vec2(far.y, -far.x), float(ring), at.z));
        float fade = 1.0 - smoothstep(0.75, 1.0, length(rel) / u_shadow.z);
        return (1.0 - 0.25 * open) * fade;
    }
    return 0.0;
}
