// Solid and flat surfaces.
uniform float u_ghost; // opacity of a selection seen through walls; 1 otherwise

in vec3 v_rel;
in vec3 v_normal;
in vec4 v_color;
flat in vec2 v_mark;
flat in uint v_feature;
layout(location = 0) out vec4 o_color;

const vec3 ACCENT = vec3(0.0033, 0.1500, 1.0); // #0b6cff

void main() {
    vec3 normal = v_normal;
    if (dot(normal, normal) < 0.25) {
        normal = cross(dFdx(v_rel), dFdy(v_rel)); // no normals: flat facets
    }
    normal = normalize(normal);
    // Facets and back faces are lit from the side that is seen.
    normal = faceforward(normal, v_rel, normal);
    vec3 albedo = v_color.rgb;
    // Both marks keep the light and shade of the surface.
    albedo = mix(albedo, mix(albedo, vec3(0.42, 0.66, 1.0), 0.55), v_mark.y * (1.0 - v_mark.x));
    albedo = mix(albedo, mix(albedo * 0.3, ACCENT, 0.93), v_mark.x);
    vec3 color = hazed(lit(albedo, normal), v_rel);
    o_color = vec4(display(color), v_color.a * u_ghost);
}
