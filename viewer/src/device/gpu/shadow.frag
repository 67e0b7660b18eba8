// Shadows on the ground: what a factor leaves of the colours there.
in vec3 v_rel;
layout(location = 0) out vec4 o_color;

void main() {
#ifdef CUT
    if (is_away()) discard;
#endif
    float fade = 1.0 - smoothstep(0.25 * u_fog.y, 0.75 * u_fog.y, length(v_rel));
    // A low sun's shadows would lie over everything.
    float dark = fade * u_sun.w * smoothstep(0.08, 0.30, u_sun.z);
    o_color = vec4(1.0 - dark * vec3(0.356, 0.319, 0.244), 1.0);
}
