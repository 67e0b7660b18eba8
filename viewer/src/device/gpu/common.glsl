// Light, sky and haze. On a plane that faces up, a mid-morning's sun and sky together give about 1: palette colours
// come out as chosen.

// A little light from the west keeps the two shaded sides of a house apart.
const vec3 FILL = vec3(-0.80, 0.36, 0.48);

#ifndef SHADED
float shadow(vec3 rel, vec3 normal) {
    return 0.0;
}
#endif

vec3 lit(vec3 albedo, vec3 normal, vec3 rel) {
    vec3 ambient = mix(u_bounce_light.rgb, u_sky_light.rgb, normal.z * 0.5 + 0.5);
    float sun = max(dot(normal, u_sun.xyz), 0.0);
    if (sun > 0.0) sun *= 1.0 - u_sun.w * shadow(rel, normal);
    float fill = max(dot(normal, FILL), 0.0) * (1.0 - sun);
    return albedo * (ambient + u_sun_light.rgb * sun + u_fill_light.rgb * fill);
}

// How the air glows so far towards the sun (cosine, 0 to 1): t^6 + 3 t^90, of products, which cost less than powers.
vec3 glow(float toward) {
    float toward_2 = toward * toward;
    float toward_6 = toward_2 * toward_2 * toward_2;
    float toward_18 = toward_6 * toward_6 * toward_6;
    float toward_90 = toward_18 * toward_18 * toward_18 * toward_18 * toward_18;
    return u_glow.rgb * u_glow_from.w * (toward_6 + 3.0 * toward_90);
}

// The sky in a unit direction.
vec3 sky(vec3 direction) {
    float rise = clamp(direction.z, 0.0, 1.0);
    vec3 color = mix(u_horizon.rgb, u_zenith.rgb, 1.0 - exp(-2.6 * rise));
    return color + glow(max(dot(direction, u_glow_from.xyz), 0.0));
}

// Haze towards the colour of the horizon behind.
vec3 hazed(vec3 color, vec3 from_eye) {
    float away = length(from_eye);
    float fog = smoothstep(u_fog.x, u_fog.y, away);
    float air = u_fog.z * smoothstep(0.0, u_fog.y, away);
    vec2 flat_dir = from_eye.xy / max(length(from_eye.xy), 1e-6);
    vec3 behind = u_horizon.rgb + glow(max(dot(flat_dir, u_glow_from.xy), 0.0));
    return mix(color, behind, 1.0 - (1.0 - fog) * (1.0 - air));
}

// Linear light to what a screen takes: highlights roll off softly, then sRGB.
vec3 display(vec3 color) {
    vec3 over = max(color - 0.78, 0.0);
    color = min(color, 0.78) + 0.22 * (1.0 - exp(-over / 0.22));
    return mix(color * 12.92, 1.055 * pow(color, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, color));
}
