// Sky, and an endless ground under the twin.
uniform vec3 u_forward;
uniform vec3 u_right; // as long as half the width at unit distance
uniform vec3 u_up;    // as long as half the height at unit distance
uniform float u_height; // of the eye above the ground, metres
uniform vec3 u_ground;  // linear colour

in vec2 v_ndc;
layout(location = 0) out vec4 o_color;

void main() {
    vec3 ray = normalize(u_forward + u_right * v_ndc.x + u_up * v_ndc.y);
    vec3 color = sky(ray);
    if (ray.z < -1e-5) {
        vec3 from_eye = ray * (u_height / -ray.z);
        color = hazed(lit(u_ground, vec3(0.0, 0.0, 1.0)), from_eye);
        // Nothing stands out there: the ground melts into the horizon long before things would.
        color = mix(color, sky(vec3(normalize(ray.xy), 0.0)), smoothstep(0.15 * u_fog.y, u_fog.y, length(from_eye)));
    }
    o_color = vec4(display(color), 1.0);
}
