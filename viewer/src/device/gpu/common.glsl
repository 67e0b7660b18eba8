// Light, sky and haze. Axes: x east, y north, z up; colours are linear.

// On a plane that faces up, sun and sky together give about 1: palette colours come out as chosen.
const vec3 SUN_LIGHT = vec3(0.860, 0.770, 0.645);
const vec3 SKY_LIGHT = vec3(0.410, 0.465, 0.540);
const vec3 BOUNCE_LIGHT = vec3(0.320, 0.305, 0.285);
// A little light from the west keeps the two shaded sides of a house apart.
const vec3 FILL = vec3(-0.80, 0.36, 0.48);
const vec3 FILL_LIGHT = vec3(0.075, 0.085, 0.10);

uniform vec2 u_fog; // metres: begin, end

vec3 lit(vec3 albedo, vec3 normal) {
    vec3 ambient = mix(BOUNCE_LIGHT, SKY_LIGHT, normal.z * 0.5 + 0.5);
    float sun = max(dot(normal, SUN), 0.0);
    float fill = max(dot(normal, FILL), 0.0) * (1.0 - sun);
    return albedo * (ambient + SUN_LIGHT * sun + FILL_LIGHT * fill);
}

// The sky in a unit direction.
vec3 sky(vec3 direction) {
    vec3 horizon = vec3(0.79, 0.86, 0.91);
    vec3 zenith = vec3(0.21, 0.42, 0.74);
    float rise = clamp(direction.z, 0.0, 1.0);
    vec3 color = mix(horizon, zenith, 1.0 - exp(-2.6 * rise));
    float toward = max(dot(direction, SUN), 0.0);
    vec3 glow = vec3(1.0, 0.93, 0.78);
    color += glow * (0.10 * pow(toward, 6.0) + 0.30 * pow(toward, 90.0));
    return color;
}

// Haze towards the colour of the horizon behind.
vec3 hazed(vec3 color, vec3 from_eye) {
    float away = length(from_eye);
    float fog = smoothstep(u_fog.x, u_fog.y, away);
    float air = 0.16 * smoothstep(0.0, u_fog.y, away);
    vec2 flat_dir = from_eye.xy / max(length(from_eye.xy), 1e-6);
    vec3 behind = sky(vec3(flat_dir, 0.0));
    return mix(color, behind, 1.0 - (1.0 - fog) * (1.0 - air));
}

// Linear light to what a screen takes: highlights roll off softly, then sRGB.
vec3 display(vec3 color) {
    vec3 over = max(color - 0.78, 0.0);
    color = min(color, 0.78) + 0.22 * (1.0 - exp(-over / 0.22));
    return mix(color * 12.92, 1.055 * pow(color, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, color));
}
