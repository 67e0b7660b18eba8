// Sky, and an endless ground under the twin.

in vec2 v_ndc;
layout(location = 0) out vec4 o_color;

// What is below ground, where nothing else is.
const vec3 SOIL = vec3(0.235, 0.205, 0.180);
const vec3 DEEP_SOIL = vec3(0.090, 0.080, 0.074);

// As seen with the ground like glass, from an eye above or below it.
vec3 underground(vec3 ray, vec3 color) {
    float height = u_under.z;
    vec3 deep = mix(SOIL, DEEP_SOIL, smoothstep(0.0, 1.0, -ray.z)) * (u_sky_light.g + u_sun_light.g);
    if (height >= 0.0) {
        // The farther, the flatter the look through it, and the less is seen through.
        float through = (1.0 - u_under.y) * smoothstep(0.0, 0.25, -ray.z);
        return ray.z < 0.0 ? mix(color, deep, through) : color;
    }
    if (ray.z <= 1e-5) return deep;
    float away = -height / ray.z;
    return mix(mix(color, deep, u_under.y), deep, smoothstep(20.0, 400.0, away));
}

void main() {
    vec3 ray = normalize(u_forward.xyz + u_right.xyz * v_ndc.x + u_up.xyz * v_ndc.y);
    vec3 color = sky(ray);
    if (ray.z < -1e-5) {
        vec3 from_eye = ray * (u_eye.x / -ray.z);
        color = hazed(lit(u_ground.rgb, vec3(0.0, 0.0, 1.0), from_eye), from_eye);
        // Nothing stands out there: the ground melts into the horizon long before things would.
        color = mix(color, sky(vec3(normalize(ray.xy), 0.0)), smoothstep(0.15 * u_fog.y, u_fog.y, length(from_eye)));
    }
    if (u_under.x > 0.5) color = underground(ray, color);
    o_color = vec4(display(color), 1.0);
}
