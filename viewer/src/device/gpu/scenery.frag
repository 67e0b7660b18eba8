// Sky, and an endless ground under the twin.

in vec2 v_ndc;
layout(location = 0) out vec4 o_color;

void main() {
    vec3 ray = normalize(u_forward.xyz + u_right.xyz * v_ndc.x + u_up.xyz * v_ndc.y);
    vec3 color = sky(ray);
    if (ray.z < -1e-5) {
        vec3 from_eye = ray * (u_eye.x / -ray.z);
        color = hazed(lit(u_ground.rgb, vec3(0.0, 0.0, 1.0)), from_eye);
        // Nothing stands out there: the ground melts into the horizon long before things would.
        color = mix(color, sky(vec3(normalize(ray.xy), 0.0)), smoothstep(0.15 * u_fog.y, u_fog.y, length(from_eye)));
    }
    o_color = vec4(display(color), 1.0);
}
