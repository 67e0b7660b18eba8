// Edges of solids, and lines of tiles.
uniform vec2 u_line; // whether it is an edge, which fades with distance (0 or 1); darkness of it

in vec3 v_rel;
in vec3 v_normal;
in vec4 v_color;
flat in vec2 v_mark;
flat in float v_alpha;
flat in uint v_feature;
layout(location = 0) out vec4 o_color;

void main() {
#ifdef CUT
    if (is_away()) discard;
#endif
    float away = length(v_rel);
    float fade = u_line.x > 0.0 ? 1.0 - smoothstep(0.25 * u_fog.w, u_fog.w, away) : 1.0;
    vec3 color = v_color.rgb * u_line.y * (u_sky_light.rgb + u_sun_light.rgb * 0.7);
    color = mix(color, vec3(0.0, 0.05, 0.42), v_mark.x);
    o_color = vec4(display(hazed(color, v_rel)), fade * (u_line.x > 0.0 ? 0.62 : v_color.a) * v_alpha);
}
