// What holds for a whole frame, the same for every program; filled by frame.rs in this order. New members go to the
// end. Axes: x east, y north, z up, from the eye; colours are linear.
layout(std140) uniform Frame {
    mat4 u_clip_from_rel;
    vec4 u_eye;          // height above the ground (m), pixels of a metre at a distance of one, canvas (px)
    vec4 u_forward;      // unit direction of looking; near plane (m)
    vec4 u_right;        // as long as half the width at unit distance; far plane (m)
    vec4 u_up;           // as long as half the height at unit distance; device pixels of a CSS pixel
    vec4 u_fog;          // begin, end (m), haze of clear air (share), edges have faded away (m)
    vec4 u_sun;          // unit direction towards the light; how dark its shadows are (0 to 1)
    vec4 u_sun_light;    // on a surface that faces it
    vec4 u_sky_light;    // on a surface that faces up
    vec4 u_bounce_light; // on a surface that faces down
    vec4 u_fill_light;   // from the west
    vec4 u_horizon;      // colour of the sky there
    vec4 u_zenith;       // colour of the sky there
    vec4 u_glow;         // colour of the sky around the sun
    vec4 u_glow_from;    // unit direction towards the sun, even when it is down; share of the wide glow
    vec4 u_ground;       // colour of the endless ground; how much light there is (1 by day)
    vec4 u_under;        // what is below the ground is seen (0 or 1), opacity of the ground, height above the ground (m)
    vec4 u_clip[41];     // shapes that cut, see cut.glsl
    mat4 u_map_from_rel[4];  // of each ring of full shadows, near to far
    vec4 u_shadow_texels_m;  // width of a texel of each ring (m)
    vec4 u_shadow;       // number of rings, 1 / width of a map (px), shadows end (m), 0
    vec4 u_edl;          // strength and radius (px) of eye-dome lighting, 0, 0
};
