// A picture of the ground, in the light of the moment and with the haze of its distance.
uniform sampler2D u_picture;
uniform float u_opacity;

in vec3 v_rel;
#ifdef DRAPED
in vec3 v_normal;
centroid in vec2 v_uv;
#else
in vec2 v_uv;
#endif
layout(location = 0) out vec4 o_color;

void main() {
    vec4 texel = texture(u_picture, v_uv);
#ifdef DRAPED
    // A little beyond: the edge of a tile of the terrain is that of the picture, but for rounding.
    if (any(lessThan(v_uv, vec2(-1e-4))) || any(greaterThan(v_uv, vec2(1.0001)))) discard;
    vec3 normal = normalize(v_normal);
#else
    vec3 normal = vec3(0.0, 0.0, 1.0);
#endif
    vec3 srgb = texel.rgb;
    vec3 albedo = mix(srgb / 12.92, pow((srgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, srgb));
    vec3 color = hazed(lit(albedo, normal, v_rel), v_rel);
    o_color = vec4(display(color), texel.a * u_opacity);
}
