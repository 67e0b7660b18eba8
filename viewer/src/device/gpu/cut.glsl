// Which fragments are drawn at all: what shapes cut away, and what fades. Part of the programs with CUT.

// Level of the fade; its side (1: noise below the level is drawn, -1: the rest, 0: all); whether shapes cut (0 or 1);
// whether front faces (1) or back faces (-1) are the outside of a solid, 0: of neither kind.
uniform vec4 u_cut;
in vec3 v_place; // from the eye, before it was cast on the ground

const float EARTH_RADIUS = 6378137.0;
// Of what is seen of the inside of a solid that is cut open.
const vec3 SECTION = vec3(0.300, 0.275, 0.255);

bool in_box(vec3 rel) {
    vec4 p = vec4(rel, 1.0);
    vec3 unit = vec3(dot(u_clip[0], p), dot(u_clip[1], p), dot(u_clip[2], p));
    return all(lessThanEqual(abs(unit), vec3(1.0)));
}

// Even-odd rule over the sides of the ring; the same steps as in clip.rs.
bool in_prism(vec3 rel) {
    vec4 p = vec4(rel, 1.0);
    vec2 at = vec2(dot(u_clip[3], p), dot(u_clip[4], p));
    float height = dot(u_clip[5], p) + dot(at, at) / (2.0 * EARTH_RADIUS);
    if (height < u_clip[6].x || height > u_clip[6].y) return false;
    if (any(lessThan(at, u_clip[7].xy)) || any(greaterThan(at, u_clip[7].zw))) return false;
    int count = int(u_clip[6].z);
    bool inside = false;
    vec4 pair = u_clip[9 + (count - 1) / 2];
    vec2 b = (count & 1) == 1 ? pair.xy : pair.zw;
    for (int i = 0; i < count; i++) {
        pair = u_clip[9 + i / 2];
        vec2 a = (i & 1) == 0 ? pair.xy : pair.zw;
        if ((a.y > at.y) != (b.y > at.y) && at.x < a.x + (b.x - a.x) * ((at.y - a.y) / (b.y - a.y))) {
            inside = !inside;
        }
        b = a;
    }
    return inside;
}

// Interleaved gradient noise (Jimenez, "Next Generation Post Processing in Call of Duty", 2014), 0 to 1.
float noise(vec2 px) {
    return fract(52.9829189 * fract(dot(px, vec2(0.06711056, 0.00583715))));
}

bool is_away() {
    if (u_cut.y != 0.0 && (noise(gl_FragCoord.xy) < u_cut.x) != (u_cut.y > 0.0)) return true;
    if (u_cut.z < 0.5) return false;
    if (u_clip[8].x != 0.0 && in_box(v_place) != (u_clip[8].x > 0.0)) return true;
    return u_clip[8].y != 0.0 && in_prism(v_place) != (u_clip[8].y > 0.0);
}

// Whether the inside of a solid is seen.
bool is_inside() {
    return u_cut.w != 0.0 && gl_FrontFacing != (u_cut.w > 0.0);
}
